"""The suite, its people, and how they come on stage."""

import re

from client import Profanity
from terminal.probe import Offer
from terminal.tap import Suite

suite = Suite()
offer = Offer(suite)
romeo, juliet, mercutio, benvolio = (suite.accounts[name] for name in ("romeo", "juliet", "mercutio", "benvolio"))


def login(account, **how):
    """A Profanity that is online."""
    return Profanity(suite, account, **how).logged_in()


def friends(first=romeo, second=juliet):
    """Two people online, and contacts of each other."""
    r, j = login(first), login(second)
    for one, other in ((r, j), (j, r)):
        one.line("/roster")
        one.settle()
        if not re.search(rf"{other.account.jid} .*- both", one.text()):
            one.line(f"/sub request {other.account.jid}")
            other.wait(f"Received authorization request from {one.account.jid}")
            other.line(f"/sub allow {one.account.jid}")
            one.wait(rf"\+\+ .*\({other.jid.partition('/')[2]}\) is online")
    for one in (r, j):
        one.line("/clear")
        one.settle(0.1)
    return r, j
