"""XEPs that are asked and answered, and what must pass through between clients."""

import asyncio
from datetime import datetime, timedelta, timezone

from slixmpp.exceptions import IqError
from slixmpp.xmlstream import ET
from tap import PATIENCE, check, need
from user import DOMAIN, User, friends, online, refused, refused_login, strangers, unique

CHAT_STATES = "http://jabber.org/protocol/chatstates"


async def ping_server():
    romeo = await online("romeo")
    await romeo["xep_0199"].send_ping(DOMAIN)


async def ping_client():
    romeo, juliet = await strangers("romeo", "juliet")
    await romeo["xep_0199"].send_ping(juliet.boundjid)


async def ask_unknown():
    romeo = await online("romeo")
    request = romeo.make_iq_get(ito=DOMAIN)
    request.xml.append(ET.Element("{urn:example:unknown}query"))
    condition = await refused(request.send())
    # RFC 6120 §8.4
    check(condition == "service-unavailable", f"the condition is {condition}")


async def ask_features():
    romeo = await online("romeo")
    info = (await romeo["xep_0030"].get_info(jid=DOMAIN))["disco_info"]
    check(("server", "im") in {identity[:2] for identity in info["identities"]}, f"it says {info}")
    missing = {"http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items"} - info["features"]
    check(not missing, f"no {missing} in {info}")
    own = (await romeo["xep_0030"].get_info(jid=romeo.boundjid.bare))["disco_info"]
    check(("account", "registered") in {identity[:2] for identity in own["identities"]}, f"the account says {own}")


async def ask_version():
    romeo = await online("romeo")
    await romeo.need("jabber:iq:version", "version (XEP-0092)")
    version = (await romeo["xep_0092"].get_version(DOMAIN))["software_version"]
    check(version["name"] and version["version"], f"it says {version}")


async def ask_time():
    romeo = await online("romeo")
    await romeo.need("urn:xmpp:time", "time (XEP-0202)")
    time = await romeo["xep_0202"].get_entity_time(DOMAIN)
    # COMPAT: slixmpp does not read the Z that XEP-0082 demands.
    utc = datetime.fromisoformat(time.xml.findtext("{urn:xmpp:time}time/{urn:xmpp:time}utc"))
    check(abs(datetime.now(timezone.utc) - utc) < timedelta(seconds=PATIENCE), f"it says {time}")


async def ask_uptime():
    romeo = await online("romeo")
    await romeo.need("jabber:iq:last", "last activity (XEP-0012)")
    last = (await romeo["xep_0012"].get_last_activity(DOMAIN))["last_activity"]
    check(last["seconds"] >= 0, f"it says {last}")


async def keep_vcard():
    romeo, juliet = await strangers("romeo", "juliet")
    own = await romeo.features_of(romeo.boundjid.bare)
    need("vcard-temp" in own | await romeo.features_of(DOMAIN), "vCards (XEP-0054)")
    name, picture = unique("Romeo <Montague> & ☂"), bytes(range(256)) * 20
    card = romeo["xep_0054"].make_vcard()
    card["FN"] = name
    card["PHOTO"]["TYPE"], card["PHOTO"]["BINVAL"] = "image/png", picture
    await romeo["xep_0054"].publish_vcard(card)
    for user, of in ((romeo, None), (juliet, romeo.boundjid.bare)):
        # Not what the client remembers.
        found = (await user["xep_0054"].get_vcard(of, cached=False))["vcard_temp"]
        check(found["FN"] == name, f"{user.boundjid.bare} gets {found}")
        check(found["PHOTO"]["BINVAL"] == picture, f"{user.boundjid.bare} gets another picture")


async def keep_private_data():
    def note(content=""):
        return ET.fromstring(f"<query xmlns='jabber:iq:private'><note xmlns='urn:example:note'>{content}</note></query>")

    romeo = await online("romeo")
    text = unique("kept ☂")
    change = romeo.make_iq_set()
    change.xml.append(note(text))
    try:
        await change.send()
    except IqError as error:
        need(error.condition != "service-unavailable", "private storage (XEP-0049)")
        raise
    await romeo.leave()
    again = await online("romeo")
    query = again.make_iq_get()
    query.xml.append(note())
    answer = await query.send()
    kept = answer.xml.findtext("{jabber:iq:private}query/{urn:example:note}note")
    check(kept == text, f"there came {answer}")


