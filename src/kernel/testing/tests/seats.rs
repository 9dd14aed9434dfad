//! Sessions of one account, fast and slow, come and go, and the store fails now and then: every message arrives or
//! comes back, at no session twice, and in order. `PROPTEST_CASES` asks for more histories than the usual 256.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const RESOURCES: [&str; 3] = ["balcony", "chamber", "garden"];
/// More than the account may keep.
const MOST: usize = 130;

/// How a message is addressed: of the bare address, a chat goes to the best sessions, a normal one to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    Chat,
    Normal,
    Seat(usize),
}

#[derive(Clone, Debug)]
enum Act {
    Send(u8, To),
    Available(usize, i8),
    Unavailable(usize),
    StopReading(usize),
    ReadOn(usize),
    Cut(usize),
    Close(usize),
    Replace(usize),
    HoldCommits,
    ReleaseCommits,
    FailCommits,
    BreakDown,
    Recover,
    Seconds(u8),
    Evict,
}

fn act() -> impl Strategy<Value = Act> {
    let seat = 0..RESOURCES.len();
    let to = prop_oneof![3 => Just(To::Chat), 1 => Just(To::Normal), 2 => seat.clone().prop_map(To::Seat)];
    prop_oneof![
        12 => (1u8..14, to).prop_map(|(count, to)| Act::Send(count, to)),
        6 => (seat.clone(), -1i8..2).prop_map(|(seat, priority)| Act::Available(seat, priority)),
        1 => seat.clone().prop_map(Act::Unavailable),
        5 => seat.clone().prop_map(Act::StopReading),
        4 => seat.clone().prop_map(Act::ReadOn),
        2 => seat.clone().prop_map(Act::Cut),
        1 => seat.clone().prop_map(Act::Close),
        1 => seat.prop_map(Act::Replace),
        2 => Just(Act::HoldCommits),
        1 => Just(Act::ReleaseCommits),
        2 => Just(Act::FailCommits),
        1 => Just(Act::BreakDown),
        1 => Just(Act::Recover),
        1 => (1u8..4).prop_map(Act::Seconds),
        1 => Just(Act::Evict),
    ]
}

/// One message.
struct Sent {
    to: To,
    /// Sessions that it may have been chosen for.
    chosen: BTreeSet<usize>,
    /// It may come late: it waited for a session that ended, or for one to become available.
    late: bool,
}

#[derive(Default)]
struct Seat {
    client: Option<Client>,
    got: Vec<usize>,
}

struct Play {
    world: World,
    store: Arc<Memory>,
    romeo: Client,
    seats: [Seat; RESOURCES.len()],
    sent: Vec<Sent>,
    back: Vec<usize>,
}

impl Play {
    fn new() -> Play {
        let store = Arc::new(Memory::new());
        let world = World::build().xep(Listed::of::<Keep>(), "").store(store.clone());
        let world = world.settings(|settings| settings.sasl.external = true).start();
        world.create("juliet@example.org", PASSWORD);
        let romeo = world.login("romeo@example.org/orchard");
        shorten_queues(&world, 2_000);
        Play { world, store, romeo, seats: Default::default(), sent: Vec::new(), back: Vec::new() }
    }

    /// Logging in needs a store that works.
    fn login(&mut self, seat: usize) -> Client {
        self.store.recover();
        self.store.release();
        self.world.login(&format!("juliet@example.org/{}", RESOURCES[seat]))
    }

    fn seat(&mut self, seat: usize) -> &mut Client {
        if self.seats[seat].client.is_none() {
            let client = self.login(seat);
            let got = std::mem::take(&mut self.seats[seat].got);
            self.seats[seat] = Seat { client: Some(client), got };
        }
        self.seats[seat].client.as_mut().unwrap()
    }

    fn collect(&mut self) {
        for seat in &mut self.seats {
            seat.got.extend(seat.client.iter_mut().flat_map(messages));
        }
        let errors = self.romeo.recv().into_iter();
        self.back.extend(errors.map(|error| {
            assert_eq!(error.attr("type"), Some("error"));
            id(&error)
        }));
    }

    /// What waits may be delivered to another session, behind later messages.
    fn loosen(&mut self) {
        let arrived: BTreeSet<_> = self.seats.iter().flat_map(|seat| &seat.got).copied().collect();
        let waiting = self.sent.iter_mut().enumerate().filter(|(id, _)| !arrived.contains(id));
        waiting.for_each(|(_, sent)| sent.late = true);
    }

    fn leave(&mut self, seat: usize, how: impl FnOnce(&mut Client)) {
        self.collect();
        self.loosen();
        if let Some(mut client) = self.seats[seat].client.take() {
            how(&mut client);
            self.seats[seat].got.extend(messages(&mut client));
            client.cut();
        }
    }

    /// Who takes messages for the account. The server may have yet to look at what a slow one said last.
    fn takers(&self) -> BTreeSet<usize> {
        let Some(account) = self.world.engine().accounts.here("juliet@example.org") else {
            return BTreeSet::new();
        };
        let state = account.lock();
        let takers =
            state.sessions.iter().filter(|session| session.presence.is_some() && session.priority >= 0);
        takers.filter_map(|taker| RESOURCES.iter().position(|seat| *seat == taker.jid.resource())).collect()
    }

