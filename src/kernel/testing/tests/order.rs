//! What leaves an account leaves in the order of the changes that caused it, whoever is at work (RFC 6120 §10.1).

use super::*;
use crate::account::{Account, Parcel};
use crate::hooks::{Ask, Reply, Request, Target};
use crate::roster::SubscriptionType;
use crate::session::SessionId;
use wire::frame::{Frame, StanzaType};
use wire::jid::{BareJid, Jid};

/// Juliet at two places, known to Romeo, who is there.
struct Verona {
    world: World,
    romeo: Client,
    _balcony: Client,
    _chamber: Client,
    juliet: Arc<Account>,
}

impl Verona {
    fn new() -> Verona {
        let world = World::new();
        let mut romeo = world.login("romeo@example.org/orchard");
        let mut balcony = world.login("juliet@example.org/balcony");
        let chamber = world.login("juliet@example.org/chamber");
        balcony.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
        romeo.available();
        balcony.available();
        romeo.send("<presence type='subscribe' to='juliet@example.org'/>");
        balcony.send("<presence type='subscribed' to='romeo@example.org'/>");
        romeo.recv();
        balcony.recv();
        let juliet = world.account("juliet@example.org").unwrap();
        Verona { world, romeo, _balcony: balcony, _chamber: chamber, juliet }
    }

    fn session(&self, resource: &str) -> SessionId {
        self.juliet.lock().by_resource(resource).unwrap().id
    }

    fn received(&mut self) -> Vec<(Option<String>, Option<String>)> {
        self.world.run();
        let attr = |stanza: &minidom::Element, name: &str| stanza.attr(name).map(str::to_owned);
        let received = self.romeo.recv();
        received.iter().map(|stanza| (attr(stanza, "type"), attr(stanza, "from"))).collect()
    }
}

fn gone() -> Frame {
    Frame::presence().type_(StanzaType::Unavailable).from("juliet@example.org/balcony").build()
}

#[test]
fn the_answer_to_a_probe_does_not_overtake_newer_presence() {
    let mut verona = Verona::new();
    let (engine, juliet) = (verona.world.engine().clone(), verona.juliet.clone());
    let probe = Frame::presence()
        .type_(StanzaType::Probe)
        .from("romeo@example.org/orchard")
        .to("juliet@example.org")
        .build();
    // Two threads: the first has looked at Juliet's presence, the second is faster in sending.
    let first = juliet.deliver(&mut Parcel::from(probe), None);
    let second = juliet.broadcast(verona.session("balcony"), gone());
    engine.perform(&juliet, None, second);
    engine.perform(&juliet, None, first);
    let balcony = Some("juliet@example.org/balcony".to_owned());
    assert_eq!(verona.received(), [(None, balcony.clone()), (Some("unavailable".to_owned()), balcony)]);
}

#[test]
fn subscription_stanzas_of_two_sessions_stay_in_order() {
    let verona = Verona::new();
    let (engine, juliet) = (verona.world.engine().clone(), verona.juliet.clone());
    let romeo = BareJid::parse("romeo@example.org").unwrap();
    let send = |type_, kind| {
        let stanza =
            Frame::presence().type_(type_).from("juliet@example.org").to("romeo@example.org").build();
        juliet.send_subscription(stanza, &romeo, kind).unwrap()
    };
    let first = send(StanzaType::Subscribe, SubscriptionType::Subscribe);
    let second = send(StanzaType::Unsubscribe, SubscriptionType::Unsubscribe);
    engine.perform(&juliet, None, second);
    engine.perform(&juliet, None, first);
    verona.world.run();
    let romeo = verona.world.account("romeo@example.org").unwrap();
    assert_eq!(romeo.lock().roster.requests().count(), 0, "the request was withdrawn");
}

#[test]
fn a_roster_is_queued_as_it_is_read() {
    let world = World::new();
    let mut balcony = world.login("juliet@example.org/balcony");
    let juliet = world.account("juliet@example.org").unwrap();
    let query = "<query xmlns='jabber:iq:roster'/>";
    let frame = Frame::iq().type_(StanzaType::Get).id("r").from(balcony.jid()).raw(query).build();
    let request = Request {
        frame,
        from: Jid::parse(balcony.jid()).unwrap(),
        target: Target::Account(juliet.clone()),
        ask: Ask::Get,
        session: balcony.with_stream(|stream| stream.session().cloned()),
    };
    // The next moment is when another session changes it.
    assert!(matches!(juliet.show_roster(&request), Reply::Sent));
    let set = "<query xmlns='jabber:iq:roster'><item jid='romeo@example.org'/></query>";
    let (_, outcome) = juliet.roster_set(&set.parse().unwrap()).unwrap();
    world.engine().perform(&juliet, None, outcome);
    balcony.expect(
        "<iq type='result' id='r' ...><query xmlns='jabber:iq:roster' ver='{any}'/></iq>\
         <iq type='set' ...><query xmlns='jabber:iq:roster' ver='{any}'>\
         <item jid='romeo@example.org' subscription='none'/></query></iq>",
    );
}

/// Two threads, many changes: what Romeo sees last is what is so.
#[test]
fn threads_keep_the_order() {
    let mut verona = Verona::new();
    let (engine, juliet) = (verona.world.engine().clone(), verona.juliet.clone());
    let id = verona.session("balcony");
    let start = std::sync::Barrier::new(2);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            start.wait();
            for _ in 0..2_000 {
                let here = Frame::presence().from("juliet@example.org/balcony").build();
                engine.perform(&juliet, None, juliet.broadcast(id, here));
                engine.perform(&juliet, None, juliet.broadcast(id, gone()));
            }
        });
        threads.spawn(|| {
            start.wait();
            for _ in 0..2_000 {
                let probe = Frame::presence().type_(StanzaType::Probe).from("romeo@example.org/orchard");
                let outcome = juliet.deliver(&mut Parcel::from(probe.to("juliet@example.org").build()), None);
                engine.perform(&juliet, None, outcome);
            }
        });
    });
    assert!(!juliet.outgoing.is_busy());
    let last = verona.received().pop().unwrap();
    assert_eq!(last.0.as_deref(), Some("unavailable"));
}

/// Directed presence on its way, while the session is ended by another one of its address.
#[test]
fn nobody_is_seen_who_has_gone() {
    let mut verona = Verona::new();
    let (engine, juliet) = (verona.world.engine().clone(), verona.juliet.clone());
    let id = verona.session("chamber");
    let here = Frame::presence().from("juliet@example.org/chamber").to("romeo@example.org/orchard").build();
    let to = Jid::parse("romeo@example.org/orchard").unwrap();
    let chamber = Some("juliet@example.org/chamber".to_owned());
    juliet.direct(id, &here, &to).unwrap();
    let gone = juliet.unbind(id);
    engine.perform(&juliet, None, gone);
    engine.flush(&juliet);
    juliet.direct(id, &here, &to).unwrap();
    engine.flush(&juliet);
    assert_eq!(verona.received(), [(None, chamber.clone()), (Some("unavailable".to_owned()), chamber)]);
}
