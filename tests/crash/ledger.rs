//! What everybody sent and received, and which of the promises that breaks.
//!
//! Pure: whoever writes into it says at what time (since the start of the run) it happened.

mod verdict;

#[cfg(test)]
mod tests;

pub(crate) use verdict::{Breach, Promise, Verdict};

use crate::names::{Key, Name, Side};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// What happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Its sender began to write it.
    Sent,
    /// Once more, on a later connection.
    Resent,
    /// Its sender has an `<a h='…'/>` or `<resumed h='…'/>` that covers it.
    Acknowledged,
    /// Its sender got an error for it.
    Refused,
    /// Its receiver has it.
    Received,
}

/// A message and its history.
#[derive(Debug, Default)]
struct Message {
    history: Vec<(Duration, Event)>,
}

impl Message {
    fn count(&self, event: Event) -> usize {
        self.history.iter().filter(|(_, happened)| *happened == event).count()
    }

    fn has(&self, event: Event) -> bool {
        self.history.iter().any(|(_, happened)| *happened == event)
    }

    /// What is resumed has to be sent again until it is counted, whatever came back.
    fn was_sent_after_its_error(&self) -> bool {
        let errors = self.history.iter().skip_while(|(_, event)| *event != Event::Refused);
        errors.skip(1).any(|(_, event)| *event == Event::Resent)
    }

    /// Nothing more is to be expected.
    fn is_settled(&self) -> bool {
        self.has(Event::Refused) || (self.has(Event::Acknowledged) && self.has(Event::Received))
    }
}

/// An IQ request.
#[derive(Debug)]
struct Request {
    by: Name,
    asked: Duration,
    answers: Vec<Duration>,
}

/// A row of an archive: which message, by which id.
pub(crate) type Row = (Key, String);

/// All that is known about one run.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    messages: HashMap<Key, Message>,
    /// The last number that arrived, by sender and receiver.
    highest: HashMap<(u16, u16), u32>,
    requests: HashMap<String, Request>,
    /// The rows of each archive with their ids, in its order. None while no archive was read.
    archives: Option<BTreeMap<Name, Vec<Row>>>,
    /// The ids that messages had when they arrived.
    ids: HashMap<Key, String>,
    /// What clients and the server went through, in order: the background of every story told later.
    notes: Vec<(Duration, Option<Name>, String)>,
    /// From the start of a process to its first stream features.
    starts: Vec<Duration>,
    resumes_tried: usize,
    resumes_done: usize,
    kills: usize,
    /// What was seen to be wrong the moment it happened.
    breaches: Vec<Breach>,
    unsettled: usize,
    refused: usize,
    acknowledged: usize,
    open_requests: usize,
    changes: u64,
}

impl Ledger {
    /// A message goes out, for the first time or again.
    pub(crate) fn sent(&mut self, at: Duration, key: Key) {
        let message = self.messages.entry(key).or_default();
        let event = if message.history.is_empty() { Event::Sent } else { Event::Resent };
        if event == Event::Sent {
            self.unsettled += 1;
        }
        message.history.push((at, event));
    }

    pub(crate) fn acknowledged(&mut self, at: Duration, key: Key) {
        self.add(at, key, Event::Acknowledged);
    }

    pub(crate) fn refused(&mut self, at: Duration, key: Key) {
        if self.is_known(key, "came back as an error") {
            self.add(at, key, Event::Refused);
        }
    }

    pub(crate) fn received(&mut self, at: Duration, key: Key, by: Name) {
        if by != Name::receiver(key.receiver) {
            self.breaches.push(Breach::new(Promise::Addressed, format!("{key} arrived at {by}")));
        }
        if !self.is_known(key, "was received") {
            return;
        }
        let is_first = !self.messages[&key].has(Event::Received);
        self.add(at, key, Event::Received);
        let highest = self.highest.entry((key.sender, key.receiver)).or_default();
        if is_first && key.number < *highest {
            let text = format!("{key} came after m-{}-{}-{highest}", key.sender, key.receiver);
            self.breaches.push(Breach::about(Promise::InOrder, key, text));
        }
        *highest = key.number.max(*highest);
    }

    /// It arrived, but is not what was sent.
    pub(crate) fn spoiled(&mut self, key: Key, came: &str) {
        self.breaches.push(Breach::about(Promise::Addressed, key, format!("{key} arrived as {came}")));
    }

