"""Login over STARTTLS and direct TLS, and all the ways in which it must fail."""

from client import Refused, User, online, play

MECHANISMS = ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]


async def starttls(told):
    async with online(told, "romeo") as romeo:
        assert "starttls" in romeo.features
        assert romeo.socket.version() in ("TLSv1.2", "TLSv1.3"), romeo.socket.version()
        assert romeo.boundjid.bare == told["romeo"]["jid"] and romeo.boundjid.resource


async def direct_tls(told):
    async with online(told, "romeo", direct_tls=True) as romeo:
        assert "starttls" not in romeo.features
        await romeo["xep_0199"].send_ping(told["domain"])


async def every_mechanism(told):
    for mechanism in MECHANISMS:
        async with online(told, "romeo", mechanism=mechanism) as romeo:
            assert romeo["feature_mechanisms"].mech.name == mechanism


async def refusal(told, who, **how):
    try:
        async with online(told, who, **how):
            raise AssertionError("logged in")
    except Refused as why:
        return why


async def distrust(told):
    starttls = await refusal(told, "romeo", trust=False)
    assert starttls.event in ("ssl_invalid_chain", "disconnected"), starttls
    direct = await refusal(told, "romeo", trust=False, direct_tls=True)
    assert direct.event == "connection_failed", direct


async def wrong_password(told):
    for direct_tls in (False, True):
        why = await refusal(told, "romeo", password="capulet", mechanism="SCRAM-SHA-256", direct_tls=direct_tls)
        assert why.conditions == ["not-authorized"], why
    why = await refusal(told, "romeo", password="capulet", mechanism="PLAIN")
    assert why.conditions == ["not-authorized"], why


async def unknown_user(told):
    nobody = {"jid": f"mercutio@{told['domain']}", "password": "queen mab"}
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"):
        why = await refusal(told, nobody, mechanism=mechanism)
        assert why.conditions == ["not-authorized"], why


async def still_welcome(told):
    """What strangers tried does not lock anybody out."""
    async with online(told, "juliet"), online(told, "romeo"):
        pass


play(globals())
