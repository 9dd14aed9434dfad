"""What the server and accounts answer by themselves."""

from datetime import datetime, timedelta, timezone

from client import befriend, online, play, refused
from slixmpp.xmlstream import ET

FEATURES = {
    "http://jabber.org/protocol/disco#info",
    "http://jabber.org/protocol/disco#items",
    "jabber:iq:last",
    "jabber:iq:private",
    "jabber:iq:register",
    "jabber:iq:version",
    "urn:xmpp:blocking",
    "urn:xmpp:ping",
    "urn:xmpp:time",
    "vcard-temp",
}


async def ask(told):
    domain = told["domain"]
    async with online(told, "romeo") as romeo, online(told, "juliet") as juliet:
        disco = romeo["xep_0030"]
        info = (await disco.get_info(jid=domain))["disco_info"]
        # Some are announced by the server, some by one's own account.
        own = (await disco.get_info(jid=romeo.boundjid.bare))["disco_info"]
        missing = FEATURES - info["features"] - own["features"]
        assert not missing, f"not announced: {missing}"
        assert ("server", "im") in {identity[:2] for identity in info["identities"]}, info
        assert ("account", "registered") in {identity[:2] for identity in own["identities"]}, own
        await disco.get_items(jid=domain)
        assert await refused(disco.get_info(jid=juliet.boundjid.bare)) == "service-unavailable"

        await romeo["xep_0199"].send_ping(domain)
        await romeo["xep_0199"].send_ping(romeo.boundjid.bare)
        # Another client answers for itself.
        await romeo["xep_0199"].send_ping(juliet.boundjid)

        version = (await romeo["xep_0092"].get_version(domain))["software_version"]
        assert version["name"] == "Stentor" and version["version"], version
        time = await romeo["xep_0202"].get_entity_time(domain)
        # slixmpp does not read the Z that XEP-0082 demands.
        utc = datetime.fromisoformat(time.xml.findtext("{urn:xmpp:time}time/{urn:xmpp:time}utc"))
        assert abs(datetime.now(timezone.utc) - utc) < timedelta(minutes=1), time
        uptime = (await romeo["xep_0012"].get_last_activity(domain))["last_activity"]
        assert 0 <= uptime["seconds"] < 3600, uptime

        unknown = romeo.make_iq_get(ito=domain)
        unknown.xml.append(ET.Element("{urn:test:unknown}query"))
        assert await refused(unknown.send()) == "service-unavailable"

        await befriend(romeo, juliet)
        info = (await disco.get_info(jid=juliet.boundjid.bare))["disco_info"]
        assert ("account", "registered") in {identity[:2] for identity in info["identities"]}, info


def private(content=""):
    note = f"<note xmlns='urn:test:notes'>{content}</note>"
    return ET.fromstring(f"<query xmlns='jabber:iq:private'>{note}</query>")


async def store(told):
    async with online(told, "juliet") as juliet:
        vcard = juliet["xep_0054"].make_vcard()
        vcard["FN"] = "Juliet Capulet"
        await juliet["xep_0054"].publish_vcard(vcard)
        change = juliet.make_iq_set()
        change.xml.append(private("What's in a name?"))
        await change.send()


async def find_again(told):
    async with online(told, "romeo") as romeo, online(told, "juliet") as juliet:
        vcard = await romeo["xep_0054"].get_vcard(told["juliet"]["jid"])
        assert vcard["vcard_temp"]["FN"] == "Juliet Capulet", vcard
        query = juliet.make_iq_get()
        query.xml.append(private())
        answer = await query.send()
        note = answer.xml.find("{jabber:iq:private}query/{urn:test:notes}note")
        assert note is not None and note.text == "What's in a name?", answer
        theirs = romeo.make_iq_get(ito=told["juliet"]["jid"])
        theirs.xml.append(private())
        assert await refused(theirs.send()) == "service-unavailable"


play(globals())
