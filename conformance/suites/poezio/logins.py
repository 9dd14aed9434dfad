"""Logging in, and the password."""

from client import Poezio
from stage import benvolio, romeo, start, suite
from terminal.tap import Failed


@suite.test("log in by STARTTLS")
def starttls():
    start(romeo)


@suite.test("log in by direct TLS")
def direct():
    client = Poezio(suite, romeo, direct=True)
    client.wait("Authentication success")
    # It tries direct TLS first, and STARTTLS if that fails.
    if "failed" in client.text():
        raise Failed(client.report("the first connection should be good"))


@suite.test("wrong password is refused")
def wrong_password():
    client = Poezio(suite, romeo, password="rosaline")
    client.wait("Authentication failed")
    client.line(f"/set password {romeo.password}")
    client.line("/reconnect")
    client.wait("Authentication success")


@suite.test("an untrusted certificate is refused")
def untrusted():
    for direct in (False, True):
        client = Poezio(suite, romeo, trust=False, direct=direct)
        client.wait("(?i)certificate")
        client.wait("(?i)certificate.verify.failed|certificate sent by the server is invalid")
        client.never("Authentication", 1)


@suite.test("change the password (in-band registration)")
def password():
    client = start(benvolio)
    client.line("/password part-fools")
    client.wait("Password updated")
    client.quit()
    again = start(benvolio, password="part-fools")
    again.line(f"/password {benvolio.password}")
    again.wait("Password updated")
    again.quit()
    Poezio(suite, benvolio, password="part-fools").wait("Authentication failed")
