// XEPs that are asked and answered, and what must pass through between clients.

import { xml } from "@xmpp/client";
import { check, Skip } from "./tap.mjs";
import { refused, strangers, befriend, told, unique, User } from "./user.mjs";

async function offered(user, feature, of, name) {
  if (!(await user.features(of)).includes(feature)) throw new Skip(`this server offers no ${name}`);
}

export const extensions = {
  "ping the server": async () => {
    const romeo = await new User("romeo").comeOnline();
    const answer = await romeo.ping();
    check(answer.attrs.type === "result" && answer.attrs.from === told.domain, `there came ${answer}`);
  },

  "ping another client": async () => {
    const [romeo, juliet] = await strangers("romeo", "juliet");
    const answer = await romeo.ping(juliet.full);
    check(answer.attrs.type === "result" && answer.attrs.from === juliet.full, `there came ${answer}`);
  },

  "unknown request is answered by an error": async () => {
    const romeo = await new User("romeo").comeOnline();
    const condition = await refused(romeo.get(xml("query", { xmlns: "urn:example:unknown" }), told.domain));
    // RFC 6120 §8.4
    check(condition === "service-unavailable", `the condition is ${condition}`);
  },

  "disco tells the features of server and account": async () => {
    const romeo = await new User("romeo").comeOnline();
    const info = await romeo.get(xml("query", { xmlns: "http://jabber.org/protocol/disco#info" }), told.domain);
    const identities = info.getChildren("identity").map(({ attrs }) => `${attrs.category}/${attrs.type}`);
    check(identities.includes("server/im"), `it says ${info}`);
    const features = info.getChildren("feature").map((feature) => feature.attrs.var);
    for (const feature of ["http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items"]) {
      check(features.includes(feature), `no ${feature} in ${info}`);
    }
    const own = await romeo.get(xml("query", { xmlns: "http://jabber.org/protocol/disco#info" }), romeo.bare);
    const account = own.getChildren("identity").map(({ attrs }) => `${attrs.category}/${attrs.type}`);
    check(account.includes("account/registered"), `the account says ${own}`);
  },

  "ask the server for its version": async () => {
    const romeo = await new User("romeo").comeOnline();
    await offered(romeo, "jabber:iq:version", told.domain, "version (XEP-0092)");
    const version = await romeo.get(xml("query", { xmlns: "jabber:iq:version" }), told.domain);
    check(version.getChildText("name") && version.getChildText("version"), `it says ${version}`);
  },

  "ask the server for its time": async () => {
    const romeo = await new User("romeo").comeOnline();
    await offered(romeo, "urn:xmpp:time", told.domain, "time (XEP-0202)");
    const time = await romeo.get(xml("time", { xmlns: "urn:xmpp:time" }), told.domain);
    check(Math.abs(Date.parse(time.getChildText("utc")) - Date.now()) < 10_000, `it says ${time}`);
    check(/^[+-]\d\d:\d\d$|^Z$/.test(time.getChildText("tzo")), `it says ${time}`);
  },

  "store and fetch a vCard": async () => {
    const [romeo, juliet] = await strangers("romeo", "juliet");
    await offered(romeo, "vcard-temp", undefined, "vCards (XEP-0054)").catch(() =>
      offered(romeo, "vcard-temp", told.domain, "vCards (XEP-0054)"),
    );
    const name = unique("Romeo <Montague> & ☂");
    await romeo.set(xml("vCard", { xmlns: "vcard-temp" }, xml("FN", {}, name), xml("TEL", {}, xml("HOME"), xml("NUMBER", {}, "1"))));
    for (const card of [
      await romeo.get(xml("vCard", { xmlns: "vcard-temp" })),
      await juliet.get(xml("vCard", { xmlns: "vcard-temp" }), romeo.bare),
    ]) {
      check(card.getChildText("FN") === name, `the card is ${card}`);
      check(card.getChild("TEL")?.getChildText("NUMBER") === "1", `the card is ${card}`);
    }
  },

  "store and fetch data in private storage": async () => {
    const romeo = await new User("romeo").comeOnline();
    const text = unique("kept & ☂");
    const note = (...content) => xml("query", { xmlns: "jabber:iq:private" }, xml("note", { xmlns: "urn:example:note" }, ...content));
    await romeo.set(note(text)).catch((why) => {
      if (why.condition === "service-unavailable") throw new Skip("this server offers no private storage (XEP-0049)");
      throw why;
    });
    await romeo.leave();
    const again = await new User("romeo").comeOnline();
    const kept = await again.get(note());
    check(kept.getChildText("note") === text, `kept was ${kept}`);
  },

  "block and unblock a user": async () => {
    const [romeo, juliet] = await strangers("romeo", "juliet");
    await offered(romeo, "urn:xmpp:blocking", told.domain, "blocking (XEP-0191)");
    await befriend(romeo, juliet);
    const item = xml("item", { jid: juliet.bare });
    const blocklist = async () => {
      const list = await romeo.get(xml("blocklist", { xmlns: "urn:xmpp:blocking" }));
      return list.getChildren("item").map((item) => item.attrs.jid);
    };
    await romeo.set(xml("block", { xmlns: "urn:xmpp:blocking" }, item));
    check((await blocklist()).includes(juliet.bare), `the list is ${await blocklist()}`);
    try {
      // XEP-0191 §3.3
      await juliet.presence(romeo.full, "unavailable");
      await juliet.chat(romeo.bare, unique("unheard"));
      const error = await juliet.receive("the error", (stanza) => stanza.is("message") && stanza.attrs.type === "error");
      check(error.getChild("error")?.getChild("service-unavailable"), `there came ${error}`);
      await romeo.nothing("her message", (stanza) => stanza.is("message") && stanza.getChild("body"));
    } finally {
      // Not left to the tests after this one.
      await romeo.set(xml("unblock", { xmlns: "urn:xmpp:blocking" }, item));
    }
    check(!(await blocklist()).includes(juliet.bare), `the list is ${await blocklist()}`);
    await juliet.presence(romeo.full);
    const heard = unique("heard");
    await juliet.chat(romeo.bare, heard);
    await romeo.message(heard);
  },

  "receipts and chat states pass": async () => {
    const [romeo, juliet] = await strangers("romeo", "juliet");
    const states = "http://jabber.org/protocol/chatstates";
    const body = unique("Wherefore?");
    await juliet.send(xml("message", { to: romeo.full, type: "chat" }, xml("composing", { xmlns: states })));
    await romeo.receive("“composing”", (stanza) => stanza.getChild("composing", states));
    const id = crypto.randomUUID();
    await juliet.send(
      xml(
        "message",
        { to: romeo.full, type: "chat", id },
        xml("body", {}, body),
        xml("active", { xmlns: states }),
        xml("request", { xmlns: "urn:xmpp:receipts" }),
        xml("markable", { xmlns: "urn:xmpp:chat-markers:0" }),
        xml("origin-id", { xmlns: "urn:xmpp:sid:0", id }),
      ),
    );
    const message = await romeo.message(body);
    for (const [name, namespace] of [
      ["active", states],
      ["request", "urn:xmpp:receipts"],
      ["markable", "urn:xmpp:chat-markers:0"],
      ["origin-id", "urn:xmpp:sid:0"],
    ]) {
      check(message.attrs.id === id && message.getChild(name, namespace), `no ${name} in ${message}`);
    }
    await romeo.send(xml("message", { to: juliet.full, type: "chat" }, xml("received", { xmlns: "urn:xmpp:receipts", id })));
    const receipt = await juliet.receive("the receipt", (stanza) => stanza.getChild("received", "urn:xmpp:receipts"));
    check(receipt.getChild("received").attrs.id === id && receipt.attrs.from === romeo.full, `there came ${receipt}`);
  },

  "register an account, change its password, remove it": async () => {
    const username = `tybalt-${crypto.randomUUID()}`;
    const register = (...fields) => xml("query", { xmlns: "jabber:iq:register" }, ...fields);
    const account = (password) => register(xml("username", {}, username), xml("password", {}, password));
    const fresh = new User(null, {
      username,
      credentials: async (authenticate, mechanisms, _fast, { iqCaller }) => {
        if (fresh.streamFeatures.getChild("register", "http://jabber.org/features/iq-register")) {
          const form = await iqCaller.get(register());
          check(form.getChild("username") && form.getChild("password"), `the form is ${form}`);
          await iqCaller.set(account("rapier"));
        }
        await authenticate({ username, password: "rapier" }, mechanisms[0]);
      },
    });
    await fresh.comeOnline().catch((why) => {
      if (fresh.streamFeatures?.getChild("register", "http://jabber.org/features/iq-register")) throw why;
      throw new Skip("this server offers no registration (XEP-0077)");
    });
    await fresh.set(account("dagger"));
    await fresh.leave();

    const old = await new User(null, { username, password: "rapier" }).logIn().then(() => "logged in", (why) => why);
    check(old.condition === "not-authorized", `by the old password: ${old}`);

    const changed = await new User(null, { username, password: "dagger" }).comeOnline();
    // The answer or, as XEP-0077 §3.2 allows, only a stream error.
    await changed.set(register(xml("remove"))).catch((why) => check(why.condition === "not-authorized", `${why}`));
    await changed.leave().catch(() => {});
    const gone = await new User(null, { username, password: "dagger" }).logIn().then(() => "logged in", (why) => why);
    check(gone.condition === "not-authorized", `after the removal: ${gone}`);
  },
};
