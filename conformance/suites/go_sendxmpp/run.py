"""go-sendxmpp (Go, go-xmpp): messages from and to a shell, as scripts and people send them."""

import re
import select
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from terminal.probe import Offer, Stream  # noqa: E402
from terminal.screen import environment  # noqa: E402
from terminal.tap import Failed, Suite  # noqa: E402

PATIENCE = 12
suite = Suite()
offer = Offer(suite)
romeo, juliet = suite.accounts["romeo"], suite.accounts["juliet"]


class Mode:
    """How to reach the server."""

    def __init__(self, words, port):
        self.words = [*words, "--jserver", f"{suite.host}:{port}"]


STARTTLS = Mode([], suite.port)
DIRECT = Mode(["--tls"], suite.tls_port)


def command(account, mode, words, password=None, trust=True):
    """The command line and the environment of one call."""
    argv = ["go-sendxmpp", "--username", account.jid, "--password", password or account.password, *mode.words, *words]
    # Go reads its roots from these two. An empty directory is no root at all.
    roots = {"SSL_CERT_FILE": suite.ca if trust else "/dev/null", "SSL_CERT_DIR": str(suite.directory)}
    return {"args": argv, "env": environment(suite.directory, **roots)}


def send(account, to, text, mode=STARTTLS, **how):
    """Sends `text`; returns the exit code and what the program said."""
    return call(account, [to], text, mode, **how)


