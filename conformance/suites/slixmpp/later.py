"""Stream management, rooms, the archive, carbons, PEP: asked of the server first."""

import asyncio
from datetime import datetime, timedelta, timezone

from slixmpp import JID
from slixmpp.exceptions import IqError
from tap import PATIENCE, Skip, check, need
from user import DOMAIN, friends, online, strangers, unique, within


async def resume():
    romeo = await online("romeo")
    need(romeo.offered.xml.find("{urn:xmpp:sm:3}sm") is not None, "stream management (XEP-0198)")
    juliet = await online("juliet")
    address = romeo.boundjid.full
    resumed = asyncio.get_running_loop().create_future()
    romeo.add_event_handler("session_resumed", resumed.set_result)
    broken = asyncio.ensure_future(romeo.wait_until("disconnected", PATIENCE))

    sent = [unique("sent 1"), unique("sent 2 ☂")]
    for line in sent:
        romeo.chat(juliet.boundjid, line)
    # Out of the library's queue.
    await asyncio.sleep(0.1)
    romeo.transport.abort()
    await broken
    missed = [unique("missed 1"), unique("missed 2 <&>"), unique("missed 3")]
    for line in missed:
        juliet.chat(address, line)
    await juliet["xep_0199"].send_ping(DOMAIN)
    romeo.connect_there()
    await within(resumed, "the session was not resumed")

    def from_her(stanza):
        return stanza.name == "message" and stanza["from"] == juliet.boundjid

    for line in missed:
        message = await romeo.receive(f"“{line}”", from_her)
        check(message["body"] == line, f"“{line}” must come, but there came {message}")
    await romeo.nothing("more messages", from_her)
    for line in sent:
        await juliet.message(line)
    await juliet.nothing("more from him", lambda it: it["from"] == address)
    after = unique("after")
    romeo.chat(juliet.boundjid, after)
    await juliet.message(after)


async def room_service(user):
    items = (await user["xep_0030"].get_items(jid=DOMAIN))["disco_items"]["items"]
    for address, _, _ in items:
        try:
            if "http://jabber.org/protocol/muc" in await user.features_of(address):
                return address
        except IqError:
            pass
    raise Skip("rooms (XEP-0045)")


async def use_room():
    romeo, juliet = await strangers("romeo", "juliet")
    room = JID(f"{unique('balcony').replace(' ', '-')}@{await room_service(romeo)}")
    romeo["xep_0045"].join_muc(room, "Romeo")
    own = await romeo.presence(f"{room}/Romeo")
    check({110, 201} <= own["muc"]["status_codes"], f"no status 110 and 201 in {own}")
    await romeo["xep_0045"].set_room_config(room, romeo["xep_0004"].make_form(ftype="submit"))
    own, _, occupants, _ = await juliet["xep_0045"].join_muc_wait(room, "Juliet", timeout=PATIENCE)
    check(110 in own["muc"]["status_codes"], f"no status 110 in {own}")
    check(f"{room}/Romeo" in [it["from"] for it in occupants], f"there are {occupants}")
    await romeo.presence(f"{room}/Juliet")

    for sender, nick in ((romeo, "Romeo"), (juliet, "Juliet")):
        line = unique("Good night <&> ☂")
        sender.send_message(mto=room, mbody=line, mtype="groupchat")
        for user in (romeo, juliet):
            message = await user.message(line)
            check(message["from"] == f"{room}/{nick}" and message["type"] == "groupchat", f"there came {message}")

    juliet["xep_0045"].leave_muc(room, "Juliet")
    left = await juliet.presence(f"{room}/Juliet", "unavailable")
    check(110 in left["muc"]["status_codes"], f"no status 110 in {left}")
    await romeo.presence(f"{room}/Juliet", "unavailable")
    romeo["xep_0045"].leave_muc(room, "Romeo")
    await romeo.presence(f"{room}/Romeo", "unavailable")


async def fetch_archive():
    romeo, juliet = await strangers("romeo", "juliet")
    await romeo.need("urn:xmpp:mam:2", "archive (XEP-0313)", of=romeo.boundjid.bare)
    lines = [unique("archived 1"), unique("archived 2 <&> ☂")]
    romeo.chat(juliet.boundjid.bare, lines[0])
    await juliet.message(lines[0])
    juliet.chat(romeo.boundjid.bare, lines[1])
    await romeo.message(lines[1])
    newest = romeo["xep_0313"].iterate(with_jid=JID(juliet.boundjid.bare), reverse=True, rsm={"max": 2}, total=2)
    results = [message["mam_result"] async for message in newest]
    results.reverse()
    found = [result["forwarded"]["stanza"]["body"] for result in results]
    check(found == lines, f"the last two are {found}")
    for result in results:
        age = datetime.now(timezone.utc) - result["forwarded"]["delay"]["stamp"]
        check(result["id"] and abs(age) < timedelta(seconds=6 * PATIENCE), f"there came {result}")


async def copy_to_other_clients():
    juliet = await online("juliet")
    phone, desk = await online("romeo", resource="phone"), await online("romeo", resource="desk")
    await phone.need("urn:xmpp:carbons:2", "carbons (XEP-0280)")
    for user in (phone, desk):
        await user["xep_0280"].enable()

    def copied(direction):
        return lambda it: it.name == "message" and it.xml.find(f"{{urn:xmpp:carbons:2}}{direction}") is not None

    to_phone = unique("to the phone")
    juliet.chat(phone.boundjid, to_phone)
    await phone.message(to_phone)
    carbon = await desk.receive("a carbon of what came", copied("received"))
    right = carbon["from"] == phone.boundjid.bare and carbon["carbon_received"]["body"] == to_phone
    check(right, f"there came {carbon}")

    from_desk = unique("from the desk")
    desk.chat(juliet.boundjid, from_desk)
    await juliet.message(from_desk)
    carbon = await phone.receive("a carbon of what went out", copied("sent"))
    message = carbon["carbon_sent"]
    check(message["body"] == from_desk and message["to"] == juliet.boundjid, f"there came {carbon}")
    await desk.nothing("a carbon of its own message", copied("sent"))


async def publish_nickname():
    plus = ["0060", "0115", "0163", "0172"]
    romeo, juliet = await friends("romeo", "juliet", plus=plus)
    own = (await juliet["xep_0030"].get_info(jid=juliet.boundjid.bare))["disco_info"]
    need(("pubsub", "pep") in {identity[:2] for identity in own["identities"]}, "PEP (XEP-0163)")
    await romeo.leave()
    interested = await online("romeo", plus=plus)
    nick = unique("Jule ☂")
    await juliet["xep_0172"].publish_nick(nick)

    def about_nick(stanza):
        return stanza.name == "message" and stanza.match("message/pubsub_event/items") and nick in str(stanza)

    event = await interested.receive(f"the nickname “{nick}”", about_nick)
    check(event["from"] == juliet.boundjid.bare, f"there came {event}")


TESTS = {
    "resume a session after the connection broke": resume,
    "join a room, talk, leave": use_room,
    "fetch the archive": fetch_archive,
    "carbons between two clients of one account": copy_to_other_clients,
    "contacts see a nickname that was published": publish_nickname,
}
