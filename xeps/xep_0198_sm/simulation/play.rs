//! One history.

use super::device::Device;
use super::ledger::{DeviceId, Ledger, Target, Totals};
use super::random::Dice;
use crate::ALL;
use kernel::ports::{List, LogQuery, Order, Store};
use kernel::testing::{Memory, World};
use std::sync::Arc;
use std::time::Duration;

pub(super) const ACCOUNTS: usize = 3;
const ACTS: usize = 120;
/// Seconds within which a session can be resumed.
const WINDOW: u64 = 600;

pub(super) struct Play {
    world: World,
    store: Arc<Memory>,
    dice: Dice,
    ledger: Ledger,
    devices: Vec<Device>,
    totals: Totals,
    now: u64,
    told: bool,
}

impl Play {
    pub(super) fn new(seed: u64, told: bool) -> Play {
        let mut dice = Dice(seed);
        let store = Arc::new(Memory::new());
        let outbox = [8_000, 256 * 1024][dice.roll(2)];
        let world = World::build()
            .xeps(ALL)
            .seed(seed)
            .store(store.clone())
            .settings(|settings| {
                settings.outbox = outbox;
                settings.sasl.external = true;
                // Accounts come and go all the time.
                settings.idle_accounts = 0;
            })
            .start();
        let mut devices = Vec::new();
        for account in 0..ACCOUNTS {
            world.create(&format!("user{account}@example.org"), "secret");
            for number in 0..=dice.roll(2) {
                devices.push(Device::new((account, number), dice.chance(25)));
            }
        }
        store.hold();
        let (ledger, totals) = (Ledger { told, ..Ledger::default() }, Totals::default());
        Play { world, store, dice, ledger, devices, totals, now: 0, told }
    }

    fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.told {
            println!("{:5} s  {}", self.now, what());
        }
    }

    pub(super) fn run(&mut self) {
        for _ in 0..ACTS {
            self.act();
        }
    }

    fn act(&mut self) {
        let before = self.now;
        let index = self.dice.roll(self.devices.len());
        let id = self.devices[index].id;
        let there = self.devices[index].client.is_some();
        match self.dice.roll(100) {
            // Commits gather for a while, as on a slow disk.
            0..15 => {
                self.tell(|| "commit".to_owned());
                self.commit();
            }
            15..18 => self.crash(),
            18..22 => {
                let seconds = [1, 10, 60, 500][self.dice.roll(4)];
                self.tell(|| format!("{seconds} s pass"));
                self.now += seconds;
                self.world.advance(Duration::from_secs(seconds));
                self.world.engine().every_minute();
            }
            22..25 if there => {
                self.tell(|| format!("{id:?} stops reading"));
                self.client(index).stop_reading();
            }
            25..30 if there => {
                self.tell(|| format!("{id:?} reads on"));
                self.client(index).read_on();
            }
            30..36 if there => self.cut(index),
            36..44 if there => {
                self.tell(|| format!("{id:?} acknowledges"));
                self.devices[index].acknowledge();
            }
            44..52 if there => self.devices[index].request(),
            52..56 if there => self.ask(index),
            // A device need not have noticed that its connection is dead.
            56..58 => self.come_back(index),
            58..60 => {
                self.tell(|| "checkpoint".to_owned());
                self.world.checkpoint();
            }
            60..62 if there => {
                let state = ["inactive", "active"][self.dice.roll(2)];
                self.tell(|| format!("{id:?} is {state}"));
                self.devices[index].say(&format!("<{state} xmlns='urn:xmpp:csi:0'/>"));
            }
            62..100 if there => self.send(index),
            _ if !there => self.come_back(index),
            _ => {}
        }
        for device in &mut self.devices {
            device.take(&mut self.ledger);
            // It has not acknowledged anything for too long.
            if device.client.as_ref().is_some_and(|client| client.is_gone()) {
                (device.client, device.lost) = (None, before);
            }
        }
    }

    fn commit(&mut self) {
        self.store.commit();
        self.world.run();
        // What was to be written down then is written down with the next one.
        self.devices.iter_mut().for_each(Device::commit);
    }

    fn client(&mut self, index: usize) -> &mut kernel::testing::Client {
        self.devices[index].client.as_mut().unwrap()
    }

    fn send(&mut self, index: usize) {
        let from = self.devices[index].id;
        for _ in 0..=self.dice.roll(3) {
            let other = self.dice.roll(self.devices.len());
            let other = self.devices[other].id;
            let to = if self.dice.chance(70) { Target::Account(other.0) } else { Target::Device(other) };
            if to == Target::Device(from) {
                continue;
            }
            let mut of_account = self.devices.iter().filter(|device| device.id.0 == to.account());
            let only = match to {
                Target::Device(id) => self.devices.iter().find(|device| device.id == id),
                Target::Account(_) => of_account.next().filter(|_| of_account.next().is_none()),
            };
            let only = only.filter(|device| device.client.is_some() || device.token.is_some());
            let session = only.map(|device| (device.id, device.session));
            let number = self.ledger.sent(from, to, session);
            let address = match to {
                Target::Account(account) => format!("user{account}@example.org"),
                Target::Device((account, device)) => format!("user{account}@example.org/device{device}"),
            };
            // Some can wait for a client that nobody looks at.
            let content = match number % 3 {
                0 => "<displayed xmlns='urn:xmpp:chat-markers:0' id='0'/>".to_owned(),
                _ => format!("<body>{}</body>", "word ".repeat(1 + number % 40)),
            };
            let xml = format!("<message to='{address}' type='chat' id='{number}'>{content}</message>");
            self.tell(|| format!("{from:?} sends {number} to {address}"));
            self.devices[index].send(xml, Some(number));
        }
    }

    /// A request, to the server or about somebody.
    fn ask(&mut self, index: usize) {
        let (id, session) = (self.devices[index].id, self.devices[index].session);
        let number = self.ledger.requests.len();
        let xml = match self.dice.roll(3) {
            0 => format!("<iq type='get' id='{number}'><ping xmlns='urn:xmpp:ping'/></iq>"),
            1 => format!(
                "<iq type='set' id='{number}'><vCard xmlns='vcard-temp'><FN>{number}</FN></vCard></iq>"
            ),
            _ => {
                let account = self.dice.roll(ACCOUNTS);
                format!(
                    "<iq type='get' id='{number}' to='user{account}@example.org'><vCard xmlns='vcard-temp'/></iq>"
                )
            }
        };
        self.tell(|| format!("{id:?} asks {number}"));
        self.ledger.requests.push((id, session, false));
        self.devices[index].send(xml, None);
    }

    fn cut(&mut self, index: usize) {
        let now = self.now;
        let device = &mut self.devices[index];
        device.take(&mut self.ledger);
        let id = device.id;
        if let Some(mut client) = device.client.take() {
            client.cut();
        }
        device.lost = now;
        self.tell(|| format!("{id:?} loses its connection"));
    }

    fn crash(&mut self) {
        self.tell(|| "crash".to_owned());
        self.totals.crashes += 1;
        let store = Arc::new(self.store.crash());
        self.world = self.world.restart(store.clone());
        self.store = store;
        self.store.hold();
        for device in &mut self.devices {
            // What the network had is there.
            device.take(&mut self.ledger);
            if device.client.take().is_some() {
                device.lost = self.now;
            }
            device.crash();
        }
    }

    /// Resumes or logs in anew.
    fn come_back(&mut self, index: usize) {
        let mut old = self.devices[index].client.take();
        let since = self.now - self.devices[index].lost;
        let alive = old.is_some();
        let id = self.devices[index].id;
        let (world, store) = (self.world.clone(), self.store.clone());
        let commit = || {
            store.commit();
            world.run();
        };
        let had_token = self.devices[index].token.is_some();
        let expected = had_token && (alive || since + 1 < WINDOW);
        // What was on its way through the old connection may have arrived or not.
        if old.is_some() && self.dice.chance(50) {
            self.devices[index].client = old;
            self.devices[index].take(&mut self.ledger);
            old = self.devices[index].client.take();
        } else if let Some(old) = &mut old {
            old.stop_reading();
        }
        if had_token && self.dice.chance(15) {
            self.tell(|| format!("{id:?} has forgotten its session"));
            self.devices[index].token = None;
        }
        let expected = expected && self.devices[index].token.is_some();
        let h = self.devices[index].received();
        if self.devices[index].token.is_some() {
            self.tell(|| format!("{id:?} tries to resume behind {h}"));
        }
        let resumed = self.devices[index].resume(&world, commit, &mut self.ledger);
        // The server notices sooner or later that nobody is there any more.
        let mut later = None;
        match old {
            Some(mut old) if resumed || self.dice.chance(50) => old.cut(),
            old => later = old,
        }
        if resumed {
            self.tell(|| format!("{id:?} has resumed"));
            self.totals.resumed += 1;
            return;
        }
        if expected {
            self.ledger.violation(format!("{id:?} could not resume after {since} s"));
        }
        let repeated = self.devices[index].bind(&world, commit, &mut self.ledger);
        later.into_iter().for_each(|mut old| old.cut());
        self.tell(|| format!("{id:?} binds anew and sends {repeated} messages again"));
        self.totals.repeated += repeated;
        self.totals.rebound += 1;
    }

    /// Brings everybody back and looks at the books.
    pub(super) fn end(mut self, totals: &mut Totals) -> Vec<String> {
        self.tell(|| "the end".to_owned());
        for round in 0..6 {
            for index in 0..self.devices.len() {
                if self.devices[index].client.as_mut().is_none_or(|client| client.is_gone()) {
                    self.devices[index].client = None;
                    self.come_back(index);
                }
                self.client(index).read_on();
            }
            for _ in 0..20 {
                for device in &mut self.devices {
                    device.take(&mut self.ledger);
                    device.acknowledge();
                    device.request();
                }
                self.commit();
            }
            if round == 2 {
                // Sessions that nobody has come back to give free what they held.
                self.now += WINDOW + 1;
                self.world.advance(Duration::from_secs(WINDOW + 1));
            }
        }
        self.store.release();
        self.world.run();
        for device in &mut self.devices {
            device.take(&mut self.ledger);
            if !device.is_settled() {
                self.ledger.violations.push(format!("{:?} waits for acknowledgements", device.id));
            }
        }
        let sessions: Vec<(DeviceId, usize)> =
            self.devices.iter().map(|device| (device.id, device.session)).collect();
        for (number, (device, session, answered)) in self.ledger.requests.iter().enumerate() {
            if !answered && sessions.contains(&(*device, *session)) {
                self.ledger.violations.push(format!("request {number} of {device:?} was not answered"));
            }
        }
        let (world, store) = (self.world.clone(), self.store.clone());
        self.ledger.audit(|account| archived(&world, &store, account));
        totals.seeds += 1;
        totals.messages += self.ledger.messages.len();
        totals.requests += self.ledger.requests.len();
        totals.crashes += self.totals.crashes;
        totals.resumed += self.totals.resumed;
        totals.rebound += self.totals.rebound;
        totals.repeated += self.totals.repeated;
        std::mem::take(&mut self.ledger.violations)
    }
}

/// The numbers of the messages in an archive.
fn archived(world: &World, store: &Memory, account: usize) -> Vec<usize> {
    let owner = world.account(&format!("user{account}@example.org")).unwrap().owner();
    let query = LogQuery {
        owner,
        list: List::Archive,
        peer: None,
        after: None,
        before: None,
        order: Order::Ascending,
        limit: usize::MAX,
        max_bytes: usize::MAX,
    };
    let page = world.block_on(store.page(query)).unwrap();
    let number = |frame: &[u8]| {
        let text = std::str::from_utf8(frame).unwrap();
        let (_, rest) = text.split_once(" id='").or(text.split_once(" id=\"")).unwrap();
        rest.split(['\'', '"']).next().unwrap().parse().unwrap()
    };
    page.entries.iter().map(|(_, frame)| number(frame)).collect()
}
