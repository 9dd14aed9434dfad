//! The archive as clients see it, filled by hand.

mod bounds;
mod pages;
mod preferences;
mod retention;

use crate::testing::condition;
use crate::xep_0431_fulltext::FullText;
use crate::xep_0441_mamprefs::ArchivePreferences;
use kernel::Listed;
use kernel::ports::LogId;
use kernel::testing::{Client, World};
use minidom::Element;
use std::time::Duration;
use wire::ns;

const RSM: &str = "http://jabber.org/protocol/rsm";
const JULIET: &str = "juliet@example.org";
const BALCONY: &str = "juliet@example.org/balcony";
const ORCHARD: &str = "romeo@example.net/orchard";

fn with_options(options: &str) -> World {
    World::build()
        .xep(Listed::of::<super::Mam>(), options)
        .xeps(&[Listed::of::<FullText>(), Listed::of::<ArchivePreferences>()])
        .start()
}

fn world() -> (World, Client) {
    let world = with_options("");
    let juliet = world.login(BALCONY);
    (world, juliet)
}

/// A chat message in Juliet's archive, a second after the last one.
fn chat(world: &World, from: &str, to: &str, body: &str) -> String {
    world.advance(Duration::from_secs(1));
    let stanza = format!("<message from='{from}' to='{to}' type='chat'><body>{body}</body></message>");
    world.archive(JULIET, &stanza).to_text()
}

/// Messages from Romeo: 0, 1, 2 and so on. Returns their ids.
fn fill(world: &World, count: usize) -> Vec<String> {
    (0..count).map(|n| chat(world, ORCHARD, JULIET, &n.to_string())).collect()
}

/// What a query brings.
#[derive(Debug)]
struct Found {
    results: Vec<Element>,
    answer: Element,
}

impl Found {
    fn ids(&self) -> Vec<&str> {
        self.results.iter().map(|message| result_of(message).attr("id").unwrap()).collect()
    }

    fn bodies(&self) -> Vec<String> {
        let body = |message| forwarded(message).get_child("body", ns::CLIENT).unwrap().text();
        self.results.iter().map(body).collect()
    }

    fn fin(&self) -> &Element {
        let fin = self.answer.get_child("fin", super::NS);
        fin.unwrap_or_else(|| panic!("no end: {}", String::from(&self.answer)))
    }

    fn complete(&self) -> bool {
        self.fin().attr("complete") == Some("true")
    }

    /// The first and last id of the page.
    fn ends(&self) -> Option<(String, String)> {
        let set = self.fin().get_child("set", RSM).unwrap();
        assert!(!set.has_child("count", RSM));
        let end = |name| set.get_child(name, RSM).map(Element::text);
        assert!(end("first").is_some() == end("last").is_some());
        end("first").zip(end("last"))
    }
}

fn result_of(message: &Element) -> &Element {
    message.get_child("result", super::NS).unwrap()
}

fn forwarded(message: &Element) -> &Element {
    let forwarded = result_of(message).get_child("forwarded", "urn:xmpp:forward:0").unwrap();
    forwarded.get_child("message", ns::CLIENT).unwrap()
}

fn field(name: &str, value: &str) -> String {
    format!("<field var='{name}'><value>{value}</value></field>")
}

fn form(fields: &str) -> String {
    format!("<x xmlns='jabber:x:data' type='submit'>{}{fields}</x>", field("FORM_TYPE", super::NS))
}

fn set(content: &str) -> String {
    format!("<set xmlns='{RSM}'>{content}</set>")
}

fn query(client: &mut Client, content: &str) -> Found {
    let query = format!("<iq type='set' id='q'><query xmlns='{}'>{content}</query></iq>", super::NS);
    let answer = client.ask(&query);
    Found { results: client.recv(), answer }
}

/// A query with this one field.
fn filtered(client: &mut Client, name: &str, value: &str) -> Found {
    query(client, &form(&field(name, value)))
}

fn refusal(client: &mut Client, content: &str) -> String {
    let found = query(client, content);
    assert!(found.results.is_empty(), "{content}");
    condition(&found.answer)
}