    /// It arrived with this id of its receiver's archive (XEP-0359).
    pub(crate) fn identified(&mut self, key: Key, id: String) {
        match self.ids.get(&key) {
            Some(before) if *before != id => {
                let text = format!("{key} arrived as {before} and as {id}");
                self.breaches.push(Breach::about(Promise::Archived, key, text));
            }
            Some(_) => {}
            None => drop(self.ids.insert(key, id)),
        }
    }

    fn is_known(&mut self, key: Key, what: &str) -> bool {
        let is_known = self.messages.contains_key(&key);
        if !is_known {
            self.breaches.push(Breach::new(Promise::Addressed, format!("{key} {what}, but was never sent")));
        }
        is_known
    }

    fn add(&mut self, at: Duration, key: Key, event: Event) {
        let message = self.messages.entry(key).or_default();
        let before = message.is_settled();
        match event {
            Event::Refused if !message.has(event) => self.refused += 1,
            Event::Acknowledged if !message.has(event) => self.acknowledged += 1,
            _ => {}
        }
        message.history.push((at, event));
        if !before && message.is_settled() {
            self.unsettled -= 1;
        }
        self.changes += 1;
    }

    /// An IQ request goes out; again, if it is known.
    pub(crate) fn asked(&mut self, at: Duration, id: &str, by: Name) {
        if !self.requests.contains_key(id) {
            self.requests.insert(id.to_owned(), Request { by, asked: at, answers: Vec::new() });
            self.open_requests += 1;
        }
    }

    /// Its answer: a result or an error.
    pub(crate) fn answered(&mut self, at: Duration, id: &str) {
        if let Some(request) = self.requests.get_mut(id) {
            if request.answers.is_empty() {
                self.open_requests -= 1;
                self.changes += 1;
            }
            request.answers.push(at);
        }
    }

    /// A client asks to resume its session.
    pub(crate) fn resume_tried(&mut self) {
        self.resumes_tried += 1;
    }

    pub(crate) fn resumed(&mut self) {
        self.resumes_done += 1;
        self.changes += 1;
    }

    pub(crate) fn not_resumed(&mut self, at: Duration, who: Name, why: &str) {
        self.breaches.push(Breach::of(Promise::Resumed, at, who, format!("{who} could not resume: {why}")));
        self.note(at, Some(who), format!("could not resume: {why}"));
    }

    /// The server did what the protocol forbids.
    pub(crate) fn broken(&mut self, at: Duration, who: Name, what: String) {
        self.breaches.push(Breach::of(Promise::Protocol, at, who, format!("{who}: {what}")));
    }

    pub(crate) fn killed(&mut self, at: Duration) {
        self.kills += 1;
        self.note(at, None, "the server is killed".to_owned());
    }

    /// The server is there, so long after its start.
    pub(crate) fn ready(&mut self, at: Duration, took: Duration, limit: Duration) {
        self.starts.push(took);
        if took > limit {
            let text = format!("ready only {took:.2?} after its start, at {at:.3?}");
            self.breaches.push(Breach::new(Promise::Ready, text));
        }
        self.note(at, None, format!("the server is ready, {took:.2?} after its start"));
    }

    /// Something to tell beside what happened to messages; about the server if about nobody.
    pub(crate) fn note(&mut self, at: Duration, who: Option<Name>, what: String) {
        self.notes.push((at, who, what));
    }

    /// One archive, from its begin to its end.
    pub(crate) fn archive(&mut self, owner: Name, rows: Vec<Row>) {
        self.archives.get_or_insert_default().insert(owner, rows);
    }

    /// Every message is settled and every request answered.
    pub(crate) fn is_settled(&self) -> bool {
        self.unsettled == 0 && self.open_requests == 0
    }

    /// Grows whenever something arrives.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// How many messages came back as errors so far.
    pub(crate) fn refusals(&self) -> usize {
        self.refused
    }

    /// How many messages are acknowledged so far.
    pub(crate) fn acknowledgements(&self) -> usize {
        self.acknowledged
    }

    fn is_owner(owner: Name, key: Key) -> bool {
        match owner.side {
            Side::Sender => owner.number == key.sender,
            Side::Receiver => owner.number == key.receiver,
        }
    }
}