def call(account, words, text, mode=STARTTLS, **how):
    """Runs the program to its end with `text` as its input."""
    try:
        done = subprocess.run(
            **command(account, mode, words, **how), input=text, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(
            f"go-sendxmpp did not end within {PATIENCE} s; it said: {error.stdout!r} {error.stderr!r}"
        ) from None
    return done.returncode, done.stdout + done.stderr


def delivered(account, to, text, mode=STARTTLS):
    """Sends `text` and insists that the program was content."""
    code, said = send(account, to, text, mode)
    if code != 0:
        raise Failed(f"{account.name}'s go-sendxmpp ended with {code} and said: {said}")


class Listener:
    """`go-sendxmpp --listen`: prints what arrives."""

    def __init__(self, account, mode=STARTTLS):
        self.name = account.name
        # The debugging output shows the stream, by which one sees that the listener is available.
        words = ["--debug", "--listen"]
        self.process = subprocess.Popen(
            **command(account, mode, words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.heard = ""
        suite.later(self.close)
        self.wait(rf"<presence[^>]*{re.escape(account.jid)}", "its own presence")

    def wait(self, pattern, what, seconds=PATIENCE):
        """Waits until the output has `pattern`."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.heard, re.MULTILINE):
            left = end - time.monotonic()
            if left <= 0 or not self._read(left):
                ended = "before it ended" if self.process.poll() is not None else f"within {seconds} s"
                raise Failed(f"{self.name}'s listener has not got {what} {ended}; it printed:\n{self.heard}")

    def message(self, sender, text):
        """Waits until it has printed this message."""
        self.wait(self.shape(sender, text), f"{text!r} from {sender.jid}")

    def count(self, sender, text):
        """How often it has printed this message."""
        return len(re.findall(self.shape(sender, text), self.heard, re.MULTILINE))

    @staticmethod
    def shape(sender, text):
        """What a message looks like when printed."""
        return rf"\d\d:\d\d:\d\d\S* {re.escape(sender.jid)}: {re.escape(text)}\n"

    def close(self):
        """Ends the listener."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def _read(self, seconds):
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        data = self.process.stdout.read1(65536) if ready else b""
        self.heard += data.decode(errors="replace")
        return bool(data)


def chat_by(mode):
    """Both ends use `mode`; what one sends the other prints."""
    listener = Listener(juliet, mode)
    delivered(romeo, juliet.jid, "by any other name", mode)
    listener.message(romeo, "by any other name")


@suite.test("log in by STARTTLS")
def starttls():
    chat_by(STARTTLS)


@suite.test("log in by direct TLS")
def direct():
    chat_by(DIRECT)


@suite.test("wrong password is refused")
def wrong_password():
    code, said = send(romeo, juliet.jid, "never sent", DIRECT, password="rosaline")
    if code == 0 or "auth failure" not in said:
        raise Failed(f"expected an 'auth failure' and an exit code that is not 0, got {code} and: {said}")
    listener = Listener(juliet, DIRECT)
    delivered(romeo, juliet.jid, "the right one", DIRECT)
    listener.message(romeo, "the right one")
    if listener.count(romeo, "never sent"):
        raise Failed(f"the message sent with a wrong password has arrived:\n{listener.heard}")


@suite.test("an untrusted certificate is refused")
def untrusted():
    refuse(DIRECT)


@suite.test("an untrusted certificate is refused after STARTTLS")
def untrusted_starttls():
    refuse(STARTTLS)


def refuse(mode):
    """Without the CA there is no login."""
    code, said = send(romeo, juliet.jid, "never sent", mode, trust=False)
    if code == 0 or "certificate signed by unknown authority" not in said:
        raise Failed(f"expected 'certificate signed by unknown authority' and not 0, got {code} and: {said}")


@suite.test("chat both ways")
def chat():
    ears = {romeo: Listener(romeo, DIRECT), juliet: Listener(juliet, DIRECT)}
    delivered(romeo, juliet.jid, "My ears have not yet drunk", DIRECT)
    ears[juliet].message(romeo, "My ears have not yet drunk")
    delivered(juliet, romeo.jid, "a hundred words", DIRECT)
    ears[romeo].message(juliet, "a hundred words")


@suite.test("chat in any script")
def scripts():
    listener = Listener(juliet, DIRECT)
    for text in ("Grüße & <b>Küße</b> \"'", "中文 עברית русский", "🎭👩‍🚀🇮🇹", "e\u0301 is not \u00e9"):
        delivered(romeo, juliet.jid, text, DIRECT)
        listener.message(romeo, text)


@suite.test("a long message arrives whole")
def long():
    text = "0123456789" * 800 + "!"
    listener = Listener(juliet, DIRECT)
    delivered(romeo, juliet.jid, text, DIRECT)
    listener.message(romeo, text)


@suite.test("one message goes to several people")
def several():
    ears = [Listener(suite.accounts[name], DIRECT) for name in ("juliet", "mercutio")]
    code, said = call(romeo, [juliet.jid, suite.accounts["mercutio"].jid], "to all", DIRECT)
    if code != 0:
        raise Failed(f"go-sendxmpp ended with {code} and said: {said}")
    for listener in ears:
        listener.message(romeo, "to all")


@suite.test("lines are sent one by one while the sender stays")
def interactive():
    listener = Listener(juliet, DIRECT)
    sender = subprocess.Popen(
        **command(romeo, DIRECT, ["--interactive", juliet.jid]), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    suite.later(sender.wait)
    suite.later(sender.kill)
    for text in ("first line", "second line", "third line"):
        sender.stdin.write(text.encode() + b"\n")
        sender.stdin.flush()
        listener.message(romeo, text)


@suite.test("a message to an offline user arrives at next login, once")
def offline():
    delivered(romeo, suite.accounts["mercutio"].jid, "while you slept", DIRECT)
    mercutio = suite.accounts["mercutio"]
    listener = Listener(mercutio, DIRECT)
    listener.message(romeo, "while you slept")
    # What comes after it shows that nothing more was waiting before.
    delivered(romeo, mercutio.jid, "first day", DIRECT)
    listener.message(romeo, "first day")
    listener.close()
    again = Listener(mercutio, DIRECT)
    delivered(romeo, mercutio.jid, "second day", DIRECT)
    again.message(romeo, "second day")
    if listener.count(romeo, "while you slept") != 1 or again.count(romeo, "while you slept"):
        raise Failed(
            f"expected the message once; the first login printed:\n{listener.heard}\nthe second:\n{again.heard}"
        )


@suite.test("raw XML passes through")
def raw():
    with Stream(suite, juliet) as stream:
        own = stream.resource
        stream.send("<presence/>")
        mood = "<active xmlns='urn:example:mood' depth='2'/>"
        stanza = f"<message to='{own}' type='chat'><body>as it is</body>{mood}</message>"
        code, said = call(romeo, ["--raw"], stanza, DIRECT)
        if code != 0:
            raise Failed(f"go-sendxmpp ended with {code} and said: {said}")
        message = stream.until(lambda stanza: stanza.find("{jabber:client}body") is not None)
        mood = message.find("{urn:example:mood}active")
        if message.findtext("{jabber:client}body") != "as it is" or mood is None or mood.get("depth") != "2":
            children = [child.tag for child in message]
            raise Failed(f"the message has not come as it was sent: {message.attrib}, children {children}")
        if message.get("from", "").partition("/")[0] != romeo.jid:
            raise Failed(f"the message should come from {romeo.jid}, and comes from {message.get('from')}")


@suite.test("join a room, talk, leave")
def room():
    jid = f"balcony@{offer.rooms()}"
    with Stream(suite, juliet) as stream:
        muc = "http://jabber.org/protocol/muc"
        stream.send(f"<presence to='{jid}/juliet'><x xmlns='{muc}'/></presence>")
        stream.until(lambda stanza: stanza.get("from") == f"{jid}/juliet")
        # A new room may be locked until its owner accepts the configuration (XEP-0045 §10.1.2).
        stream.ask("set", jid, f"<query xmlns='{muc}#owner'><x xmlns='jabber:x:data' type='submit'/></query>")
        code, said = call(romeo, ["--alias", "romeo", "--chatroom", jid], "what light", DIRECT)
        if code != 0:
            raise Failed(f"go-sendxmpp ended with {code} and said: {said}")
        heard = stream.until(lambda stanza: stanza.findtext("{jabber:client}body") == "what light")
        if heard.get("from") != f"{jid}/romeo" or heard.get("type") != "groupchat":
            raise Failed(f"expected a groupchat message from {jid}/romeo, got {heard.attrib}")
        stream.until(lambda stanza: stanza.get("from") == f"{jid}/romeo" and stanza.get("type") == "unavailable")


suite.run()
