//! Sessions whose stream is lost and that wait to be resumed (XEP-0198 §5). They stay bound and available; their messages
//! are read from the log when they come back.

use super::{Account, Outcome};
use crate::session::SessionId;
use std::sync::Arc;

impl Account {
    /// The stream of a session is lost. What waits in its queue goes to the log, and so does what comes from now on.
    pub(crate) fn sleep(self: &Arc<Self>, id: SessionId) -> Outcome {
        let mut state = self.lock();
        self.keep_queued(&mut state, id);
        let newest = self.engine.newest_log_id();
        if let Some(session) = state.session(id) {
            session.asleep = true;
            // Somebody who is behind already is read to as far as there is room.
            session.dormant = !session.reading.is_behind();
            session.reading.behind.get_or_insert(newest);
        }
        Outcome::default()
    }

    /// Another stream goes on with the session.
    pub(crate) fn wake(self: &Arc<Self>, id: SessionId) -> Outcome {
        let mut outcome = Outcome::default();
        let mut state = self.lock();
        if let Some(session) = state.session(id) {
            session.asleep = false;
            if std::mem::take(&mut session.dormant) {
                outcome.drain.push(id);
            }
        }
        outcome
    }

    /// The client of a session says whether anybody looks. What was held back goes out when somebody does.
    pub(crate) fn set_active(&self, id: SessionId, active: bool) {
        if let Some(session) = self.lock().session(id) {
            session.inactive = !active;
        }
    }
}