#[test]
fn a_result_says_all_there_is() {
    let (world, mut juliet) = world();
    world.advance(Duration::from_millis(1234));
    let stanza = "<message from='romeo@example.net/orchard' to='juliet@example.org' type='chat' id='m' xml:lang='en'>\
                  <body>Hist!</body><x xmlns='urn:example:x'><y/></x></message>";
    let id = world.archive(JULIET, stanza).to_text();
    let stamp = kernel::time::stamp(world.wall());
    let answer = juliet.ask(
        "<iq type='set' id='q' to='Juliet@Example.org'><query xmlns='urn:xmpp:mam:2' queryid='f27'/></iq>",
    );
    juliet.expect(&format!(
        "<message from='juliet@example.org' to='juliet@example.org/balcony'>\
         <result xmlns='urn:xmpp:mam:2' id='{id}' queryid='f27'><forwarded xmlns='urn:xmpp:forward:0'>\
         <delay xmlns='urn:xmpp:delay' stamp='{stamp}'/>\
         <message xmlns='jabber:client' from='{ORCHARD}' to='{JULIET}' type='chat' id='m' xml:lang='en'>\
         <body>Hist!</body><x xmlns='urn:example:x'><y/></x></message></forwarded></result></message>"
    ));
    juliet.expect_nothing();
    assert_eq!(answer.attr("type"), Some("result"));
    let found = Found { results: Vec::new(), answer };
    assert!(found.complete());
    assert_eq!(found.ends(), Some((id.clone(), id)));
    assert_eq!(found.fin().attr("stable"), None);
}

#[test]
fn an_empty_archive() {
    let (_, mut juliet) = world();
    for content in [
        String::new(),
        set("<before/>"),
        set("<max>0</max>"),
        form(&field("with", "nobody@example.net")),
        form(&field("start", "2026-01-01T00:00:00Z")),
        "<flip-page/>".to_owned(),
    ] {
        let found = query(&mut juliet, &content);
        assert!(found.results.is_empty() && found.complete() && found.ends().is_none(), "{content}");
    }
}

#[test]
fn metadata() {
    let (world, mut juliet) = world();
    let ask = "<iq type='get' id='m'><metadata xmlns='urn:xmpp:mam:2'/></iq>";
    let answer = juliet.ask(ask);
    assert_eq!(answer.get_child("metadata", super::NS).unwrap().children().count(), 0);
    let first = chat(&world, ORCHARD, JULIET, "1");
    let stamp = kernel::time::stamp(world.wall());
    chat(&world, BALCONY, ORCHARD, "2");
    let last = chat(&world, ORCHARD, JULIET, "3");
    let answer = juliet.ask(ask);
    let metadata = answer.get_child("metadata", super::NS).unwrap();
    let (start, end) =
        (metadata.get_child("start", super::NS).unwrap(), metadata.get_child("end", super::NS).unwrap());
    assert_eq!((start.attr("id"), start.attr("timestamp")), (Some(&*first), Some(&*stamp)));
    assert_eq!(
        (end.attr("id"), end.attr("timestamp")),
        (Some(&*last), Some(&*kernel::time::stamp(world.wall())))
    );
}

#[test]
fn the_form() {
    let (_, mut juliet) = world();
    let names = |juliet: &mut Client| {
        let answer = juliet.ask("<iq type='get' id='f'><query xmlns='urn:xmpp:mam:2'/></iq>");
        let form = answer.get_child("query", super::NS).unwrap().get_child("x", "jabber:x:data").unwrap();
        form.children().map(|field| field.attr("var").unwrap().to_owned()).collect::<Vec<_>>()
    };
    let fields = names(&mut juliet);
    for name in ["with", "start", "end", "before-id", "after-id", "ids", crate::xep_0431_fulltext::FIELD] {
        assert!(fields.iter().any(|field| field == name), "{name}");
    }
    let without = World::with(&[Listed::of::<super::Mam>()]);
    let mut juliet = without.login(BALCONY);
    assert!(!names(&mut juliet).iter().any(|field| field == crate::xep_0431_fulltext::FIELD));
    let search = form(&field(crate::xep_0431_fulltext::FIELD, "x"));
    assert_eq!(refusal(&mut juliet, &search), "feature-not-implemented");
}

/// §8.1
#[test]
fn archives_of_others() {
    let (world, mut juliet) = world();
    let mut romeo = world.login("romeo@example.org/orchard");
    fill(&world, 3);
    for type_ in ["get", "set"] {
        for payload in ["query", "metadata", "prefs", "nonsense"] {
            for to in [JULIET, "nobody@example.org"] {
                let ask =
                    format!("<iq type='{type_}' id='q' to='{to}'><{payload} xmlns='urn:xmpp:mam:2'/></iq>");
                assert_eq!(condition(&romeo.ask(&ask)), "forbidden", "{type_} {payload} {to}");
            }
        }
    }
    romeo.expect_nothing();
    let server = "<iq type='set' id='q' to='example.org'><query xmlns='urn:xmpp:mam:2'/></iq>";
    assert_eq!(condition(&juliet.ask(server)), "service-unavailable", "the domain has no archive");
}

