"""Subscriptions in both directions, presence, roster, chat."""

from client import asyncio, befriend, online, play


def subscription(user, contact):
    return user.client_roster[contact.boundjid.bare]["subscription"]


async def chat(one, other):
    for sender, receiver in ((one, other), (other, one)):
        sender.send_message(mto=receiver.boundjid.bare, mbody="to the account & <all>", mtype="chat")
        message = await receiver.receive("message", "chat", sender.boundjid.full)
        assert message["body"] == "to the account & <all>" and message["to"].bare == receiver.boundjid.bare
        sender.send_message(mto=receiver.boundjid, mbody="to the client ☂", mtype="chat")
        message = await receiver.receive("message", "chat", sender.boundjid.full)
        assert message["body"] == "to the client ☂" and message["to"] == receiver.boundjid


async def subscribe(told):
    async with online(told, "romeo") as romeo:
        async with online(told, "juliet", direct_tls=True) as juliet:
            # Strangers see nothing of each other.
            await romeo.receive_nothing("presence", juliet.boundjid.bare)
            await juliet.receive_nothing("presence", romeo.boundjid.bare)

            await romeo.update_roster(juliet.boundjid.bare, name="Juliet", groups=["Capulets", "Balcony"])
            await befriend(romeo, juliet)
            for user in (romeo, juliet):
                await user.get_roster()
            assert subscription(romeo, juliet) == subscription(juliet, romeo) == "both"

            juliet.send_presence(pshow="away", pstatus="The nurse calls", ppriority=5)
            presence = await romeo.receive("presence", sender=juliet.boundjid.full)
            assert (presence["show"], presence["status"], presence["priority"]) == ("away", "The nurse calls", 5)

            await chat(romeo, juliet)
            # Typing notifications and the like pass, too.
            juliet.send_message(mto=romeo.boundjid.bare, mbody="normal", mtype="normal")
            assert (await romeo.receive("message", sender=juliet.boundjid.full))["body"] == "normal"
        await romeo.receive("presence", "unavailable", juliet.boundjid.full)


async def meet_again(told):
    async with online(told, "romeo") as romeo:
        entry = romeo.client_roster[told["juliet"]["jid"]]
        assert entry["subscription"] == "both" and entry["name"] == "Juliet", dict(entry._state)
        assert sorted(entry["groups"]) == ["Balcony", "Capulets"], entry["groups"]
        async with online(told, "juliet") as juliet:
            await romeo.receive("presence", "available", juliet.boundjid.full)
            await juliet.receive("presence", "available", romeo.boundjid.full)
            await chat(romeo, juliet)

            # Her connection breaks: he learns of it.
            second = await asyncio.create_task(broken_off(told, romeo))
            await romeo.receive("presence", "unavailable", second)

            await romeo.del_roster_item(juliet.boundjid.bare)
            await juliet.receive("presence", "unsubscribe", romeo.boundjid.bare)
            await juliet.receive("presence", "unsubscribed", romeo.boundjid.bare)
            await juliet.get_roster()
            assert subscription(juliet, romeo) == "none"
            await romeo.get_roster()
            assert told["juliet"]["jid"] not in romeo.client_roster.keys()


async def broken_off(told, romeo):
    manager = online(told, "juliet")
    juliet = await manager.__aenter__()
    await romeo.receive("presence", "available", juliet.boundjid.full)
    juliet.transport.abort()
    return juliet.boundjid.full


play(globals())
