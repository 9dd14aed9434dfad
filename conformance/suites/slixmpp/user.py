"""A user with a client of slixmpp: what must come is waited for."""

import asyncio
import json
import ssl
import sys
import uuid

from slixmpp import JID, ClientXMPP, Iq
from slixmpp.exceptions import IqError
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import StanzaPath
from tap import PATIENCE, Wrong, check, need

TOLD = json.loads(sys.argv[1])
DOMAIN = TOLD["domain"]

PLUGINS = "0012 0030 0045 0049 0054 0059 0077 0085 0092 0184 0191 0198 0199 0202 0203 0280 0297 0313".split()

# Requests without a timeout of their own would wait for two minutes.
Iq.send.__defaults__ = (None, PATIENCE)

opened = set()


class Refused(Exception):
    """A login that came to nothing: what happened last, and the conditions of the failures."""

    def __init__(self, event, conditions):
        super().__init__(f"{event} {conditions}")
        self.event = event
        self.conditions = conditions


def unique(text):
    """A text that no other test uses."""
    return f"{text} {uuid.uuid4()}"


class User(ClientXMPP):
    def __init__(self, who, password=None, direct_tls=False, trust=True, resource=None, without=(), plus=()):
        account = TOLD["accounts"].get(who) or {"jid": f"{who}@{DOMAIN}", "password": password}
        address = account["jid"] + (f"/{resource}" if resource else "")
        super().__init__(address, password or account["password"])
        self.enable_direct_tls = direct_tls
        self.enable_starttls = not direct_tls
        self.enable_plaintext = False
        # As strictly as from Python 3.13 on.
        self.ssl_context.verify_flags |= ssl.VERIFY_X509_STRICT
        if trust:
            self.ca_certs = TOLD["ca"]
        self.auto_authorize = None
        self.auto_subscribe = False
        for plugin in [*PLUGINS, *plus]:
            if plugin not in without:
                self.register_plugin(f"xep_{plugin}")
        # The tests send receipts themselves.
        self["xep_0184"].auto_ack = False
        self.inbox = []
        self.arrived = asyncio.Event()
        self.conditions = []
        self.offered = None
        for kind in ("message", "presence"):
            self.register_handler(Callback(f"every {kind}", StanzaPath(kind), self._keep))
        self.add_event_handler("failed_auth", lambda failure: self.conditions.append(failure["condition"]))
        self.add_filter("in", self._note_features)

    def _note_features(self, stanza):
        if stanza.name == "features":
            self.offered = stanza
        return stanza

    def _keep(self, stanza):
        self.inbox.append(stanza)
        self.arrived.set()

    def connect_there(self):
        port = TOLD["tls_port" if self.enable_direct_tls else "port"]
        return self.connect(TOLD["host"], port)

    async def log_in(self):
        """Connects and binds a resource; sends no presence."""
        outcome = asyncio.get_running_loop().create_future()

        def settles(event):
            self.add_event_handler(event, lambda _: outcome.done() or outcome.set_result(event), disposable=True)

        for event in ("session_start", "failed_all_auth", "ssl_invalid_chain", "connection_failed", "disconnected"):
            settles(event)
        opened.add(self)
        self.connect_there()
        event = await within(outcome, f"{self.boundjid.bare} was not logged in")
        if event != "session_start":
            opened.discard(self)
            self.abort()
            self.cancel_connection_attempt()
            raise Refused(event, self.conditions)
        return self

    async def come_online(self):
        """Logs in, fetches the roster and becomes available."""
        await self.log_in()
        await self.get_roster()
        await self.become_available()
        return self

    async def become_available(self):
        self.send_presence()
        await self.presence(self.boundjid.full)

    async def leave(self):
        opened.discard(self)
        await self.disconnect(wait=PATIENCE)

    def chat(self, to, body):
        self.send_message(mto=to, mbody=body, mtype="chat")

    async def receive(self, what, fits):
        """Takes the first stanza that fits, waiting for it."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    for stanza in self.inbox:
                        if fits(stanza):
                            self.inbox.remove(stanza)
                            return stanza
                    self.arrived.clear()
                    await self.arrived.wait()
        except TimeoutError:
            seen = " ".join(map(str, self.inbox)) or "nothing"
            raise Wrong(f"{self.boundjid} did not get {what} within {PATIENCE} s; there is {seen}") from None

    async def presence(self, sender, type_="available", fits=lambda _: True):
        """Presence from a full or bare address."""

        def such(stanza):
            known = sender in (stanza["from"].full, stanza["from"].bare)
            return stanza.name == "presence" and stanza.xml.get("type", "available") == type_ and known and fits(stanza)

        return await self.receive(f"presence of type {type_} from {sender}", such)

    async def message(self, body):
        return await self.receive(f"the message “{body}”", lambda it: it.name == "message" and it["body"] == body)

    async def message_error(self):
        return await self.receive("an error", lambda it: it.name == "message" and it["type"] == "error")

    async def nothing(self, what, fits):
        """Proves that nothing fits of all that was caused before."""
        # Stanzas for this session that were there before stand before the answer to this.
        await self["xep_0199"].send_ping(DOMAIN, timeout=PATIENCE)
        for stanza in self.inbox:
            check(not fits(stanza), f"{self.boundjid} must not get {what}, but got {stanza}")

    async def contact(self, address):
        """The entry in the roster, fetched anew; None without one."""
        # Without a version, which would get a short answer.
        query = self.make_iq_get()
        query.enable("roster")
        return (await query.send())["roster"]["items"].get(JID(address))

    async def forget(self, address):
        if await self.contact(address):
            await self.del_roster_item(address)

    async def features_of(self, of):
        return (await self["xep_0030"].get_info(jid=of))["disco_info"]["features"]

    async def need(self, feature, what, of=DOMAIN):
        need(feature in await self.features_of(of), what)


async def within(awaitable, otherwise):
    try:
        return await asyncio.wait_for(awaitable, PATIENCE)
    except TimeoutError:
        raise Wrong(f"{otherwise} within {PATIENCE} s") from None


async def online(who, **how):
    return await User(who, **how).come_online()


async def strangers(one, other, **how_the_other):
    """Two users online who don't know each other, whatever tests before this one left."""
    users = await User(one).log_in(), await User(other, **how_the_other).log_in()
    await users[0].forget(users[1].boundjid.bare)
    await users[1].forget(users[0].boundjid.bare)
    for user in users:
        await user.become_available()
        user.inbox.clear()
    return users


async def friends(one, other, **how_the_other):
    """Two users online who see each other."""
    users = await strangers(one, other, **how_the_other)
    await befriend(*users)
    return users


async def befriend(one, other):
    """Both ask, both accept, both see each other."""
    for asking, asked in ((one, other), (other, one)):
        asking.send_presence_subscription(pto=asked.boundjid.bare)
        await asked.presence(asking.boundjid.bare, "subscribe")
        asked.send_presence_subscription(pto=asking.boundjid.bare, ptype="subscribed")
        await asking.presence(asked.boundjid.bare, "subscribed")
        await asking.presence(asked.boundjid.full)


async def refused(request):
    """The condition of the error that a request must get."""
    try:
        answer = await request
    except IqError as error:
        return error.condition
    raise Wrong(f"an error must come, but there came {answer}")


async def refused_login(who, **how):
    """Why a login fails, which it must."""
    user = User(who, **how)
    try:
        await user.log_in()
    except Refused as why:
        return why
    raise Wrong(f"{user.boundjid} is logged in")


async def close_all():
    """Ends what a test left open."""
    for user in list(opened):
        try:
            await user.leave()
        except Exception as why:
            print(f"{user.boundjid} cannot leave: {why!r}", file=sys.stderr)
            user.abort()
