//! One account: everything that can race about it changes here, behind one short lock.
//!
//! **Invariant:** nothing waits while an account's lock is held, and no second account's lock is taken under it.
//! What a change causes elsewhere is queued in `Outgoing` or returned as an `Outcome`, and performed after the lock is
//! released.

mod addresses;
mod asleep;
mod awaited;
mod backlog;
mod cache;
mod change;
mod deliver;
mod drain;
mod load;
mod message;
mod missed;
mod outgoing;
mod presence;
mod resend;
mod revival;
mod rosters;
mod subscription;
mod waiting;

pub(crate) use backlog::Kept;
pub use cache::{AccountCache, AccountView, Cache, Flag, Mark};
pub(crate) use cache::{CacheKind, CacheKinds, Slot};
pub use change::Change;
pub(crate) use drain::drain;
pub(crate) use load::{ACCOUNT, CREDENTIALS, load};
pub(crate) use resend::{Fingerprint, Latest, Repeated};
pub(crate) use subscription::subscription_type;
pub(crate) use waiting::Form;

use crate::engine::Engine;
use crate::hooks::{Direction, Effects, Flow, Passing, Stop, Urgency, Wake};
use crate::outbox::{Ending, Outbox};
use crate::panics::{Panicked, caught};
use crate::ports::{Archived, LogId, Owner, Ticket};
use crate::roster::Roster;
use crate::session::{Management, SessionId, SessionRef};
use addresses::Addresses;
use awaited::{Asked, Awaited};
use missed::Missed;
use outgoing::Outgoing;
use parking_lot::Mutex;
use resend::Ended;
use rosters::Rosters;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use waiting::Waiting;
use wire::error::{StanzaCondition, StanzaError, StreamError};
use wire::frame::Frame;
use wire::jid::{BareJid, FullJid, Jid};

/// An account in memory.
pub struct Account {
    jid: BareJid,
    owner: Owner,
    engine: Arc<Engine>,
    /// Marks that filters test before they ask for the lock.
    flags: AtomicU64,
    /// When it was last of use, in milliseconds of the monotonic clock.
    pub(crate) used: AtomicU64,
    state: Mutex<State>,
    pub(crate) outgoing: Outgoing,
}

/// What the lock guards.
pub(crate) struct State {
    pub(crate) sessions: Vec<Bound>,
    pub(crate) roster: Roster,
    slots: Vec<Slot>,
    waiting: Waiting,
    /// Sessions that are over, while their streams still write what was in their queues.
    leaving: Vec<(SessionId, Arc<Management>)>,
    /// What sessions sent that ended without being closed.
    ended: Ended,
    /// The commit of the latest change to the roster or a slot.
    changed: Option<Ticket>,
    /// When the last available session went away, if that was since the account was loaded.
    left: Option<crate::ports::WallMillis>,
    /// The account has been removed; nothing may be stored for it any more.
    erased: bool,
}

/// A session, as its account sees it.
pub(crate) struct Bound {
    pub(crate) id: SessionId,
    pub(crate) jid: FullJid,
    pub(crate) outbox: Arc<Outbox>,
    /// The last available presence it broadcast: from its full address, without `to`.
    pub(crate) presence: Option<Frame>,
    pub(crate) priority: i8,
    marks: u64,
    /// To whom it sent directed presence outside of subscriptions (RFC 6121 §4.6).
    directed: Addresses,
    management: Arc<Management>,
    /// Its messages come from the log.
    behind: bool,
    /// A task reads them to it.
    reads: bool,
    /// There may be messages in its queue without a place in the log.
    unplaced: bool,
    /// Its stream is lost, it waits to be resumed.
    asleep: bool,
    /// It is one of before a restart, and has not been resumed since: messages that it may have got, by their numbers.
    recovered: Option<Vec<(u32, LogId)>>,
    /// Its client says that nobody looks (XEP-0352): what can wait then.
    spared: Option<Spared>,
    /// Whose answers it waits for.
    awaited: Awaited,
    /// What it has got of the roster, for the same case.
    rosters: Rosters,
    /// What it has asked, for the case that the answers get lost with the server.
    asked: VecDeque<Asked>,
    /// What it is told when there is room again, if it reads too slowly.
    missed: Option<Box<Missed>>,
}

/// Decides what can wait.
type Spared = fn(&Frame) -> Urgency;

impl Bound {
    /// Available with a priority that allows messages to the bare address.
    fn takes_messages(&self) -> bool {
        self.presence.is_some() && self.priority >= 0
    }
}

/// True if both are of one commit, or there is none.
fn same_commit(one: Option<&Ticket>, other: Option<&Ticket>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.same_group(other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// A stanza on its way, with the commit it must not overtake.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) frame: Frame,
    pub(crate) ticket: Option<Ticket>,
    /// The server's own answer to a stanza of the session it goes to, who must not miss it.
    pub(crate) owed: bool,
    /// Which session here has sent it.
    pub(crate) origin: Option<Origin>,
}

/// The session that a stanza comes from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) session: SessionRef,
    /// How many stanzas it had sent with this one.
    pub(crate) count: u32,
    /// Its place in the account's archive, if it is a message that goes there.
    pub(crate) archive: Option<Archived>,
    /// By which it is known again, if its client acknowledges.
    pub(crate) fingerprint: Option<Fingerprint>,
}

impl From<Frame> for Parcel {
    fn from(frame: Frame) -> Parcel {
        Parcel { frame, ticket: None, owed: false, origin: None }
    }
}

/// A message that is in the log, or on its way there.
#[derive(Debug)]
pub(crate) struct Logged {
    pub(crate) id: LogId,
    pub(crate) ticket: Ticket,
}

