"""Messages, between two people and in rooms, now, later and from the archive."""

import re

from stage import friends, juliet, mercutio, offer, romeo, start, suite
from terminal.relay import Relay
from terminal.tap import Failed


@suite.test("chat both ways")
def chat():
    r, j = start(romeo, juliet)
    r.line(f"/message {juliet.jid} My ears have not yet drunk")
    j.wait(r"^\[0\|1\]")
    j.chat(r)
    j.said("My ears have not yet drunk", by=romeo)
    j.line("a hundred words")
    r.said("a hundred words", by=juliet)
    r.line("of that tongue's uttering")
    j.said("of that tongue's uttering", by=romeo)


@suite.test("chat in any script")
def scripts():
    r, j = start(romeo, juliet)
    r.chat(j)
    j.chat(r)
    for text in ("Grüße & <b>Küße</b> \"'", "中文 русский ελληνικά", "🎭 🌹"):
        r.line(text)
        # The emulator puts a blank behind a character that is two cells wide.
        j.said(r"\s?".join(map(re.escape, text)), by=romeo)


@suite.test("a message to an offline user arrives at next login, once")
def offline():
    r = start(romeo)
    r.line(f"/message {mercutio.jid} while you slept")
    r.line("and dreamt")
    r.said("and dreamt", by=romeo)
    first = start(mercutio)
    first.wait(r"^\[0\|1\]")
    first.chat(r)
    first.said("while you slept", by=romeo)
    first.said("and dreamt", by=romeo)
    # From an archive the tab shows a message that it has already got a second time.
    if first.text().count("while you slept") != 1 and not offer.has("the archive"):
        raise Failed(first.report("each message should come once"))
    first.quit()
    again = start(mercutio)
    again.never(r"^\[0\|1\]", 1, why="there should be no message left, and so no tab")


@suite.test("a receipt comes back")
def receipts():
    r, j = start(romeo, juliet)
    r.line(f"/message {juliet.jid} sent with a receipt")
    j.wait(r"^\[0\|1\]")
    r.wait("✔ romeo> sent with a receipt")


@suite.test("chat states pass")
def typing():
    r, j = friends()
    r.line(f"/message {juliet.jid} one")
    j.chat(r)
    j.line("two")
    r.said("two", by=juliet)
    r.type("thr")
    j.wait(rf"^\[{romeo.jid}\].* composing")


@suite.test("a message is corrected")
def correct():
    r, j = start(romeo, juliet)
    r.line(f"/message {juliet.jid} wherefore art you")
    j.chat(r)
    j.said("wherefore art you", by=romeo)
    r.line("/correct wherefore art thou")
    j.said("wherefore art thou", by=romeo)
    if "wherefore art you" in j.text():
        raise Failed(j.report("the corrected message should replace the first one"))


@suite.test("carbons between two clients of one account")
def carbons():
    offer.need("carbons")
    orchard, j = start(romeo, juliet, carbons="true")
    balcony = start(romeo, carbons="true", resource="balcony")
    orchard.line(f"/message {juliet.jid} from the orchard")
    balcony.wait(r"^\[0\|1\]")
    balcony.chat(j)
    balcony.said("from the orchard", by=romeo)
    j.chat(orchard)
    j.line("to the orchard")
    balcony.said("to the orchard", by=juliet)


@suite.test("fetch the archive")
def archive():
    offer.need("the archive")
    r, j = start(romeo, juliet)
    r.line(f"/message {juliet.jid} for the chronicle")
    j.wait(r"^\[0\|1\]")
    r.quit()
    again = start(romeo, archive="true")
    again.chat(j)
    again.said("for the chronicle", by=romeo)


@suite.test("resume a session after the connection broke")
def resume():
    offer.need("stream management")
    friends()
    suite.close()
    relay = Relay(suite, suite.port)
    j = start(juliet)
    r = start(romeo, relay=relay)
    j.online(r)
    j.chat(r)
    relay.cut()
    j.line("into the dark")
    relay.mend()
    r.wait("Resumed session as")
    r.chat(j)
    r.said("into the dark", by=juliet)
    r.line("light again")
    j.said("light again", by=romeo)
    if "is offline" in j.text():
        raise Failed(j.report("Romeo should never have been offline"))


@suite.test("join a room, talk, leave")
def room():
    jid = f"balcony@{offer.rooms()}"
    r, j = start(romeo, juliet)
    found(r, jid)
    j.line(f"/join {jid}/juliet")
    j.wait(r"You \(juliet\) joined the room")
    r.wait("juliet .*joined the room")
    j.line("O Romeo, Romeo! Où es-tu?")
    r.said("O Romeo, Romeo! Où es-tu[?]", by=juliet)
    r.line("Shall I hear more?")
    j.said("Shall I hear more[?]", by=romeo)
    r.line("/topic Capulet's orchard")
    j.wait("Capulet's orchard")
    j.line("/part")
    r.wait("juliet .*left the room")


def found(client, jid):
    """Joins a new room and accepts the configuration, until when it may be locked (XEP-0045 §10.1.2)."""
    client.line(f"/join {jid}/{client.account.name}")
    client.wait(rf"You \({client.account.name}\) joined the room")
    client.line("/configure")
    client.wait(r"Ctrl\+Y: send form")
    client.type("\x19")
    client.wait(rf"^\[{jid}\]")
