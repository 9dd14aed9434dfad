"""poezio in a terminal: its configuration, and what a person does with it."""

import re
import sys
from pathlib import Path
from tempfile import mkdtemp

from terminal.screen import Terminal, environment
from terminal.tap import Failed

CONFIG = """\
[Poezio]
jid={jid}
password={password}
custom_host={host}
custom_port={port}
ca_cert_path={ca}
plugins_autoload=ping:disco:vcard
roster_show_offline=true
enable_vertical_tab_list=false
enable_smacks={resume}
enable_carbons={carbons}
mam_sync={archive}
save_status=false
use_log=false
information_buffer_popup_on=
show_useless_separator=false
hide_status_change=0
connection_check_interval=0
"""
# poezio does not want to be run by root, and a container has often nobody else.
START = "import os; os.geteuid = lambda: 1000; from poezio.poezio import main; main()"
BAR = "│"


class Poezio(Terminal):
    """A running poezio with a home of its own, so that each start knows nothing of those before it."""

    def __init__(self, suite, account, direct=False, trust=True, relay=None, **how):
        home = Path(mkdtemp(dir=suite.directory, prefix=f"{account.name}-"))
        self.account = account
        config = home / "poezio.cfg"
        config.write_text(
            CONFIG.format(
                jid=f"{account.jid}/{how.get('resource', 'orchard')}",
                password=how.get("password", account.password),
                host=relay.host if relay else suite.host,
                port=relay.port if relay else suite.tls_port if direct else suite.port,
                ca=suite.ca if trust else "",
                resume="true" if relay else "false",
                carbons=how.get("carbons", "false"),
                archive=how.get("archive", "false"),
            )
        )
        argv = [sys.executable, "-c", START, "--file", str(config), "--debug", str(home / "debug.log")]
        # The system's own authorities shall not matter.
        roots = {"SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": str(home / "none")}
        super().__init__(f"{account.name}'s poezio", argv, environment(home, **roots), home)
        suite.later(self.close)

    def text(self):
        """The screen; in the first tab with the lines of the right half, the messages, made whole and put below."""
        left, right = [], []
        for line in super().text().splitlines():
            contacts, bar, message = line.partition(BAR)
            left.append(contacts.rstrip())
            if bar and message.startswith(" "):
                right.append(f"{right.pop() if right else ''} {message.strip()}")
            elif bar:
                right.append(message)
        return "\n".join(left + right)

    def logged_in(self):
        """Waits for the end of the login; what is in the first tab is then the roster and no messages."""
        self.wait("Authentication success")
        self.jid = self.wait(r"Your JID is (\S+)").group(1)
        self.wait(r"contacts")
        self.line("/clear")
        self.settle(0.2)
        return self

    def line(self, text):
        """Types a command or a message, and Enter."""
        # A slash opens the line for commands. What poezio reads together it takes for a paste, with its line breaks:
        # hence the look at what the last row shows.
        end = text[-10:] if text.isascii() else text[-1]
        self.type(text[0])
        self.settle(0.05)
        self.type(text[1:])
        self.watch(lambda: self.screen.display[-1].rstrip().endswith(end))
        self.type("\r")
        self.watch(lambda: not self.screen.display[-1].rstrip().endswith(end))

    def roster(self):
        """Shows the first tab, without old messages."""
        self.line("/win 0")
        self.line("/clear")
        self.settle(0.1)

    def chat(self, other):
        """Shows the tab of the chat with `other`."""
        self.line(f"/message {other.account.jid}")
        self.wait(rf"^\[{other.account.jid}", why=f"no tab for {other.account.jid}")

    def contact(self, other):
        """What the roster shows of a contact."""
        found = re.search(rf"^ .*\W{re.escape(other.account.jid)}\b.*$", self.text(), re.MULTILINE)
        return found.group(0) if found else None

    def online(self, other):
        """Waits until the roster shows a contact as online."""
        # A contact is shown as "Name (address)", or as the address if there is no name.
        self.wait(rf"\[\+\] .*\b{other.account.jid}\b", why=f"{self.title} should show {other.account.name} online")

    def offline(self, other):
        """Waits until it is told that a contact is gone, by whatever name it has."""
        self.wait(r"> \S+ is offline", why=f"{self.title} should say that {other.account.name} is offline")

    def said(self, text, by):
        """Waits until the tab shows `text` (a regular expression) as said by `by`."""
        self.wait(rf"^\d\d:\d\d:\d\d .*{by.name}\d*> {text}$")

    def quit(self):
        """Leaves as a person does."""
        self.line("/quit")
        self.exited()

    def close(self):
        """Leaves, so that no server keeps a session for resumption into the next test."""
        if self.fd is not None and self.alive():
            try:
                self.line("/quit")
                self.exited(3)
            except (Failed, OSError):
                pass  # it hangs, or is in a tab without a line for commands, and is ended
        super().close()
