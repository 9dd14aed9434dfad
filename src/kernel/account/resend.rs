//! Messages that a client sends again because it does not know that they arrived (XEP-0198 §5: it could not resume).
//!
//! What a session sent is remembered by its hash while the session lives, and for a day after it ended without being
//! closed. Another session of the account that sends the very same bytes, id included, repeats it: the first one stands.

use super::{Account, State};
use crate::journal::{Event, Note};
use crate::ports::{Archived, Batch, Op, Value, WallMillis};
use crate::session::SessionRef;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;
use wire::frame::Frame;

/// So many of the latest messages of a session can be recognised.
const LATEST: usize = 1024;
/// So many ended sessions are remembered.
const ENDED: usize = 8;
/// How long.
const MILLIS: i64 = 24 * 60 * 60 * 1000;

/// The table with what ended sessions sent: a row each, with the time of the end and the hashes.
pub(super) const COLLECTION: &str = "resend";

/// What tells whether a message is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(pub(crate) u64);

impl Fingerprint {
    /// Of the stanza as the client wrote it.
    pub(crate) fn of(stanza: &[u8]) -> Fingerprint {
        // With fixed keys: it is compared after a restart. Who finds two that are the same deceives itself.
        let mut hasher = DefaultHasher::new();
        hasher.write(stanza);
        Fingerprint(hasher.finish())
    }
}

/// The latest messages of one session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Latest(VecDeque<u64>);

impl Latest {
    pub(crate) fn push(&mut self, Fingerprint(hash): Fingerprint) {
        if self.0.len() >= LATEST {
            self.0.pop_front();
        }
        self.0.push_back(hash);
    }

    pub(crate) fn contains(&self, Fingerprint(hash): Fingerprint) -> bool {
        self.0.contains(&hash)
    }

    pub(crate) fn remove(&mut self, Fingerprint(hash): Fingerprint) {
        self.0.retain(|known| *known != hash);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Fingerprint> {
        self.0.iter().map(|hash| Fingerprint(*hash))
    }
}

/// What ended sessions sent.
#[derive(Debug, Default)]
pub(super) struct Ended(Vec<(String, WallMillis, Latest)>);

impl Ended {
    pub(super) fn load(rows: impl Iterator<Item = (String, Value)>, now: WallMillis) -> Ended {
        let decode = |(key, value): (String, Value)| {
            let mut numbers = value.chunks_exact(8).map(|chunk| {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(chunk);
                u64::from_le_bytes(bytes)
            });
            let ended = WallMillis(i64::try_from(numbers.next()?).ok()?);
            Some((key, ended, Latest(numbers.collect())))
        };
        let fresh = |(_, ended, _): &(String, WallMillis, Latest)| now.0 - ended.0 < MILLIS;
        let mut ended: Vec<_> = rows.filter_map(decode).filter(fresh).collect();
        ended.sort_by_key(|(_, ended, _)| *ended);
        Ended(ended)
    }

    fn contains(&self, fingerprint: Fingerprint) -> bool {
        self.0.iter().any(|(_, _, latest)| latest.contains(fingerprint))
    }
}

impl Account {
    /// What becomes of a message that one of the sessions sends: `Err` if it has been sent before, by a session that could
    /// not be resumed. Otherwise its place in the account's archive, if it goes there.
    pub(crate) fn sends(
        &self,
        session: &SessionRef,
        frame: &Frame,
        fingerprint: Option<Fingerprint>,
    ) -> Result<Option<Archived>, Repeated> {
        let state = self.lock();
        if let Some(fingerprint) = fingerprint {
            let others = state.sessions.iter().filter(|other| other.id != session.id());
            let others = others.map(|other| &other.management);
            let mut others = others.chain(state.leaving.iter().map(|(_, management)| management));
            if others.any(|other| other.sent.lock().contains(fingerprint))
                || state.ended.contains(fingerprint)
            {
                return Err(Repeated);
            }
            session.management().sent.lock().push(fingerprint);
        }
        Ok(self.archives_sent(&state, frame))
    }

    /// A message of one of the sessions, which may have ended, has come back, or was none that is kept: it may be sent
    /// again.
    pub(crate) fn unsend(&self, origin: &super::Origin) {
        let Some(fingerprint) = origin.fingerprint else { return };
        let mut state = self.lock();
        origin.session.management().sent.lock().remove(fingerprint);
        state.ended.0.iter_mut().for_each(|(_, _, latest)| latest.remove(fingerprint));
    }

    /// A session has ended without being closed: what it sent may come again.
    pub(super) fn remember_sent(self: &Arc<Self>, state: &mut State, sent: Latest, note: Note) {
        let now = self.engine.ports.clock.wall();
        // The numbers of sessions begin anew when the journal has forgotten those of before.
        let key = self.engine.ports.random.token();
        let mut batch = Batch::new();
        let past = |(_, ended, _): &(String, WallMillis, Latest)| now.0 - ended.0 >= MILLIS;
        let surplus = (state.ended.0.len() + 1).saturating_sub(ENDED);
        let mut index = 0;
        state.ended.0.retain(|entry| {
            index += 1;
            let stays = index > surplus && !past(entry);
            if !stays {
                batch.ops.push(Op::Delete {
                    collection: COLLECTION,
                    owner: self.owner,
                    key: entry.0.clone(),
                });
            }
            stays
        });
        let mut value = now.0.unsigned_abs().to_le_bytes().to_vec();
        sent.iter().for_each(|Fingerprint(hash)| value.extend_from_slice(&hash.to_le_bytes()));
        batch = batch.put(COLLECTION, self.owner, key.clone(), value.into());
        state.ended.0.push((key, now, sent));
        self.persist(state, batch, note);
    }
}

/// A message has been sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repeated;

/// Writes down that a session has sent a message.
pub(super) fn note_sent(session: &SessionRef, fingerprint: Fingerprint, note: &mut Note) {
    let management = session.management();
    if management.is_journalled() {
        management.take_notes(session.id(), session.jid(), note);
        note.push(&Event::Sent { session: session.id().0, hash: fingerprint.0 });
    }
}
