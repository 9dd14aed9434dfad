//! Stream management (XEP-0198), the part that is no syntax: counting, going to sleep, being resumed.
//!
//! A session whose stream is lost stays bound and available. Its messages go to the log, in order, as those of a session
//! that reads too slowly; the rest waits in its outbox. Within its time another stream of the same account can go on
//! with it. **Invariant:** a session belongs to one stream at a time, by the number of its outbox: what an older one still
//! says or has to clean up concerns nobody.

use super::{Busy, Core, Stage};
use crate::done::work;
use crate::engine::Engine;
use crate::hooks::Wake;
use crate::journal::Note;
use crate::outbox::{Entry, Outbox, Part, StreamNumber, WrongCount};
use crate::ports::{Batch, Millis, Task, Ticket};
use crate::session::SessionRef;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use wire::error::{StreamCondition, StreamError};
use wire::jid::BareJid;

/// What the handler of an element that is no stanza may do with its stream.
pub struct StreamHandle<'s>(pub(super) &'s mut Core);

/// Why there is nothing to go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotResume {
    /// A stream that has a session, or nobody logged in, resumes none.
    NotNow,
    /// There is no such session of this account, or no more.
    Unknown,
    /// The client's count can't be.
    Count(WrongCount),
}

/// Makes the answer to an attempt to resume, of its token and count: what follows `Ok` is how many stanzas were taken. An
/// error ends the stream.
pub type Answer = fn(&str, u32, Result<u32, CannotResume>) -> Result<String, StreamError>;

impl StreamHandle<'_> {
    /// True once a resource is bound.
    pub fn is_bound(&self) -> bool {
        matches!(self.0.stage, Stage::Bound(_))
    }

    /// True if stanzas are counted.
    pub fn is_managed(&self) -> bool {
        self.session().is_some_and(|session| session.management().is_on())
    }

    /// The client says whether anybody looks (XEP-0352). False if there is no session.
    pub fn set_active(&mut self, active: bool) -> bool {
        let Some(session) = self.session() else { return false };
        let (account, id) = (session.account().clone(), session.id());
        account.set_active(id, active);
        true
    }

    /// Sends an element that is no stanza.
    pub fn reply(&mut self, xml: impl Into<String>) {
        let _ = self.0.outbox.push_reply(Entry::aside(xml.into()));
    }

    /// Begins to count stanzas in both directions, behind the answer that `enabled` makes of the token by which the
    /// session can be resumed for `window` after its stream is lost; `refused` takes its place if that can't be written
    /// down. False if there is no session, or counting has begun before.
    pub fn manage(
        &mut self,
        window: Option<Duration>,
        enabled: impl FnOnce(Option<&str>) -> String,
        refused: String,
    ) -> bool {
        let Some(session) = self.session().filter(|session| session.management().begin()).cloned() else {
            return false;
        };
        // A visitor's account goes with the stream.
        let token = window.filter(|_| !self.0.anonymous).map(|window| {
            let token = self.0.engine.ports.random.token();
            session.management().allow_resumption(&token, window);
            self.0.engine.resumable.add(token.clone(), &session);
            token
        });
        let request = self.0.engine.hooks.load().count_request;
        let answer = Entry { part: Part::Enabled(request), ..Entry::now(enabled(token.as_deref())) };
        session.account().begin_counting(&session, answer, refused);
        true
    }

    /// Tells how many stanzas were taken, once what they caused is durable, and the count itself.
    pub fn tell_received(&mut self, xml: impl FnOnce(u32) -> String) {
        let Some(session) = self.session() else { return };
        let (received, ticket) = self.0.engine.settle_count(session);
        let _ = self.0.outbox.push_reply(Entry { ticket, ..Entry::aside(xml(received)) });
    }

    /// The client has handled so many stanzas.
    ///
    /// # Errors
    /// The count can't be.
    pub fn acknowledge(&mut self, h: u32) -> Result<(), WrongCount> {
        let handled = self.0.outbox.acknowledge(h)?;
        if let Some(session) = self.session() {
            session.account().confirm(session, &handled);
        }
        Ok(())
    }

    /// Goes on with a session of this account whose stream was lost: `answer` makes the answer of the count of stanzas
    /// received, and what the client has not handled follows it. Or it makes it of the reason why there is nothing to go
    /// on with; the client may bind a resource then.
    ///
    /// It may take a moment until it is known what the session has done; the stream waits for that.
    pub fn resume(&mut self, token: &str, h: u32, answer: Answer) {
        let Stage::Known(jid) = &self.0.stage else {
            return self.0.refuse_to_resume(token, h, CannotResume::NotNow, answer);
        };
        let engine = self.0.engine.clone();
        let wait: Option<Task> = match engine.resumable.get(token, jid) {
            Some(_) => None,
            // Sessions of before a restart come with their account.
            None if engine.resumable.awaits(token) => {
                let jid = jid.clone();
                Some(Box::pin(async move { drop(engine.account(&jid).await) }))
            }
            None => None,
        };
        let token = token.to_owned();
        match wait {
            Some(wait) => self.0.busy = Some(Busy::Resume { wait, token, h, answer }),
            None => self.0.resume(&token, h, answer),
        }
    }

    fn session(&self) -> Option<&SessionRef> {
        match &self.0.stage {
            Stage::Bound(session) => Some(session),
            _ => None,
        }
    }
}

