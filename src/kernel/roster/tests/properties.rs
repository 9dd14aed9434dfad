//! Random lives of rosters.

use super::*;
use crate::roster::{Effect, RosterAnswer, Row, SetRequest, State};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

#[derive(Clone, Debug)]
enum Operation {
    Send(SubscriptionType),
    Receive(SubscriptionType),
    Update(u8),
    Remove,
}

fn kinds() -> impl Strategy<Value = SubscriptionType> {
    (0..4usize).prop_map(|index| SubscriptionType::ALL[index])
}

fn operations() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => kinds().prop_map(Operation::Send),
        4 => kinds().prop_map(Operation::Receive),
        2 => any::<u8>().prop_map(Operation::Update),
        1 => Just(Operation::Remove),
    ]
}

/// Without a file of past failures: it would land beside the crate's folder, where the workspace looks for members.
fn settings() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

const CONTACTS: [&str; 5] = ["a@x", "b@x", "c@x", "x", "juliet@example.com"];

/// The rows, as an engine would hold them.
#[derive(Default)]
struct Rows(BTreeMap<String, Vec<u8>>);

impl Rows {
    fn write(&mut self, change: &Change) {
        for row in change.rows.clone() {
            match row {
                Row::Put { key, value } => {
                    self.0.insert(key, value);
                }
                Row::Delete { key } => {
                    self.0.remove(&key);
                }
            }
        }
    }
}

/// A client that keeps its roster by results and pushes.
#[derive(Clone, Default)]
struct Client {
    version: String,
    items: BTreeMap<String, String>,
}

impl Client {
    fn get(&mut self, roster: &Roster, version: Option<&str>) {
        match roster.to_query(version) {
            RosterAnswer::Full(query) => {
                let query: Element = query.parse().unwrap();
                self.items =
                    query.children().map(|i| (i.attr("jid").unwrap().to_owned(), plain(i))).collect();
                self.version = query.attr("ver").unwrap().to_owned();
            }
            RosterAnswer::Since(pushes) => pushes.iter().for_each(|push| self.pushed(push)),
        }
    }

    fn pushed(&mut self, payload: &str) {
        let query: Element = payload.parse().unwrap();
        let item = query.children().next().unwrap();
        let jid = item.attr("jid").unwrap().to_owned();
        match item.attr("subscription") {
            Some("remove") => self.items.remove(&jid),
            _ => self.items.insert(jid, plain(item)),
        };
        let version = query.attr("ver").unwrap();
        // §2.6.3: unique, and in order of modification.
        assert!(version.parse::<u64>().unwrap() > self.version.parse::<u64>().unwrap_or(0));
        self.version = version.to_owned();
    }
}

/// Every item, seen or not.
fn all(roster: &Roster) -> Vec<String> {
    let mut all: Vec<String> = roster.items().map(|item| format!("{item:?}")).collect();
    all.extend(roster.requests().map(|request| format!("{request:?}")));
    all
}

fn check(roster: &Roster) {
    assert_eq!(roster.items().count(), roster.len());
    for item in roster.items() {
        let state = item.state();
        assert_eq!((item.subscription, item.ask), (state.subscription(), state.pending_out()));
        assert_eq!(item.pending_in.is_some(), state.pending_in());
        assert!(!item.approved || state.may_be_preapproved());
    }
    for (contact, _) in roster.requests() {
        assert!(roster.item(contact).is_some() || roster.state(&contact.bare()) == State::NonePendingIn);
    }
}

proptest! {
    #![proptest_config(settings())]

    /// No sequence of operations leads to an invalid item, storage always holds what memory holds, and pushes tell
    /// clients (one always there, one that comes back now and then) exactly what a roster get would.
    #[test]
    fn nothing_gets_out_of_step(
        steps in prop::collection::vec((0..CONTACTS.len(), operations(), prop::bool::weighted(0.1)), 1..60),
    ) {
        let owner = bare("juliet@example.com");
        let limits = RosterLimits { items: 3, requests: 1, ..RosterLimits::default() };
        let mut roster = Roster::new(owner.clone(), limits.clone());
        let mut rows = Rows::default();
        let mut present = Client::default();
        present.get(&roster, None);
        let mut absent = present.clone();
        for (contact, operation, returns) in steps {
            let contact = CONTACTS[contact];
            let change = match operation {
                Operation::Send(kind) => roster.outbound(&bare(contact), kind, NOW).ok(),
                Operation::Receive(kind) => Some(receive(&mut roster, contact, kind)),
                Operation::Update(name) => {
                    let groups = if name % 2 == 0 { vec![name.to_string()] } else { vec![] };
                    roster.apply_set(SetRequest::Update { jid: jid(contact), name: name.to_string(), groups }, NOW).ok()
                }
                Operation::Remove => roster.apply_set(SetRequest::Remove { jid: jid(contact) }, NOW).ok(),
            };
            if let Some(change) = change {
                rows.write(&change);
                prop_assert_eq!(change.effects.contains(&Effect::Push), change.push.is_some());
                if let Some(push) = &change.push {
                    present.pushed(push);
                }
            }
            check(&roster);
            let loaded = Roster::load(owner.clone(), limits.clone(), &rows.0).unwrap();
            prop_assert_eq!(all(&loaded), all(&roster));
            prop_assert_eq!(loaded.to_query(Some(&absent.version)), roster.to_query(Some(&absent.version)));
            let mut fresh = Client::default();
            fresh.get(&roster, None);
            prop_assert_eq!(&present.items, &fresh.items);
            prop_assert_eq!(&present.version, &fresh.version);
            if returns {
                let version = absent.version.clone();
                absent.get(&roster, Some(&version));
                prop_assert_eq!(&absent.items, &fresh.items);
            }
        }
    }
}

