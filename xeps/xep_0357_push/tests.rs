mod failures;
mod woken;

use super::*;
use crate::ALL;
use crate::testing::{condition, get, play, result};
use kernel::testing::{Client, Memory, PASSWORD, World};
use kernel::{Listed, Table};
use minidom::Element;
use std::cell::RefCell;
use std::time::Duration;

const SERVICE: &str = "service@example.org/app";

thread_local! {
    /// The XEP of the world that was started last: what the kernel would call.
    static PUSH: RefCell<Option<Arc<Push>>> = const { RefCell::new(None) };
}

/// The XEP, within a test's reach.
struct Probe(Push);

impl Xep for Probe {
    const NUMBER: u16 = Push::NUMBER;
    const NAME: &'static str = Push::NAME;
    const TITLE: &'static str = Push::TITLE;
    const VERSION: &'static str = Push::VERSION;
    type Config = Config;

    fn new(config: Config, env: &mut Env) -> Result<Probe, ConfigError> {
        Push::new(config, env).map(Probe)
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        let push = Arc::new(Arc::into_inner(self).unwrap().0);
        PUSH.set(Some(push.clone()));
        push.register(hooks);
    }
}

/// A world with the XEP in it, on that store.
fn world_on(store: &Arc<Memory>, options: &str) -> World {
    let disco = *ALL.iter().find(|xep| xep.name == "disco").unwrap();
    World::build().xep(disco, "").xep(Listed::of::<Probe>(), options).store(store.clone()).start()
}

fn world() -> World {
    world_on(&Arc::default(), "")
}

/// A message to Romeo finds nobody.
fn wake(world: &World, children: &str) {
    let xml = format!(
        "<message from='juliet@example.org/balcony' to='romeo@example.org' type='chat'>{children}</message>"
    );
    let (account, frame) = (world.account("romeo@example.org").unwrap(), Frame::parse(xml).unwrap());
    let push = PUSH.with_borrow(|push| push.clone().unwrap());
    push.wake(&account, &frame, Wake::Nobody);
    world.run();
}

fn message(world: &World) {
    wake(world, "<body>Hist!</body>");
}

fn command(client: &mut Client, payload: &str) -> Element {
    client.ask(&format!(
        "<iq type='set' id='push'>{}</iq>",
        payload.replacen(' ', &format!(" xmlns='{NS}' "), 1)
    ))
}

#[track_caller]
fn enable(client: &mut Client, node: &str) {
    let answer = command(client, &format!("<enable jid='{SERVICE}' node='{node}'/>"));
    assert_eq!(answer.attr("type"), Some("result"), "{}", String::from(&answer));
}

/// Romeo has enabled a node of a service, and has gone.
fn enabled(world: &World) -> Client {
    let service = world.login(SERVICE);
    let mut romeo = world.login("romeo@example.org/garden");
    enable(&mut romeo, "n1");
    romeo.close();
    service
}

/// The notifications that have come, and the node, count and id of each.
fn notifications(service: &mut Client) -> Vec<(String, String, String)> {
    let said = |iq: &Element| {
        assert_eq!((iq.name(), iq.attr("type")), ("iq", Some("set")), "{}", String::from(iq));
        assert_eq!((iq.attr("from"), iq.attr("to")), (Some("romeo@example.org"), Some(SERVICE)));
        let publish = iq.get_child("pubsub", PUBSUB).unwrap().get_child("publish", PUBSUB).unwrap();
        let notification = publish.get_child("item", PUBSUB).unwrap().get_child("notification", NS).unwrap();
        let form = notification.get_child("x", FORMS).unwrap();
        let count = form.children().find(|field| field.attr("var") == Some("message-count")).unwrap();
        let attr = |element: &Element, name| element.attr(name).unwrap_or_default().to_owned();
        (attr(publish, "node"), count.get_child("value", FORMS).unwrap().text(), attr(iq, "id"))
    };
    service.recv().iter().map(said).collect()
}

/// Node and count of the one notification that has come, which is accepted.
#[track_caller]
fn accept(service: &mut Client) -> (String, String) {
    let mut all = notifications(service);
    assert_eq!(all.len(), 1, "{all:?}");
    let (node, count, id) = all.remove(0);
    service.send(&format!("<iq type='result' id='{id}' to='romeo@example.org'/>"));
    (node, count)
}