#[test]
fn requests_that_are_none() {
    let (_, mut juliet) = world();
    for (type_, payload) in [("set", "metadata"), ("get", "nonsense"), ("set", "nonsense"), ("set", "fin")] {
        let ask = format!("<iq type='{type_}' id='q'><{payload} xmlns='urn:xmpp:mam:2'/></iq>");
        assert_eq!(condition(&juliet.ask(&ask)), "bad-request", "{type_} {payload}");
    }
    for (content, expected) in [
        (set("<max>-1</max>"), "bad-request"),
        (set("<max>99999999999999999999</max>"), "bad-request"),
        (set("<max>all</max>"), "bad-request"),
        (set("<index>0</index>"), "feature-not-implemented"),
        ("<x xmlns='jabber:x:data' type='submit'/>".to_owned(), "bad-request"),
        (form(&field("start", "yesterday")), "bad-request"),
        (form(&field("with", "@")), "jid-malformed"),
        (form(&field("unknown", "1")), "feature-not-implemented"),
        (form("").repeat(2), "bad-request"),
    ] {
        assert_eq!(refusal(&mut juliet, &content), expected, "{content}");
    }
    let node =
        juliet.ask("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2' node='urn:xmpp:avatar:data'/></iq>");
    assert_eq!(condition(&node), "feature-not-implemented");
}

/// §7: at "JIDs hosting an archive", to whom they tell anything.
#[test]
fn announced_at_accounts() {
    let world = World::with(crate::ALL);
    let mut juliet = world.login(BALCONY);
    let mut romeo = world.login("romeo@example.org/orchard");
    let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    assert_eq!(condition(&crate::testing::get(&mut romeo, JULIET, info)), "service-unavailable");
    crate::testing::subscribe(&mut romeo, &mut juliet);
    for (client, to) in [(&mut juliet, ""), (&mut romeo, JULIET)] {
        let info = crate::testing::result(&crate::testing::get(client, to, info));
        let has = |var: &str| info.children().any(|child| child.attr("var") == Some(var));
        for feature in [super::NS, super::EXTENDED, RSM, "urn:xmpp:fulltext:0"] {
            assert!(has(feature), "{feature}");
        }
        assert!(!has("urn:xmpp:mam:2#groupchat-field") && !has("urn:xmpp:mam:2#groupchat-available"));
    }
}

#[test]
fn a_store_that_fails() {
    let store = std::sync::Arc::new(kernel::testing::Memory::new());
    let world = World::build().store(store.clone()).xeps(&[Listed::of::<super::Mam>()]).start();
    let mut juliet = world.login(BALCONY);
    fill(&world, 1);
    store.break_down();
    assert_eq!(refusal(&mut juliet, ""), "internal-server-error");
    let metadata = juliet.ask("<iq type='get' id='m'><metadata xmlns='urn:xmpp:mam:2'/></iq>");
    assert_eq!(condition(&metadata), "internal-server-error");
    store.recover();
    assert_eq!(query(&mut juliet, "").results.len(), 1);
}

/// A query sees what was written before it, however long that takes.
#[test]
fn a_query_waits_for_what_is_being_written() {
    let store = std::sync::Arc::new(kernel::testing::Memory::new());
    let world = World::build().store(store.clone()).xeps(&[Listed::of::<super::Mam>()]).start();
    let mut juliet = world.login(BALCONY);
    fill(&world, 1);
    store.hold();
    juliet.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>");
    juliet.expect_nothing();
    store.release();
    assert_eq!(juliet.recv().len(), 2);
}

#[test]
fn documented_defaults_are_the_defaults() {
    let options = <super::Mam as kernel::Xep>::OPTIONS;
    let documented: String =
        options.iter().map(|option| format!("{} = {}\n", option.name, option.default)).collect();
    let config: super::Config = toml::from_str(&documented).unwrap();
    assert_eq!(format!("{config:?}"), format!("{:?}", super::Config::default()));
    let refused = |options: &str| {
        let config: super::Config = toml::from_str(options).unwrap();
        std::panic::catch_unwind(|| with_options(options)).is_err()
            && config.size == super::Config::default().size
    };
    assert!(refused("max = 0") && refused("page = 0"));
}

#[test]
fn scenarios() {
    crate::testing::play("xep_0313_mam");
}

fn id(text: &str) -> LogId {
    LogId::parse(text).unwrap()
}
