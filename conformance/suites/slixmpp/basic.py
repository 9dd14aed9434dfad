"""RFC 6120 and 6121: login, contacts, presence, messages."""

from datetime import datetime, timedelta, timezone

from slixmpp.exceptions import IqError
from tap import PATIENCE, check
from user import DOMAIN, TOLD, befriend, friends, online, refused_login, strangers, unique


def said(stanza):
    return stanza.name == "message" and bool(stanza["body"])


async def starttls():
    romeo = await online("romeo")
    check("starttls" in romeo.features, "the stream was not upgraded")
    check(romeo.socket.version() in ("TLSv1.2", "TLSv1.3"), f"it is {romeo.socket.version()}")
    check(romeo.boundjid.bare == TOLD["accounts"]["romeo"]["jid"], f"bound to {romeo.boundjid}")


async def direct_tls():
    romeo = await online("romeo", direct_tls=True)
    check("starttls" not in romeo.features, "TLS in TLS")
    await romeo["xep_0199"].send_ping(DOMAIN)


async def wrong_password():
    for direct_tls in (False, True):
        why = await refused_login("romeo", password="capulet", direct_tls=direct_tls)
        refused = why.event == "failed_all_auth" and set(why.conditions) == {"not-authorized"}
        check(refused, f"not-authorized must come, but there came {why}")
    await online("romeo")


async def untrusted_certificate():
    why = await refused_login("romeo", trust=False)
    check(why.event in ("ssl_invalid_chain", "disconnected") and not why.conditions, f"by STARTTLS: {why}")
    why = await refused_login("romeo", trust=False, direct_tls=True)
    check(why.event == "connection_failed", f"by direct TLS: {why}")


async def become_contacts():
    romeo, juliet = await strangers("romeo", "juliet")
    await romeo.nothing("presence of a stranger", lambda it: it["from"].bare == juliet.boundjid.bare)
    await befriend(romeo, juliet)
    for one, other in ((romeo, juliet), (juliet, romeo)):
        entry = await one.contact(other.boundjid.bare)
        check(entry and entry["subscription"] == "both", f"{one.boundjid.bare} has {entry}")


async def refuse_request():
    romeo, mercutio = await strangers("romeo", "mercutio")
    romeo.send_presence_subscription(pto=mercutio.boundjid.bare)
    await mercutio.presence(romeo.boundjid.bare, "subscribe")
    mercutio.send_presence_subscription(pto=romeo.boundjid.bare, ptype="unsubscribed")
    await romeo.presence(mercutio.boundjid.bare, "unsubscribed")
    entry = await romeo.contact(mercutio.boundjid.bare)
    check(not entry or (entry["subscription"] == "none" and not entry["ask"]), f"still {entry}")
    await romeo.nothing("his presence", lambda it: it["from"] == mercutio.boundjid)


async def roster_stays():
    romeo, juliet = await strangers("romeo", "juliet")
    address = juliet.boundjid.bare
    await romeo.update_roster(address, name="Juliet & ☂", groups=["Balcony", "Capulets"])
    await befriend(romeo, juliet)
    await romeo.leave()
    await juliet.presence(romeo.boundjid.full, "unavailable")
    again = await online("romeo")
    await again.presence(juliet.boundjid.full)
    await juliet.presence(again.boundjid.full)
    entry = await again.contact(address)
    check(entry and entry["subscription"] == "both" and entry["name"] == "Juliet & ☂", f"there is {entry}")
    check(sorted(entry["groups"]) == ["Balcony", "Capulets"], f"the groups are {entry['groups']}")


async def remove_contact():
    romeo, juliet = await friends("romeo", "juliet")
    await romeo.forget(juliet.boundjid.bare)
    await juliet.presence(romeo.boundjid.bare, "unsubscribed")
    # Some servers send this once for the account, some for each of its clients.
    await juliet.presence(romeo.boundjid.bare, "unavailable")
    await romeo.presence(juliet.boundjid.bare, "unavailable")
    entry = await romeo.contact(juliet.boundjid.bare)
    check(not entry, f"still {entry}")
    entry = await juliet.contact(romeo.boundjid.bare)
    check(not entry or entry["subscription"] == "none", f"she has {entry}")