/// The one that has come is refused.
#[track_caller]
fn refuse(service: &mut Client, type_: &str, condition: &str) {
    let all = notifications(service);
    assert_eq!(all.len(), 1, "{all:?}");
    let id = &all[0].2;
    service.send(&format!(
        "<iq type='error' id='{id}' to='romeo@example.org'><error type='{type_}'>\
         <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    ));
}

fn pair(node: &str, count: &str) -> (String, String) {
    (node.to_owned(), count.to_owned())
}

/// What is stored of Romeo's nodes.
fn stored(world: &World, store: &Arc<Memory>) -> Vec<(String, Registration)> {
    let owner = world.account("romeo@example.org").unwrap().owner();
    world.block_on(Table::new(COLLECTION, store.clone()).list(owner)).unwrap()
}

/// The notifications that are stored.
fn rows(world: &World, store: &Arc<Memory>) -> Vec<(String, serde_json::Value)> {
    let table: Table<serde_json::Value> = Table::new("push_waiting", store.clone());
    world.block_on(table.list(kernel::ports::Owner::SERVER)).unwrap()
}

fn waiting(world: &World, store: &Arc<Memory>) -> usize {
    rows(world, store).len()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn scenarios() {
    play("xep_0357_push");
}

#[test]
fn announced_by_the_account_to_its_owner() {
    let world = world();
    let mut romeo = world.login("romeo@example.org/garden");
    let features = |client: &mut Client, to: &str| {
        let query = result(&get(client, to, "<query xmlns='http://jabber.org/protocol/disco#info'/>"));
        query.children().any(|feature| feature.attr("var") == Some(NS))
    };
    assert!(features(&mut romeo, "romeo@example.org"));
    assert!(!features(&mut romeo, "example.org"), "§4.1: the account");
}

#[test]
fn requests_that_are_none() {
    let world = world();
    let mut romeo = world.login("romeo@example.org/garden");
    for (payload, expected) in [
        ("<enable node='y'/>", "bad-request"),
        ("<disable node='y'/>", "bad-request"),
        ("<enable jid='@x' node='y'/>", "jid-malformed"),
        ("<push jid='x'/>", "bad-request"),
        ("<enable jid='x' node='y'><x xmlns='jabber:x:data' type='submit'/></enable>", "bad-request"),
        ("<disable jid='never.enabled'/>", ""),
    ] {
        assert_eq!(condition(&command(&mut romeo, payload)), expected, "{payload}");
    }
    let query = format!("<enable xmlns='{NS}' jid='x' node='y'/>");
    assert_eq!(condition(&get(&mut romeo, "", &query)), "bad-request");
    for to in ["example.org", "juliet@example.org"] {
        let answer = romeo.ask(&format!("<iq type='set' id='1' to='{to}'>{query}</iq>"));
        assert_eq!(condition(&answer), "service-unavailable", "{to}");
    }
}

#[test]
fn a_node_is_told_without_contents() {
    let world = world();
    let mut service = enabled(&world);
    message(&world);
    service.expect(
        "<iq type='set' id='{any}' from='romeo@example.org' to='service@example.org/app'>
           <pubsub xmlns='http://jabber.org/protocol/pubsub'>
             <publish node='n1'><item><notification xmlns='urn:xmpp:push:0'>
               <x xmlns='jabber:x:data' type='submit'>
                 <field var='FORM_TYPE'><value>urn:xmpp:push:summary</value></field>
                 <field var='message-count'><value>1</value></field>
                 <field var='last-message-body'><value>New message</value></field>
               </x>
             </notification></item></publish>
           </pubsub>
         </iq>",
    );
    service.expect_nothing();
}

#[test]
fn contents_if_the_operator_says_so() {
    let world = world_on(&Arc::default(), "sender = true\nbody = true");
    let mut service = enabled(&world);
    message(&world);
    let told = String::from(&service.one());
    assert!(told.contains("juliet@example.org/balcony") && told.contains("Hist!"), "{told}");
}

#[test]
fn options_are_those_of_the_last_request() {
    let world = world();
    let mut service = world.login(SERVICE);
    let mut romeo = world.login("romeo@example.org/garden");
    for secret in ["old", "new"] {
        let form = format!(
            "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{PUBLISH_OPTIONS}</value></field>\
             <field var='secret'><value>{secret}</value></field></x>"
        );
        let answer = command(&mut romeo, &format!("<enable jid='{SERVICE}' node='n1'>{form}</enable>"));
        assert_eq!(answer.attr("type"), Some("result"));
    }
    message(&world);
    let iq = service.one();
    let options = iq.get_child("pubsub", PUBSUB).unwrap().get_child("publish-options", PUBSUB).unwrap();
    let secret = options.get_child("x", FORMS).unwrap().children().nth(1).unwrap();
    let value = secret.get_child("value", FORMS).unwrap().text();
    assert_eq!((secret.attr("var"), value.as_str()), (Some("secret"), "new"));
    service.expect_nothing();
}

#[test]
fn many_messages_are_no_storm() {
    let store = Arc::default();
    let world = world_on(&store, "");
    let mut service = enabled(&world);
    for _ in 0..10 {
        message(&world);
    }
    assert_eq!(waiting(&world, &store), 1);
    assert_eq!(accept(&mut service), pair("n1", "1"));
    world.advance(seconds(4));
    service.expect_nothing();
    world.advance(seconds(1));
    assert_eq!(accept(&mut service), pair("n1", "9"));
    assert_eq!(waiting(&world, &store), 0);
    world.advance(seconds(100));
    service.expect_nothing();
}

#[test]
fn nobody_is_woken_for_trifles() {
    let world = world();
    let mut service = enabled(&world);
    wake(&world, "<received xmlns='urn:xmpp:receipts' id='1'/>");
    wake(&world, "<composing xmlns='http://jabber.org/protocol/chatstates'/>");
    world.advance(seconds(100));
    service.expect_nothing();
}

#[test]
fn disabled() {
    let world = world();
    let mut service = world.login(SERVICE);
    let mut romeo = world.login("romeo@example.org/garden");
    let nodes = |service: &mut Client| {
        world.advance(seconds(10));
        message(&world);
        let mut nodes = Vec::new();
        for (node, _, id) in notifications(service) {
            service.send(&format!("<iq type='result' id='{id}' to='romeo@example.org'/>"));
            nodes.push(node);
        }
        nodes.sort();
        nodes.join(" ")
    };
    ["n1", "n2", "n3"].iter().for_each(|node| enable(&mut romeo, node));
    assert_eq!(nodes(&mut service), "n1 n2 n3");
    command(&mut romeo, &format!("<disable jid='{SERVICE}' node='n2'/>"));
    assert_eq!(nodes(&mut service), "n1 n3");
    command(&mut romeo, "<disable jid='elsewhere.lit'/>");
    assert_eq!(nodes(&mut service), "n1 n3");
    command(&mut romeo, &format!("<disable jid='{SERVICE}'/>"));
    assert_eq!(nodes(&mut service), "");
}

#[test]
fn disabling_and_enabling_drop_what_waits() {
    let store = Arc::default();
    let world = world_on(&store, "");
    let mut service = world.login(SERVICE);
    let mut romeo = world.login("romeo@example.org/garden");
    let payloads = [format!("<disable jid='{SERVICE}'/>"), format!("<enable jid='{SERVICE}' node='n1'/>")];
    for payload in payloads {
        enable(&mut romeo, "n1");
        message(&world);
        refuse(&mut service, "wait", "resource-constraint");
        assert_eq!(waiting(&world, &store), 1);
        command(&mut romeo, &payload);
        assert_eq!(waiting(&world, &store), 0);
        world.advance(seconds(1000));
        service.expect_nothing();
    }
}

#[test]
fn an_account_that_is_removed() {
    let store = Arc::default();
    let world = world_on(&store, "");
    let mut service = enabled(&world);
    message(&world);
    refuse(&mut service, "wait", "resource-constraint");
    world.block_on(world.users().delete(&BareJid::parse("romeo@example.org").unwrap())).unwrap();
    assert_eq!(waiting(&world, &store), 0);
    world.advance(seconds(1000));
    service.expect_nothing();
}

#[test]
fn a_service_revokes_a_node() {
    let store = Arc::default();
    let world = world_on(&store, "");
    let mut service = enabled(&world);
    let mut mallory = world.login("mallory@example.org/x");
    let notice = |client: &mut Client, node: &str| {
        client.send(&format!(
            "<message to='romeo@example.org'><pubsub xmlns='{PUBSUB}' node='{node}'>\
             <affiliation jid='romeo@example.org' affiliation='none'/></pubsub></message>"
        ));
        client.recv();
    };
    notice(&mut mallory, "n1");
    notice(&mut service, "n2");
    assert_eq!(stored(&world, &store).len(), 1, "not theirs");
    notice(&mut service, "n1");
    assert_eq!(stored(&world, &store).len(), 0);
    message(&world);
    service.expect_nothing();
}

#[test]
fn too_many_nodes() {
    let store = Arc::default();
    let world = world_on(&store, "nodes = 2");
    let mut romeo = world.login("romeo@example.org/garden");
    for node in ["n1", "n2", "n1", "n3"] {
        enable(&mut romeo, node);
        world.advance(seconds(1));
    }
    let nodes: Vec<String> = stored(&world, &store).into_iter().map(|(key, _)| key).collect();
    assert_eq!(nodes, [format!("{SERVICE}\nn1"), format!("{SERVICE}\nn3")]);
}

#[test]
fn options_that_are_none() {
    let refused = std::panic::catch_unwind(|| world_on(&Arc::default(), "nodes = 0"));
    let words = *refused.err().unwrap().downcast::<String>().unwrap();
    assert!(words.contains("enabled = false"), "{words}");
}
