//! The tail: index rows of the log that are not in the `entry` table yet.
//!
//! A commit appends frames in id order and nothing else; whose lists they are on is known from here. In the
//! table each of 10,000 owners has its own place, and one row dirties a page: many rows, sorted, share one.
//! Rows above the *mark* can be rebuilt from the frames, so they live in memory only.
//!
//! A *sweep* moves the older half of the tail, in the table's order, some hundred rows a commit. When it has been
//! round, the mark rises to the highest id that it covered. Ids may commit out of order: a frame that comes with
//! an id below the mark, or below where the running sweep will put it, is indexed directly (see `lists`).

use kernel::ports::batch::MAX_OWNER;
use kernel::ports::{List, Order, Owner};
use parking_lot::RwLock;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::atomic::{AtomicU64, Ordering};

/// An index row: list, id.
pub(crate) type Row = (i64, i64);

/// The number of an owner's archive.
pub(crate) fn archive(owner: i64) -> i64 {
    number(Owner(owner), List::Archive)
}

/// The number of an owner's list of waiting messages.
pub(crate) fn waiting(owner: i64) -> i64 {
    number(Owner(owner), List::Waiting)
}

/// The number of a list. That of an owner who cannot be is negative, and empty.
pub(crate) fn number(owner: Owner, list: List) -> i64 {
    if !(0..=MAX_OWNER).contains(&owner.0) {
        return -1;
    }
    match list {
        List::Archive => 2 * owner.0,
        List::Waiting => 2 * owner.0 + 1,
    }
}

/// Whether it is an archive.
pub(crate) fn is_archive(list: i64) -> bool {
    list % 2 == 0
}

/// The committed tail. Changed by the writer only, and locked for that only for moments.
#[derive(Default)]
pub(crate) struct Tail {
    /// With the other one's address, in an archive.
    rows: RwLock<BTreeMap<Row, i64>>,
    /// Archives of owners who are gone: nothing is to be seen there.
    erased: RwLock<BTreeSet<i64>>,
    /// Bytes of all archived frames.
    bytes: AtomicU64,
}

/// What a transaction does to the tail once it has committed.
#[derive(Default)]
pub(crate) struct Changes {
    /// Rows that are there afterwards, with the other one's address, or not.
    pub(crate) rows: BTreeMap<Row, Option<i64>>,
    /// Rows that went into the table.
    pub(crate) settled: Vec<Row>,
    /// Lists that are erased from now on (true), or empty now (false).
    pub(crate) erased: BTreeMap<i64, bool>,
}

/// A sweep under way.
#[derive(Clone, Copy)]
pub(crate) struct Sweep {
    /// It covers ids up to this one.
    pub(crate) to: i64,
    /// The row it has got to.
    pub(crate) at: Row,
}

/// Ids of one list in the tail.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) ids: Vec<i64>,
    /// Beyond this id there may be more.
    pub(crate) cut: Option<i64>,
}

/// Rows looked at while the lock is held: passing many that are not asked for must not keep the writer waiting.
const PASS: usize = 4_096;

impl Tail {
    pub(crate) fn rows(&self) -> usize {
        self.rows.read().len()
    }

    /// Bytes of all archived frames.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    /// Says how many bytes all archived frames have.
    pub(crate) fn weigh(&self, bytes: i64) {
        self.bytes.store(u64::try_from(bytes).unwrap_or(0), Ordering::Release);
    }

    /// Replaces everything: at start, and after the connection had to be opened again.
    pub(crate) fn replace(&self, rows: BTreeMap<Row, i64>, erased: BTreeSet<i64>) {
        *self.rows.write() = rows;
        *self.erased.write() = erased;
    }

    /// Whether the list is one of those whose owner is gone.
    pub(crate) fn is_erased(&self, list: i64) -> bool {
        self.erased.read().contains(&list)
    }

    /// A list whose owner is gone, if there is one that is not empty yet.
    pub(crate) fn erased(&self) -> Option<i64> {
        self.erased.read().first().copied()
    }

    pub(crate) fn publish(&self, changes: Changes) {
        for (list, erased) in changes.erased {
            if erased {
                self.erased.write().insert(list);
            } else {
                self.erased.write().remove(&list);
            }
        }
        let mut tail = self.rows.write();
        for row in &changes.settled {
            tail.remove(row);
        }
        for (row, there) in changes.rows {
            match there {
                Some(peer) => tail.insert(row, peer),
                None => tail.remove(&row),
            };
        }
    }

    /// The list's ids strictly between `low` and `high`, at most `limit`; only those with that `peer`.
    pub(crate) fn between(
        &self,
        list: i64,
        peer: Option<i64>,
        low: i64,
        high: i64,
        order: Order,
        limit: usize,
    ) -> Stretch {
        let mut stretch = Stretch::default();
        if low >= high {
            return stretch;
        }
        let tail = self.rows.read();
        let mut rows = tail.range((Excluded((list, low)), Excluded((list, high))));
        let mut next = || match order {
            Order::Ascending => rows.next(),
            Order::Descending => rows.next_back(),
        };
        let mut seen = 0;
        while let Some(((_, id), other)) = next() {
            seen += 1;
            if peer.is_none_or(|peer| peer == *other) {
                stretch.ids.push(*id);
            }
            if stretch.ids.len() == limit || seen == PASS {
                stretch.cut = next().map(|_| *id);
                break;
            }
        }
        stretch
    }

    /// All ids of a list.
    pub(crate) fn of(&self, list: i64) -> Vec<i64> {
        let tail = self.rows.read();
        tail.range((Included((list, 0)), Included((list, i64::MAX)))).map(|((_, id), _)| *id).collect()
    }

    /// A sweep over the older half of the rows. `None` if there are none.
    pub(crate) fn sweep(&self) -> Option<Sweep> {
        let mut ids: Vec<i64> = self.rows.read().keys().map(|(_, id)| *id).collect();
        let middle = ids.len().checked_sub(1)? / 2;
        let (_, to, _) = ids.select_nth_unstable(middle);
        Some(Sweep { to: *to, at: (i64::MIN, i64::MIN) })
    }

    /// The sweep's next `step` rows, and where it has got to with them: `None` when it has been round.
    pub(crate) fn step(&self, sweep: Sweep, step: usize) -> (Vec<(Row, i64)>, Option<Row>) {
        /// Rows above the sweep are passed over, so many for each that is wanted.
        const PASS: usize = 8;
        let tail = self.rows.read();
        let (mut rows, mut at) = (Vec::with_capacity(step), sweep.at);
        for (seen, (row, peer)) in tail.range((Excluded(sweep.at), Unbounded)).enumerate() {
            if rows.len() == step || seen == step * PASS {
                return (rows, Some(at));
            }
            at = *row;
            if row.1 <= sweep.to {
                rows.push((*row, *peer));
            }
        }
        (rows, None)
    }
}
