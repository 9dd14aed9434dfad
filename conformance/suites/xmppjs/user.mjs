// A user with a client of @xmpp/client: what must come is waited for.

import dns from "node:dns";
import { client, jid, xml } from "@xmpp/client";
import { check, PATIENCE, within } from "./tap.mjs";

export const told = JSON.parse(process.argv[2]);

// For direct TLS the library checks the certificate for the name that it connects to. So that name leads to the
// server here, as its SRV record would.
const lookup = dns.lookup;
dns.lookup = (name, ...rest) => lookup(name === told.domain ? told.host : name, ...rest);

const open = new Set();

/** Ends what a test left open. */
export async function closeAll() {
  await Promise.all([...open].map((user) => user.leave().catch((why) => console.error(why))));
  open.clear();
}

export class User {
  constructor(name, { directTls = false, password, credentials, username, resource } = {}) {
    const account = told.accounts[name];
    this.bare = account?.jid ?? `${username}@${told.domain}`;
    this.inbox = [];
    this.streamFeatures = null;
    this.errors = [];
    this.waiting = new Set();
    this.client = client({
      service: directTls ? `xmpps://${told.domain}:${told.tls_port}` : `xmpp://${told.host}:${told.port}`,
      domain: told.domain,
      username: username ?? jid(account.jid).local,
      password: password ?? account?.password,
      resource,
      timeout: PATIENCE,
      ...(credentials && { credentials }),
    });
    // A connection that is lost is a failure, except where a test is about that.
    this.client.reconnect.stop();
    this.client.on("error", (why) => this.errors.push(why));
    // Before the library acts on them.
    this.client.prependListener("element", (element) => {
      if (element.is("features", "http://etherx.jabber.org/streams")) this.streamFeatures = element;
      // COMPAT: @xmpp/client 0.14 does not count answers to its own requests, so that a server must think that what
      // came last got lost.
      const { iqCaller, streamManagement } = this.client;
      const answer = element.is("iq") && ["result", "error"].includes(element.attrs.type);
      if (answer && iqCaller.handlers.has(element.attrs.id)) streamManagement.inbound += 1;
    });
    this.client.on("stanza", (stanza) => {
      if (stanza.is("iq")) return;
      this.inbox.push(stanza);
      for (const look of this.waiting) look();
    });
  }

  get full() {
    return this.client.jid.toString();
  }

  async logIn() {
    open.add(this);
    try {
      await within(this.client.start(), PATIENCE, `${this.bare} was not logged in`);
    } catch (why) {
      why.message = `${this.bare} cannot log in: ${why.message}`;
      throw why;
    }
    // COMPAT: @xmpp/client 0.14 starts to count incoming stanzas when it gets to handle <enabled/>, and forgets those
    // that came with it. So nothing is asked before.
    if (this.resumable) await until(() => this.client.streamManagement.id, "stream management was not enabled");
    return this;
  }

  /** Whether the server offers stream management on this stream. */
  get resumable() {
    return this.streamFeatures.getChild("sm", "urn:xmpp:sm:3") !== undefined;
  }

  /** Logs in, fetches the roster and becomes available. */
  async comeOnline() {
    await this.logIn();
    await this.roster();
    await this.send(xml("presence"));
    await this.presence(this.full);
    return this;
  }

  async leave() {
    open.delete(this);
    await this.client.stop();
  }

  /** The connection breaks, without a goodbye. */
  breakOff() {
    const { socket } = this.client;
    (socket.socket ?? socket).destroy();
  }

  send(element) {
    return this.client.send(element);
  }

  chat(to, body, ...more) {
    return this.send(xml("message", { to, type: "chat" }, xml("body", {}, body), ...more));
  }

  get(element, to) {
    return this.client.iqCaller.get(element, to, PATIENCE);
  }

  set(element, to) {
    return this.client.iqCaller.set(element, to, PATIENCE);
  }

