//! A XEP with mistakes in it: what panics ends the stanza or the request that met it, and nothing else.

use super::*;
use crate::account::AccountCache;
use crate::hooks::{Ask, Effects, Flow, Hooks, Interest, Kinds, Passing, Reply, Request, Scope, Stage};
use crate::ports::{Collection, StoreError};
use crate::{ConfigError, Env, Xep};
use wire::frame::Frame;

const NS: &str = "urn:test:mistakes";
const FILTERED: &str = "urn:test:mistakes:filter";

/// Panics wherever it is asked to.
struct Mistakes;

impl Xep for Mistakes {
    const NUMBER: u16 = 9999;
    const NAME: &'static str = "mistakes";
    const TITLE: &'static str = "Mistakes";
    const VERSION: &'static str = "0";
    type Config = toml::Table;

    fn new(_: toml::Table, env: &mut Env) -> Result<Mistakes, ConfigError> {
        let _ = env.cache::<Trap>();
        Ok(Mistakes)
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        hooks.iq(Scope::SERVER, NS, Ask::Both, &self, Self::answer);
        hooks.iq_before_login(NS, &self, Self::answer);
        let interest = Interest { kinds: Kinds::ALL, direction: None, children: &[FILTERED], flag: None };
        hooks.filter(Stage::Check, interest, &self, Self::filter);
        hooks.presence_sent(&self, Self::note);
        hooks.went_unavailable(&self, Self::note);
    }
}

impl Mistakes {
    async fn answer(self: Arc<Self>, request: Request) -> Reply {
        match request.payload_name() {
            "once" => panic!("asked to"),
            "later" => {
                let mut waited = false;
                std::future::poll_fn(|context| match std::mem::replace(&mut waited, true) {
                    false => {
                        context.waker().wake_by_ref();
                        Poll::<()>::Pending
                    }
                    true => panic!("asked to"),
                })
                .await;
                Reply::Done
            }
            _ => Reply::Done,
        }
    }

    fn filter(&self, passing: &Passing<'_>, _: &mut Effects) -> Flow {
        assert!(passing.frame.child("x", FILTERED).is_none(), "asked to");
        Flow::Pass
    }

    fn note(&self, _: &Arc<Account>, _: &Frame) {
        panic!("asked to")
    }
}

/// Does not load where there is a row.
struct Trap;

impl AccountCache for Trap {
    const COLLECTION: Collection = "trap";

    fn load(rows: Vec<(String, Value)>) -> Result<Trap, StoreError> {
        assert!(rows.is_empty(), "asked to");
        Ok(Trap)
    }

    fn weight(&self) -> usize {
        0
    }

    fn notable(&self) -> bool {
        false
    }
}

fn condition(answer: &minidom::Element) -> &str {
    let error = answer.get_child("error", wire::ns::CLIENT).expect("an error");
    error.children().next().expect("a condition").name()
}

fn world() -> World {
    World::with(&[Listed::of::<Mistakes>()])
}

#[test]
fn a_request_whose_handler_panics_is_answered() {
    let world = world();
    let mut romeo = world.login("romeo@example.org/orchard");
    for name in ["once", "later"] {
        let answer =
            romeo.ask(&format!("<iq type='get' to='example.org' id='1'><{name} xmlns='{NS}'/></iq>"));
        assert_eq!(condition(&answer), "internal-server-error", "{name}");
    }
    let answer = romeo.ask(&format!("<iq type='get' to='example.org' id='2'><good xmlns='{NS}'/></iq>"));
    assert_eq!(answer.attr("type"), Some("result"));
    let mut stranger = world.connect();
    stranger.open("example.org");
    stranger.header_and_features();
    let answer = stranger.ask(&format!("<iq type='get' to='example.org' id='1'><later xmlns='{NS}'/></iq>"));
    assert_eq!(condition(&answer), "internal-server-error");
}

#[test]
fn a_stanza_whose_filter_panics_comes_back() {
    let world = world();
    let mut romeo = world.login("romeo@example.org/orchard");
    romeo.send(&format!(
        "<message to='romeo@example.org/orchard'><body>x</body><x xmlns='{FILTERED}'/></message>"
    ));
    assert_eq!(condition(&romeo.one()), "internal-server-error");
    assert!(!romeo.is_gone());
}

#[test]
fn presence_that_an_observer_panics_at_reaches_everybody() {
    let world = world();
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut elsewhere = world.login("romeo@example.org/tomb");
    romeo.available();
    elsewhere.send("<presence/>");
    elsewhere.recv();
    romeo.close();
    assert_eq!(elsewhere.one().attr("type"), Some("unavailable"));
    elsewhere.close();
    assert!(world.account("romeo@example.org").is_some_and(|account| account.session_count() == 0));
}

#[test]
fn who_waits_for_an_account_whose_loading_panics_is_told() {
    let store = Arc::new(Memory::new());
    let world = World::build().xep(Listed::of::<Mistakes>(), "").store(store.clone()).start();
    let mut romeo = world.login("romeo@example.org/orchard");
    world.create("juliet@example.org", PASSWORD);
    let owner = world.block_on(store.owner("juliet@example.org")).expect("readable").expect("there");
    world
        .block_on(store.submit(Batch::new().put("trap", owner, "k", "v".into())).committed())
        .expect("written");
    // Each time anew: nothing waits for ever for what broke the first time.
    for _ in 0..2 {
        romeo.send("<message to='juliet@example.org' type='chat'><body>x</body></message>");
        assert_eq!(condition(&romeo.one()), "internal-server-error");
    }
    let mut juliet = world.connect();
    juliet.authenticate("juliet@example.org", PASSWORD);
    let answer = juliet.ask("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    assert_eq!(condition(&answer), "internal-server-error");
}
