//! Stream management (XEP-0198), the part that is no syntax: counting, going to sleep, being resumed.
//!
//! A session whose stream is lost stays bound and available. Its messages go to the log, in order, as those of a session
//! that reads too slowly; the rest waits in its outbox. Within its time another stream of the same account can go on
//! with it. **Invariant:** a session belongs to one stream at a time, by the number of its outbox: what an older one still
//! says or has to clean up concerns nobody.

use super::{Busy, Core, Stage};
use crate::engine::Engine;
use crate::outbox::{Entry, Outbox, Part, StreamNumber, WrongCount};
use crate::ports::Batch;
use crate::session::SessionRef;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
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
    /// session can be resumed for `window` after its stream is lost. `request` asks the client for its count. False if
    /// there is no session, or counting has begun before.
    pub fn manage(
        &mut self,
        window: Option<Duration>,
        request: &'static str,
        enabled: impl FnOnce(Option<&str>) -> String,
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
        let answer = enabled(token.as_deref());
        let _ = self.0.outbox.push_reply(Entry { part: Part::Enabled(request), ..Entry::now(answer) });
        true
    }

    /// Tells how many stanzas were taken, once what they caused is durable.
    pub fn tell_received(&mut self, xml: impl FnOnce(u32) -> String) {
        let Some(received) = self.session().map(|session| session.management().received()) else { return };
        let store = &self.0.engine.ports.store;
        // A batch is durable after all that were submitted before it.
        let ticket = (store.backlog() > 0).then(|| store.submit(Batch::new()));
        let _ = self.0.outbox.push_reply(Entry { ticket, ..Entry::aside(xml(received)) });
    }

    /// The client has handled so many stanzas.
    ///
    /// # Errors
    /// The count can't be.
    pub fn acknowledge(&mut self, h: u32) -> Result<(), WrongCount> {
        let log = self.0.outbox.acknowledge(h)?;
        if let Some(session) = self.session() {
            session.account().confirm(session.id(), &log);
        }
        Ok(())
    }

    /// Goes on with a session of this account whose stream was lost: `resumed` makes the answer of the count of stanzas
    /// received, and what the client has not handled follows it.
    ///
    /// # Errors
    /// There is nothing to go on with; the client may bind a resource.
    pub fn resume(
        &mut self,
        token: &str,
        h: u32,
        resumed: impl FnOnce(u32) -> String,
    ) -> Result<(), CannotResume> {
        let Stage::Known(jid) = &self.0.stage else { return Err(CannotResume::NotNow) };
        let session = self.0.engine.resumable.get(token, jid).ok_or(CannotResume::Unknown)?;
        let first = resumed(session.management().received()).into();
        let (number, log) = session.outbox().resume(h, first).map_err(|wrong| {
            let over = session.outbox().is_over();
            if over { CannotResume::Unknown } else { CannotResume::Count(wrong) }
        })?;
        tracing::info!(address = %self.0.peer.shown(), session = %session.jid(), "session resumed");
        self.0.number = number;
        self.0.outbox = session.outbox().clone();
        let account = session.account().clone();
        account.confirm(session.id(), &log);
        let outcome = account.wake(session.id());
        self.0.stage = Stage::Bound(session);
        self.0.engine.perform(&account, None, outcome);
        Ok(())
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

    /// The connection is lost: a session that can be resumed waits for that. False if there is none.
    pub(super) fn fall_asleep(&mut self) -> bool {
        let Stage::Bound(session) = &self.stage else { return false };
        let Some((_, window)) = session.management().resumption() else { return false };
        if self.outbox.is_over() {
            return false;
        }
        tracing::debug!(session = %session.jid(), "stream lost, the session waits to be resumed");
        self.outbox.detach();
        let outcome = session.account().sleep(session.id());
        self.engine.perform(session.account(), None, outcome);
        self.engine.ports.spawn.spawn(Box::pin(asleep(
            self.engine.clone(),
            session.clone(),
            self.number,
            *window,
        )));
        // A stanza that was taken is counted: what it asks for is done.
        if let Some(Busy::Task(task)) = self.busy.take() {
            self.engine.ports.spawn.spawn(task);
        }
        self.stage = Stage::Over;
        self.let_go();
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
    if resumed.await || !session.outbox().conclude(number) {
        return;
    }
    tracing::debug!(session = %session.jid(), "the session was not resumed");
    engine.part(&session);
}

impl Engine {
    /// A session is over and so is its stream: its contacts learn of it, what it was not sent finds another way.
    pub(super) fn part(self: &Arc<Self>, session: &SessionRef) {
        let account = session.account();
        self.leave(session);
        let left = session.outbox().close();
        self.perform(account, None, account.release(session.id()));
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
pub(crate) struct Resumable(parking_lot::Mutex<std::collections::HashMap<String, SessionRef>>);

impl Resumable {
    fn add(&self, token: String, session: &SessionRef) {
        self.0.lock().insert(token, session.clone());
    }

    /// The session of that token, if it is the account's.
    fn get(&self, token: &str, account: &BareJid) -> Option<SessionRef> {
        self.0.lock().get(token).filter(|session| session.account().jid() == account).cloned()
    }

    fn remove(&self, token: &str) {
        self.0.lock().remove(token);
    }
}
