//! Makes broken stanzas out of sound ones. Seeded: the same seed makes the same stanzas.

use minidom::{Element, Node};

/// A generator of numbers (SplitMix64).
pub(crate) struct Dice(pub u64);

impl Dice {
    /// The next number.
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.roll() % end.max(1) as u64) as usize
    }

    fn one_of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

/// An element whose namespace is an attribute like any other.
#[derive(Clone)]
struct Tree {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Child>,
}

#[derive(Clone)]
enum Child {
    Tree(Tree),
    Text(String),
}

impl Tree {
    fn of(element: &Element, around: &str) -> Tree {
        let mut attributes = Vec::new();
        if element.ns() != around {
            attributes.push(("xmlns".to_owned(), element.ns()));
        }
        for ((_, name), value) in element.attrs() {
            attributes.push((name.to_string(), value.to_owned()));
        }
        let child = |node: &Node| match node {
            Node::Element(child) => Child::Tree(Tree::of(child, &element.ns())),
            Node::Text(text) => Child::Text(text.clone()),
        };
        Tree { name: element.name().to_owned(), attributes, children: element.nodes().map(child).collect() }
    }

    fn write(&self, out: &mut String) {
        out.push('<');
        out.push_str(&self.name);
        for (name, value) in &self.attributes {
            out.push_str(&format!(" {name}='{}'", escape(value)));
        }
        out.push('>');
        for child in &self.children {
            match child {
                Child::Tree(tree) => tree.write(out),
                Child::Text(text) => out.push_str(&escape(text)),
            }
        }
        out.push_str(&format!("</{}>", self.name));
    }

    fn set(&mut self, name: &str, value: &str) {
        self.attributes.retain(|(known, _)| known != name);
        self.attributes.push((name.to_owned(), value.to_owned()));
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn depth(&self) -> usize {
        let deepest = self.children.iter().map(|child| match child {
            Child::Tree(tree) => tree.depth(),
            Child::Text(_) => 0,
        });
        1 + deepest.max().unwrap_or_default()
    }

    /// Some element of the tree, the root excluded unless there is nothing else.
    fn pick(&mut self, dice: &mut Dice) -> &mut Tree {
        let trees: Vec<usize> = (0..self.children.len())
            .filter(|index| matches!(self.children[*index], Child::Tree(_)))
            .collect();
        if trees.is_empty() {
            return self;
        }
        let index = trees[dice.below(trees.len())];
        let Child::Tree(child) = &mut self.children[index] else { unreachable!("filtered") };
        if dice.below(3) == 0 { child.pick(dice) } else { child }
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", character as u32)),
            other => out.push(other),
        }
    }
    out
}

/// Sound stanzas, one for every payload that the server knows. Addresses are filled in later.
const SOUND: &[&str] = &[
    "<message type='chat'><body>Hist!</body><thread>t1</thread></message>",
    "<message type='normal'><subject>s</subject><body>Hist!</body><delay xmlns='urn:xmpp:delay' from='localhost' stamp='2002-09-10T23:08:25Z'>Offline</delay></message>",
    "<message type='headline'><body>news</body><x xmlns='jabber:x:delay' stamp='20020910T23:08:25'/></message>",
    "<message type='groupchat'><body>all</body></message>",
    "<message type='error'><body>x</body><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
    "<message type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
    "<message><received xmlns='urn:xmpp:receipts' id='x'/><active xmlns='http://jabber.org/protocol/chatstates'/></message>",
    "<presence><show>away</show><status>out</status><priority>5</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://code.google.com/p/exodus' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/></presence>",
    "<presence type='unavailable'><status>gone</status></presence>",
    "<presence type='subscribe'><status>please</status><nick xmlns='http://jabber.org/protocol/nick'>R</nick></presence>",
    "<presence type='subscribed'/>",
    "<presence type='unsubscribe'/>",
    "<presence type='unsubscribed'/>",
    "<presence type='probe'/>",
    "<iq type='get'><query xmlns='http://jabber.org/protocol/disco#info' node='n'/></iq>",
    "<iq type='get'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
    "<iq type='get'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>",
    "<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
    "<iq type='get'><query xmlns='jabber:iq:version'/></iq>",
    "<iq type='get'><time xmlns='urn:xmpp:time'/></iq>",
    "<iq type='get'><query xmlns='jabber:iq:last' seconds='903'>text</query></iq>",
    "<iq type='get'><query xmlns='jabber:iq:private'><exodus xmlns='exodus:prefs'/></query></iq>",
    "<iq type='set'><query xmlns='jabber:iq:private'><exodus xmlns='exodus:prefs'><nick>Ham</nick></exodus></query></iq>",
    "<iq type='get'><vCard xmlns='vcard-temp'/></iq>",
    "<iq type='set'><vCard xmlns='vcard-temp'><FN>R M</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>aGVsbG8=</BINVAL></PHOTO><BDAY>1476-06-09</BDAY></vCard></iq>",
    "<iq type='get'><query xmlns='jabber:iq:register'/></iq>",
    "<iq type='set'><query xmlns='jabber:iq:register'><username>romeo</username><password>secret</password></query></iq>",
    "<iq type='set'><query xmlns='jabber:iq:register'><remove/></query></iq>",
    "<iq type='get'><blocklist xmlns='urn:xmpp:blocking'/></iq>",
    "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='iago@localhost'/></block></iq>",
    "<iq type='set'><unblock xmlns='urn:xmpp:blocking'><item jid='iago@localhost'/></unblock></iq>",
    "<iq type='set'><unblock xmlns='urn:xmpp:blocking'/></iq>",
    "<iq type='get'><query xmlns='jabber:iq:roster' ver='1'/></iq>",
    "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='nurse@localhost' name='Nurse'><group>Servants</group></item></query></iq>",
    "<iq type='set'><query xmlns='jabber:iq:roster'><item jid='nurse@localhost' subscription='remove'/></query></iq>",
    "<iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>",
    "<iq type='set'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
    "<iq type='result'><query xmlns='jabber:iq:version'><name>x</name></query></iq>",
    "<iq type='error'><ping xmlns='urn:xmpp:ping'/><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    "<iq type='get'><query xmlns='urn:xmpp:unknown'/></iq>",
    "<iq type='set'><query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>10</max></set></query></iq>",
    "<iq type='set'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='n'><item id='1'/></publish></pubsub></iq>",
];

