// Stream management, rooms, the archive, carbons: asked of the server first.

import { xml } from "@xmpp/client";
import { check, PATIENCE, Skip, within } from "./tap.mjs";
import { strangers, told, unique, User } from "./user.mjs";

const MUC = "http://jabber.org/protocol/muc";
const MAM = "urn:xmpp:mam:2";
const CARBONS = "urn:xmpp:carbons:2";
const FORWARD = "urn:xmpp:forward:0";

/** The domain's service for rooms. */
async function roomService(user) {
  const items = await user.get(xml("query", { xmlns: "http://jabber.org/protocol/disco#items" }), told.domain);
  for (const item of items.getChildren("item")) {
    const features = await user.features(item.attrs.jid).catch(() => []);
    if (features.includes(MUC)) return item.attrs.jid;
  }
  throw new Skip("this server offers no rooms (XEP-0045)");
}

const hasStatus = (stanza, code) =>
  stanza.getChild("x", `${MUC}#user`)?.getChildren("status").some((status) => status.attrs.code === code);

function event(emitter, name) {
  return within(new Promise((resolve) => emitter.once(name, resolve)), PATIENCE, `no event “${name}”`);
}

export const later = {
  "resume a session after the connection broke": async () => {
    const romeo = await new User("romeo").comeOnline();
    if (!romeo.resumable) throw new Skip("this server offers no stream management (XEP-0198)");
    const { streamManagement, reconnect } = romeo.client;
    const juliet = await new User("juliet").comeOnline();
    const address = romeo.full;

    const sent = [unique("sent 1"), unique("sent 2 ☂")];
    for (const body of sent) await romeo.chat(juliet.full, body);
    reconnect.delay = 2000;
    reconnect.start();
    romeo.breakOff();
    const missed = [unique("missed 1"), unique("missed 2 <&>"), unique("missed 3")];
    for (const body of missed) await juliet.chat(address, body);
    await juliet.ping();
    await event(streamManagement, "resumed");
    reconnect.stop();

    check(romeo.full === address, `he is now ${romeo.full}`);
    const fromHer = (stanza) => stanza.is("message") && stanza.attrs.from === juliet.full;
    for (const body of missed) {
      const message = await romeo.receive(`“${body}”`, fromHer);
      check(message.getChildText("body") === body, `“${body}” must come, but there came ${message}`);
    }
    await romeo.nothing("more messages", fromHer);
    for (const body of sent) await juliet.message(body);
    await juliet.nothing("more messages or presence", (stanza) => stanza.attrs.from === address);
    const after = unique("after");
    await romeo.chat(juliet.full, after);
    await juliet.message(after);
  },

  "join a room, talk, leave": async () => {
    const [romeo, juliet] = await strangers("romeo", "juliet");
    const room = `balcony-${crypto.randomUUID()}@${await roomService(romeo)}`;
    const enter = (user, nick) => user.send(xml("presence", { to: `${room}/${nick}` }, xml("x", { xmlns: MUC })));

    await enter(romeo, "Romeo");
    const own = await romeo.presence(`${room}/Romeo`);
    check(hasStatus(own, "110") && hasStatus(own, "201"), `no status 110 and 201 in ${own}`);
    const form = xml("x", { xmlns: "jabber:x:data", type: "submit" });
    await romeo.set(xml("query", { xmlns: `${MUC}#owner` }, form), room);

    await enter(juliet, "Juliet");
    await juliet.presence(`${room}/Romeo`);
    check(hasStatus(await juliet.presence(`${room}/Juliet`), "110"), "her own presence has no status 110");
    await romeo.presence(`${room}/Juliet`);

    for (const [sender, nick] of [[romeo, "Romeo"], [juliet, "Juliet"]]) {
      const body = unique("Good night <&> ☂");
      await sender.send(xml("message", { to: room, type: "groupchat" }, xml("body", {}, body)));
      for (const user of [romeo, juliet]) {
        const { from, type } = (await user.message(body)).attrs;
        check(from === `${room}/${nick}` && type === "groupchat", `from ${from}, type ${type}`);
      }
    }

    await juliet.send(xml("presence", { to: `${room}/Juliet`, type: "unavailable" }));
    const left = await juliet.presence(`${room}/Juliet`, "unavailable");
    check(hasStatus(left, "110"), `no status 110 in ${left}`);
    await romeo.presence(`${room}/Juliet`, "unavailable");
    await romeo.send(xml("presence", { to: `${room}/Romeo`, type: "unavailable" }));
    await romeo.presence(`${room}/Romeo`, "unavailable");
  },

  "fetch the archive": async () => {
    const [romeo, juliet] = await strangers("romeo", "juliet");
    const features = await romeo.features(romeo.bare);
    if (!features.includes(MAM)) throw new Skip("this server offers no archive (XEP-0313)");
    const bodies = [unique("archived 1"), unique("archived 2 <&> ☂")];
    await romeo.chat(juliet.bare, bodies[0]);
    await juliet.message(bodies[0]);
    await juliet.chat(romeo.bare, bodies[1]);
    await romeo.message(bodies[1]);
    await juliet.leave();
    romeo.inbox = [];

    const field = (name, value, type) => xml("field", { var: name, type }, xml("value", {}, value));
    const form = xml("x", { xmlns: "jabber:x:data", type: "submit" }, field("FORM_TYPE", MAM, "hidden"), field("with", juliet.bare));
    const lastPage = xml("set", { xmlns: "http://jabber.org/protocol/rsm" }, xml("max", {}, "2"), xml("before"));
    const request = xml("iq", { type: "set" }, xml("query", { xmlns: MAM, queryid: "q1" }, form, lastPage));
    const done = await romeo.client.iqCaller.request(request, PATIENCE);
    check(done.getChild("fin", MAM), `the answer is ${done}`);
    const results = romeo.inbox.map((stanza) => stanza.getChild("result", MAM)).filter(Boolean);
    const found = results.map((result) => result.getChild("forwarded", FORWARD)?.getChild("message")?.getChildText("body"));
    check(`${found}` === `${bodies}`, `the last two are ${romeo.inbox.join(" ")}`);
    for (const result of results) {
      const stamp = Date.parse(result.getChild("forwarded", FORWARD).getChild("delay", "urn:xmpp:delay").attrs.stamp);
      check(result.attrs.id && result.attrs.queryid === "q1" && Math.abs(stamp - Date.now()) < 60_000, `there came ${result}`);
    }
  },

  "carbons between two clients of one account": async () => {
    const juliet = await new User("juliet").comeOnline();
    const phone = await new User("romeo", { resource: "phone" }).comeOnline();
    const desk = await new User("romeo", { resource: "desk" }).comeOnline();
    if (!(await phone.features(told.domain)).includes(CARBONS)) throw new Skip("this server offers no carbons (XEP-0280)");
    for (const user of [phone, desk]) await user.set(xml("enable", { xmlns: CARBONS }));

    const copied = (stanza, direction) =>
      stanza.getChild(direction, CARBONS)?.getChild("forwarded", FORWARD)?.getChild("message");
    const toPhone = unique("to the phone");
    await juliet.chat(phone.full, toPhone);
    await phone.message(toPhone);
    const received = await desk.receive("a carbon of what came", (stanza) => copied(stanza, "received"));
    check(received.attrs.from === phone.bare && copied(received, "received").getChildText("body") === toPhone, `${received}`);

    const fromDesk = unique("from the desk");
    await desk.chat(juliet.full, fromDesk);
    await juliet.message(fromDesk);
    const sent = await phone.receive("a carbon of what went out", (stanza) => copied(stanza, "sent"));
    const message = copied(sent, "sent");
    check(message.getChildText("body") === fromDesk && message.attrs.to === juliet.full, `${sent}`);
    await desk.nothing("a carbon of its own message", (stanza) => stanza.getChild("sent", CARBONS));
  },
};
