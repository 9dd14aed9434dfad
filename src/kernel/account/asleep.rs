//! Sessions whose stream is lost and that wait to be resumed (XEP-0198 §5). They stay bound and available; their messages
//! are read from the log when they come back.

use super::waiting::Listing;
use super::{Account, Outcome};
use crate::journal::{Event, Note, is_after};
use crate::outbox::{Entry, StreamNumber, WrongCount};
use crate::ports::Batch;
use crate::session::{SessionId, SessionRef};
use std::sync::Arc;
use std::time::Duration;

impl Account {
    /// The stream of that number of a session is lost. What comes from now on goes to the log.
    pub(crate) fn sleep(&self, id: SessionId, number: StreamNumber) {
        let mut state = self.lock();
        // Another one may have gone on with it.
        if let Some(session) = state.session(id).filter(|session| session.outbox.is_of(number)) {
            session.asleep = true;
            session.behind = true;
            // It may do so for long: what it is to others outlives the server.
            let mut note = Note::default();
            session.management.take_notes(id, &session.jid, &mut note);
            if !note.is_empty() {
                self.engine.submit(Batch::new(), note);
            }
        }
    }

    /// How long a session waits to be resumed that may do so for `window`.
    pub(crate) fn patience(&self, id: SessionId, window: Duration) -> Duration {
        let patient = self.engine.hooks.load().patient;
        let mut state = self.lock();
        let marks = state.session(id).map_or(0, |session| session.marks);
        patient.filter(|(mark, _)| marks & mark.0 != 0).map_or(window, |(_, patient)| patient.max(window))
    }

    /// The client begins to count: the answer, behind which it does, waits until that is written down with what the
    /// session is so far. `refused` takes its place if that fails.
    pub(crate) fn begin_counting(&self, session: &SessionRef, answer: Entry, refused: String) {
        let (id, management) = (session.id(), session.management());
        let mut state = self.lock();
        let mut note = Note::default();
        management.open(id, session.jid(), &mut note);
        if let Some(bound) = state.session(id).filter(|_| management.outlives()) {
            bound.note_presence();
            bound.note_marks();
            for to in bound.directed.iter() {
                management.note(&Event::Directed { session: id.0, to: to.to_string(), available: true });
            }
            management.take_count(id, session.jid(), 0, &mut note);
        }
        let mut answer = answer;
        if !note.is_empty() {
            answer.otherwise = Some(refused.into());
            answer.ticket = Some(self.engine.submit(Batch::new(), note));
        }
        let _ = session.outbox().push_reply(answer);
    }

    /// Another stream goes on with the session: it gets `first`, then what the client has not got, of which it says that
    /// this is all behind the `h`th stanza.
    ///
    /// # Errors
    /// A count that can't be, or there is nothing to be resumed.
    pub(crate) fn resume(
        self: &Arc<Self>,
        session: &SessionRef,
        h: u32,
        first: Entry,
    ) -> Result<(StreamNumber, Outcome), WrongCount> {
        let mut outcome = Outcome::default();
        let id = session.id();
        let (number, handled) = session.outbox().resume(h, first)?;
        self.confirm(session, &handled);
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(bound) = state.sessions.iter_mut().find(|bound| bound.id == id) else {
            return Ok((number, outcome));
        };
        bound.asleep = false;
        // XEP-0352 §5.2: whoever comes back is active.
        bound.spared = None;
        bound.outbox.flush();
        if let Some(before) = bound.recovered.take() {
            // What it has got of what was sent before the restart.
            let mut listing = Listing::default();
            let got = before.into_iter().filter(|(number, _)| !is_after(*number, h));
            got.for_each(|(_, log)| state.waiting.arrived(log, id, &mut listing));
            let mut note = Note::default();
            note.push(&Event::Resumed { session: id.0, h });
            self.write_listing(state, listing, note);
            self.refresh(state, id, &mut outcome);
        }
        if let Some(bound) = state.session(id) {
            bound.fall_behind(&mut outcome);
        }
        Self::offer(state, id, &mut outcome);
        Ok((number, outcome))
    }

    /// The client of a session says whether anybody looks. What was held back goes out when somebody does.
    pub(crate) fn set_active(&self, id: SessionId, active: bool) {
        if let Some(session) = self.lock().session(id) {
            session.spared = self.engine.hooks.load().urgency.filter(|_| !active);
            session.note_marks();
            if active {
                session.outbox.flush();
            }
        }
    }
}
