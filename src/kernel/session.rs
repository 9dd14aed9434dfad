//! A session: a bound resource. This is the handle that its stream and the XEPs hold; what others may see and
//! change of it lives in its account.

use crate::Account;
use crate::account::Latest;
use crate::done::Done;
use crate::journal::{Event, Note};
use crate::outbox::{Ending, Outbox};
use crate::ports::{Outcome, Ticket};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use wire::error::StreamError;
use wire::jid::FullJid;

/// Identity of a session in this process; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// Handle of a session.
#[derive(Clone)]
pub struct SessionRef(pub(crate) Arc<Inner>);

/// What lets a session outlive its stream (XEP-0198), and the server.
#[derive(Debug, Default)]
pub(crate) struct Management {
    /// Set once stanzas are counted.
    on: AtomicBool,
    /// Stanzas received, modulo 2^32.
    received: AtomicU32,
    /// How to be found again, and for how long.
    resumption: OnceLock<(String, Duration)>,
    /// Nothing is written down of it: the account goes with the stream.
    pub(crate) fleeting: AtomicBool,
    /// The client closed it.
    closed: AtomicBool,
    journal: Mutex<Written>,
    /// The messages that it sent last.
    pub(crate) sent: Mutex<Latest>,
    /// Held while a stanza is taken and counted, and while another stream takes the session over.
    pub(crate) turn: Mutex<()>,
    /// The work of the latest stanza, if that was not done at once: another stream must not overtake it.
    pub(crate) unfinished: Mutex<Option<Done>>,
}

/// What the journal has of a session.
#[derive(Debug, Default)]
struct Written {
    /// It has been opened there.
    open: bool,
    /// Events that go with the next commit that concerns the session.
    pending: Note,
    /// Stanzas received, as far as that is in the journal or on its way, and the commit.
    received: u32,
    ticket: Option<Ticket>,
}

impl Management {
    /// Begins to count. False if that has begun before.
    pub(crate) fn begin(&self) -> bool {
        !self.on.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Another stanza is being taken.
    pub(crate) fn count(&self) {
        if self.is_on() {
            self.received.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn received(&self) -> u32 {
        self.received.load(Ordering::Relaxed)
    }

    pub(crate) fn allow_resumption(&self, token: &str, window: Duration) {
        // Once: counting begins once.
        let _ = self.resumption.set((token.to_owned(), window));
    }

    /// The token and the time.
    pub(crate) fn resumption(&self) -> Option<&(String, Duration)> {
        self.resumption.get()
    }

    /// Goes on where the journal ended.
    pub(crate) fn recovered(received: u32, token: &str, window: Duration) -> Management {
        let management = Management::default();
        management.begin();
        management.received.store(received, Ordering::Relaxed);
        management.allow_resumption(token, window);
        *management.journal.lock() = Written { open: true, received, ..Written::default() };
        management
    }

    /// Notes something that goes with the next commit. Only of sessions that can be resumed.
    pub(crate) fn note(&self, event: &Event) {
        if self.resumption().is_some() {
            self.journal.lock().pending.push(event);
        }
    }

    /// True if much waits to be written down, because its client never asks for acknowledgements.
    pub(crate) fn is_verbose(&self) -> bool {
        self.journal.lock().pending.len() > 4096
    }

    /// Puts what is to be written down of the session into a note, behind its opening.
    pub(crate) fn take_notes(&self, id: SessionId, jid: &FullJid, note: &mut Note) {
        if !self.is_journalled() {
            return;
        }
        let mut written = self.journal.lock();
        if !std::mem::replace(&mut written.open, true) {
            let (jid, token) = (jid.to_string(), String::new());
            note.push(&Event::Open { session: id.0, jid, token, window: 0, counted: false });
        }
        note.append(&mut written.pending);
    }

    /// The same, and that so many of its stanzas have been taken.
    pub(crate) fn take_count(&self, id: SessionId, jid: &FullJid, count: u32, note: &mut Note) {
        if self.outlives() {
            self.take_notes(id, jid, note);
            note.push(&Event::Received { session: id.0, count });
        }
    }

    /// What was taken with that count is on its way.
    pub(crate) fn counted(&self, count: u32, ticket: &Ticket) {
        let mut written = self.journal.lock();
        (written.received, written.ticket) = (count, Some(ticket.clone()));
    }

    /// The commit behind which the count of received stanzas is durable. `None` if it has to be submitted.
    pub(crate) fn count_ticket(&self) -> Option<Ticket> {
        let written = self.journal.lock();
        let current = written.received == self.received() && written.pending.is_empty();
        written.ticket.clone().filter(|ticket| current && ticket.outcome() != Outcome::Failed)
    }

    /// Its client counts from here on, and may resume it: what was noted before is void.
    pub(crate) fn open(&self, id: SessionId, jid: &FullJid, note: &mut Note) {
        let mut written = self.journal.lock();
        if self.resumption().is_none() && !written.open {
            return;
        }
        written.open = true;
        let resumption = self.resumption().cloned().unwrap_or_default();
        let (jid, token) = (jid.to_string(), resumption.0);
        let window = u32::try_from(resumption.1.as_secs()).unwrap_or(u32::MAX);
        note.push(&Event::Open { session: id.0, jid, token, window, counted: true });
        note.append(&mut written.pending);
    }

    /// The client closes it: it has nothing to send again.
    pub(crate) fn say_closed(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn was_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Notes the end, if there is anything in the journal.
    pub(crate) fn close(&self, id: SessionId, note: &mut Note) {
        let mut written = self.journal.lock();
        if std::mem::take(&mut written.open) {
            note.push(&Event::Closed { session: id.0 });
        }
        // Nothing more is to be written.
        self.fleeting.store(true, Ordering::Relaxed);
    }

    /// True if it can be resumed, even after a restart.
    pub(crate) fn outlives(&self) -> bool {
        self.resumption().is_some() && self.is_journalled()
    }

    /// True while something may be written down of it.
    pub(crate) fn is_journalled(&self) -> bool {
        !self.fleeting.load(Ordering::Relaxed)
    }

    /// How many stanzas have been received, as far as that is written down.
    pub(crate) fn noted_count(&self) -> u32 {
        self.journal.lock().received
    }

    pub(crate) fn is_open(&self) -> bool {
        self.journal.lock().open
    }
}

pub(crate) struct Inner {
    pub(crate) id: SessionId,
    pub(crate) jid: FullJid,
    pub(crate) account: Arc<Account>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) management: Arc<Management>,
}

impl SessionRef {
    /// Which one.
    pub fn id(&self) -> SessionId {
        self.0.id
    }

    /// Its address.
    pub fn jid(&self) -> &FullJid {
        &self.0.jid
    }

    /// Whose it is.
    pub fn account(&self) -> &Arc<Account> {
        &self.0.account
    }

    /// The queue to its stream.
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.0.outbox
    }

    pub(crate) fn management(&self) -> &Arc<Management> {
        &self.0.management
    }

    /// Ends its stream with an error, after what is queued.
    pub fn end(&self, error: StreamError) {
        self.0.outbox.end(Ending::Error(error));
    }
}

impl std::fmt::Debug for SessionRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({})", self.0.jid)
    }
}
