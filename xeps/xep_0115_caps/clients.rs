//! What clients can do, by the hash in their presence. Bounded; what was used last stays.

use super::verification::Description;
use kernel::ports::Millis;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use wire::frame::Frame;
use wire::jid::{BareJid, Jid};
use wire::ns;

pub(super) const NS: &str = "http://jabber.org/protocol/caps";

/// Bytes of feature names that are kept.
const BUDGET: usize = 4 << 20;
/// The longest description that is looked at, in bytes. Those of real clients have 2 to 8 thousand.
const LONGEST: usize = 64 << 10;
/// Who takes longer to answer may never do so: the next with the same hash is asked, too.
const PROMPT: Duration = Duration::from_secs(5);
/// Clients remembered for describing themselves wrongly.
const REFUSED: usize = 1_000;

/// The capabilities in a presence, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(super) node: String,
    pub(super) ver: String,
}

impl Claim {
    /// The claim of a presence. `None` if there is none that could be verified: with another hash function, or in the
    /// legacy format (§5.4, §12).
    pub(crate) fn of(presence: &Frame) -> Option<Claim> {
        let caps = presence.child("c", NS)?;
        let (node, ver) = (caps.attr("node")?, caps.attr("ver")?);
        // SHA-1 in Base64 has 28 characters.
        let possible = caps.attr("hash")? == "sha-1" && ver.len() == 28 && node.len() <= 1024;
        possible.then(|| Claim { node: node.into_owned(), ver: ver.into_owned() })
    }
}

/// The features of clients whose hash was verified.
#[derive(Default)]
pub(crate) struct Clients {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashMap<String, Known>,
    bytes: usize,
    /// Counts uses, for [`Known::used`].
    uses: u64,
    /// Hashes being asked for: of which accounts, and since when.
    asking: HashMap<String, Vec<(BareJid, Millis)>>,
    /// Who described a hash wrongly. Oldest first.
    refused: VecDeque<(Jid, String)>,
}

struct Known {
    features: Arc<BTreeSet<String>>,
    bytes: usize,
    used: u64,
}

impl Clients {
    /// The features of the client that sent a presence; `None` if they are not known, or not yet.
    #[cfg_attr(not(test), expect(dead_code, reason = "for filtered notifications (XEP-0163 §4.3.1)"))]
    pub(crate) fn features(&self, presence: &Frame) -> Option<Arc<BTreeSet<String>>> {
        let claim = Claim::of(presence)?;
        self.state.lock().touch(&claim.ver).map(|known| known.features.clone())
    }

    /// Whether this client should be asked what it can do. If so, [`Clients::learn`] or [`Clients::give_up`] follows.
    pub(super) fn begin(&self, claim: &Claim, client: &Jid, now: Millis) -> bool {
        let mut state = self.state.lock();
        let refused = state.refused.iter().any(|(jid, ver)| jid == client && *ver == claim.ver);
        if refused || state.touch(&claim.ver).is_some() {
            return false;
        }
        let account = client.bare();
        let asked = state.asking.entry(claim.ver.clone()).or_default();
        if asked.iter().any(|(other, since)| *other == account || now - *since < PROMPT) {
            return false;
        }
        asked.push((account, now));
        true
    }

    /// Takes a client's description, if it hashes to what the client claims (§5.4). Otherwise this client is not
    /// asked again; the next with the same claim is.
    pub(super) fn learn(&self, claim: &Claim, client: &Jid, answer: &Frame) {
        let verified = verify(claim, answer);
        let mut state = self.state.lock();
        state.asked(claim, client);
        match verified {
            Some(description) => state.keep(&claim.ver, description.features().clone()),
            None => {
                tracing::debug!(%client, ver = claim.ver, "capabilities do not match their hash");
                if state.refused.len() >= REFUSED {
                    state.refused.pop_front();
                }
                state.refused.push_back((client.clone(), claim.ver.clone()));
            }
        }
    }

    /// There was no answer.
    pub(super) fn give_up(&self, claim: &Claim, client: &Jid) {
        self.state.lock().asked(claim, client);
    }
}

/// The description in a `disco#info` result, if it is well-formed and hashes to the claim.
fn verify(claim: &Claim, answer: &Frame) -> Option<Description> {
    if answer.len() > LONGEST {
        return None;
    }
    let stanza = answer.element();
    let description = Description::parse(stanza.get_child("query", ns::DISCO_INFO)?).ok()?;
    (description.ver() == claim.ver).then_some(description)
}

impl State {
    /// A client is asked no more.
    fn asked(&mut self, claim: &Claim, client: &Jid) {
        let Some(asked) = self.asking.get_mut(&claim.ver) else { return };
        asked.retain(|(account, _)| account.as_str() != client.bare_str());
        if asked.is_empty() {
            self.asking.remove(&claim.ver);
        }
    }

    fn touch(&mut self, ver: &str) -> Option<&Known> {
        let known = self.known.get_mut(ver)?;
        self.uses += 1;
        known.used = self.uses;
        Some(known)
    }

    fn keep(&mut self, ver: &str, features: BTreeSet<String>) {
        // What an entry costs besides its text: nodes of the maps, lengths and capacities.
        let bytes = 256 + features.iter().map(|feature| feature.len() + 64).sum::<usize>();
        self.uses += 1;
        let known = Known { features: Arc::new(features), bytes, used: self.uses };
        if let Some(former) = self.known.insert(ver.to_owned(), known) {
            self.bytes -= former.bytes;
        }
        self.bytes += bytes;
        while self.bytes > BUDGET {
            // Rare, and among some thousands: looking through them all is cheap enough.
            let oldest = self.known.iter().min_by_key(|(_, known)| known.used).map(|(ver, _)| ver.clone());
            let Some(gone) = oldest.and_then(|ver| self.known.remove(&ver)) else { break };
            self.bytes -= gone.bytes;
        }
    }

    #[cfg(test)]
    fn size(&self) -> (usize, usize) {
        (self.known.len(), self.bytes)
    }
}

#[cfg(test)]
impl Clients {
    /// Number of hashes known, and their bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        self.state.lock().size()
    }

    /// Nobody is being asked.
    pub(super) fn is_quiet(&self) -> bool {
        self.state.lock().asking.is_empty()
    }
}
