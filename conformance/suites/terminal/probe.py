"""A small client of its own: asks a server what it offers, so that a test can be skipped, and shows what it is sent.

Logs in by direct TLS, which it verifies, and SASL PLAIN.
"""

import base64
import socket
import ssl
import time
from xml.etree import ElementTree

from .tap import Failed, Skip

CLIENT = "{jabber:client}"
DISCO_INFO = "http://jabber.org/protocol/disco#info"
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"
STREAMS = "http://etherx.jabber.org/streams"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
PATIENCE = 10

FEATURES = {
    "the archive": "urn:xmpp:mam:2",
    "carbons": "urn:xmpp:carbons:2",
    "blocking": "urn:xmpp:blocking",
    "ping": "urn:xmpp:ping",
    "vCards": "vcard-temp",
    "last activity": "jabber:iq:last",
    "version": "jabber:iq:version",
    "stream management": "urn:xmpp:sm:3",
}


class Offer:
    """What a server offers, found out once."""

    def __init__(self, suite):
        self.suite = suite
        self._features = None
        self._rooms = None

    def need(self, what):
        """Skips the test unless the domain or the account announces `what`, a key of `FEATURES`."""
        if not self.has(what):
            raise Skip(f"this server offers no {what.removeprefix('the ')}")

    def has(self, what):
        """Does the domain or the account announce `what`?"""
        if self._features is None:
            self._ask()
        return FEATURES[what] in self._features

    def rooms(self):
        """The address of the chat service; skips the test if there is none."""
        if self._features is None:
            self._ask()
        if self._rooms is None:
            raise Skip("this server offers no chatrooms")
        return self._rooms

    def _ask(self):
        account = self.suite.accounts["benvolio"]
        with Stream(self.suite, account) as stream:
            domain, own = self.suite.domain, account.jid
            self._features = features(stream.disco(domain)) | features(stream.disco(own)) | stream.features
            for item in stream.items(domain):
                info = stream.disco(item)
                if "http://jabber.org/protocol/muc" in features(info):
                    self._rooms = item


def features(info):
    """The features in a disco#info result."""
    return {feature.get("var") for feature in info.iter(f"{{{DISCO_INFO}}}feature")}


class Stream:
    """A logged-in stream."""

    def __init__(self, suite, account):
        context = ssl.create_default_context(cafile=suite.ca)
        plain = socket.create_connection((suite.host, suite.tls_port), PATIENCE)
        self.socket = context.wrap_socket(plain, server_hostname=suite.domain)
        self.domain = suite.domain
        self.counter = 0
        self.parser = None
        self._open()
        secret = base64.b64encode(f"\0{account.name}\0{account.password}".encode()).decode()
        self.send(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{secret}</auth>")
        self._expect(f"{{{SASL}}}success")
        self._open()
        #: The full address that the server has bound.
        self.resource = self.ask("set", None, f"<bind xmlns='{BIND}'/>").findtext(f".//{{{BIND}}}jid")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.send("</stream:stream>")
        self.socket.close()

    def send(self, text):
        """Sends XML as it is."""
        self.socket.sendall(text.encode())

    def ask(self, kind, to, payload):
        """Sends an IQ and returns the answer."""
        self.counter += 1
        number = f"probe-{self.counter}"
        target = f" to='{to}'" if to else ""
        self.send(f"<iq type='{kind}' id='{number}'{target}>{payload}</iq>")
        return self.until(lambda stanza: stanza.tag == f"{CLIENT}iq" and stanza.get("id") == number)

    def disco(self, jid):
        """What `jid` says that it is."""
        return self.ask("get", jid, f"<query xmlns='{DISCO_INFO}'/>")

    def items(self, jid):
        """The addresses that belong to `jid`."""
        found = self.ask("get", jid, f"<query xmlns='{DISCO_ITEMS}'/>").iter(f"{{{DISCO_ITEMS}}}item")
        return [item.get("jid") for item in found if not item.get("node")]

    def until(self, wanted):
        """The next element that is `wanted`; others before it are dropped."""
        seen = []
        end = time.monotonic() + PATIENCE
        while (left := end - time.monotonic()) > 0:
            element = self._next(left)
            if element is None:
                break
            if wanted(element):
                return element
            seen.append(ElementTree.tostring(element, encoding="unicode"))
        raise Failed("\n".join(["the probe did not get the answer it waited for; it has seen:", *seen]))

    def _open(self):
        self.parser = ElementTree.XMLPullParser(events=("start", "end"))
        self.depth = 0
        self.send(
            f"<?xml version='1.0'?><stream:stream to='{self.domain}' version='1.0'"
            f" xmlns='jabber:client' xmlns:stream='{STREAMS}'>"
        )
        #: The namespaces of the features of the stream.
        self.features = {child.tag[1:].partition("}")[0] for child in self._expect(f"{{{STREAMS}}}features")}

    def _expect(self, tag):
        element = self._next(PATIENCE)
        if element is None or element.tag != tag:
            seen = "nothing" if element is None else ElementTree.tostring(element, encoding="unicode")
            raise Failed(f"the probe cannot log in: it waited for {tag} and got {seen}")
        return element

    def _next(self, seconds):
        """The next whole child of the stream; None if there is none in time."""
        end = time.monotonic() + seconds
        while True:
            for event, element in self.parser.read_events():
                self.depth += 1 if event == "start" else -1
                if event == "end" and self.depth == 1:
                    return element
            self.socket.settimeout(max(end - time.monotonic(), 0.01))
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return None
            if not data:
                return None
            self.parser.feed(data)
