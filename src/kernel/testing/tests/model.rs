//! Whatever three people do, both sides of every subscription agree, and everybody sees who may be seen.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const PEOPLE: [&str; 3] = ["a@example.org", "b@example.org", "c@example.org"];
const RESOURCES: usize = 2;

#[derive(Clone, Debug)]
enum Act {
    Available(usize, i8),
    Unavailable(usize),
    Leave(usize, bool),
    Subscription(usize, usize, &'static str),
    Remove(usize, usize),
    Name(usize, usize),
}

fn act() -> impl Strategy<Value = Act> {
    let client = 0..PEOPLE.len() * RESOURCES;
    let person = 0..PEOPLE.len();
    let kind = prop::sample::select(&["subscribe", "subscribed", "unsubscribe", "unsubscribed"][..]);
    prop_oneof![
        4 => (client.clone(), -1i8..3).prop_map(|(client, priority)| Act::Available(client, priority)),
        2 => client.clone().prop_map(Act::Unavailable),
        1 => (client.clone(), any::<bool>()).prop_map(|(client, cut)| Act::Leave(client, cut)),
        10 => (client.clone(), person.clone(), kind).prop_map(|(client, to, kind)| Act::Subscription(client, to, kind)),
        1 => (client.clone(), person.clone()).prop_map(|(client, of)| Act::Remove(client, of)),
        1 => (client, person).prop_map(|(client, of)| Act::Name(client, of)),
    ]
}

/// A client, as it sees the world through what it receives.
struct Seat {
    client: Client,
    available: bool,
    /// Full addresses that were said to be available, and not since to be gone.
    sees: BTreeSet<String>,
    /// Subscription by contact, from the roster and its pushes.
    roster: BTreeMap<String, String>,
}

impl Seat {
    fn sit(world: &World, jid: &str) -> Seat {
        let mut client = world.login(jid);
        let answer = client.ask("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>");
        let mut seat = Seat { client, available: false, sees: BTreeSet::new(), roster: BTreeMap::new() };
        seat.note_roster(&answer);
        seat
    }

    fn note_roster(&mut self, iq: &minidom::Element) {
        for item in iq.children().flat_map(|query| query.children()) {
            let jid = item.attr("jid").unwrap().to_owned();
            match item.attr("subscription") {
                Some("remove") => self.roster.remove(&jid),
                subscription => self.roster.insert(jid, subscription.unwrap_or("none").to_owned()),
            };
        }
    }

    fn read(&mut self) {
        for element in self.client.recv() {
            let from = element.attr("from").unwrap_or_default().to_owned();
            match (element.name(), element.attr("type")) {
                ("presence", None) => {
                    assert!(self.available, "{} is not available and is told of {from}", self.client.jid());
                    self.sees.insert(from);
                }
                ("presence", Some("unavailable")) if from.contains('/') => {
                    self.sees.remove(&from);
                }
                ("presence", Some("unavailable")) => {
                    self.sees.retain(|seen| !seen.starts_with(&format!("{from}/")))
                }
                ("iq", Some("set")) => self.note_roster(&element),
                _ => {}
            }
        }
    }
}

fn play(acts: &[Act]) {
    let world = World::new();
    let jid = |seat: usize| format!("{}/{}", PEOPLE[seat / RESOURCES], seat % RESOURCES);
    let mut seats: Vec<Seat> =
        (0..PEOPLE.len() * RESOURCES).map(|seat| Seat::sit(&world, &jid(seat))).collect();
    for act in acts {
        match act {
            Act::Available(seat, priority) => {
                seats[*seat].available = true;
                seats[*seat].client.send(&format!("<presence><priority>{priority}</priority></presence>"));
            }
            Act::Unavailable(seat) => {
                seats[*seat].client.send("<presence type='unavailable'/>");
                seats[*seat].read();
                seats[*seat].available = false;
                seats[*seat].sees.clear();
            }
            Act::Leave(seat, cut) => {
                if *cut {
                    seats[*seat].client.cut();
                } else {
                    seats[*seat].client.close();
                }
                seats[*seat] = Seat::sit(&world, &jid(*seat));
            }
            Act::Subscription(seat, to, kind) => {
                seats[*seat].client.send(&format!("<presence type='{kind}' to='{}'/>", PEOPLE[*to]));
            }
            Act::Remove(seat, of) => seats[*seat].client.send(&format!(
                "<iq type='set' id='x'><query xmlns='jabber:iq:roster'><item jid='{}' subscription='remove'/></query></iq>",
                PEOPLE[*of]
            )),
            Act::Name(seat, of) => seats[*seat].client.send(&format!(
                "<iq type='set' id='x'><query xmlns='jabber:iq:roster'><item jid='{}' name='n'/></query></iq>",
                PEOPLE[*of]
            )),
        }
        seats.iter_mut().for_each(Seat::read);
        check(&seats);
    }
    // What clients gathered from pushes is what a new one is told.
    for seat in 0..seats.len() {
        let fresh = Seat::sit(&world, &format!("{}/fresh", PEOPLE[seat / RESOURCES]));
        assert_eq!(seats[seat].roster, fresh.roster, "roster of {}", jid(seat));
    }
}

fn check(seats: &[Seat]) {
    let subscription = |of: usize, to: usize| {
        let roster = &seats[of * RESOURCES].roster;
        roster.get(PEOPLE[to]).map_or("none", String::as_str)
    };
    for (one, other) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
        let to = matches!(subscription(one, other), "to" | "both");
        let from = matches!(subscription(other, one), "from" | "both");
        assert_eq!(to, from, "{} and {} do not agree", PEOPLE[one], PEOPLE[other]);
    }
    for (index, seat) in seats.iter().enumerate() {
        let me = index / RESOURCES;
        let visible = seats.iter().enumerate().filter(|(other, target)| {
            let person = other / RESOURCES;
            target.available && (person == me || matches!(subscription(me, person), "to" | "both"))
        });
        let visible: BTreeSet<String> = match seat.available {
            true => visible.map(|(_, target)| target.client.jid().to_owned()).collect(),
            false => BTreeSet::new(),
        };
        assert_eq!(seat.sees, visible, "what {} sees", seat.client.jid());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn subscriptions_and_presence_agree(acts in prop::collection::vec(act(), 1..60)) {
        play(&acts);
    }
}