async def change_status():
    romeo, juliet = await friends("romeo", "juliet")
    juliet.send_presence(pshow="away", pstatus="The nurse calls ☎", ppriority=5)
    seen = await romeo.presence(juliet.boundjid.full, fits=lambda it: it["show"] == "away")
    check((seen["status"], seen["priority"]) == ("The nurse calls ☎", 5), f"he sees {seen}")
    romeo.inbox.clear()
    juliet.send_presence()
    await romeo.presence(juliet.boundjid.full, fits=lambda it: not it["show"])


async def go_offline():
    romeo, juliet = await friends("romeo", "juliet")
    await juliet.leave()
    await romeo.presence(juliet.boundjid.full, "unavailable")


async def lose_connection():
    romeo, juliet = await friends("romeo", "juliet", without=["0198"])
    juliet.transport.abort()
    await romeo.presence(juliet.boundjid.full, "unavailable")


async def chat():
    romeo, juliet = await strangers("romeo", "juliet")
    for sender, receiver in ((romeo, juliet), (juliet, romeo)):
        for to in (receiver.boundjid.bare, receiver.boundjid.full):
            body = unique("<b>\"Tëxt\" & 'märkup' ☂ 𝄞 ]]></b> \t")
            sender.chat(to, body)
            message = await receiver.message(body)
            right = message["from"] == sender.boundjid and message["to"] == to and message["type"] == "chat"
            check(right, f"there came {message}")


async def keep_order():
    romeo, juliet = await strangers("romeo", "juliet")
    lines = [unique(f"line {number}") for number in range(50)]
    for line in lines:
        romeo.chat(juliet.boundjid, line)
    for line in lines:
        message = await juliet.receive(f"“{line}”", lambda it: said(it) and it["from"] == romeo.boundjid)
        check(message["body"] == line, f"“{line}” must come, but there came {message}")


async def write_to_nobody():
    romeo = await online("romeo")
    nobody = f"{unique('nobody').replace(' ', '-')}@{DOMAIN}"
    letter = romeo.make_message(mto=nobody, mbody="Anybody there?", mtype="chat")
    letter["id"] = "to-nobody"
    letter.send()
    error = await romeo.message_error()
    right = error["id"] == "to-nobody" and error["from"] == nobody and error["error"]["condition"] == "service-unavailable"
    check(right, f"there came {error}")


async def write_to_offline():
    absent = TOLD["accounts"]["benvolio"]["jid"]
    romeo = await online("romeo")
    letters = [unique("letter 1 ☂"), unique("letter 2 <&>")]
    before = datetime.now(timezone.utc)
    for letter in letters:
        romeo.chat(absent, letter)
    try:
        # Answered after them.
        await romeo["xep_0054"].get_vcard(absent)
    except IqError:
        pass
    benvolio = await online("benvolio")
    for letter in letters:
        message = await benvolio.receive(f"“{letter}”", said)
        right = message["body"] == letter and message["from"] == romeo.boundjid
        check(right, f"“{letter}” must come, but there came {message}")
        check(abs(message["delay"]["stamp"] - before) < timedelta(seconds=6 * PATIENCE), f"the time is wrong in {message}")
    await benvolio.nothing("more letters", said)
    await benvolio.leave()
    again = await online("benvolio")
    await again.nothing("the letters again", said)


TESTS = {
    "log in by STARTTLS": starttls,
    "log in by direct TLS": direct_tls,
    "wrong password is refused": wrong_password,
    "an untrusted certificate is refused": untrusted_certificate,
    "become contacts and see each other online": become_contacts,
    "refuse a contact request": refuse_request,
    "contact is in the roster after reconnecting": roster_stays,
    "remove a contact": remove_contact,
    "change of presence is seen by contacts": change_status,
    "presence tells who goes offline": go_offline,
    "lost connection is seen by contacts": lose_connection,
    "chat both ways": chat,
    "chat of many messages keeps its order": keep_order,
    "chat with somebody who does not exist comes back": write_to_nobody,
    "a message to an offline user arrives at next login, once": write_to_offline,
}