impl Core {
    /// The session was resumed by another stream.
    pub(super) fn is_superseded(&self) -> bool {
        !self.outbox.is_of(self.number)
    }

    /// Goes on with a session.
    pub(super) fn resume(&mut self, token: &str, h: u32, answer: Answer) {
        let Stage::Known(jid) = &self.stage else {
            return self.refuse_to_resume(token, h, CannotResume::NotNow, answer);
        };
        if self.engine.is_stopping() {
            // The session goes on with the next run.
            return self.fail(StreamError::new(StreamCondition::SystemShutdown));
        }
        let Some(session) = self.engine.resumable.get(token, jid) else {
            return self.refuse_to_resume(token, h, CannotResume::Unknown, answer);
        };
        let management = session.management().clone();
        let turn = management.turn.lock();
        let unfinished = management.unfinished.lock().clone();
        if let Some(done) = unfinished.filter(|done| !done.is_over()) {
            self.busy = Some(Busy::Resume { wait: Box::pin(done), token: token.to_owned(), h, answer });
            return;
        }
        let (received, ticket) = self.engine.settle_count(&session);
        let first = match answer(token, h, Ok(received)) {
            Ok(xml) => Entry { ticket, ..Entry::aside(xml) },
            Err(error) => return self.fail(error),
        };
        let account = session.account().clone();
        let resumed = account.resume(&session, h, first);
        drop(turn);
        match resumed {
            Ok((number, outcome)) => {
                tracing::info!(address = %self.peer.shown(), session = %session.jid(), "session resumed");
                self.number = number;
                self.outbox = session.outbox().clone();
                self.stage = Stage::Bound(session);
                self.engine.perform(&account, None, outcome);
            }
            Err(_) if session.outbox().is_over() => {
                self.refuse_to_resume(token, h, CannotResume::Unknown, answer)
            }
            Err(wrong) => self.refuse_to_resume(token, h, CannotResume::Count(wrong), answer),
        }
    }

    fn refuse_to_resume(&mut self, token: &str, h: u32, why: CannotResume, answer: Answer) {
        match answer(token, h, Err(why)) {
            Ok(xml) => {
                let _ = self.outbox.push_reply(Entry::aside(xml));
            }
            Err(error) => self.fail(error),
        }
    }

    /// Work that must be finished before the next stanza is taken, even by another stream of the session.
    pub(super) fn occupy(&mut self, task: Task) {
        let Stage::Bound(session) = &self.stage else {
            self.busy = Some(Busy::Task(task));
            return;
        };
        if !session.management().is_on() {
            self.busy = Some(Busy::Task(task));
            return;
        }
        let (working, done) = work();
        *session.management().unfinished.lock() = Some(done);
        self.busy = Some(Busy::Task(Box::pin(async move {
            task.await;
            drop(working);
        })));
    }

    /// A stanza that was taken is counted: what it asks for is done, even if its stream goes.
    pub(super) fn finish_elsewhere(&mut self) {
        if let Some(Busy::Task(task)) = self.busy.take() {
            self.engine.ports.spawn.spawn(task);
        }
    }

    /// The connection is lost: a session that can be resumed waits for that. False if there is none.
    pub(super) fn fall_asleep(&mut self) -> bool {
        let Stage::Bound(session) = &self.stage else { return false };
        if session.management().resumption().is_none() || self.outbox.is_over() {
            return false;
        }
        tracing::debug!(session = %session.jid(), "stream lost, the session waits to be resumed");
        if self.outbox.detach(self.number) {
            session.account().sleep(session.id(), self.number);
        }
        self.engine.await_resumption(session, self.number);
        self.engine.wake_unacknowledged(session, Wake::Asleep);
        self.finish_elsewhere();
        self.stage = Stage::Over;
        self.let_go();
        true
    }

    /// By when an acknowledgement is due, if one was asked for.
    pub(super) fn acknowledgement_due(&self) -> Option<Millis> {
        let since = self.outbox.awaited_since(self.number, self.engine.ports.clock.now())?;
        let patience = self.engine.hooks.load().acknowledge;
        (!patience.is_zero()).then(|| since + patience)
    }