    fn send(&mut self, to: To) {
        let id = self.sent.len();
        let body = "word ".repeat(id % 40);
        let (type_, resource) = match to {
            To::Chat => ("chat", String::new()),
            To::Normal => ("normal", String::new()),
            To::Seat(seat) => ("chat", format!("/{}", RESOURCES[seat])),
        };
        let chosen = match to {
            To::Seat(seat) if self.seats[seat].client.is_some() => [seat].into(),
            _ => self.takers(),
        };
        // RFC 6121 §8.5.3.2.1: to a resource that is not there is to the account.
        let to = match to {
            To::Seat(seat) if self.seats[seat].client.is_none() => To::Chat,
            to => to,
        };
        self.sent.push(Sent { to, chosen, late: false });
        self.romeo.send(&format!(
            "<message to='juliet@example.org{resource}' type='{type_}' id='{id}'><body>{body}</body></message>"
        ));
    }

    fn perform(&mut self, act: &Act) {
        match *act {
            Act::Send(count, to) => (0..count).for_each(|_| self.send(to)),
            Act::Available(seat, priority) => {
                let account = self.world.engine().accounts.here("juliet@example.org");
                if account.is_some_and(|account| account.waiting().2) {
                    // While another session reads the log, it is not offered to this one.
                    self.loosen();
                }
                self.seat(seat).send(&format!("<presence><priority>{priority}</priority></presence>"));
            }
            Act::Unavailable(seat) => {
                self.seat(seat).send("<presence type='unavailable'/>");
            }
            Act::StopReading(seat) => self.seat(seat).stop_reading(),
            Act::ReadOn(seat) => self.seat(seat).read_on(),
            Act::Cut(seat) => self.leave(seat, |_| {}),
            Act::Close(seat) => self.leave(seat, |client| {
                client.close();
                client.read_on();
            }),
            Act::Replace(seat) => {
                self.collect();
                self.loosen();
                let new = self.login(seat);
                self.leave(seat, |_| {});
                self.seats[seat].client = Some(new);
            }
            Act::HoldCommits => self.store.hold(),
            Act::ReleaseCommits => self.store.release(),
            Act::FailCommits => self.store.fail(),
            Act::BreakDown => self.store.break_down(),
            Act::Recover => self.store.recover(),
            Act::Seconds(seconds) => self.world.advance(Duration::from_secs(u64::from(seconds))),
            Act::Evict => {
                self.world.advance(Duration::from_secs(3600));
                self.world.engine().accounts.evict(0);
            }
        }
        self.collect();
    }

    fn end(mut self) {
        self.store.recover();
        self.store.release();
        self.world.advance(Duration::from_secs(10));
        self.loosen();
        for seat in 0..RESOURCES.len() {
            self.seat(seat).read_on();
            self.seat(seat).send("<presence/>");
        }
        self.collect();
        self.check();
        let mut fourth = self.world.login("juliet@example.org/fourth");
        fourth.send("<presence/>");
        assert_eq!(messages(&mut fourth), [0; 0], "left in the log");
        let account = self.world.account("juliet@example.org").unwrap();
        assert_eq!(account.waiting(), (0, 0, false), "counted, but not there");
    }

    fn check(&self) {
        let mut receivers: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (index, seat) in self.seats.iter().enumerate() {
            for id in &seat.got {
                assert!(receivers.entry(*id).or_default().insert(index), "{id} came twice to {index}");
            }
            self.check_order(&seat.got);
        }
        let back: BTreeSet<usize> = self.back.iter().copied().collect();
        assert_eq!(back.len(), self.back.len(), "came back twice: {:?}", self.back);
        for (id, sent) in self.sent.iter().enumerate() {
            let Some(receivers) = receivers.get(&id) else {
                assert!(back.contains(&id), "{id} to {:?} is lost", sent.to);
                continue;
            };
            assert!(!back.contains(&id), "{id} came back, but {receivers:?} have it");
            let as_chosen = receivers.is_subset(&sent.chosen);
            assert!(
                as_chosen || receivers.len() == 1,
                "{id} was for {:?}, and {receivers:?} have it",
                sent.chosen
            );
        }
    }

    /// RFC 6120 §10.1: between two entities, in the order in which they were sent.
    fn check_order(&self, got: &[usize]) {
        let mut newest: BTreeMap<bool, usize> = BTreeMap::new();
        for id in got.iter().copied().filter(|id| !self.sent[*id].late) {
            let direct = matches!(self.sent[id].to, To::Seat(_));
            if let Some(before) = newest.insert(direct, id) {
                assert!(before < id, "{id} came after {before}: {got:?}");
            }
        }
    }
}

fn messages(client: &mut Client) -> Vec<usize> {
    client.recv().iter().filter(|stanza| stanza.name() == "message").map(id).collect()
}

fn id(message: &minidom::Element) -> usize {
    message.attr("id").unwrap().parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_arrives_at_a_session_once_or_comes_back(acts in prop::collection::vec(act(), 1..40)) {
        let mut play = Play::new();
        for act in &acts {
            if play.sent.len() < MOST {
                play.perform(act);
            }
        }
        play.end();
    }
}
