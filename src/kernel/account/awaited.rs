//! Answers that a session waits for.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use wire::frame::Frame;
use wire::jid::JidView;

/// So many of the latest requests are remembered.
const LATEST: usize = 128;

/// The requests that a session has sent to others, by a hash of whom and of the id. Answers to them are owed to the
/// session; of others nobody knows why they come.
///
/// Answers that don't pass the account, such as those of the server's own services, leave their requests here. That
/// does no harm: only who was asked could answer them again.
#[derive(Debug, Default)]
pub(super) struct Awaited(VecDeque<u64>);

impl Awaited {
    /// The session sends a request.
    pub(super) fn ask(&mut self, request: &Frame) {
        let Some(key) = request.to().and_then(|to| key(request, &to)) else { return };
        if self.0.len() >= LATEST {
            self.0.pop_front();
        }
        self.0.push_back(key);
    }

    /// True for the first answer to one of the requests.
    pub(super) fn answered(&mut self, answer: &Frame) -> bool {
        let Some(key) = answer.from().and_then(|from| key(answer, &from)) else { return false };
        let found = self.0.iter().position(|awaited| *awaited == key);
        found.and_then(|index| self.0.remove(index)).is_some()
    }
}

/// A request that may not have been answered yet, to whomever.
#[derive(Debug)]
pub(super) struct Asked {
    /// Which of the session's stanzas it was.
    pub(super) count: u32,
    pub(super) id: String,
    /// Empty for the account itself.
    pub(super) to: String,
    /// The server itself answers before the next stanza is taken.
    pub(super) here: bool,
    /// The answer is not behind the stanza of that number to the session.
    pub(super) answered: Option<u32>,
}

impl Asked {
    pub(super) fn new(count: u32, id: &str, to: &str) -> Asked {
        Asked { count, id: id.to_owned(), to: to.to_owned(), here: false, answered: None }
    }
}

fn key(iq: &Frame, peer: &str) -> Option<u64> {
    let peer = JidView::parse(peer).ok()?;
    let mut hasher = DefaultHasher::new();
    (iq.id()?, peer.bare_str(), peer.resource()).hash(&mut hasher);
    Some(hasher.finish())
}