  /** Takes the first stanza that fits, waiting for it. */
  async receive(what, fits) {
    const find = () => this.inbox.findIndex(fits);
    if (find() < 0) {
      let look;
      const arrival = new Promise((resolve) => {
        look = () => find() >= 0 && resolve();
        this.waiting.add(look);
      });
      const seen = () => this.inbox.map(String).join(" ") || "nothing";
      await within(arrival, PATIENCE, "").catch(() => {
        throw new Error(`${this.bare} did not get ${what} within ${PATIENCE / 1000} s; there is ${seen()}`);
      });
      this.waiting.delete(look);
    }
    return this.inbox.splice(find(), 1)[0];
  }

  /** Presence from a full or bare address; without a type: available. */
  presence(from, type, fits = () => true) {
    return this.receive(`such presence of type ${type ?? "available"} from ${from}`, (stanza) => {
      const sender = stanza.attrs.from ?? "";
      const known = sender === from || sender.startsWith(`${from}/`);
      return stanza.is("presence") && stanza.attrs.type === type && known && fits(stanza);
    });
  }

  /** The message with this body. */
  message(body) {
    return this.receive(`the message “${body}”`, (stanza) => stanza.is("message") && stanza.getChildText("body") === body);
  }

  /** Proves that nothing fits of all that was caused before. */
  async nothing(what, fits) {
    // Stanzas for this session that were there before stand before the answer to this.
    await this.ping();
    const found = this.inbox.find(fits);
    check(!found, `${this.bare} must not get ${what}, but got ${found}`);
  }

  ping(to = told.domain) {
    return this.client.iqCaller.request(xml("iq", { type: "get", to }, xml("ping", { xmlns: "urn:xmpp:ping" })), PATIENCE);
  }

  /** The contacts: address to attributes and groups. */
  async roster() {
    const query = await this.get(xml("query", { xmlns: "jabber:iq:roster" }));
    return new Map(query.getChildren("item").map((item) => [item.attrs.jid, item]));
  }

  async forget(contact) {
    if (!(await this.roster()).has(contact)) return;
    const item = xml("item", { jid: contact, subscription: "remove" });
    await this.set(xml("query", { xmlns: "jabber:iq:roster" }, item));
  }

  /** What an address says of itself. */
  async features(of) {
    const info = await this.get(xml("query", { xmlns: "http://jabber.org/protocol/disco#info" }), of);
    return info.getChildren("feature").map((feature) => feature.attrs.var);
  }

  subscribe(to) {
    return this.send(xml("presence", { to, type: "subscribe" }));
  }

  subscribed(to) {
    return this.send(xml("presence", { to, type: "subscribed" }));
  }
}

/** The condition of the error that a request must get. */
export async function refused(request) {
  const answer = await request.then(String, (why) => why);
  check(answer.name === "StanzaError", `an error must come, but there came ${answer}`);
  return answer.condition;
}

/** Two users online who don't know each other, whatever tests before this one left. */
export async function strangers(one, other) {
  const users = await Promise.all([new User(one).logIn(), new User(other).logIn()]);
  await users[0].forget(users[1].bare);
  await users[1].forget(users[0].bare);
  for (const user of users) {
    await user.roster();
    await user.send(xml("presence"));
    await user.presence(user.full);
    user.inbox = [];
  }
  return users;
}

/** Both ask, both accept, both see each other. */
export async function befriend(one, other) {
  for (const [asking, asked] of [[one, other], [other, one]]) {
    await asking.subscribe(asked.bare);
    await asked.presence(asking.bare, "subscribe");
    await asked.subscribed(asking.bare);
    await asking.presence(asked.bare, "subscribed");
    await asking.presence(asked.full);
  }
}

export async function until(holds, otherwise) {
  const end = Date.now() + PATIENCE;
  while (!holds()) {
    check(Date.now() < end, otherwise);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A text that no other test uses. */
export function unique(text) {
  return `${text} ${crypto.randomUUID()}`;
}
