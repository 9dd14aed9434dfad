"""Messages for somebody who is not there, in three acts; the server crashes between them."""

from datetime import datetime, timedelta, timezone

from client import IqError, User, online, play
from slixmpp.xmlstream import ET

COUNT = 20


def body(number):
    return f"letter {number}"


async def leave_messages(told):
    async with online(told, "romeo") as romeo:
        for number in range(COUNT):
            romeo.send_message(mto=told["juliet"]["jid"], mbody=body(number), mtype="chat")
        # Without stream management nothing tells him that they are safe. So: a request that goes through her
        # account after them, and then a change, which is answered when it is durable, as is all before it.
        try:
            await romeo["xep_0054"].get_vcard(told["juliet"]["jid"])
        except IqError:
            pass
        change = romeo.make_iq_set()
        change.xml.append(ET.fromstring("<query xmlns='jabber:iq:private'><done xmlns='urn:test'>1</done></query>"))
        await change.send()
        # None of them came back.
        await romeo.receive_nothing("message")


async def collect_them(told):
    before = datetime.now(timezone.utc) - timedelta(hours=1)
    juliet = User(told, "juliet")
    await juliet.log_in()
    await juliet.get_roster()
    # They wait for her presence, not for her login.
    await juliet.receive_nothing("message")
    juliet.send_presence()
    for number in range(COUNT):
        message = await juliet.receive("message", "chat", told["romeo"]["jid"])
        assert message["body"] == body(number), f"{message['body']} instead of {body(number)}"
        delay = message["delay"]
        assert before < delay["stamp"] <= datetime.now(timezone.utc) + timedelta(seconds=2), message
        assert delay["from"] == told["domain"], message
    await juliet.receive_nothing("message")
    await juliet.leave()


async def find_none(told):
    async with online(told, "juliet") as juliet:
        await juliet.receive_nothing("message")


play(globals())
