//! The events, and how they are written.

use crate::account::Form;
use crate::ports::{LogId, Value};

/// Something that happened to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// It exists. With a token it can be resumed for so many seconds. Where its client begins to count, so do the numbers.
    Open { session: u64, jid: String, token: String, window: u32, counted: bool },
    /// So many of its stanzas have been taken.
    Received { session: u64, count: u32 },
    /// A message is its n-th stanza.
    Queued { session: u64, number: u32, id: LogId, form: Form },
    /// A message will be put into its queue.
    Due { session: u64, id: LogId, form: Form },
    /// It has got a message.
    Arrived { session: u64, id: LogId },
    /// Another session has got a message that is owed to it, too.
    Got { session: u64, id: LogId },
    /// It has got so many stanzas.
    Acknowledged { session: u64, h: u32 },
    /// It goes on behind so many stanzas; what it has not got of those before will be put into its queue again.
    Resumed { session: u64, h: u32 },
    /// Its presence: the stanza, or nothing.
    Presence { session: u64, stanza: String },
    /// Its marks, by bit, and whether its client is inactive.
    Marks { session: u64, marks: u64, inactive: bool },
    /// It has sent directed presence to somebody, or taken it back.
    Directed { session: u64, to: String, available: bool },
    /// With that stanza it asked somebody.
    Asked { session: u64, count: u32, id: String, to: String },
    /// All that it asked before that stanza has been answered.
    Answered { session: u64, count: u32 },
    /// It has sent a message with this hash.
    Sent { session: u64, hash: u64 },
    /// It has got the roster up to that version.
    Roster { session: u64, version: u64 },
    /// It has ended.
    Closed { session: u64 },
    /// What the bits of marks mean from here on.
    Names { marks: Vec<String> },
}

/// Events on their way into the journal.
#[derive(Debug, Default)]
pub(crate) struct Note(Vec<u8>);

impl Note {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn into_value(self) -> Value {
        self.0.into()
    }

    /// Adds what another note has.
    pub(crate) fn append(&mut self, other: &mut Note) {
        self.0.append(&mut other.0);
    }

    pub(crate) fn push(&mut self, event: &Event) {
        match event {
            Event::Open { session, jid, token, window, counted } => {
                self.head(1, *session).text(jid).text(token).number(u64::from(*window));
                self.number(u64::from(*counted));
            }
            Event::Received { session, count } => {
                self.head(2, *session).number(u64::from(*count));
            }
            Event::Queued { session, number, id, form } => {
                self.head(3, *session).number(u64::from(*number)).number(id.0).form(*form);
            }
            Event::Due { session, id, form } => {
                self.head(4, *session).number(id.0).form(*form);
            }
            Event::Acknowledged { session, h } => {
                self.head(5, *session).number(u64::from(*h));
            }
            Event::Resumed { session, h } => {
                self.head(6, *session).number(u64::from(*h));
            }
            Event::Presence { session, stanza } => {
                self.head(7, *session).text(stanza);
            }
            Event::Marks { session, marks, inactive } => {
                self.head(8, *session).number(*marks).number(u64::from(*inactive));
            }
            Event::Directed { session, to, available } => {
                self.head(9, *session).text(to).number(u64::from(*available));
            }
            Event::Asked { session, count, id, to } => {
                self.head(10, *session).number(u64::from(*count)).text(id).text(to);
            }
            Event::Answered { session, count } => {
                self.head(11, *session).number(u64::from(*count));
            }
            Event::Closed { session } => {
                self.head(12, *session);
            }
            Event::Arrived { session, id } => {
                self.head(17, *session).number(id.0);
            }
            Event::Roster { session, version } => {
                self.head(16, *session).number(*version);
            }
            Event::Got { session, id } => {
                self.head(15, *session).number(id.0);
            }
            Event::Sent { session, hash } => {
                self.head(14, *session).0.extend_from_slice(&hash.to_le_bytes());
            }
            Event::Names { marks } => {
                self.head(13, 0).number(marks.len() as u64);
                marks.iter().for_each(|mark| {
                    self.text(mark);
                });
            }
        }
    }

    fn head(&mut self, kind: u8, session: u64) -> &mut Note {
        self.0.push(kind);
        self.number(session)
    }

    fn number(&mut self, mut number: u64) -> &mut Note {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push((number & 0x7f) as u8);
        self
    }