async def block_and_unblock():
    romeo, juliet = await friends("romeo", "juliet")
    await romeo.need("urn:xmpp:blocking", "blocking (XEP-0191)")
    blocking = romeo["xep_0191"]
    await blocking.block(juliet.boundjid.bare)
    try:
        blocked = await blocking.get_blocked_jids()
        check(blocked == {juliet.boundjid.bare}, f"the list is {blocked}")
        # XEP-0191 §3.3
        await juliet.presence(romeo.boundjid.full, "unavailable")
        juliet.chat(romeo.boundjid.bare, "unheard")
        error = await juliet.message_error()
        check(error["error"]["condition"] == "service-unavailable", f"there came {error}")
        await romeo.nothing("her message", lambda it: it.name == "message" and it["body"])
    finally:
        # Not left to the tests after this one.
        await blocking.unblock(juliet.boundjid.bare)
    blocked = await blocking.get_blocked_jids()
    check(blocked == set(), f"the list is {blocked}")
    await juliet.presence(romeo.boundjid.full)
    heard = unique("heard")
    juliet.chat(romeo.boundjid.bare, heard)
    await romeo.message(heard)


async def pass_receipts():
    romeo, juliet = await strangers("romeo", "juliet")
    typing = juliet.make_message(mto=romeo.boundjid, mtype="chat")
    typing["chat_state"] = "composing"
    typing.send()
    await romeo.receive("“composing”", lambda it: it.name == "message" and it["chat_state"] == "composing")

    body = unique("Wherefore?")
    letter = juliet.make_message(mto=romeo.boundjid, mbody=body, mtype="chat")
    letter["chat_state"] = "active"
    letter["request_receipt"] = True
    letter.send()
    message = await romeo.message(body)
    right = message["chat_state"] == "active" and message["request_receipt"] and message["id"] == letter["id"]
    check(right, f"there came {message}")
    romeo["xep_0184"].ack(message)
    receipt = await juliet.receive("the receipt", lambda it: it.name == "message" and it["receipt"])
    check(receipt["receipt"] == letter["id"] and receipt["from"] == romeo.boundjid, f"there came {receipt}")


async def register():
    name = unique("tybalt").replace(" ", "-")
    tybalt = User(name, password="rapier")
    forms = []

    async def fill_in(form):
        forms.append(form)
        account = tybalt.make_iq_set()
        account["register"]["username"] = name
        account["register"]["password"] = "rapier"
        await account.send()

    tybalt.add_event_handler("register", fill_in)
    # It would ask without the server's offer, too.
    tybalt["xep_0077"].force_registration = False
    try:
        await tybalt.come_online()
    except Exception:
        need(forms, "registration (XEP-0077)")
        raise
    check({"username", "password"} <= forms[0]["register"]["fields"], f"the form is {forms[0]}")
    await tybalt["xep_0077"].change_password("dagger", jid=DOMAIN)
    await tybalt.leave()

    why = await refused_login(name, password="rapier")
    check(set(why.conditions) == {"not-authorized"}, f"with the old password: {why}")
    changed = await online(name, password="dagger")
    ended = asyncio.ensure_future(changed.wait_until("disconnected", PATIENCE))
    removal = changed["xep_0077"].cancel_registration()
    # XEP-0077 §3.2: who is removed may see the answer or the end of the stream.
    await asyncio.wait([removal, ended], return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    await changed.leave()
    why = await refused_login(name, password="dagger")
    check(set(why.conditions) == {"not-authorized"}, f"after the removal: {why}")


TESTS = {
    "ping the server": ping_server,
    "ping another client": ping_client,
    "unknown request is answered by an error": ask_unknown,
    "disco tells the features of server and account": ask_features,
    "ask the server for its version": ask_version,
    "ask the server for its time": ask_time,
    "last activity of the server": ask_uptime,
    "store and fetch a vCard": keep_vcard,
    "store and fetch data in private storage": keep_private_data,
    "block and unblock a user": block_and_unblock,
    "receipts and chat states pass": pass_receipts,
    "register an account, change its password, remove it": register,
}
