//! Notifications on their way: when each is due, how many are out at once, what becomes of those that fail.
//!
//! A node has at most one notification here, which counts the messages that came while it waited. It is published at
//! once if the last one was some time ago, and again and again, at longer and longer intervals, until the service takes
//! it or enough is enough.
//!
//! **Invariant:** pure: the time comes in, what is to be done goes out. Never more than [`FLYING`] are out at once, nor more
//! than [`FLYING_TO_ONE`] to one service, so that one that does not answer holds up only itself. Never more than [`NODES`]
//! nodes are known.

#[cfg(test)]
mod tests;

use kernel::ports::Millis;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use wire::jid::{BareJid, Jid};

/// Notifications that wait for an answer.
pub(super) const FLYING: usize = 256;
/// Those to one service.
pub(super) const FLYING_TO_ONE: usize = 8;
/// Nodes with something to tell, or with something told a moment ago.
pub(super) const NODES: usize = 20_000;
/// So often a notification is tried, over most of a day.
pub(super) const ATTEMPTS: u32 = 24;
const FIRST_RETRY: Duration = Duration::from_secs(15);
const LAST_RETRY: Duration = Duration::from_secs(3600);

/// A node that an account has enabled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Target {
    pub(super) account: BareJid,
    pub(super) service: Jid,
    /// Empty if the client named none.
    pub(super) node: String,
}

/// What there is to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Messages since the last notification.
    pub(super) count: u32,
    /// Who sent the last one, if that may be told.
    pub(super) sender: Option<String>,
    /// What it says, if that may be told.
    pub(super) body: Option<String>,
}

impl News {
    fn add(&mut self, later: News) {
        let count = self.count.saturating_add(later.count);
        if later.count > 0 {
            *self = later;
        }
        self.count = count;
    }
}

/// A notification that is out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flight {
    pub(super) target: Arc<Target>,
    pub(super) news: News,
    number: u64,
}

/// How a notification was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The service has taken it.
    Accepted,
    /// The service will take none for this node.
    Refused,
    /// The service has trouble that may pass.
    Trouble,
    /// There is no answer, or no way there.
    Unreachable,
    /// The node is not enabled any more.
    Gone,
}

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing is left to tell.
    Done,
    /// More has come meanwhile.
    More,
    /// It is tried again; so often it has failed.
    Again(u32),
    /// Not tried again. The node stays enabled.
    GiveUp,
    /// Not tried again: the node is to be disabled.
    Disable,
    /// The node has been forgotten meanwhile, or is new.
    Stale,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// To be published at that time.
    Due(Millis),
    /// The flight of that number is out.
    Out(u64),
    /// Nothing to tell. The next one is not due before.
    Quiet(Millis),
}

#[derive(Debug)]
struct Node {
    place: Place,
    /// Without what is out.
    news: News,
    /// Failures in a row.
    attempts: u32,
    /// The next one needs not keep its distance from the last one.
    urgent: bool,
}

/// Those of one service.
#[derive(Debug, Default)]
struct Line {
    due: BTreeSet<(Millis, Arc<Target>)>,
    out: usize,
}

impl Line {
    /// When the next one can go, as far as this service is concerned.
    fn head(&self) -> Option<Millis> {
        self.due.first().map(|(at, _)| *at).filter(|_| self.out < FLYING_TO_ONE)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    nodes: HashMap<Arc<Target>, Node>,
    /// In the order of addresses, so that a run repeats.
    lines: BTreeMap<Jid, Line>,
    /// The services that have something for whose time one could wait.
    heads: BTreeSet<(Millis, Jid)>,
    out: usize,
    flights: u64,
}

impl Outbox {
    /// Something is to be told. True if the node had nothing to tell so far; `None` if there is no room.
    pub(super) fn add(&mut self, now: Millis, target: &Target, news: News, urgent: bool) -> Option<bool> {
        let Some((target, node)) = self.nodes.get_key_value(target) else {
            return self.insert(now, target, news, 0).then_some(true);
        };
        let (target, before) = (target.clone(), node.place);
        let patient = urgent && node.attempts == 0;
        let after = match before {
            Place::Due(_) if patient => Place::Due(now),
            Place::Quiet(_) if urgent => Place::Due(now),
            Place::Quiet(until) => Place::Due(until.max(now)),
            before => before,
        };
        self.move_to(&target, after);
        if let Some(node) = self.nodes.get_mut(&target) {
            node.news.add(news);
            node.urgent |= urgent;
        }
        Some(matches!(before, Place::Quiet(_)))
    }

    /// Puts back what waited before a restart, unless something newer waits.
    pub(super) fn restore(&mut self, now: Millis, target: &Target, count: u32, attempts: u32) -> bool {
        if self.nodes.contains_key(target) {
            return true;
        }
        self.insert(now, target, News { count, ..News::default() }, attempts)
    }

