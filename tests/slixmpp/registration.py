"""Accounts made, changed and removed by clients (XEP-0077)."""

from client import PATIENCE, Refused, User, asyncio, online, play, refused


def tybalt(told, password="rapier"):
    return {"jid": f"tybalt@{told['domain']}", "password": password}


async def make(told):
    user = User(told, tybalt(told))
    asked = []

    async def register(form):
        asked.append(form)
        account = user.make_iq_set()
        account["register"]["username"] = user.boundjid.user
        account["register"]["password"] = user.password
        await account.send()
        # The name is taken now, and a name is needed.
        assert await refused(account.send()) == "conflict"
        nameless = user.make_iq_set()
        nameless["register"]["password"] = user.password
        assert await refused(nameless.send()) == "not-acceptable"

    user.add_event_handler("register", register)
    await user.log_in()
    assert asked and {"username", "password"} <= asked[0]["register"]["fields"], asked
    await user.come_online()
    await user.leave()


async def change_password(told):
    async with online(told, tybalt(told)) as user:
        await user["xep_0077"].change_password("dagger", jid=told["domain"])
        # The session goes on.
        await user["xep_0199"].send_ping(told["domain"])
    async with online(told, tybalt(told, "dagger")):
        pass
    await must_fail(told, tybalt(told))


async def must_fail(told, account):
    try:
        async with online(told, account, mechanism="SCRAM-SHA-256"):
            raise AssertionError("logged in")
    except Refused as why:
        assert why.conditions == ["not-authorized"], why


async def remove(told):
    user = User(told, tybalt(told, "dagger"))
    await user.log_in()
    await user.come_online()
    ended = asyncio.create_task(user.wait_until("disconnected", PATIENCE))
    errors = []
    user.add_event_handler("stream_error", errors.append)
    await user["xep_0077"].cancel_registration()
    await ended
    # §3.2: the server ends the sessions of the account.
    assert [error["condition"] for error in errors] == ["not-authorized"], errors
    await must_fail(told, tybalt(told, "dagger"))


play(globals())
