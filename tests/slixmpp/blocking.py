"""Juliet blocks Romeo, who then finds nobody."""

from client import befriend, online, play


async def bounced(sender, receiver, condition):
    sender.send_message(mto=receiver, mbody="?", mtype="chat")
    error = await sender.receive("message", "error", receiver)
    assert error["error"]["condition"] == condition, error


async def block(told):
    async with online(told, "romeo") as romeo, online(told, "juliet") as juliet:
        await befriend(romeo, juliet)
        await juliet["xep_0191"].block(romeo.boundjid.bare)
        # For him she has gone.
        await romeo.receive("presence", "unavailable", juliet.boundjid.full)
        await silence(told, romeo, juliet)


async def silence(told, romeo, juliet):
    blocked = await juliet["xep_0191"].get_blocked_jids()
    assert blocked == {told["romeo"]["jid"]}, blocked
    await bounced(romeo, juliet.boundjid.bare, "service-unavailable")
    await bounced(romeo, juliet.boundjid.full, "service-unavailable")
    await bounced(juliet, romeo.boundjid.bare, "not-acceptable")
    romeo.send_presence(pstatus="Where are you?")
    await romeo.receive("presence", sender=romeo.boundjid.full)
    await juliet.receive_nothing("message", romeo.boundjid.bare)
    await juliet.receive_nothing("presence", romeo.boundjid.bare)


async def stays_blocked(told):
    async with online(told, "juliet") as juliet, online(told, "romeo") as romeo:
        await silence(told, romeo, juliet)
        await romeo.receive_nothing("presence", juliet.boundjid.bare)


async def unblock(told):
    async with online(told, "juliet") as juliet, online(told, "romeo") as romeo:
        await juliet["xep_0191"].unblock(romeo.boundjid.bare)
        await romeo.receive("presence", "available", juliet.boundjid.full)
        assert await juliet["xep_0191"].get_blocked_jids() == set()
        romeo.send_message(mto=juliet.boundjid.bare, mbody="Again?", mtype="chat")
        await juliet.receive("message", "chat", romeo.boundjid.full)


play(globals())