    fn text(&mut self, text: &str) -> &mut Note {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn form(&mut self, form: Form) -> &mut Note {
        self.0.push(match form {
            Form::Plain => 0,
            Form::Received => 1,
            Form::Sent => 2,
        });
        self
    }
}

/// The events of a note. `None` where it does not decode: what follows is lost.
pub(super) struct Events<'n>(pub(super) &'n [u8]);

impl Iterator for Events<'_> {
    type Item = Option<Event>;

    fn next(&mut self) -> Option<Option<Event>> {
        if self.0.is_empty() {
            return None;
        }
        let event = self.event();
        if event.is_none() {
            self.0 = &[];
        }
        Some(event)
    }
}

impl Events<'_> {
    fn event(&mut self) -> Option<Event> {
        let kind = self.byte()?;
        let session = self.number()?;
        Some(match kind {
            1 => Event::Open {
                session,
                jid: self.text()?,
                token: self.text()?,
                window: self.short()?,
                counted: self.number()? != 0,
            },
            2 => Event::Received { session, count: self.short()? },
            3 => Event::Queued { session, number: self.short()?, id: self.id()?, form: self.form()? },
            4 => Event::Due { session, id: self.id()?, form: self.form()? },
            5 => Event::Acknowledged { session, h: self.short()? },
            6 => Event::Resumed { session, h: self.short()? },
            7 => Event::Presence { session, stanza: self.text()? },
            8 => Event::Marks { session, marks: self.number()?, inactive: self.number()? != 0 },
            9 => Event::Directed { session, to: self.text()?, available: self.number()? != 0 },
            10 => Event::Asked { session, count: self.short()?, id: self.text()?, to: self.text()? },
            11 => Event::Answered { session, count: self.short()? },
            12 => Event::Closed { session },
            13 => {
                let count = self.number()?;
                Event::Names { marks: (0..count).map(|_| self.text()).collect::<Option<_>>()? }
            }
            17 => Event::Arrived { session, id: self.id()? },
            16 => Event::Roster { session, version: self.number()? },
            15 => Event::Got { session, id: self.id()? },
            14 => {
                let (hash, rest) = self.0.split_first_chunk()?;
                self.0 = rest;
                Event::Sent { session, hash: u64::from_le_bytes(*hash) }
            }
            _ => return None,
        })
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn short(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    fn id(&mut self) -> Option<LogId> {
        self.number().map(LogId)
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    fn form(&mut self) -> Option<Form> {
        Some(match self.byte()? {
            0 => Form::Plain,
            1 => Form::Received,
            2 => Form::Sent,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Event> {
        let session = 300;
        let id = LogId(1_795_525_333_123 << 20);
        vec![
            Event::Open { session, jid: "a@b/c".into(), token: "t".into(), window: 600, counted: true },
            Event::Received { session, count: u32::MAX },
            Event::Queued { session, number: 0, id, form: Form::Sent },
            Event::Due { session, id, form: Form::Received },
            Event::Acknowledged { session, h: 127 },
            Event::Resumed { session, h: 128 },
            Event::Presence { session, stanza: String::new() },
            Event::Marks { session, marks: 1 << 63, inactive: true },
            Event::Directed { session, to: "r\u{f6}\u{f6}m@b".into(), available: false },
            Event::Asked { session, count: 3, id: "x".into(), to: "b".into() },
            Event::Answered { session, count: 4 },
            Event::Sent { session, hash: u64::MAX - 5 },
            Event::Got { session, id },
            Event::Arrived { session, id },
            Event::Roster { session, version: 5 },
            Event::Closed { session },
            Event::Names { marks: vec!["carbons".into(), String::new()] },
        ]
    }

    #[test]
    fn events_come_back_as_they_were() {
        let mut note = Note::default();
        all().iter().for_each(|event| note.push(event));
        let read: Option<Vec<Event>> = Events(&note.into_value()).collect();
        assert_eq!(read.unwrap(), all());
    }

    #[test]
    fn what_is_cut_short_ends_in_nothing() {
        let mut note = Note::default();
        all().iter().for_each(|event| note.push(event));
        let bytes = note.into_value();
        for end in 0..bytes.len() {
            let read: Vec<Option<Event>> = Events(&bytes[..end]).collect();
            let good: Vec<Event> = read.iter().flatten().cloned().collect();
            assert_eq!(good, all()[..good.len()], "up to {end}");
            assert!(read.len() <= good.len() + 1);
        }
    }
}
