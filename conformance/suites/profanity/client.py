"""Profanity in a terminal: its files before the start, and what a person does with it."""

import subprocess
from pathlib import Path
from tempfile import mkdtemp

from terminal.screen import Terminal, environment
from terminal.tap import Failed

CLOCK = r"^\d\d:\d\d:\d\d"
SETTINGS = """\
[ui]
splash=false
history=false
roster=false
statuses.console=all
statuses.muc=all
[logging]
chlog=false
[connection]
reconnect=1
autoping=0
carbons=false
mam=false
{certpath}
[notifications]
message=false
room=false
typing=false
sub=false
"""
ACCOUNT = """\
[{name}]
enabled=true
jid={jid}
password={password}
server={host}
port={port}
tls.policy={policy}
resource={resource}
muc.nick={name}
"""


class Profanity(Terminal):
    """A running Profanity with a home of its own, so that each start knows nothing of those before it."""

    def __init__(self, suite, account, direct=False, trust=True, password=None, resource="orchard", relay=None):
        home = Path(mkdtemp(dir=suite.directory, prefix=f"{account.name}-"))
        self.account = account
        self.jid = f"{account.jid}/{resource}"
        self.roots = home / "roots"
        authorities(self.roots, suite.ca)
        settings = home / ".config/profanity/profrc"
        settings.parent.mkdir(parents=True)
        settings.write_text(SETTINGS.format(certpath=f"tls.certpath={self.roots}" if trust else ""))
        accounts = home / ".local/share/profanity/accounts"
        accounts.parent.mkdir(parents=True)
        accounts.write_text(
            ACCOUNT.format(
                name=account.name,
                jid=account.jid,
                password=password or account.password,
                host=relay.host if relay else suite.host,
                port=relay.port if relay else suite.tls_port if direct else suite.port,
                policy="legacy" if direct else "force",
                resource=resource,
            )
        )
        argv = ["profanity", "--account", account.name]
        # The system's own authorities shall not matter either.
        roots = {"SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": str(home / "none")}
        super().__init__(f"{account.name}'s Profanity", argv, environment(home, **roots), home)
        suite.later(self.close)

    def logged_in(self):
        """Waits for the end of the login, and leaves an empty console."""
        self.wait("logged in successfully")
        self.wait(r"\[TLS\] +\[online\]")
        self.line("/clear")
        self.settle(0.1)
        return self

    def console(self):
        """Shows the console, empty."""
        self.line("/win 1")
        self.line("/clear")
        self.settle(0.1)

    def chat(self, other):
        """Shows the window of the chat with `other`."""
        self.line(f"/msg {other.account.jid}")
        self.wait(rf"^ {other.account.jid}[ /]", why=f"no chat window for {other.account.jid}")

    def said(self, text, by="me"):
        """Waits until the window shows `text` as said by `by` (both regular expressions); returns the row."""
        # In a room the list of occupants stands to the right.
        found = self.wait(rf"{CLOCK} . {by}: {text}(\s{{2,}}.*)?$")
        return self.text()[: found.start()].count("\n")

    def colour(self, row):
        """The colour of the last letter in this row of the screen."""
        cells = self.screen.buffer[row]
        last = max(column for column in range(self.screen.columns) if cells[column].data != " ")
        return cells[last].fg, cells[last].bold

    def quit(self):
        """Leaves as a person does."""
        self.line("/quit")
        self.exited()

    def close(self):
        """Leaves, so that no server keeps a session for resumption into the next test."""
        if self.fd is not None and self.alive():
            try:
                # Whatever stands in the line is dropped.
                self.type("\x15")
                self.quit()
            except Failed:
                pass  # it hangs, and is ended
        super().close()


def authorities(directory, ca):
    """A directory of the one trusted authority, under the name by which OpenSSL looks it up."""
    name = subprocess.run(
        ["openssl", "x509", "-noout", "-subject_hash", "-in", ca], capture_output=True, text=True, check=False
    )
    if name.returncode != 0:
        raise Failed(f"openssl cannot read the CA {ca}: {name.stderr}")
    directory.mkdir()
    (directory / f"{name.stdout.strip()}.0").symlink_to(Path(ca).resolve())
