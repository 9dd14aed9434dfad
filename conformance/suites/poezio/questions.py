"""What the server and others answer, and what the server keeps."""

from stage import friends, juliet, offer, romeo, start, suite
from terminal.probe import Stream


@suite.test("ping the server")
def ping():
    offer.need("ping")
    r = start(romeo)
    r.line(f"/ping {suite.domain}")
    r.wait(rf"{suite.domain} responded to ping after [\d.e-]+s$")


@suite.test("ping another client")
def ping_contact():
    r, j = start(romeo, juliet)
    r.line(f"/ping {j.jid}")
    r.wait(rf"{j.jid} responded to ping after [\d.e-]+s$")


@suite.test("disco tells the features of the server")
def disco():
    r = start(romeo)
    r.line(f"/disco {suite.domain}")
    r.wait(r"Identities> .*'server', 'im'")
    r.wait("http://jabber.org/protocol/disco#info")


@suite.test("ask the server for its version")
def software():
    offer.need("version")
    r = start(romeo)
    r.line(f"/version {suite.domain}")
    r.wait(rf"{suite.domain} is running \w+")


@suite.test("ask another client for its version")
def software_contact():
    r, j = start(romeo, juliet)
    r.line(f"/version {j.jid}")
    r.wait(rf"{j.jid} is running poezio")


@suite.test("last activity of a contact and of the server")
def last():
    offer.need("last activity")
    r, j = friends()
    j.line("/quit")
    r.offline(j)
    r.line(f"/last_activity {juliet.jid}")
    r.wait(rf"The last activity of {juliet.jid} was \d+\w+ ago|The last activity of {juliet.jid} was +ago")
    r.line(f"/last_activity {suite.domain}")
    r.wait(rf"The uptime of {suite.domain} is \d+")


@suite.test("fetch the vCard of a contact")
def vcard():
    offer.need("vCards")
    with Stream(suite, juliet) as stream:
        card = "<vCard xmlns='vcard-temp'><FN>Juliet &amp; the Càpulets</FN><NICKNAME>Sun</NICKNAME></vCard>"
        stream.ask("set", None, card)
    r = start(romeo)
    r.line(f"/vcard {juliet.jid}")
    r.wait(f"vCard of {juliet.jid}")
    r.wait("Juliet & the Càpulets")
    # Back to where commands can be typed.
    r.type("\x07")


@suite.test("bookmarks are kept on the server")
def bookmarks():
    service = offer.rooms()
    r = start(romeo)
    r.line(f"/bookmark tomb@{service}/romeo false")
    r.wait("Bookmark added|added to bookmarks|Bookmarks saved|bookmark")
    r.quit()
    again = start(romeo)
    again.line("/bookmarks")
    again.wait(f"tomb@{service}")
