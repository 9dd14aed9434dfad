//! The books: who sent what, whether that was acknowledged, and who got it.

use std::collections::{BTreeMap, BTreeSet};

/// A device: account and number.
pub(super) type DeviceId = (usize, usize);

/// To whom a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Account(usize),
    Device(DeviceId),
}

impl Target {
    pub(super) fn account(self) -> usize {
        match self {
            Target::Account(account) | Target::Device((account, _)) => account,
        }
    }
}

/// One message.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) from: DeviceId,
    pub(super) to: Target,
    /// The session that it was for, if it can only have been for one.
    pub(super) session: Option<(DeviceId, usize)>,
    pub(super) acknowledged: bool,
    /// How often each device got it.
    pub(super) got: BTreeMap<DeviceId, usize>,
    pub(super) returned: bool,
}

/// What many plays had.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) seeds: u64,
    pub(super) messages: usize,
    pub(super) crashes: usize,
    pub(super) resumed: usize,
    pub(super) rebound: usize,
    /// Messages sent again by who could not resume.
    pub(super) repeated: usize,
    pub(super) requests: usize,
}

/// All messages of one play, by number.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) messages: Vec<Message>,
    /// What each device got, in order.
    pub(super) received: BTreeMap<DeviceId, Vec<usize>>,
    /// What came to the session that it was for.
    pub(super) straight: BTreeMap<(DeviceId, usize), Vec<usize>>,
    /// Requests: who asked, whether answered, and whether the session that asked is still the same.
    pub(super) requests: Vec<(DeviceId, usize, bool)>,
    pub(super) violations: Vec<String>,
    /// What happens is printed.
    pub(super) told: bool,
}

impl Ledger {
    pub(super) fn sent(&mut self, from: DeviceId, to: Target, session: Option<(DeviceId, usize)>) -> usize {
        let got = BTreeMap::new();
        self.messages.push(Message { from, to, session, acknowledged: false, got, returned: false });
        self.messages.len() - 1
    }

    pub(super) fn got(&mut self, device: DeviceId, session: usize, number: usize) {
        let Some(message) = self.messages.get_mut(number) else {
            self.violations.push(format!("{device:?} got {number}, which nobody sent"));
            return;
        };
        if self.told {
            println!("         {device:?} gets {number}");
        }
        *message.got.entry(device).or_default() += 1;
        if message.session == Some((device, session)) {
            self.straight.entry((device, session)).or_default().push(number);
        }
        self.received.entry(device).or_default().push(number);
    }

    /// The device has got it, but the server can't know that: it may come again.
    pub(super) fn may_come_again(&mut self, device: DeviceId, number: usize) {
        if let Some(times) = self.messages.get_mut(number).and_then(|message| message.got.get_mut(&device)) {
            *times = 0;
        }
        self.received.entry(device).or_default().retain(|known| *known != number);
    }

    pub(super) fn violation(&mut self, what: String) {
        if self.told {
            println!("         VIOLATION {what}");
        }
        self.violations.push(what);
    }

    /// What is wrong at the end, when all devices are there and everything was acknowledged.
    pub(super) fn audit(&mut self, archived: impl Fn(usize) -> Vec<usize>) {
        let archives: BTreeMap<usize, BTreeMap<usize, usize>> = (0..super::play::ACCOUNTS)
            .map(|account| {
                let mut counts = BTreeMap::new();
                archived(account).into_iter().for_each(|number| *counts.entry(number).or_default() += 1);
                (account, counts)
            })
            .collect();
        let mut wrong = Vec::new();
        for (number, message) in self.messages.iter().enumerate() {
            let about = format!("{number} ({message:?})");
            if !message.acknowledged {
                wrong.push(format!("{about} was never acknowledged"));
            }
            if message.returned {
                wrong.push(format!("{about} came back"));
            }
            if message.got.is_empty() {
                wrong.push(format!("{about} is missing"));
            }
            if message.got.values().any(|times| *times > 1) {
                wrong.push(format!("{about} came twice"));
            }
            if message.got.keys().any(|(account, _)| *account != message.to.account()) {
                wrong.push(format!("{about} came to a stranger"));
            }
            let owners: BTreeSet<usize> = [message.from.0, message.to.account()].into();
            for owner in owners {
                let rows = archives[&owner].get(&number).copied().unwrap_or_default();
                if rows != 1 {
                    wrong.push(format!("{about} is {rows} times in the archive of {owner}"));
                }
            }
        }
        for (session, received) in &self.straight {
            let mut last = BTreeMap::new();
            for number in received {
                let message = &self.messages[*number];
                if last.insert((message.from, message.to), *number).is_some_and(|before| before > *number) {
                    wrong.push(format!("{session:?} got {number} too late: {received:?}"));
                }
            }
        }
        self.violations.append(&mut wrong);
    }
}
