"""A slixmpp client for tests: what must come is waited for, and what does not come is a failure."""

import asyncio
import json
import ssl
import sys
from contextlib import asynccontextmanager
from pathlib import Path

from slixmpp import JID, ClientXMPP
from slixmpp.exceptions import IqError
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import StanzaPath

# Long: machines that run tests are busy.
PATIENCE = 60

PLUGINS = ["0004", "0012", "0030", "0049", "0054", "0066", "0077", "0092", "0191", "0199", "0202", "0203"]


class Refused(Exception):
    """The login failed: what happened, and the conditions of the failures."""

    def __init__(self, event, conditions):
        super().__init__(f"{event} {conditions}")
        self.event = event
        self.conditions = conditions


class User(ClientXMPP):
    """One client of one user."""

    def __init__(self, told, who, password=None, direct_tls=False, mechanism=None, trust=True):
        account = told[who] if isinstance(who, str) else who
        super().__init__(account["jid"], password or account["password"], sasl_mech=mechanism)
        self.told = told
        self.address = (told["host"], told["tls_port" if direct_tls else "port"])
        self.enable_direct_tls = direct_tls
        self.enable_starttls = not direct_tls
        # Never without encryption, whatever the server offers.
        self.enable_plaintext = False
        # The self-made certificate is the authority; the name in it is checked, too. As strictly as from Python
        # 3.13 on.
        self.ssl_context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
        if trust:
            self.ca_certs = Path(told["certificate"])
        # Contacts are accepted by the test, not by the library.
        self.auto_authorize = None
        self.auto_subscribe = False
        for plugin in PLUGINS:
            self.register_plugin(f"xep_{plugin}")
        self.inbox = []
        self.arrived = asyncio.Event()
        self.conditions = []
        for kind in ("message", "presence"):
            self.register_handler(Callback(f"every {kind}", StanzaPath(kind), self._keep))
        self.add_event_handler("failed_auth", lambda failure: self.conditions.append(failure["condition"]))

    def _keep(self, stanza):
        self.inbox.append(stanza)
        self.arrived.set()

    async def log_in(self):
        """Connects and binds a resource; sends no presence."""
        outcome = asyncio.get_running_loop().create_future()

        def settles(event):
            def settle(_):
                if not outcome.done():
                    outcome.set_result(event)

            self.add_event_handler(event, settle)

        for event in ("session_start", "failed_all_auth", "ssl_invalid_chain", "connection_failed", "disconnected"):
            settles(event)
        self.connect(*self.address)
        event = await asyncio.wait_for(outcome, PATIENCE)
        if event != "session_start":
            self.abort()
            self.cancel_connection_attempt()
            raise Refused(event, self.conditions)

    async def come_online(self):
        """Fetches the roster and becomes available."""
        await self.get_roster()
        self.send_presence()
        await self.receive("presence", sender=self.boundjid.full)

    async def leave(self):
        """Closes the stream and waits for the server to do the same."""
        await self.disconnect(wait=PATIENCE)
        # What slixmpp notes at the server's </stream:stream>.
        assert self.disconnect_reason == "End of stream", "the server did not close its stream"

    def _find(self, kind, type_, sender):
        for stanza in self.inbox:
            # Presence without a type says: available.
            if stanza.name != kind or type_ not in (None, stanza.xml.get("type", "available")):
                continue
            if sender and sender not in (stanza["from"].full, stanza["from"].bare):
                continue
            return stanza
        return None

    async def receive(self, kind, type_=None, sender=None):
        """Waits for a stanza and takes it."""
        wanted = f"{self.boundjid}: no {kind} of type {type_} from {sender}"
        try:
            async with asyncio.timeout(PATIENCE):
                while (stanza := self._find(kind, type_, sender)) is None:
                    self.arrived.clear()
                    await self.arrived.wait()
        except TimeoutError:
            raise AssertionError(f"{wanted}; there are {[str(stanza) for stanza in self.inbox]}") from None
        self.inbox.remove(stanza)
        return stanza

    async def receive_nothing(self, kind, sender=None):
        """Proves that nothing of that kind has come. All that others caused before must have been answered."""
        # What the server sent to this session stands before the answer to this.
        await self["xep_0199"].send_ping(self.told["domain"])
        stanza = self._find(kind, None, sender)
        assert stanza is None, f"{self.boundjid}: unexpected {stanza}"


@asynccontextmanager
async def online(told, who, **how):
    """A user with a client that is available, until the block ends."""
    user = User(told, who, **how)
    await user.log_in()
    await user.come_online()
    yield user
    await user.leave()


async def befriend(one, other):
    """Both subscribe to each other's presence."""
    for asking, asked in ((one, other), (other, one)):
        asking.send_presence_subscription(pto=asked.boundjid.bare)
        await asked.receive("presence", "subscribe", asking.boundjid.bare)
        asked.send_presence_subscription(pto=asking.boundjid.bare, ptype="subscribed")
        await asking.receive("presence", "subscribed", asked.boundjid.bare)
        await asking.receive("presence", "available", asked.boundjid.full)


async def refused(request):
    """Waits for the error that a request must get, and returns its condition."""
    try:
        answer = await request
    except IqError as error:
        return error.condition
    raise AssertionError(f"no error but {answer}")


def play(parts):
    """Runs the part of the conversation that the command line names."""
    part, told = sys.argv[1], json.loads(sys.argv[2])
    asyncio.run(asyncio.wait_for(parts[part](told), 4 * PATIENCE))


__all__ = ["JID", "PATIENCE", "IqError", "Refused", "User", "asyncio", "befriend", "online", "play", "refused"]
