"""The suite, its people, and how they come on stage."""

from client import Poezio
from terminal.probe import Offer
from terminal.tap import Suite

suite = Suite()
offer = Offer(suite)
romeo, juliet, mercutio, benvolio = (suite.accounts[name] for name in ("romeo", "juliet", "mercutio", "benvolio"))


def start(*accounts, **how):
    """A poezio for each of the accounts, all online. They start together, for it takes a while."""
    clients = [Poezio(suite, account, **how) for account in accounts]
    for client in clients:
        client.logged_in()
    return clients if len(clients) > 1 else clients[0]


def friends(one=romeo, other=juliet):
    """Two people online, and contacts of each other."""
    r, j = start(one, other)
    if not (r.contact(j) and j.contact(r)):
        befriend(r, j)
    for one, other in ((r, j), (j, r)):
        one.online(other)
    return r, j


def befriend(r, j):
    """The first asks, the second accepts, which asks back, and the first accepts that."""
    r.line(f"/add {j.account.jid}")
    r.wait(f"{j.account.jid} was added to the roster")
    j.wait(f"{r.account.jid} wants to subscribe to your presence")
    j.line(f"/accept {r.account.jid}")
    r.wait(f"{j.account.jid} accepted your contact proposal")
    r.line(f"/accept {j.account.jid}")
    for one in (r, j):
        one.wait("is now authorized")
        one.roster()