    /// It has not come. True if nothing else has come either, for so long: the connection is dead.
    pub(super) fn is_dead(&self, quiet: Duration) -> bool {
        let Stage::Bound(session) = &self.stage else { return false };
        let now = self.engine.ports.clock.now();
        if self.acknowledgement_due().is_none_or(|due| due > now) {
            return false;
        }
        self.engine.wake_unacknowledged(session, Wake::Silent);
        if quiet < self.engine.hooks.load().acknowledge {
            self.outbox.await_anew(now);
            return false;
        }
        tracing::debug!(session = %session.jid(), "no acknowledgement, and no other sign of life: the connection is dead");
        true
    }

    /// The session and its queue are this stream's no more.
    pub(super) fn let_go(&mut self) {
        self.outbox = Arc::new(Outbox::new(0));
        self.number = StreamNumber::default();
    }
}

/// Waits until a session is resumed, or its time is over: then it ends.
async fn asleep(engine: Arc<Engine>, session: SessionRef, number: StreamNumber, window: Duration) {
    let clock = engine.ports.clock.clone();
    let mut time = pin!(clock.sleep_until(clock.now() + window));
    let resumed = poll_fn(|context| match session.outbox().poll_fate(number, context) {
        Poll::Ready(resumed) => Poll::Ready(resumed),
        Poll::Pending => time.as_mut().poll(context).map(|()| false),
    });
    // A server that stops leaves it to the next run.
    if resumed.await || engine.keeps(&session) || !session.outbox().conclude(number) {
        return;
    }
    tracing::debug!(session = %session.jid(), "the session was not resumed");
    engine.part(&session);
}

impl Engine {
    /// A session without a stream ends if it is not resumed in time.
    pub(crate) fn await_resumption(self: &Arc<Self>, session: &SessionRef, number: StreamNumber) {
        let Some((_, window)) = session.management().resumption() else { return };
        let window = session.account().patience(session.id(), *window);
        self.ports.spawn.spawn(Box::pin(asleep(self.clone(), session.clone(), number, window)));
    }

    /// How many stanzas of a session have been taken, and the commit behind which that is durable, with all that they
    /// caused.
    pub(crate) fn settle_count(self: &Arc<Self>, session: &SessionRef) -> (u32, Option<Ticket>) {
        let management = session.management();
        let received = management.received();
        if let Some(ticket) = management.count_ticket() {
            return (received, Some(ticket));
        }
        let mut note = Note::default();
        management.take_count(session.id(), session.jid(), received, &mut note);
        let store = &self.ports.store;
        if note.is_empty() && store.backlog() == 0 {
            return (received, None);
        }
        // A batch is durable after all that were submitted before it.
        let ticket = self.submit(Batch::new(), note);
        management.counted(received, &ticket);
        (received, Some(ticket))
    }

    /// The server stops, and the session goes on when it is there again.
    pub(super) fn keeps(&self, session: &SessionRef) -> bool {
        let management = session.management();
        self.is_stopping() && management.outlives() && !management.was_closed()
    }

    /// A session is over and so is its stream: its contacts learn of it, what it was not sent finds another way.
    pub(super) fn part(self: &Arc<Self>, session: &SessionRef) {
        let account = session.account();
        self.leave(session);
        let left = session.outbox().close();
        self.perform(account, None, account.release(session));
        self.return_unwritten(account, left);
    }

    /// A session is over; what is in its queue may still be written.
    pub(super) fn leave(self: &Arc<Self>, session: &SessionRef) {
        if let Some((token, _)) = session.management().resumption() {
            self.resumable.remove(token);
        }
        let outcome = session.account().unbind(session.id());
        self.perform(session.account(), None, outcome);
    }
}

/// Sessions that can be resumed, by token. Locked for a look-up, when a stream begins or ends.
#[derive(Debug, Default)]
pub(crate) struct Resumable {
    sessions: Mutex<HashMap<String, SessionRef>>,
    /// Those of before a restart whose account is not in memory yet.
    awaited: Mutex<HashSet<String>>,
}

impl Resumable {
    pub(crate) fn add(&self, token: String, session: &SessionRef) {
        self.sessions.lock().insert(token, session.clone());
    }

    /// The session of that token, if it is the account's.
    fn get(&self, token: &str, account: &BareJid) -> Option<SessionRef> {
        self.sessions.lock().get(token).filter(|session| session.account().jid() == account).cloned()
    }

    fn remove(&self, token: &str) {
        self.sessions.lock().remove(token);
    }

    /// A session of that token will come with its account.
    pub(crate) fn await_account(&self, token: &str) {
        self.awaited.lock().insert(token.to_owned());
    }

    fn awaits(&self, token: &str) -> bool {
        self.awaited.lock().contains(token)
    }

    pub(crate) fn arrived(&self, token: &str) {
        self.awaited.lock().remove(token);
    }
}
