"""What the server and others answer, and what the server keeps."""

from stage import friends, juliet, login, offer, romeo, suite
from terminal.tap import Failed


@suite.test("ping the server")
def ping():
    offer.need("ping")
    r = login(romeo)
    r.line("/ping")
    r.wait(r"Ping response from server: \d+ms")


@suite.test("ping another client")
def ping_contact():
    r, j = login(romeo), login(juliet)
    r.line(f"/ping {j.jid}")
    r.wait(rf"Ping response from {j.jid}: \d+ms")


@suite.test("disco tells the features of the server")
def disco():
    r = login(romeo)
    r.line("/disco info")
    r.wait(f"Service discovery info for {suite.domain}")
    r.wait(r"\bim server", why="the server should say that it is a server for instant messaging")
    r.wait("http://jabber.org/protocol/disco#info")


@suite.test("ask the server for its version")
def software():
    offer.need("version")
    r = login(romeo)
    r.line(f"/serversoftware {suite.domain}")
    r.wait(rf"^\S+ - {suite.domain}:")
    r.wait(r"Name +: \w+")


@suite.test("ask another client for its version")
def software_contact():
    r, j = login(romeo), login(juliet)
    r.line(f"/software {j.jid}")
    r.wait(f"{j.jid}:")
    r.wait(r"Name +: Profanity")


@suite.test("last activity of a contact and of the server")
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


@suite.test("bookmarks are kept in private storage")
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
