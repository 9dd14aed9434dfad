"""Contacts and their presence."""

import re

from stage import benvolio, friends, juliet, login, mercutio, offer, romeo, suite
from terminal.tap import Failed, Skip


@suite.test("become contacts and see each other online")
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


@suite.test("refuse a contact request")
def declined():
    r, b = login(romeo), login(benvolio)
    r.line(f"/sub request {benvolio.jid}")
    b.wait(f"Received authorization request from {romeo.jid}")
    b.line(f"/sub deny {romeo.jid}")
    r.wait(f"{benvolio.jid} deleted subscription")
    r.line("/roster")
    r.wait(f"{benvolio.jid} - none")


@suite.test("contact is in the roster after reconnecting")
def roster():
    r, _ = friends()
    r.line(f"/roster nick {juliet.jid} Sun")
    r.line("/roster group add Capulets Sun")
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


@suite.test("remove a contact")
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


@suite.test("change of presence is seen by contacts")
def presence():
    r, j = friends()
    for show, words in (("away", "gone fishing"), ("dnd", "thinking of <you> & me"), ("xa", ""), ("chat", "ça va?")):
        r.line(f'/status set {show} "{words}"' if words else f"/status set {show}")
        shown = re.escape(f', "{words}"') if words else ""
        j.wait(rf"\+\+ {romeo.jid} \(orchard\) is {show}{shown}")
    r.line("/status set online")
    j.wait(rf"\+\+ {romeo.jid} \(orchard\) is online")


@suite.test("presence tells who goes offline")
def offline_seen():
    r, j = friends()
    r.quit()
    j.wait(rf"-- {romeo.jid} \(orchard\) is offline")


@suite.test("lost connection is seen by contacts")
def broken():
    if offer.has("stream management"):
        raise Skip("this server waits for the session to be resumed")
    r, j = friends()
    r.kill()
    j.wait(rf"-- {romeo.jid} \(orchard\) is offline")


@suite.test("presence of contacts is there at login")
def at_login():
    r, j = friends()
    r.line('/status set away "up all night"')
    j.wait(rf"{romeo.jid} \(orchard\) is away")
    j.quit()
    again = login(juliet)
    again.line(f"/status get {romeo.jid}")
    again.wait(rf'{romeo.jid} \(orchard\), +away, "up all night"|{romeo.jid} .*away, "up all night"')


@suite.test("block and unblock a user")
def blocked():
    offer.need("blocking")
    # Not Romeo and Juliet: if this fails, others would, too.
    m, b = friends(mercutio, benvolio)
    m.line(f"/blocked add {benvolio.jid}")
    m.wait(f"User {benvolio.jid} successfully blocked")
    # XEP-0191 §3.3: the contact sees the user go offline.
    b.wait(rf"-- {mercutio.jid} \(orchard\) is offline")
    b.line(f"/msg {mercutio.jid} Do you hear me?")
    b.wait("Error|service-unavailable", why="Benvolio should be told that it did not arrive")
    m.line("/clear")
    m.line("/blocked")
    m.wait(rf"^\S+ - +{benvolio.jid}")
    m.line(f"/blocked remove {benvolio.jid}")
    m.wait(f"User {benvolio.jid} successfully unblocked")
    b.console()
    b.line(f"/msg {mercutio.jid} And now?")
    m.wait(f"<< chat message: {benvolio.jid}/orchard")
    m.chat(b)
    m.said("And now[?]", by=f"{benvolio.jid}/orchard")
    if "Do you hear me" in m.text():
        raise Failed(m.report("the message of the blocked contact has arrived"))
