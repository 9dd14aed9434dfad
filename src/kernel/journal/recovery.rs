//! What the journal says about sessions at the start.

use super::event::{Event, Events, Note};
use crate::account::{Fingerprint, Form, Latest};
use crate::ports::{LogId, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use wire::jid::FullJid;

/// Half of the numbers: what is further away than this has gone by already.
const HALF: u32 = 1 << 31;
/// So many unanswered requests of a session are remembered.
const ASKED: usize = 64;

/// A message that a session had not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Undelivered {
    /// Its number among the stanzas to the session; `None` if it was still to be put into the queue.
    pub(crate) number: Option<u32>,
    pub(crate) form: Form,
    /// Another session has got it.
    pub(crate) got: bool,
}

/// A session as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recovered {
    pub(crate) session: u64,
    pub(crate) jid: FullJid,
    /// Empty if it can't be resumed.
    pub(crate) token: String,
    /// Seconds.
    pub(crate) window: u32,
    /// Its client counts.
    pub(crate) counted: bool,
    pub(crate) received: u32,
    pub(crate) acknowledged: u32,
    pub(crate) messages: BTreeMap<LogId, Undelivered>,
    /// Empty if it was not available.
    pub(crate) presence: String,
    pub(crate) marks: u64,
    pub(crate) inactive: bool,
    pub(crate) directed: BTreeSet<String>,
    /// The version of the roster that it has got; 0 if it has not asked for one.
    pub(crate) roster: u64,
    /// The messages that it sent last.
    pub(crate) sent: Latest,
    /// Requests that may not have been answered: which stanza it was, its id, and whom it was for.
    pub(crate) asked: VecDeque<(u32, String, String)>,
}

impl Recovered {
    /// Writes events that lead to this.
    pub(crate) fn write(&self, note: &mut Note) {
        let Recovered { session, window, counted, received, marks, inactive, .. } = *self;
        let (jid, token) = (self.jid.to_string(), self.token.clone());
        note.push(&Event::Open { session, jid, token, window, counted });
        note.push(&Event::Received { session, count: received });
        note.push(&Event::Acknowledged { session, h: self.acknowledged });
        for (id, message) in &self.messages {
            let (id, form) = (*id, message.form);
            note.push(&match message.number {
                Some(number) => Event::Queued { session, number, id, form },
                None => Event::Due { session, id, form },
            });
            if message.got {
                note.push(&Event::Got { session, id });
            }
        }
        note.push(&Event::Presence { session, stanza: self.presence.clone() });
        note.push(&Event::Marks { session, marks, inactive });
        if self.roster > 0 {
            note.push(&Event::Roster { session, version: self.roster });
        }
        for to in &self.directed {
            note.push(&Event::Directed { session, to: to.clone(), available: true });
        }
        for Fingerprint(hash) in self.sent.iter() {
            note.push(&Event::Sent { session, hash });
        }
        for (count, id, to) in &self.asked {
            note.push(&Event::Asked { session, count: *count, id: id.clone(), to: to.clone() });
        }
    }

    /// Returns the messages that it has got by this.
    fn acknowledge(&mut self, h: u32) -> Vec<LogId> {
        if h.wrapping_sub(self.acknowledged) < HALF {
            self.acknowledged = h;
        }
        let mut got = Vec::new();
        self.messages.retain(|id, message| {
            let open = message.number.is_none_or(|number| is_after(number, h));
            if !open && message.form == Form::Plain {
                got.push(*id);
            }
            open
        });
        got
    }
}

/// True if a stanza comes after the `h`th.
pub(crate) fn is_after(number: u32, h: u32) -> bool {
    let ahead = number.wrapping_sub(h);
    ahead != 0 && ahead < HALF
}

/// What is read back, note by note.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    sessions: BTreeMap<u64, Recovered>,
    /// The sessions of each account.
    accounts: HashMap<String, Vec<u64>>,
    /// The highest session there ever was.
    pub(crate) last: u64,
    /// What the bits of marks mean.
    names: Vec<String>,
    /// Notes that did not decode.
    pub(crate) damaged: usize,
}

impl Recovery {
    /// Reads all notes.
    pub(crate) fn read(notes: &[Value]) -> Recovery {
        let mut recovery = Recovery::default();
        for note in notes {
            for event in Events(note) {
                match event {
                    Some(event) => recovery.apply(event),
                    None => recovery.damaged += 1,
                }
            }
        }
        recovery
    }

