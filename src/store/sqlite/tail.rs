//! The tail: index rows of the log that are not in the `entry` table yet.
//!
//! A commit appends frames in id order and nothing else; which owner's list they are on is known from here. In
//! the table each of 10,000 owners has its own place, and one row dirties a page: many rows, sorted, share one.
//! Rows above the *mark* can be rebuilt from the frames, so they live in memory only.
//!
//! A *sweep* moves the older half of the tail, in the table's order, some hundred rows a commit. When it has been
//! round, the mark rises to the highest id that it covered. Ids may commit out of order: a frame that comes with
//! an id below the mark, or below where the running sweep will put it, is indexed directly (see `change`).

use kernel::ports::Order;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included, Unbounded};

/// An index row: owner, id.
pub(crate) type Row = (i64, i64);

/// The committed tail. Locked only for moments.
#[derive(Default)]
pub(crate) struct Tail(Mutex<BTreeSet<Row>>);

/// What a transaction does to the tail once it has committed.
#[derive(Default)]
pub(crate) struct Changes {
    /// Rows that are there afterwards (true) or not (false).
    pub(crate) rows: BTreeMap<Row, bool>,
    /// Rows that went into the table.
    pub(crate) settled: Vec<Row>,
}

/// A sweep under way.
#[derive(Clone, Copy)]
pub(crate) struct Sweep {
    /// It covers ids up to this one.
    pub(crate) to: i64,
    /// The row it has got to.
    pub(crate) at: Row,
}

impl Tail {
    pub(crate) fn rows(&self) -> usize {
        self.0.lock().len()
    }

    /// Replaces everything: at start, and after the connection had to be opened again.
    pub(crate) fn replace(&self, rows: BTreeSet<Row>) {
        *self.0.lock() = rows;
    }

    pub(crate) fn publish(&self, changes: Changes) {
        let mut tail = self.0.lock();
        for row in &changes.settled {
            tail.remove(row);
        }
        for (row, there) in changes.rows {
            if there {
                tail.insert(row);
            } else {
                tail.remove(&row);
            }
        }
    }

    /// The owner's ids strictly between `low` and `high`, at most `limit`; true if there are more.
    pub(crate) fn between(
        &self,
        owner: i64,
        low: i64,
        high: i64,
        order: Order,
        limit: usize,
    ) -> (Vec<i64>, bool) {
        if low >= high {
            return (Vec::new(), false);
        }
        let tail = self.0.lock();
        let mut ids = tail.range((Excluded((owner, low)), Excluded((owner, high)))).map(|(_, id)| *id);
        let mut next = || match order {
            Order::Ascending => ids.next(),
            Order::Descending => ids.next_back(),
        };
        let found: Vec<i64> = std::iter::from_fn(&mut next).take(limit).collect();
        let more = found.len() == limit && next().is_some();
        (found, more)
    }

    /// The owner's ids up to `id`.
    pub(crate) fn up_to(&self, owner: i64, id: i64) -> Vec<i64> {
        let tail = self.0.lock();
        tail.range((Included((owner, 0)), Included((owner, id)))).map(|(_, id)| *id).collect()
    }

    /// A sweep over the older half of the rows. `None` if there are none.
    pub(crate) fn sweep(&self) -> Option<Sweep> {
        let mut ids: Vec<i64> = self.0.lock().iter().map(|(_, id)| *id).collect();
        let middle = ids.len().checked_sub(1)? / 2;
        let (_, to, _) = ids.select_nth_unstable(middle);
        Some(Sweep { to: *to, at: (i64::MIN, i64::MIN) })
    }

    /// The sweep's next `step` rows, and where it has got to with them: `None` when it has been round.
    pub(crate) fn step(&self, sweep: Sweep, step: usize) -> (Vec<Row>, Option<Row>) {
        /// Rows above the sweep are passed over; passing many must not hold the lock long.
        const PASS: usize = 8;
        let tail = self.0.lock();
        let (mut rows, mut at) = (Vec::with_capacity(step), sweep.at);
        for (seen, row) in tail.range((Excluded(sweep.at), Unbounded)).enumerate() {
            if rows.len() == step || seen == step * PASS {
                return (rows, Some(at));
            }
            at = *row;
            if row.1 <= sweep.to {
                rows.push(*row);
            }
        }
        (rows, None)
    }
}
