"""Profanity (C, libstrophe) in a terminal: two people, or one with two clients."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from client import Profanity  # noqa: E402
from terminal.probe import Offer  # noqa: E402
from terminal.relay import Relay  # noqa: E402
from terminal.tap import Failed, Skip, Suite  # noqa: E402

suite = Suite()
offer = Offer(suite)
romeo, juliet, mercutio, benvolio = (suite.accounts[name] for name in ("romeo", "juliet", "mercutio", "benvolio"))


def login(account, **how):
    """A Profanity that is online."""
    return Profanity(suite, account, **how).logged_in()


def friends():
    """Romeo and Juliet online, and contacts of each other."""
    r, j = login(romeo), login(juliet)
    for one, other in ((r, j), (j, r)):
        one.line("/roster")
        one.settle()
        if not re.search(rf"{other.account.jid} .*- both", one.text()):
            one.line(f"/sub request {other.account.jid}")
            other.wait(f"Received authorization request from {one.account.jid}")
            other.line(f"/sub allow {one.account.jid}")
            one.wait(rf"\+\+ .*\({other.jid.partition('/')[2]}\) is online")
    for one in (r, j):
        one.line("/clear")
        one.settle(0.1)
    return r, j


@suite.test("log in by STARTTLS")
def starttls():
    login(romeo)


@suite.test("log in by direct TLS")
def direct():
    login(romeo, direct=True)


@suite.test("set up an account by commands")
def commands():
    client = Profanity(suite, romeo, trust=False)
    client.wait("Use '/tls deny'")
    client.line("/tls deny")
    client.wait("Login failed")
    client.line("/clear")
    for line in (
        f"/tls certpath set {client.roots}",
        "/account add verona",
        f"/account set verona jid {romeo.jid}",
        f"/account set verona server {suite.host}",
        f"/account set verona port {suite.port}",
        "/account set verona tls force",
        "/connect verona",
    ):
        client.line(line)
        client.settle(0.1)
    client.wait("Enter password:")
    client.line(romeo.password)
    client.logged_in()


@suite.test("a wrong password is refused")
def wrong_password():
    client = Profanity(suite, romeo, password="rosaline")
    client.wait("Login failed")
    client.wait(r"\[offline\]")
    client.line(f"/account set {romeo.name} password {romeo.password}")
    client.line(f"/connect {romeo.name}")
    client.logged_in()


@suite.test("an untrusted certificate is refused")
def untrusted():
    for direct in (False, True):
        client = Profanity(suite, romeo, trust=False, direct=direct)
        client.wait("TLS certificate verification failed: unable to get local issuer certificate")
        client.wait("Use '/tls deny' to reject this certificate")
        client.line("/tls deny")
        client.wait("Login failed")
        client.wait(r"\[offline\]")


@suite.test("a contact request is accepted")
def contacts():
    r, j = login(romeo), login(juliet)
    r.line(f"/roster add {juliet.jid} Jule")
    r.wait(f"Roster item added: {juliet.jid}")
    r.line(f"/sub request {juliet.jid}")
    j.wait(f"Received authorization request from {romeo.jid}")
    j.line(f"/sub allow {romeo.jid}")
    r.wait(f"Subscription received from {juliet.jid}")
    r.wait(r"\+\+ Jule \(orchard\) is online")
    j.line(f"/sub request {romeo.jid}")
    r.wait(f"Received authorization request from {juliet.jid}")
    r.line(f"/sub allow {juliet.jid}")
    j.wait(rf"\+\+ {romeo.jid} \(orchard\) is online")
    for one, other in ((r, j), (j, r)):
        one.line("/roster")
        one.wait(rf"{other.account.jid}( \(Jule\))? - both")


@suite.test("a contact request is declined")
def declined():
    r, b = login(romeo), login(benvolio)
    r.line(f"/sub request {benvolio.jid}")
    b.wait(f"Received authorization request from {romeo.jid}")
    b.line(f"/sub deny {romeo.jid}")
    r.wait(f"{benvolio.jid} deleted subscription")
    r.line("/roster")
    r.wait(f"{benvolio.jid} - none")


@suite.test("the roster shows the contact after reconnecting")
def roster():
    r, _ = friends()
    r.line(f"/roster nick {juliet.jid} Sun")
    r.line(f"/roster group add Capulets Sun")
    r.settle()
    r.line("/roster")
    r.wait(rf"{juliet.jid} \(Sun\) - both - Capulets")
    r.quit()
    again = login(romeo)
    again.line("/roster")
    again.wait(rf"{juliet.jid} \(Sun\) - both - Capulets")
    again.line("/roster group remove Capulets Sun")
    again.line("/roster clearnick " + juliet.jid)
    again.settle()
    again.line("/clear")
    again.line("/roster")
    again.wait(rf"{juliet.jid} - both$")


@suite.test("a removed contact is gone")
def removed():
    r, b = login(romeo), login(benvolio)
    r.line(f"/sub request {benvolio.jid}")
    b.wait(f"Received authorization request from {romeo.jid}")
    b.line(f"/sub allow {romeo.jid}")
    r.wait(rf"\+\+ {benvolio.jid} \(orchard\) is online")
    b.line("/clear")
    r.line(f"/roster remove {benvolio.jid}")
    r.wait(f"Roster item removed: {benvolio.jid}")
    r.line("/clear")
    r.line("/roster")
    r.wait("Roster: jid")
    if f"{benvolio.jid} -" in r.text():
        raise Failed(r.report("the contact should be gone from the roster"))
    b.line("/roster")
    b.wait(f"{romeo.jid} - none")


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


@suite.test("presence changes are seen")
def presence():
    r, j = friends()
    for show, words in (("away", "gone fishing"), ("dnd", "thinking of <you> & me"), ("xa", ""), ("chat", "ça va?")):
        r.line(f'/status set {show} "{words}"' if words else f"/status set {show}")
        shown = re.escape(f', "{words}"') if words else ""
        j.wait(rf"\+\+ {romeo.jid} \(orchard\) is {show}{shown}")
    r.line("/status set online")
    j.wait(rf"\+\+ {romeo.jid} \(orchard\) is online")


@suite.test("going offline is seen")
def offline_seen():
    r, j = friends()
    r.quit()
    j.wait(rf"-- {romeo.jid} \(orchard\) is offline")


@suite.test("a broken connection is seen as going offline")
def broken():
    if offer.has("stream management"):
        raise Skip("this server waits for the session to be resumed")
    r, j = friends()
    r.kill()
    j.wait(rf"-- {romeo.jid} \(orchard\) is offline")


@suite.test("who was online before is seen at login")
def at_login():
    r, j = friends()
    r.line('/status set away "up all night"')
    j.wait(rf"{romeo.jid} \(orchard\) is away")
    j.quit()
    again = login(juliet)
    again.line(f"/status get {romeo.jid}")
    again.wait(rf'{romeo.jid} \(orchard\), +away, "up all night"|{romeo.jid} .*away, "up all night"')


@suite.test("a message to an offline user arrives once")
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


@suite.test("a contact is blocked and unblocked")
def blocked():
    offer.need("blocking")
    r, j = friends()
    r.line(f"/blocked add {juliet.jid}")
    r.wait(f"User {juliet.jid} successfully blocked")
    # XEP-0191 §3.3: the contact sees the user go offline.
    j.wait(rf"-- {romeo.jid} \(orchard\) is offline")
    j.line(f"/msg {romeo.jid} Do you hear me?")
    j.wait("Error|error|not-acceptable|service-unavailable", why="Juliet should be told that the message cannot be delivered")
    r.line("/clear")
    r.line("/blocked")
    r.wait(rf"^\S+ - +{juliet.jid}")
    r.line(f"/blocked remove {juliet.jid}")
    r.wait(f"User {juliet.jid} successfully unblocked")
    j.console()
    j.line(f"/msg {romeo.jid} And now?")
    r.wait(f"<< chat message: {juliet.jid}/orchard")
    r.chat(j)
    r.said("And now[?]", by=f"{juliet.jid}/orchard")
    if "Do you hear me" in r.text():
        raise Failed(r.report("the message of the blocked contact has arrived"))


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


@suite.test("chat states pass through")
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


@suite.test("ping the server and a contact")
def ping():
    offer.need("ping")
    r, j = login(romeo), login(juliet)
    r.line("/ping")
    r.wait(r"Ping response from server: \d+ms")
    r.line(f"/ping {j.jid}")
    r.wait(rf"Ping response from {j.jid}: \d+ms")


@suite.test("ask what the server offers")
def disco():
    r = login(romeo)
    r.line("/disco info")
    r.wait(f"Service discovery info for {suite.domain}")
    r.wait(r"\bserver$|\bim server\b|server +im|[^ ]+ im +server|im$", why="the server should say that it is a server for instant messaging")
    r.wait("http://jabber.org/protocol/disco#info")
    r.line("/clear")
    r.line("/disco items")
    r.wait(f"Service discovery items for {suite.domain}|No service discovery items for {suite.domain}")


@suite.test("ask for the software of the server and of a contact")
def software():
    offer.need("version")
    r, j = login(romeo), login(juliet)
    r.line(f"/serversoftware {suite.domain}")
    r.wait(rf"^\S+ - {suite.domain}:")
    r.wait(r"Name +: \w+")
    r.line("/clear")
    r.line(f"/software {j.jid}")
    r.wait(f"{j.jid}:")
    r.wait(r"Name +: Profanity")


@suite.test("ask when a contact was last online")
def last():
    offer.need("last activity")
    r, j = friends()
    j.quit()
    r.wait(rf"-- {juliet.jid} \(orchard\) is offline")
    # Within the first second Profanity takes the answer for "now".
    for _ in range(3):
        r.line(f"/lastactivity get {juliet.jid}")
        r.settle(0.6)
        if "last logged in" in r.text():
            break
    r.wait(rf"{juliet.jid} last logged in \d\d")
    r.line("/lastactivity get")
    r.wait(f"{suite.domain} up since|{suite.domain} .*uptime|up for", why="the server should say for how long it is up")


@suite.test("change the password")
def password():
    client = login(benvolio)
    change(client, "part-fools")
    client.quit()
    again = login(benvolio, password="part-fools")
    change(again, benvolio.password)
    again.quit()
    Profanity(suite, benvolio, password="part-fools").wait("Login failed")


def change(client, new):
    """Enters a new password twice."""
    client.line("/changepassword")
    client.wait("Enter password:")
    client.line(new)
    client.wait("Confirm password:")
    client.line(new)
    client.wait("Password successfully changed")


@suite.test("bookmarks are kept on the server")
def bookmarks():
    r = login(romeo)
    r.line(f"/bookmark add tomb@rooms.{suite.domain} nick romeo name Tomb")
    r.wait("Bookmark added")
    r.quit()
    again = login(romeo)
    again.line("/bookmark list")
    again.wait(f"tomb@rooms.{suite.domain}")
    again.line(f"/bookmark remove tomb@rooms.{suite.domain}")
    again.wait("Bookmark removed")
    again.quit()
    last = login(romeo)
    last.line("/bookmark list")
    last.wait("bookmark")
    if "tomb@" in last.text():
        raise Failed(last.report("the bookmark should be gone"))


@suite.test("a message goes to the client that is named")
def two_clients():
    orchard, balcony, j = login(romeo), login(romeo, resource="balcony"), login(juliet)
    j.line(f"/msg {balcony.jid} to the balcony")
    balcony.wait(f"<< chat message: {juliet.jid}/orchard")
    orchard.never("chat message", 1, why="the client that was not named should get nothing")


@suite.test("carbons show what the other client says and hears")
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


@suite.test("resume a stream after the connection broke")
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
    r.wait(rf"\[TLS\] +\[online\]")
    r.chat(j)
    r.said("into the dark", by=f"{juliet.jid}/orchard")
    r.line("light again")
    j.chat(r)
    j.said("light again", by=f"{romeo.jid}/orchard")
    j.line("/win 1")
    j.settle()
    if "is offline" in j.text() or r.text().count("into the dark") != 1:
        raise Failed(j.report(r.report("the message should have come once, and Romeo never have been offline")))


@suite.test("talk in a room")
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


@suite.test("encrypted chat (OMEMO)")
def omemo():
    offer.need("publishing to contacts")
    r, j = friends()
    for one in (r, j):
        one.line("/omemo trustmode blind")
        one.line("/omemo gen")
        one.wait("OMEMO crytographic materials generated|cryptographic materials generated")
        one.line("/disconnect")
        one.wait(r"\[offline\]")
        one.line(f"/connect {one.account.name}")
        one.logged_in()
    r.line(f"/omemo start {juliet.jid}")
    r.wait(r"\[OMEMO\]")
    r.line("for your eyes only")
    j.wait(f"<< chat message: {romeo.jid}")
    j.chat(r)
    j.said("for your eyes only", by=f"{romeo.jid}/orchard")
    j.wait(r"\[OMEMO\]")


suite.run()