const TYPES: &[&str] = &[
    "get",
    "set",
    "result",
    "error",
    "GET",
    "",
    "bogus",
    "chat",
    "normal",
    "headline",
    "groupchat",
    "subscribe",
    "subscribed",
    "unsubscribe",
    "unsubscribed",
    "probe",
    "unavailable",
    "available",
    "invisible",
    " get",
];

const NAMES: &[&str] = &[
    "query",
    "item",
    "x",
    "ping",
    "error",
    "body",
    "iq",
    "message",
    "presence",
    "remove",
    "group",
    "username",
    "password",
    "block",
    "vCard",
    "delay",
    "priority",
    "priorité",
    "_",
    "a-very.long_name",
];

const NAMESPACES: &[&str] = &[
    "jabber:client",
    "jabber:server",
    "jabber:iq:roster",
    "jabber:iq:private",
    "jabber:iq:register",
    "vcard-temp",
    "urn:xmpp:blocking",
    "urn:xmpp:ping",
    "urn:ietf:params:xml:ns:xmpp-bind",
    "urn:ietf:params:xml:ns:xmpp-sasl",
    "urn:ietf:params:xml:ns:xmpp-tls",
    "http://etherx.jabber.org/streams",
    "http://jabber.org/protocol/disco#info",
    "urn:xmpp:delay",
    "urn:x",
    "not a uri at all",
    "",
];

const ADDRESSES: &[&str] = &[
    "",
    "localhost",
    "localhost/x",
    "romeo@localhost",
    "romeo@localhost/a",
    "juliet@localhost",
    "juliet@localhost/b",
    "juliet@localhost/nowhere",
    "nobody@localhost",
    "@localhost",
    "romeo@",
    "romeo@/a",
    "/a",
    "a@b@localhost",
    "romeo@localhost/",
    "ROMEO@LOCALHOST/a",
    "ro meo@localhost",
    "elsewhere.example",
    "user@elsewhere.example/r",
    "\u{1f600}@localhost",
    "romeo@localhost/\u{1f600}",
    "romeo@..",
    "romeo@[::1]",
    "romeo@xn--a",
    "a\"b@localhost",
    "\u{200b}@localhost",
    "juliet@localhost\u{3002}",
    "\u{ff2a}uliet@localhost",
];

const VALUES: &[&str] = &[
    "",
    " ",
    "0",
    "-1",
    "1",
    "true",
    "128",
    "-129",
    "9999999999999999999999999",
    "1969-12-31T23:59:59Z",
    "0000-00-00T00:00:00Z",
    "-0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "10000-01-01T00:00:00Z",
    "99991231T23:59:59",
    "2002-02-30T25:61:61+99:99",
    "\t\n\r",
    "<&>'\"",
    "%s%n",
    "\u{fffd}\u{1f468}\u{200d}",
    "../../etc/passwd",
    "'; drop table log; --",
    "NaN",
    "sha-1",
    "=",
    "QgayPKawpkPSDYmwT/WM94uAlu0=",
];

