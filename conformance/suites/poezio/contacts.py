"""Contacts and their presence."""

from stage import befriend, benvolio, friends, juliet, mercutio, offer, romeo, start, suite
from terminal.tap import Failed, Skip


@suite.test("become contacts and see each other online")
def contacts():
    r, j = start(romeo, juliet)
    befriend(r, j)
    for one, other in ((r, j), (j, r)):
        one.online(other)


@suite.test("refuse a contact request")
def declined():
    r, b = start(romeo, benvolio)
    r.line(f"/add {benvolio.jid}")
    b.wait(f"{romeo.jid} wants to subscribe to your presence")
    b.line(f"/deny {romeo.jid}")
    r.wait(f"{benvolio.jid} rejected your contact proposal")


@suite.test("remove a contact")
def removed():
    r, b = start(romeo, benvolio)
    befriend(r, b)
    r.online(b)
    r.line(f"/remove {benvolio.jid}")
    r.watch(lambda: not r.contact(b))
    if r.contact(b):
        raise Failed(r.report("the contact should be gone"))


@suite.test("contact is in the roster after reconnecting")
def roster():
    r, j = friends()
    r.line(f"/name {juliet.jid} Sun")
    r.wait(r"Sun")
    r.line(f"/groupadd {juliet.jid} Capulets")
    r.wait("Capulets")
    r.quit()
    again = start(romeo)
    again.wait(rf"Sun \({juliet.jid}\)")
    again.wait(r"\[-\] Capulets")
    again.line(f"/groupremove {juliet.jid} Capulets")
    again.wait(r"\[-\] none")
    again.line(f"/name {juliet.jid} juliet")
    again.wait(rf"juliet \({juliet.jid}\)")


@suite.test("change of presence is seen by contacts")
def presence():
    r, j = friends()
    j.chat(r)
    for show, words in (("away", "gone fishing"), ("dnd", "thinking of <you>"), ("xa", ""), ("chat", "ça va?")):
        r.line(f'/status {show} "{words}"' if words else f"/status {show}")
        j.wait(rf"^\[{romeo.jid}\].*\[{show} ?{words[:6]}")
    r.line("/status available")
    j.wait(rf"^\[{romeo.jid}\].*\[\|\]")


@suite.test("presence of contacts is there at login")
def at_login():
    r, j = friends()
    r.line('/status away "up all night"')
    r.settle()
    j.quit()
    again = start(juliet)
    again.chat(r)
    again.wait(rf"^\[{romeo.jid}\].*\[away up all")


@suite.test("presence tells who goes offline")
def offline_seen():
    r, j = friends()
    r.line("/quit")
    j.offline(r)


@suite.test("lost connection is seen by contacts")
def broken():
    if offer.has("stream management"):
        raise Skip("this server waits for the session to be resumed")
    r, j = friends()
    r.kill()
    j.offline(r)


@suite.test("block and unblock a user")
def blocked():
    offer.need("blocking")
    # Not Romeo and Juliet: if this fails, others would, too.
    m, b = friends(mercutio, benvolio)
    m.chat(b)
    m.line("/block")
    m.wait(f"Blocked {benvolio.jid}")
    # XEP-0191 §3.3: the contact sees the user go offline.
    b.offline(m)
    b.line(f"/message {mercutio.jid} Do you hear me?")
    b.wait("service-unavailable", why="Benvolio should be told that it did not arrive")
    m.line("/unblock")
    m.wait(f"Unblocked {benvolio.jid}")
    b.line("And now?")
    m.said("And now[?]", by=benvolio)
    if "Do you hear me" in m.text():
        raise Failed(m.report("the message of the blocked contact has arrived"))
