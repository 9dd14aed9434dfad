"""Messages, between two people and in rooms, now, later and from the archive."""

import re

from client import Profanity
from stage import friends, juliet, login, mercutio, offer, romeo, suite
from terminal.relay import Relay
from terminal.tap import Failed


@suite.test("chat both ways")
def chat():
    r, j = login(romeo), login(juliet)
    r.line(f"/msg {juliet.jid} My ears have not yet drunk")
    j.wait(f"<< chat message: {romeo.jid}/orchard")
    j.chat(r)
    j.said("My ears have not yet drunk", by=f"{romeo.jid}/orchard")
    j.line("a hundred words")
    r.said("a hundred words", by=f"{juliet.jid}/orchard")
    r.line("of that tongue's uttering")
    j.said("of that tongue's uttering", by=f"{romeo.jid}/orchard")


@suite.test("chat in any script")
def scripts():
    r, j = login(romeo), login(juliet)
    r.chat(j)
    j.chat(r)
    for text in ("Grüße & <b>Küße</b> \"'", "中文 русский ελληνικά", "🎭 🌹"):
        r.line(text)
        # The emulator puts a blank behind a character that is two cells wide.
        j.said(r"\s?".join(map(re.escape, text)), by=f"{romeo.jid}/orchard")


@suite.test("a message to an offline user arrives at next login, once")
def offline():
    r = login(romeo)
    for text in ("while you slept", "and dreamt"):
        r.line(f"/msg {mercutio.jid} {text}")
        r.said(text)
    first = Profanity(suite, mercutio)
    first.wait(f"<< chat message: {romeo.jid}/orchard .win")
    first.chat(r)
    first.said("while you slept", by=rf"{romeo.jid}(/orchard)?")
    first.said("and dreamt", by=rf"{romeo.jid}(/orchard)?")
    if first.text().index("while you slept") > first.text().index("and dreamt"):
        raise Failed(first.report("the messages should come in the order in which they were sent"))
    first.quit()
    again = login(mercutio)
    r.line("good morrow")
    again.wait(f"<< chat message: {romeo.jid}/orchard .win")
    again.chat(r)
    again.said("good morrow", by=f"{romeo.jid}/orchard")
    if "while you slept" in again.text():
        raise Failed(again.report("the offline messages have come a second time"))


@suite.test("a receipt comes back")
def receipts():
    r, j = login(romeo), login(juliet)
    j.line("/receipts send on")
    r.line("/receipts request on")
    r.line(f"/msg {juliet.jid} sent with a receipt")
    row = r.said("sent with a receipt")
    j.wait(f"<< chat message: {romeo.jid}/orchard")
    r.settle()
    seen = r.colour(row)
    j.line("/receipts send off")
    j.settle()
    r.line("never confirmed")
    row = r.said("never confirmed")
    r.settle()
    if r.colour(row) == seen:
        raise Failed(r.report(f"a message with and one without a receipt should look different; both are {seen}"))


@suite.test("chat states pass")
def typing():
    r, j = login(romeo), login(juliet)
    r.line("/outtype on")
    j.line("/intype console on")
    r.line(f"/msg {juliet.jid} one")
    j.chat(r)
    # States are sent to those who have sent one (XEP-0085 §5.1).
    j.line("two")
    r.said("two", by=f"{juliet.jid}/orchard")
    j.line("/win 1")
    r.type("thr")
    j.wait(f"!! {romeo.jid} is typing a message")
    r.line("ee")
    r.said("three")


@suite.test("a message is corrected")
def correct():
    r, j = login(romeo), login(juliet)
    for one in (r, j):
        one.line("/correction on")
    r.line(f"/msg {juliet.jid} wherefore art you")
    j.chat(r)
    j.said("wherefore art you", by=f"{romeo.jid}/orchard")
    j.line("say it again")
    r.said("say it again", by=f"{juliet.jid}/orchard")
    r.line("/correct wherefore art thou")
    j.said("wherefore art thou", by=f"{romeo.jid}/orchard")
    if "wherefore art you" in j.text():
        raise Failed(j.report("the corrected message should replace the first one"))


@suite.test("a message goes to the client that is named")
def two_clients():
    orchard, balcony, j = login(romeo), login(romeo, resource="balcony"), login(juliet)
    j.line(f"/msg {balcony.jid} to the balcony")
    balcony.wait(f"<< chat message: {juliet.jid}/orchard")
    orchard.never("chat message", 1, why="the client that was not named should get nothing")


@suite.test("carbons between two clients of one account")
def carbons():
    offer.need("carbons")
    orchard, balcony, j = login(romeo), login(romeo, resource="balcony"), login(juliet)
    for one in (orchard, balcony):
        one.line("/carbons on")
        one.settle()
    orchard.line(f"/msg {juliet.jid} from the orchard")
    balcony.chat(j)
    balcony.said("from the orchard")
    j.line(f"/msg {orchard.jid} to the orchard")
    balcony.said("to the orchard", by=f"{juliet.jid}/orchard")


@suite.test("fetch the archive")
def archive():
    offer.need("the archive")
    r, j = login(romeo), login(juliet)
    j.line(f"/msg {romeo.jid} for the chronicle")
    r.wait(f"<< chat message: {juliet.jid}/orchard")
    r.quit()
    again = login(romeo)
    again.line("/mam on")
    again.line(f"/msg {juliet.jid}")
    again.said("for the chronicle", by=f"{juliet.jid}/orchard")


@suite.test("resume a session after the connection broke")
def resume():
    offer.need("stream management")
    friends()
    suite.close()
    relay = Relay(suite, suite.port)
    j, r = login(juliet), login(romeo, relay=relay)
    j.wait(rf"\+\+ {romeo.jid} \(orchard\) is online")
    relay.cut()
    r.wait("Lost connection")
    j.line(f"/msg {romeo.jid} into the dark")
    relay.mend()
    r.wait(r"\[TLS\] +\[online\]")
    r.chat(j)
    r.said("into the dark", by=f"{juliet.jid}/orchard")
    r.line("light again")
    j.chat(r)
    j.said("light again", by=f"{romeo.jid}/orchard")
    j.line("/win 1")
    j.settle()
    if "is offline" in j.text() or r.text().count("into the dark") != 1:
        raise Failed(j.report(r.report("the message should have come once, and Romeo never have been offline")))


@suite.test("join a room, talk, leave")
def room():
    jid = f"balcony@{offer.rooms()}"
    r, j = login(romeo), login(juliet)
    r.line(f"/join {jid}")
    r.wait("You have joined the room as romeo, role: moderator, affiliation: owner")
    r.settle()
    if "Room locked" in r.text():
        r.line("/room accept")
        r.wait("Room unlocked")
    j.line(f"/join {jid}")
    j.wait("You have joined the room as juliet")
    r.wait("-> juliet has joined the room")
    j.line("O Romeo, Romeo! Où es-tu?")
    r.said("O Romeo, Romeo! Où es-tu[?]", by="juliet")
    r.line("Shall I hear more?")
    j.said("Shall I hear more[?]", by="romeo")
    r.line('/subject set "Capulet\'s orchard"')
    j.wait("romeo has set the room subject: Capulet's orchard")
    j.line("/close")
    r.wait("<- juliet has left the room")