/// What a stanza is expected to cause.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    /// As text.
    pub(crate) xml: String,
    /// Its id, if it has one.
    pub(crate) id: Option<String>,
    /// An answer is due to an IQ of that kind; none to any other.
    pub(crate) answer: bool,
    /// The stream may end.
    pub(crate) fatal: bool,
}

/// The next broken stanza, addressed to one of `to` (not at all for an empty one).
pub(crate) fn next(dice: &mut Dice, to: &[&str], number: u64) -> Broken {
    let sound = dice.one_of(SOUND);
    let element = Element::from_reader_with_prefixes(sound.as_bytes(), "jabber:client".to_owned());
    let mut tree = Tree::of(&element.expect("these are sound"), "jabber:client");
    tree.set("id", &format!("m{number}"));
    let to = dice.one_of(to);
    if !to.is_empty() {
        tree.set("to", to);
    }
    for _ in 0..dice.below(4) {
        mutate(&mut tree, dice);
    }
    let mut xml = String::new();
    tree.write(&mut xml);
    let request = !matches!(tree.get("type"), Some("result" | "error"));
    let stanza = matches!(tree.name.as_str(), "iq" | "message" | "presence")
        && tree.get("xmlns").is_none_or(|ns| ns == "jabber:client");
    // No stanza, too deep, too large, in somebody else's name; a new password or the account's end.
    let fatal = !stanza
        || tree.depth() > 60
        || tree.get("from").is_some()
        || xml.contains("jabber:iq:register")
        || xml.len() > 200_000;
    Broken { id: tree.get("id").map(str::to_owned), answer: tree.name == "iq" && request, fatal, xml }
}

fn mutate(tree: &mut Tree, dice: &mut Dice) {
    match dice.below(22) {
        0 => tree.attributes.retain(|(name, _)| name != "id"),
        1 => tree.attributes.retain(|(name, _)| name != "type"),
        2 => tree.attributes.retain(|(name, _)| name != "to"),
        3 => tree.set("type", dice.one_of(TYPES)),
        4 => tree.set("to", dice.one_of(ADDRESSES)),
        5 => tree.set("id", &"i".repeat(dice.below(30_000))),
        6 => tree.set("id", dice.one_of(VALUES)),
        7 => tree.set("from", dice.one_of(ADDRESSES)),
        8 => tree.children.clear(),
        9 => {
            let copy = tree.children.clone();
            tree.children.extend(copy);
        }
        10 => tree.children.push(Child::Text(dice.one_of(VALUES).to_owned())),
        11 => {
            let name = dice.one_of(NAMES).to_owned();
            let attributes = vec![("xmlns".to_owned(), dice.one_of(&NAMESPACES[..16]).to_owned())];
            tree.children.insert(0, Child::Tree(Tree { name, attributes, children: Vec::new() }));
        }
        12 if dice.below(8) == 0 => tree.name = dice.one_of(NAMES).to_owned(),
        12 => tree.name = dice.one_of(&["iq", "message", "presence"]).to_owned(),
        13 if dice.below(8) == 0 => tree.set("xmlns", dice.one_of(&NAMESPACES[..16])),
        13 | 14 => tree.pick(dice).set("xmlns", dice_namespace(dice)),
        15 => {
            let child = tree.pick(dice);
            let Some(index) = child.attributes.len().checked_sub(1) else { return };
            let index = dice.below(index + 1);
            if child.attributes[index].0 != "xmlns" {
                child.attributes[index].1 = dice.one_of(VALUES).to_owned();
            }
        }
        16 => tree.pick(dice).set("jid", dice.one_of(ADDRESSES)),
        17 => tree
            .pick(dice)
            .set(dice.one_of(&["unknown", "xml:lang", "node", "ver", "stamp", "seconds"]), "1970"),
        18 => tree.pick(dice).children = vec![Child::Text(dice.one_of(VALUES).to_owned())],
        19 => tree.pick(dice).children.push(Child::Text("x".repeat(dice.below(20_000)))),
        20 => {
            let wrapped = tree.pick(dice);
            for _ in 0..dice.below(50) {
                let inner = std::mem::replace(
                    wrapped,
                    Tree { name: "w".to_owned(), attributes: Vec::new(), children: Vec::new() },
                );
                wrapped.children.push(Child::Tree(inner));
            }
        }
        _ => {
            let value = dice.one_of(VALUES).to_owned();
            tree.pick(dice).set("stamp", &value);
        }
    }
}

fn dice_namespace(dice: &mut Dice) -> &'static str {
    NAMESPACES[dice.below(NAMESPACES.len())]
}
