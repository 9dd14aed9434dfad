// RFC 6120 and 6121: login, contacts, presence, messages.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { xml } from "@xmpp/client";
import { check, PATIENCE } from "./tap.mjs";
import { befriend, strangers, told, unique, User } from "./user.mjs";

export const basic = {
  "log in by STARTTLS": async () => {
    const romeo = await new User("romeo").comeOnline();
    check(romeo.client.isSecure(), "the connection is not encrypted");
    check(romeo.full.startsWith(`${romeo.bare}/`), `bound to ${romeo.full}`);
    await romeo.ping();
  },

  "log in by direct TLS": async () => {
    const romeo = await new User("romeo", { directTls: true }).comeOnline();
    check(romeo.client.isSecure(), "the connection is not encrypted");
    await romeo.ping();
  },

  "wrong password is refused": async () => {
    for (const directTls of [false, true]) {
      const why = await new User("romeo", { directTls, password: "capulet" }).logIn().then(() => "logged in", (why) => why);
      check(why.condition === "not-authorized", `not-authorized must come, but there came: ${why}`);
    }
    await new User("romeo").comeOnline();
  },

  "an untrusted certificate is refused": async () => {
    const env = { ...process.env };
    delete env.NODE_EXTRA_CA_CERTS;
    const program = fileURLToPath(new URL("stranger.mjs", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [program, process.argv[2]], { env, timeout: 3 * PATIENCE });
    const outcomes = stdout.trim().split("\n");
    const expected = ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "SELF_SIGNED_CERT_IN_CHAIN"];
    check(outcomes.length === 2 && outcomes.every((it) => expected.includes(it)), `without the authority: ${outcomes}`);
  },

  "become contacts and see each other online": async () => {
    const [romeo, juliet] = await strangers("romeo", "juliet");
    await romeo.nothing("presence of a stranger", (stanza) => stanza.attrs.from?.startsWith(juliet.bare));
    await befriend(romeo, juliet);
    for (const [user, contact] of [[romeo, juliet], [juliet, romeo]]) {
      const entry = (await user.roster()).get(contact.bare);
      check(entry?.attrs.subscription === "both", `${user.bare} has ${entry}`);
    }
  },

  "refuse a contact request": async () => {
    const [romeo, mercutio] = await strangers("romeo", "mercutio");
    await romeo.subscribe(mercutio.bare);
    await mercutio.presence(romeo.bare, "subscribe");
    await mercutio.send(xml("presence", { to: romeo.bare, type: "unsubscribed" }));
    // RFC 6121 §3.2.3: a server may drop the item together with the request.
    await romeo.presence(mercutio.bare, "unsubscribed");
    const entry = (await romeo.roster()).get(mercutio.bare);
    check((entry?.attrs.subscription ?? "none") === "none" && !entry?.attrs.ask, `still ${entry}`);
    await romeo.nothing("presence", (stanza) => stanza.attrs.from === mercutio.full);
  },

  "contact is in the roster after reconnecting": async () => {
    const [romeo, juliet] = await strangers("romeo", "juliet");
    const item = xml("item", { jid: juliet.bare, name: "Juliet & ☂" }, xml("group", {}, "Balcony"), xml("group", {}, "Capulets"));
    await romeo.set(xml("query", { xmlns: "jabber:iq:roster" }, item));
    await befriend(romeo, juliet);
    await romeo.leave();
    await juliet.presence(romeo.full, "unavailable");
    const again = await new User("romeo").comeOnline();
    await again.presence(juliet.full);
    await juliet.presence(again.full);
    const entry = (await again.roster()).get(juliet.bare);
    const groups = entry?.getChildren("group").map((group) => group.text()).sort();
    check(entry?.attrs.subscription === "both" && entry.attrs.name === "Juliet & ☂", `there is ${entry}`);
    check(`${groups}` === "Balcony,Capulets", `groups are ${groups}`);
  },

  "remove a contact": async () => {
    const [romeo, juliet] = await strangers("romeo", "juliet");
    await befriend(romeo, juliet);
    await romeo.forget(juliet.bare);
    await juliet.presence(romeo.bare, "unsubscribed");
    // Some servers send this once for the account, some for each of its clients.
    await juliet.presence(romeo.bare, "unavailable");
    await romeo.presence(juliet.bare, "unavailable");
    check(!(await romeo.roster()).has(juliet.bare), "she is still in his roster");
    const entry = (await juliet.roster()).get(romeo.bare);
    check((entry?.attrs.subscription ?? "none") === "none", `she has ${entry}`);
  },

  "change of presence is seen by contacts": async () => {
    const [romeo, juliet] = await strangers("romeo", "juliet");
    await befriend(romeo, juliet);
    const status = xml("status", {}, "The nurse calls ☎");
    await juliet.send(xml("presence", {}, xml("show", {}, "away"), status, xml("priority", {}, "5")));
    const presence = await romeo.presence(juliet.full, undefined, (it) => it.getChildText("show") === "away");
    const seen = ["status", "priority"].map((name) => presence.getChildText(name));
    check(`${seen}` === "The nurse calls ☎,5", `he sees ${presence}`);
    await juliet.send(xml("presence"));
    await romeo.presence(juliet.full, undefined, (it) => !it.getChild("show"));
  },

  "presence tells who goes offline": async () => {
    const [romeo, juliet] = await strangers("romeo", "juliet");
    await befriend(romeo, juliet);
    const address = juliet.full;
    await juliet.leave();
    await romeo.presence(address, "unavailable");
  },

  "chat both ways": async () => {
    const [romeo, juliet] = await strangers("romeo", "juliet");
    for (const [sender, receiver] of [[romeo, juliet], [juliet, romeo]]) {
      for (const to of [receiver.bare, receiver.full]) {
        const body = unique(`<b>"Tëxt" & 'märkup' ☂ 𝄞 ]]></b> \t`);
        await sender.chat(to, body);
        const message = await receiver.message(body);
        const { from, type } = message.attrs;
        check(from === sender.full && type === "chat" && message.attrs.to === to, `there came ${message}`);
      }
    }
  },

  "chat of many messages keeps its order": async () => {
    const [romeo, juliet] = await strangers("romeo", "juliet");
    const text = unique("line");
    const count = 50;
    for (let number = 0; number < count; number += 1) await romeo.chat(juliet.full, `${text} ${number}`);
    const bodies = [];
    while (bodies.length < count) {
      const ours = (stanza) => stanza.is("message") && stanza.getChildText("body")?.startsWith(text);
      bodies.push((await juliet.receive(`message ${bodies.length}`, ours)).getChildText("body"));
    }
    check(bodies.every((body, number) => body === `${text} ${number}`), `they came as ${bodies.join("; ")}`);
  },

  "chat with somebody who does not exist comes back": async () => {
    const romeo = await new User("romeo").comeOnline();
    const to = `nobody-${crypto.randomUUID()}@${told.domain}`;
    await romeo.send(xml("message", { to, type: "chat", id: "to-nobody" }, xml("body", {}, "anybody there?")));
    const error = await romeo.receive("the error", (stanza) => stanza.is("message") && stanza.attrs.type === "error");
    const condition = error.getChild("error")?.getChild("service-unavailable");
    check(error.attrs.id === "to-nobody" && error.attrs.from === to && condition, `there came ${error}`);
  },

  "a message to an offline user arrives at next login, once": async () => {
    const romeo = await new User("romeo").comeOnline();
    const bodies = [unique("letter 1 ☂"), unique("letter 2 <&>")];
    const before = Date.now();
    for (const body of bodies) await romeo.chat(told.accounts.benvolio.jid, body);
    await romeo.ping(told.accounts.benvolio.jid).catch(() => {});
    let benvolio = await new User("benvolio").comeOnline();
    for (const body of bodies) {
      const message = await benvolio.receive("a letter", (stanza) => stanza.is("message") && stanza.getChild("body"));
      check(message.getChildText("body") === body, `there came ${message} instead of “${body}”`);
      const stamp = Date.parse(message.getChild("delay", "urn:xmpp:delay")?.attrs.stamp);
      check(Math.abs(stamp - before) < 60_000, `no delay of now in ${message}`);
      check(message.attrs.from === romeo.full, `there came ${message}`);
    }
    const letter = (stanza) => stanza.is("message") && stanza.getChild("body");
    await benvolio.nothing("more letters", letter);
    await benvolio.leave();
    benvolio = await new User("benvolio").comeOnline();
    await benvolio.nothing("the letters again", letter);
  },
};