/// Two accounts and the stanzas on their way between them.
struct Pair {
    rosters: [Roster; 2],
    addresses: [BareJid; 2],
    /// What each is about to receive.
    inbox: [VecDeque<SubscriptionType>; 2],
}

impl Pair {
    fn new() -> Pair {
        let addresses = [bare("juliet@example.com"), bare("romeo@example.net")];
        let rosters = addresses.clone().map(|owner| Roster::new(owner, RosterLimits::default()));
        Pair { rosters, addresses, inbox: Default::default() }
    }

    fn act(&mut self, who: usize, operation: &Operation) {
        let other = self.addresses[1 - who].clone();
        let roster = &mut self.rosters[who];
        let (change, passed) = match operation {
            Operation::Send(kind) | Operation::Receive(kind) => {
                (roster.outbound(&other, *kind, NOW).unwrap(), Some(*kind))
            }
            Operation::Update(_) => {
                let request = SetRequest::Update { jid: other.into(), name: String::new(), groups: vec![] };
                (roster.apply_set(request, NOW).unwrap(), None)
            }
            Operation::Remove => match roster.apply_set(SetRequest::Remove { jid: other.into() }, NOW) {
                Ok(change) => (change, None),
                Err(_) => return,
            },
        };
        self.emit(who, &change, passed);
    }

    fn emit(&mut self, who: usize, change: &Change, passed: Option<SubscriptionType>) {
        for effect in &change.effects {
            match effect {
                Effect::Pass => self.inbox[1 - who].extend(passed),
                Effect::Send(kind) => self.inbox[1 - who].push_back(*kind),
                Effect::Push | Effect::Available | Effect::Unavailable => {}
            }
        }
    }

    fn deliver(&mut self, who: usize) {
        if let Some(kind) = self.inbox[who].pop_front() {
            let change = self.rosters[who].inbound(&self.addresses[1 - who], kind, b"<presence/>", NOW);
            // Passed to the user's clients, not to the other account.
            self.emit(who, &change, None);
        }
    }

    /// Delivers all there is, alternating as `order` says.
    fn settle(&mut self, order: &[bool]) {
        let mut order = order.iter().copied().cycle();
        // Answers are never answered, so this ends.
        for _ in 0..10_000 {
            if self.inbox.iter().all(VecDeque::is_empty) {
                return;
            }
            self.deliver(usize::from(order.next().unwrap_or(false)));
            self.deliver(0);
            self.deliver(1);
        }
        panic!("the two accounts keep answering each other");
    }

    fn state(&self, who: usize) -> State {
        self.rosters[who].state(&self.addresses[1 - who])
    }

    fn assert_mirrored_subscriptions(&self) {
        for who in [0, 1] {
            let (mine, theirs) = (self.state(who), self.state(1 - who));
            assert_eq!(
                mine.subscription().has_to(),
                theirs.subscription().has_from(),
                "{mine:?} and {theirs:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(settings())]

    /// As long as each stanza arrives before the next one is sent, the two rosters are mirrors, requests included.
    #[test]
    fn rosters_mirror_each_other(
        steps in prop::collection::vec((0..2usize, operations()), 1..60),
        order in prop::collection::vec(any::<bool>(), 1..8),
    ) {
        let mut pair = Pair::new();
        for (who, operation) in steps {
            pair.act(who, &operation);
            pair.settle(&order);
            pair.assert_mirrored_subscriptions();
            for who in [0, 1] {
                prop_assert_eq!(pair.state(who).pending_out(), pair.state(1 - who).pending_in());
                check(&pair.rosters[who]);
            }
        }
    }

    /// With stanzas that cross each other the protocol itself lets rosters come apart (an approval can answer a
    /// request that was taken back and made again). What RFC 6121 provides against that brings them together:
    /// the answer to a probe (§4.3.2), "unsubscribe" to unwanted presence (§4.4.2), the repeated request (§3.1.2).
    #[test]
    fn rosters_that_came_apart_converge(
        steps in prop::collection::vec((0..2usize, operations(), 0..3usize), 1..60),
        order in prop::collection::vec(any::<bool>(), 1..8),
    ) {
        let mut pair = Pair::new();
        for (who, operation, deliver) in steps {
            pair.act(who, &operation);
            if deliver < 2 {
                pair.deliver(deliver);
            }
        }
        pair.settle(&order);
        for who in [0, 1] {
            let (mine, theirs) = (pair.state(who).subscription(), pair.state(1 - who).subscription());
            if mine.has_to() && !theirs.has_from() {
                pair.inbox[who].push_back(SubscriptionType::Unsubscribed);
            }
            if mine.has_from() && !theirs.has_to() && !pair.state(1 - who).pending_out() {
                pair.inbox[who].push_back(SubscriptionType::Unsubscribe);
            }
            if pair.state(who).pending_out() {
                pair.inbox[1 - who].push_back(SubscriptionType::Subscribe);
            }
        }
        pair.settle(&order);
        pair.assert_mirrored_subscriptions();
        for who in [0, 1] {
            check(&pair.rosters[who]);
            prop_assert!(!pair.state(who).pending_out() || pair.state(1 - who).pending_in());
        }
    }
}
