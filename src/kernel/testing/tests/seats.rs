//! Two sessions of one account, fast and slow, come and go: every message arrives, and at no session twice.

use super::*;
use proptest::prelude::*;

const RESOURCES: [&str; 2] = ["balcony", "chamber"];

#[derive(Clone, Debug)]
enum Act {
    Send(u8, Option<usize>),
    Available(usize, i8),
    Unavailable(usize),
    StopReading(usize),
    ReadOn(usize),
    Cut(usize),
    Close(usize),
    Replace(usize),
    HoldCommits,
    ReleaseCommits,
}

fn act() -> impl Strategy<Value = Act> {
    let seat = 0..RESOURCES.len();
    prop_oneof![
        8 => (1u8..12, prop::option::of(seat.clone())).prop_map(|(count, to)| Act::Send(count, to)),
        4 => (seat.clone(), -1i8..2).prop_map(|(seat, priority)| Act::Available(seat, priority)),
        1 => seat.clone().prop_map(Act::Unavailable),
        3 => seat.clone().prop_map(Act::StopReading),
        3 => seat.clone().prop_map(Act::ReadOn),
        1 => seat.clone().prop_map(Act::Cut),
        1 => seat.clone().prop_map(Act::Close),
        1 => seat.prop_map(Act::Replace),
        1 => Just(Act::HoldCommits),
        1 => Just(Act::ReleaseCommits),
    ]
}

struct Play {
    world: World,
    store: Arc<Memory>,
    romeo: Client,
    seats: [Option<Client>; 2],
    sent: u32,
    got: [Vec<u32>; 2],
}

impl Play {
    fn new() -> Play {
        let store = Arc::new(Memory::new());
        let world = World::build().xep(Listed::of::<Keep>(), "").store(store.clone());
        let world = world.settings(|settings| settings.outbox = 2_000).start();
        world.create("juliet@example.org", PASSWORD);
        let romeo = world.login("romeo@example.org/orchard");
        Play { world, store, romeo, seats: [None, None], sent: 0, got: [Vec::new(), Vec::new()] }
    }

    fn login(&self, seat: usize) -> Client {
        self.world.login(&format!("juliet@example.org/{}", RESOURCES[seat]))
    }

    fn seat(&mut self, seat: usize) -> &mut Client {
        if self.seats[seat].is_none() {
            // A stream is not bound while the store holds back what its account needs.
            self.store.release();
            self.seats[seat] = Some(self.login(seat));
        }
        self.seats[seat].as_mut().unwrap()
    }

    fn collect(&mut self) {
        for (seat, got) in self.seats.iter_mut().zip(&mut self.got) {
            for message in seat.iter_mut().flat_map(Client::recv) {
                if message.is("message", wire::ns::CLIENT) {
                    got.push(message.attr("id").unwrap().parse().unwrap());
                }
            }
        }
    }

    fn perform(&mut self, act: &Act) {
        match act {
            Act::Send(count, to) => {
                let to = to.map(|seat| format!("/{}", RESOURCES[seat])).unwrap_or_default();
                for _ in 0..*count {
                    let body = "word ".repeat(usize::try_from(self.sent % 40).unwrap());
                    self.romeo.send(&format!(
                        "<message to='juliet@example.org{to}' type='chat' id='{}'><body>{body}</body></message>",
                        self.sent
                    ));
                    self.sent += 1;
                }
            }
            Act::Available(seat, priority) => {
                self.seat(*seat).send(&format!("<presence><priority>{priority}</priority></presence>"));
            }
            Act::Unavailable(seat) => self.seat(*seat).send("<presence type='unavailable'/>"),
            Act::StopReading(seat) => self.seat(*seat).stop_reading(),
            Act::ReadOn(seat) => self.seat(*seat).read_on(),
            Act::Cut(seat) | Act::Close(seat) => {
                if let (Act::Close(_), Some(client)) = (act, &mut self.seats[*seat]) {
                    client.close();
                    client.read_on();
                }
                self.collect();
                if let Some(mut client) = self.seats[*seat].take() {
                    client.cut();
                }
            }
            Act::Replace(seat) => {
                self.store.release();
                let new = self.login(*seat);
                self.collect();
                if let Some(mut old) = self.seats[*seat].replace(new) {
                    old.cut();
                }
            }
            Act::HoldCommits => self.store.hold(),
            Act::ReleaseCommits => self.store.release(),
        }
        self.collect();
    }

    fn end(mut self) {
        self.store.release();
        for seat in 0..RESOURCES.len() {
            self.seat(seat).read_on();
            self.seat(seat).send("<presence/>");
        }
        self.collect();
        assert!(self.romeo.recv().is_empty(), "something came back");
        let mut all: Vec<u32> = self.got.concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all, (0..self.sent).collect::<Vec<_>>(), "lost");
        for got in &mut self.got {
            let count = got.len();
            got.sort_unstable();
            got.dedup();
            assert_eq!(count, got.len(), "delivered twice");
        }
        let mut third = self.world.login("juliet@example.org/third");
        third.send("<presence/>");
        let left = third.recv().into_iter().filter(|stanza| stanza.name() == "message").count();
        assert_eq!(left, 0, "left in the log");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_arrives_at_a_session_once(acts in prop::collection::vec(act(), 1..30)) {
        let mut play = Play::new();
        for act in &acts {
            if play.sent < 80 {
                play.perform(act);
            }
        }
        play.end();
    }
}