    fn insert(&mut self, now: Millis, target: &Target, news: News, attempts: u32) -> bool {
        if self.nodes.len() >= NODES {
            self.tidy(now);
        }
        if self.nodes.len() >= NODES {
            return false;
        }
        let target = Arc::new(target.clone());
        let node = Node { place: Place::Quiet(now), news, attempts, urgent: false };
        self.nodes.insert(target.clone(), node);
        self.move_to(&target, Place::Due(now));
        true
    }

    /// The next one that may go now. Its answer is due: [`Outbox::answered`].
    pub(super) fn next(&mut self, now: Millis) -> Option<Flight> {
        if self.out >= FLYING {
            return None;
        }
        let (at, service) = self.heads.first()?;
        if *at > now {
            return None;
        }
        let target = self.lines.get(service)?.due.first()?.1.clone();
        self.flights += 1;
        let number = self.flights;
        self.move_to(&target, Place::Out(number));
        self.out += 1;
        self.change(&target.service, |line| line.out += 1);
        let node = self.nodes.get_mut(&target)?;
        node.urgent = false;
        let news = std::mem::take(&mut node.news);
        Some(Flight { target, news, number })
    }

    /// When [`Outbox::next`] has to be asked again, if nothing happens until then.
    pub(super) fn deadline(&self) -> Option<Millis> {
        self.heads.first().map(|(at, _)| *at).filter(|_| self.out < FLYING)
    }

    /// A flight has come to its end. To be called once for each. `interval` is the least time between two notifications,
    /// `noise` anything unpredictable.
    pub(super) fn answered(
        &mut self,
        now: Millis,
        flight: &Flight,
        outcome: Outcome,
        interval: Duration,
        noise: u8,
    ) -> Verdict {
        let target = &flight.target;
        self.out = self.out.saturating_sub(1);
        self.change(&target.service, |line| line.out = line.out.saturating_sub(1));
        let Some(node) = self.nodes.get_mut(target).filter(|node| node.place == Place::Out(flight.number))
        else {
            return Verdict::Stale;
        };
        match outcome {
            Outcome::Accepted => {
                node.attempts = 0;
                let (more, urgent) = (node.news.count > 0, node.urgent);
                let next = if urgent { now } else { now + interval };
                self.move_to(target, if more { Place::Due(next) } else { Place::Quiet(next) });
                if more { Verdict::More } else { Verdict::Done }
            }
            Outcome::Trouble | Outcome::Unreachable if node.attempts + 1 < ATTEMPTS => {
                node.attempts += 1;
                let attempts = node.attempts;
                let later = std::mem::replace(&mut node.news, flight.news.clone());
                node.news.add(later);
                self.move_to(target, Place::Due(now + pause(attempts, noise)));
                Verdict::Again(attempts)
            }
            outcome => {
                self.forget(target);
                match outcome {
                    Outcome::Gone | Outcome::Accepted => Verdict::Done,
                    Outcome::Unreachable => Verdict::GiveUp,
                    Outcome::Refused | Outcome::Trouble => Verdict::Disable,
                }
            }
        }
    }

    /// Nothing is to be told any more. True if something was.
    pub(super) fn forget(&mut self, target: &Target) -> bool {
        let Some(place) = self.nodes.get(target).map(|node| node.place) else { return false };
        self.move_to(target, Place::Quiet(Millis(0)));
        self.nodes.remove(target);
        !matches!(place, Place::Quiet(_))
    }

    /// The nodes of an account.
    pub(super) fn of(&self, account: &BareJid) -> Vec<Arc<Target>> {
        self.nodes.keys().filter(|target| target.account == *account).cloned().collect()
    }

    /// Lets go of nodes that have had nothing to tell for long enough.
    pub(super) fn tidy(&mut self, now: Millis) {
        self.nodes.retain(|_, node| !matches!(node.place, Place::Quiet(until) if until <= now));
    }

    fn move_to(&mut self, target: &Target, after: Place) {
        let Some((target, node)) = self.nodes.get_key_value(target) else { return };
        let (target, before) = (target.clone(), node.place);
        self.change(&target.service, |line| {
            if let Place::Due(at) = before {
                line.due.remove(&(at, target.clone()));
            }
            if let Place::Due(at) = after {
                line.due.insert((at, target.clone()));
            }
        });
        if let Some(node) = self.nodes.get_mut(&target) {
            node.place = after;
        }
    }

    /// Changes what is known of a service.
    fn change(&mut self, service: &Jid, change: impl FnOnce(&mut Line)) {
        let line = self.lines.entry(service.clone()).or_default();
        let before = line.head();
        change(line);
        let (after, empty) = (line.head(), line.due.is_empty() && line.out == 0);
        if before != after {
            before.map(|at| self.heads.remove(&(at, service.clone())));
            after.map(|at| self.heads.insert((at, service.clone())));
        }
        if empty {
            self.lines.remove(service);
        }
    }
}

/// How long to wait after so many failures: twice as long each time, up to a quarter more, so that those that failed
/// together don't come back together.
fn pause(attempts: u32, noise: u8) -> Duration {
    let doubled = FIRST_RETRY * 2u32.saturating_pow(attempts.saturating_sub(1).min(16));
    let pause = doubled.min(LAST_RETRY);
    pause + pause * u32::from(noise) / 1024
}
