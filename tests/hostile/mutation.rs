//! 20,000 broken stanzas: each request gets exactly one answer, none is internal-server-error, no stream breaks
//! that need not, and the server has nothing to complain about.

use crate::mutator::{self, Broken, Dice};
use crate::peer::alone;
use kernel::testing::{Client, World};
use minidom::Element;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use wire::frame::XmlWriter;
use wire::jid::BareJid;

const STANZAS: u64 = 20_000;
const SEED: u64 = 1;

/// Keeps what is logged as an error.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<String>>>);

impl Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!("{field}={value:?} "));
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn log_in(world: &World, jid: &str) -> Client {
    let mut client = world.login(jid);
    client.available();
    client
}

/// The other one answers what it is asked.
fn answer_all(client: &mut Client) {
    for element in client.recv() {
        let (Some("get" | "set"), "iq") = (element.attr("type"), element.name()) else { continue };
        let mut reply = XmlWriter::new();
        reply.start("iq").attr("type", "result");
        for (from, to) in [("id", "id"), ("from", "to")] {
            if let Some(value) = element.attr(from) {
                reply.attr(to, value);
            }
        }
        reply.end();
        client.send(&reply.into_string());
    }
}

#[test]
fn mutated_stanzas_are_answered_once() {
    let _alone = alone();
    let errors = Errors::default();
    let kept = errors.clone();
    tracing::subscriber::with_default(errors, run);
    assert_eq!(*kept.0.lock().unwrap(), Vec::<String>::new(), "the server complained");
}

fn run() {
    let world = World::build()
        .domains(&["localhost"])
        .xeps(xeps::ALL)
        .settings(|settings| settings.iterations = kernel::sasl::Iterations::new(4096).unwrap_or_default())
        .start();
    let mut romeo = log_in(&world, "romeo@localhost/a");
    let mut other = log_in(&world, "romeo@localhost/other");
    let mut juliet = log_in(&world, "juliet@localhost/b");
    let mut dice = Dice(SEED);
    let to = [
        "",
        "localhost",
        "romeo@localhost",
        "romeo@localhost/a",
        "romeo@localhost/other",
        "juliet@localhost",
        "juliet@localhost/b",
        "nobody@localhost",
    ];
    let mut requests = 0;
    let mut registered = false;
    for number in 0..STANZAS {
        let broken = mutator::next(&mut dice, &to, number);
        romeo.send(&broken.xml);
        for client in [&mut other, &mut juliet] {
            answer_all(client);
        }
        let received = romeo.recv();
        check(&broken, &received, romeo.is_gone());
        requests += u64::from(broken.answer);
        registered |= broken.xml.contains("jabber:iq:register");
        if romeo.is_gone() || other.is_gone() {
            drop((romeo, other));
            if std::mem::take(&mut registered) {
                // The password may have changed, or the account is gone: it is made anew at the login.
                let _ = world.block_on(world.users().delete(&BareJid::parse("romeo@localhost").unwrap()));
            }
            romeo = log_in(&world, "romeo@localhost/a");
            other = log_in(&world, "romeo@localhost/other");
        }
        assert!(!juliet.is_gone(), "somebody else's stream broke: {}", broken.xml);
    }
    assert!(requests > STANZAS / 3, "{requests}");
}

fn check(broken: &Broken, received: &[Element], gone: bool) {
    let shown = || broken.xml.chars().take(600).collect::<String>();
    let texts: Vec<String> = received.iter().map(String::from).collect();
    assert!(broken.fatal || !gone, "the stream broke: {texts:?}\nafter {}", shown());
    for text in &texts {
        assert!(!text.contains("internal-server-error"), "{text}\nafter {}", shown());
    }
    if gone {
        return;
    }
    // A client's own request comes back to it if it asks itself.
    let answers = received.iter().filter(|element| {
        element.name() == "iq"
            && matches!(element.attr("type"), Some("result" | "error"))
            && element.attr("id") == broken.id.as_deref()
    });
    let expected = usize::from(broken.answer);
    let itself = received.iter().any(|element| {
        element.name() == "iq"
            && matches!(element.attr("type"), Some("get" | "set"))
            && element.attr("id") == broken.id.as_deref()
    });
    if itself {
        return;
    }
    let count = answers.count();
    assert!(
        count == expected || (expected == 0 && count <= 1 && !broken.answer),
        "{count} answers: {texts:?}\nto {}",
        shown()
    );
}