    /// The sessions, their marks by the bits of these names.
    pub(crate) fn sessions(self, names: &[String]) -> Vec<Recovered> {
        let of = |mark: usize| {
            let name = self.names.get(mark)?;
            names.iter().position(|now| now == name).map(|bit| 1 << bit)
        };
        let translate = |marks: u64| {
            (0..64).filter(|bit| marks & (1 << bit) != 0).filter_map(&of).fold(0, |all, bit: u64| all | bit)
        };
        self.sessions
            .into_values()
            .map(|session| Recovered { marks: translate(session.marks), ..session })
            .collect()
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Names { marks } => self.names = marks,
            Event::Open { session, jid, token, window, counted } => {
                self.last = self.last.max(session);
                let Ok(jid) = FullJid::parse(&jid) else { return };
                let accounts = &mut self.accounts;
                let fresh = || {
                    accounts.entry(jid.bare_str().to_owned()).or_default().push(session);
                    Recovered {
                        session,
                        jid,
                        token: String::new(),
                        window,
                        counted: false,
                        received: 0,
                        acknowledged: 0,
                        messages: BTreeMap::new(),
                        presence: String::new(),
                        marks: 0,
                        inactive: false,
                        directed: BTreeSet::new(),
                        roster: 0,
                        sent: Latest::default(),
                        asked: VecDeque::new(),
                    }
                };
                let known = self.sessions.entry(session).or_insert_with(fresh);
                // Once: it may be read again.
                if counted && !std::mem::replace(&mut known.counted, true) {
                    (known.token, known.window, known.acknowledged) = (token, window, 0);
                    // What was on its way had other numbers.
                    known.messages.values_mut().for_each(|message| message.number = None);
                }
            }
            Event::Closed { session } => {
                if let Some(closed) = self.sessions.remove(&session)
                    && let Some(sessions) = self.accounts.get_mut(closed.jid.bare_str())
                {
                    sessions.retain(|other| *other != session);
                    if sessions.is_empty() {
                        self.accounts.remove(closed.jid.bare_str());
                    }
                }
            }
            Event::Received { session, .. }
            | Event::Queued { session, .. }
            | Event::Due { session, .. }
            | Event::Acknowledged { session, .. }
            | Event::Resumed { session, .. }
            | Event::Presence { session, .. }
            | Event::Marks { session, .. }
            | Event::Directed { session, .. }
            | Event::Sent { session, .. }
            | Event::Got { session, .. }
            | Event::Arrived { session, .. }
            | Event::Roster { session, .. }
            | Event::Asked { session, .. }
            | Event::Answered { session, .. } => {
                let Some(known) = self.sessions.get_mut(&session) else { return };
                let got = known.apply(event);
                if got.is_empty() {
                    return;
                }
                let account = known.jid.bare_str().to_owned();
                for other in
                    self.accounts.get(&account).into_iter().flatten().filter(|other| **other != session)
                {
                    let Some(other) = self.sessions.get_mut(other) else { continue };
                    got.iter().for_each(|id| {
                        other.messages.entry(*id).and_modify(|message| message.got = true);
                    });
                }
            }
        }
    }
}