/// What a change to an account causes elsewhere.
#[derive(Default)]
pub(crate) struct Outcome {
    /// The stanza goes back with this error.
    pub(crate) bounce: Option<StanzaError>,
    /// Sessions whose messages are to be read from the log.
    pub(crate) drain: Vec<SessionId>,
    /// Sessions that have begun to miss presence and requests.
    pub(crate) refresh: Vec<SessionId>,
    /// A message got its place in the log.
    pub(crate) logged: Option<Logged>,
    /// Somebody is to be woken for it.
    pub(crate) wake: Option<Wake>,
    /// A durable change that memory already shows: to be undone in memory if this fails.
    pub(crate) doubt: Option<Ticket>,
    /// The presence by which the last available session left.
    pub(crate) left: Option<Frame>,
}

impl Account {
    /// Its address.
    pub fn jid(&self) -> &BareJid {
        &self.jid
    }

    /// Its name in storage.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// Whether it bears a mark.
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.load(Ordering::Relaxed) & flag.0 != 0
    }

    /// True if that address may see this account's presence: the account itself, or a contact with a
    /// subscription of from or both.
    pub fn may_be_seen_by(&self, contact: &BareJid) -> bool {
        *contact == self.jid || self.state.lock().roster.may_see(contact)
    }

    /// True if it is in the roster, whatever the subscription.
    pub fn knows(&self, contact: &BareJid) -> bool {
        self.state.lock().roster.item(&Jid::from(contact.clone())).is_some()
    }

    /// Full addresses of the available sessions.
    pub fn available(&self) -> Vec<FullJid> {
        let state = self.state.lock();
        state
            .sessions
            .iter()
            .filter(|session| session.presence.is_some())
            .map(|session| session.jid.clone())
            .collect()
    }

    /// Whether a session takes its messages now.
    pub(crate) fn takes_messages(&self) -> bool {
        self.lock().sessions.iter().any(|session| session.takes_messages() && !session.asleep)
    }

    /// Full addresses of the sessions that have a stream.
    pub fn awake(&self) -> Vec<FullJid> {
        let state = self.lock();
        state.sessions.iter().filter(|session| !session.asleep).map(|session| session.jid.clone()).collect()
    }

    /// Number of sessions.
    pub fn session_count(&self) -> usize {
        self.state.lock().sessions.len()
    }

    /// Ends all sessions with this error.
    pub(crate) fn end_sessions(&self, error: &StreamError) {
        let outboxes: Vec<_> = self.lock().sessions.iter().map(|session| session.outbox.clone()).collect();
        for outbox in outboxes {
            outbox.end(Ending::Error(error.clone()));
        }
    }

    pub(crate) fn lock(&self) -> parking_lot::MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Runs the filters for a stanza passing this account. Returns what it is replaced by, if it is.
    ///
    /// The lock is taken only if some filter is interested.
    pub(crate) fn filter(&self, frame: &Frame, direction: Direction) -> Result<Option<Frame>, Stop> {
        let hooks = self.engine.hooks.load();
        if !hooks.filters.iter().any(|filter| filter.wants(frame, direction, self)) {
            return Ok(None);
        }
        self.filter_locked(&self.state.lock(), frame, direction)
    }

    /// The same under the lock.
    fn filter_locked(
        &self,
        state: &State,
        frame: &Frame,
        direction: Direction,
    ) -> Result<Option<Frame>, Stop> {
        let hooks = self.engine.hooks.load();
        let mut effects = Effects::default();
        let mut replaced: Option<Frame> = None;
        let mut stop = None;
        for filter in &hooks.filters {
            let frame = replaced.as_ref().unwrap_or(frame);
            if !filter.wants(frame, direction, self) {
                continue;
            }
            let passing = Passing { frame, direction, account: &AccountView { state } };
            let flow = caught(|| (filter.apply)(&passing, &mut effects)).unwrap_or_else(|Panicked| {
                tracing::error!(account = %self.jid, "a filter panicked; its stanza comes back as an error");
                Flow::Bounce(StanzaError::new(StanzaCondition::InternalServerError))
            });
            match flow {
                Flow::Pass => continue,
                Flow::Replace(other) => {
                    replaced = Some(other);
                    continue;
                }
                Flow::Drop => stop = Some(Stop::Drop),
                Flow::Bounce(error) => stop = Some(Stop::Bounce(error)),
            }
            break;
        }
        effects.send.into_iter().for_each(|frame| self.send(frame, None));
        stop.map_or(Ok(replaced), Err)
    }

    /// Sends a stanza in order, once the lock is released and the engine performs what the change caused.
    fn send(&self, frame: Frame, ticket: Option<&Ticket>) {
        self.outgoing.push(Parcel { ticket: ticket.cloned(), ..frame.into() });
    }

    /// Sends a stanza of the account's own making, unless its filters object.
    fn send_out(&self, state: &State, frame: Frame, ticket: Option<&Ticket>) {
        if let Ok(replaced) = self.filter_locked(state, &frame, Direction::Out) {
            self.send(replaced.unwrap_or(frame), ticket);
        }
    }
}

impl State {
    pub(crate) fn session(&mut self, id: SessionId) -> Option<&mut Bound> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }

    pub(crate) fn by_resource(&mut self, resource: &str) -> Option<&mut Bound> {
        self.sessions.iter_mut().find(|session| session.jid.resource() == resource)
    }

    fn slot<T: AccountCache>(&self, cache: Cache<T>) -> &T {
        #[allow(clippy::expect_used, reason = "keys are handed out by the engine that made the slots")]
        self.slots[cache.index()].downcast_ref::<T>().expect("a cache key of this engine")
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({})", self.jid)
    }
}
