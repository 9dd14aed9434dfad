//! Whatever happens to the recipient's connections, every message arrives once, in the order in which it was sent.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Act {
    Send(u8),
    Available(i8),
    Unavailable,
    StopReading,
    ReadOn,
    Cut,
    Close,
    Replace,
    HoldCommits,
    ReleaseCommits,
    Hours(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (1u8..12).prop_map(Act::Send),
        3 => (-1i8..2).prop_map(Act::Available),
        1 => Just(Act::Unavailable),
        3 => Just(Act::StopReading),
        3 => Just(Act::ReadOn),
        1 => Just(Act::Cut),
        1 => Just(Act::Close),
        1 => Just(Act::Replace),
        1 => Just(Act::HoldCommits),
        1 => Just(Act::ReleaseCommits),
        1 => (1u8..3).prop_map(Act::Hours),
    ]
}

struct Play {
    world: World,
    store: Arc<Memory>,
    romeo: Client,
    juliet: Option<Client>,
    sent: u32,
    got: Vec<u32>,
}

impl Play {
    fn new() -> Play {
        let store = Arc::new(Memory::new());
        let world = World::build().xep(Listed::of::<Keep>(), "").store(store.clone());
        let world = world.settings(|settings| settings.outbox = 2_000).start();
        world.create("juliet@example.org", PASSWORD);
        let romeo = world.login("romeo@example.org/orchard");
        Play { world, store, romeo, juliet: None, sent: 0, got: Vec::new() }
    }

    fn juliet(&mut self) -> &mut Client {
        if self.juliet.is_none() {
            // A stream is not bound while the store holds back what its account needs.
            self.store.release();
            self.juliet = Some(self.world.login("juliet@example.org/balcony"));
        }
        self.juliet.as_mut().unwrap()
    }

    fn collect(&mut self) {
        let Some(juliet) = &mut self.juliet else { return };
        for message in juliet.recv() {
            if message.is("message", wire::ns::CLIENT) {
                self.got.push(message.attr("id").unwrap().parse().unwrap());
            }
        }
    }

    fn perform(&mut self, act: &Act) {
        match act {
            Act::Send(count) => {
                for _ in 0..*count {
                    let body = "word ".repeat(usize::try_from(self.sent % 40).unwrap());
                    self.romeo.send(&format!(
                        "<message to='juliet@example.org' type='chat' id='{}'><body>{body}</body></message>",
                        self.sent
                    ));
                    self.sent += 1;
                }
            }
            Act::Available(priority) => {
                self.juliet().send(&format!("<presence><priority>{priority}</priority></presence>"));
            }
            Act::Unavailable => self.juliet().send("<presence type='unavailable'/>"),
            Act::StopReading => self.juliet().stop_reading(),
            Act::ReadOn => self.juliet().read_on(),
            Act::Cut | Act::Close => {
                self.collect();
                if let Some(mut juliet) = self.juliet.take() {
                    if matches!(act, Act::Close) {
                        juliet.close();
                        juliet.read_on();
                    }
                    self.juliet = Some(juliet);
                    self.collect();
                    self.juliet.take().unwrap().cut();
                }
            }
            Act::Replace => {
                self.store.release();
                self.collect();
                let new = self.world.login("juliet@example.org/balcony");
                if let Some(old) = self.juliet.take() {
                    self.juliet = Some(old);
                    self.collect();
                    self.juliet.take().unwrap().cut();
                }
                self.juliet = Some(new);
            }
            Act::HoldCommits => self.store.hold(),
            Act::ReleaseCommits => self.store.release(),
            Act::Hours(hours) => {
                self.world.advance(Duration::from_secs(u64::from(*hours) * 3600));
                self.world.engine().sweep();
            }
        }
        self.collect();
    }

    fn end(mut self) {
        self.store.release();
        self.juliet().read_on();
        self.juliet().send("<presence/>");
        self.collect();
        assert!(self.romeo.recv().is_empty(), "something came back");
        assert_eq!(self.got, (0..self.sent).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_arrives_once_and_in_order(acts in prop::collection::vec(act(), 1..25)) {
        let mut play = Play::new();
        for act in &acts {
            if play.sent < 80 {
                play.perform(act);
            }
        }
        play.end();
    }
}