impl Recovered {
    /// Returns the messages that it has got by this.
    fn apply(&mut self, event: Event) -> Vec<LogId> {
        match event {
            Event::Received { count, .. } => {
                if count.wrapping_sub(self.received) < HALF {
                    self.received = count;
                }
            }
            Event::Queued { number, id, form, .. } => {
                if is_after(number, self.acknowledged) {
                    let new = Undelivered { number: None, form, got: false };
                    self.messages.entry(id).or_insert(new).number = Some(number);
                } else {
                    // Read again over a later state: it has arrived since.
                    self.messages.remove(&id);
                }
            }
            Event::Due { id, form, .. } => {
                self.messages.entry(id).or_insert(Undelivered { number: None, form, got: false });
            }
            Event::Acknowledged { h, .. } => return self.acknowledge(h),
            Event::Resumed { h, .. } => {
                let got = self.acknowledge(h);
                self.messages.values_mut().for_each(|message| message.number = None);
                return got;
            }
            Event::Arrived { id, .. } => {
                let plain = self.messages.remove(&id).is_some_and(|message| message.form == Form::Plain);
                return if plain { vec![id] } else { Vec::new() };
            }
            Event::Got { id, .. } => {
                if let Some(message) = self.messages.get_mut(&id) {
                    message.got = true;
                }
            }
            Event::Presence { stanza, .. } => self.presence = stanza,
            Event::Marks { marks, inactive, .. } => (self.marks, self.inactive) = (marks, inactive),
            Event::Directed { to, available: true, .. } => {
                self.directed.insert(to);
            }
            Event::Directed { to, available: false, .. } => {
                self.directed.remove(&to);
            }
            Event::Roster { version, .. } => self.roster = self.roster.max(version),
            Event::Sent { hash, .. } => {
                if !self.sent.contains(Fingerprint(hash)) {
                    self.sent.push(Fingerprint(hash));
                }
            }
            Event::Asked { count, id, to, .. } => {
                if self.asked.back().is_none_or(|(last, ..)| is_after(count, *last)) {
                    self.asked.push_back((count, id, to));
                }
                if self.asked.len() > ASKED {
                    self.asked.pop_front();
                }
            }
            Event::Answered { count, .. } => {
                while self.asked.front().is_some_and(|(asked, ..)| is_after(count, *asked)) {
                    self.asked.pop_front();
                }
            }
            Event::Open { .. } | Event::Closed { .. } | Event::Names { .. } => {}
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 7;

    fn open(token: &str) -> Event {
        let (jid, token) = ("juliet@example.org/balcony".into(), token.to_owned());
        Event::Open { session: S, jid, window: 600, counted: !token.is_empty(), token }
    }

    fn queued(number: u32, id: u64) -> Event {
        Event::Queued { session: S, number, id: LogId(id), form: Form::Plain }
    }

    fn read(events: &[Event]) -> Vec<Recovered> {
        let notes: Vec<Value> = events
            .iter()
            .map(|event| {
                let mut note = Note::default();
                note.push(event);
                note.into_value()
            })
            .collect();
        let recovery = Recovery::read(&notes);
        assert_eq!(recovery.damaged, 0);
        recovery.sessions(&["roster".to_owned(), "carbons".to_owned()])
    }

    fn ids(session: &Recovered) -> Vec<(u64, Option<u32>)> {
        session.messages.iter().map(|(id, message)| (id.0, message.number)).collect()
    }

    #[test]
    fn what_was_not_acknowledged_is_left() {
        let mut events = vec![open("t"), queued(2, 10), queued(4, 11), queued(5, 12)];
        events.push(Event::Due { session: S, id: LogId(13), form: Form::Received });
        events.push(Event::Acknowledged { session: S, h: 4 });
        events.push(Event::Received { session: S, count: 9 });
        let sessions = read(&events);
        assert_eq!(ids(&sessions[0]), [(12, Some(5)), (13, None)]);
        assert_eq!((sessions[0].received, sessions[0].acknowledged), (9, 4));
        events.push(Event::Resumed { session: S, h: 4 });
        events.push(queued(5, 12));
        assert_eq!(ids(&read(&events)[0]), [(12, Some(5)), (13, None)]);
        events.push(Event::Closed { session: S });
        assert_eq!(read(&events), []);
    }

    #[test]
    fn numbers_go_round() {
        let mut events = vec![open("t"), Event::Acknowledged { session: S, h: u32::MAX - 1 }];
        // From 0 that is half a round back: nothing is known of it.
        assert_eq!(read(&events)[0].acknowledged, 0);
        events[1] = Event::Acknowledged { session: S, h: HALF - 1 };
        events.push(Event::Acknowledged { session: S, h: u32::MAX - 1 });
        events.extend([queued(u32::MAX, 1), queued(0, 2), queued(1, 3)]);
        events.push(Event::Acknowledged { session: S, h: 0 });
        assert_eq!(ids(&read(&events)[0]), [(3, Some(1))]);
    }

    #[test]
    fn marks_are_known_by_their_names() {
        let names =
            |marks: &[&str]| Event::Names { marks: marks.iter().map(|mark| (*mark).to_owned()).collect() };
        let marks = Event::Marks { session: S, marks: 0b111, inactive: true };
        let sessions = read(&[names(&["carbons", "gone", "roster"]), open("t"), marks]);
        assert_eq!((sessions[0].marks, sessions[0].inactive), (0b11, true));
    }

    #[test]
    fn counting_begins_where_a_session_can_be_resumed() {
        let mut events =
            vec![open(""), queued(1, 10), Event::Acknowledged { session: S, h: 1 }, queued(2, 11)];
        assert_eq!(ids(&read(&events)[0]), [(11, Some(2))]);
        events.extend([open("t"), queued(1, 12)]);
        assert_eq!(ids(&read(&events)[0]), [(11, None), (12, Some(1))]);
        events.push(Event::Arrived { session: S, id: LogId(11) });
        assert_eq!(ids(&read(&events)[0]), [(12, Some(1))]);
    }

    #[test]
    fn requests_are_open_until_all_before_them_are_answered() {
        let asked = |count| Event::Asked { session: S, count, id: count.to_string(), to: String::new() };
        let events =
            [open("t"), asked(1), asked(3), Event::Answered { session: S, count: 3 }, asked(3), asked(5)];
        let open: Vec<u32> = read(&events)[0].asked.iter().map(|(count, ..)| *count).collect();
        assert_eq!(open, [3, 5]);
    }

    /// A checkpoint is taken somewhere in the middle, and what went before it since its beginning is read again.
    #[test]
    fn events_may_be_read_again_over_a_later_state() {
        let events = [
            open("t"),
            queued(1, 10),
            Event::Due { session: S, id: LogId(11), form: Form::Plain },
            Event::Received { session: S, count: 3 },
            queued(2, 11),
            Event::Acknowledged { session: S, h: 1 },
            Event::Resumed { session: S, h: 1 },
            queued(2, 11),
            queued(3, 12),
            Event::Acknowledged { session: S, h: 2 },
            Event::Directed { session: S, to: "a@b".into(), available: true },
            Event::Directed { session: S, to: "a@b".into(), available: false },
            Event::Presence { session: S, stanza: "<presence/>".into() },
            Event::Received { session: S, count: 4 },
        ];
        let straight = read(&events);
        for from in 1..events.len() {
            for to in from..=events.len() {
                let twice: Vec<Event> = [&events[..to], &events[from..]].concat();
                assert_eq!(read(&twice), straight, "{from} to {to} again");
            }
        }
    }
}
