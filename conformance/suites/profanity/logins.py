"""Logging in, and the password."""

from client import Profanity
from stage import benvolio, login, romeo, suite


@suite.test("log in by STARTTLS")
def starttls():
    login(romeo)


@suite.test("log in by direct TLS")
def direct():
    login(romeo, direct=True)


@suite.test("set up an account by commands")
def commands():
    client = Profanity(suite, romeo, trust=False)
    client.wait("Use '/tls deny'")
    client.line("/tls deny")
    client.wait("Login failed")
    client.line("/clear")
    for line in (
        f"/tls certpath set {client.roots}",
        "/account add verona",
        f"/account set verona jid {romeo.jid}",
        f"/account set verona server {suite.host}",
        f"/account set verona port {suite.port}",
        "/account set verona tls force",
        "/connect verona",
    ):
        client.line(line)
        client.settle(0.1)
    client.wait("Enter password:")
    client.line(romeo.password)
    client.logged_in()


@suite.test("wrong password is refused")
def wrong_password():
    client = Profanity(suite, romeo, password="rosaline")
    client.wait("Login failed")
    client.wait(r"\[offline\]")
    client.line(f"/account set {romeo.name} password {romeo.password}")
    client.line(f"/connect {romeo.name}")
    client.logged_in()


@suite.test("an untrusted certificate is refused")
def untrusted():
    for direct in (False, True):
        client = Profanity(suite, romeo, trust=False, direct=direct)
        client.wait("TLS certificate verification failed: (unable to get local issuer|self-signed certificate)")
        client.wait("Use '/tls deny' to reject this certificate")
        client.line("/tls deny")
        client.wait("Login failed")
        client.wait(r"\[offline\]")


@suite.test("change the password (in-band registration)")
def password():
    client = login(benvolio)
    change(client, "part-fools")
    client.quit()
    again = login(benvolio, password="part-fools")
    change(again, benvolio.password)
    again.quit()
    Profanity(suite, benvolio, password="part-fools").wait("Login failed")


def change(client, new):
    """Enters a new password twice."""
    client.line("/changepassword")
    client.wait("Enter password:")
    client.line(new)
    client.wait("Confirm password:")
    client.line(new)
    client.wait("Password successfully changed")
