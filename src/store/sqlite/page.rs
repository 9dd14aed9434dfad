//! Reading an owner's list: the tail and the table, merged.
//!
//! **The race between settling and reading:** a row leaves the tail only after the commit that put it into the
//! table. So the tail is looked at *before* the database's moment is fixed: a row missed in the first is in the
//! second. A row found in both counts once; an id in the tail whose frame is gone was taken off its list in
//! between.

use super::change::number;
use super::tail::Tail;
use bytes::Bytes;
use kernel::ports::{LogId, LogPage, LogQuery, Order, Owner};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};
use std::ops::ControlFlow;

/// Ids taken from the tail at a time.
const CHUNK: usize = 512;

/// A moment of the database, for several statements.
pub(crate) struct Snapshot<'c>(&'c Connection);

impl<'c> Snapshot<'c> {
    pub(crate) fn begin(connection: &'c Connection) -> Result<Snapshot<'c>> {
        connection.prepare_cached("BEGIN")?.execute([])?;
        Ok(Snapshot(connection))
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // Nothing was written. Should it fail all the same, the next `BEGIN` on this connection says so, and the
        // pool then takes a new one.
        let _ = self.0.prepare_cached("COMMIT").and_then(|mut end| end.execute([]));
    }
}

/// The SQL of one kind of walk: rows of the table in either order, and one frame of the tail. CROSS JOIN: the
/// list leads, and a frame is looked up when its row's turn comes.
struct Columns {
    ascending: &'static str,
    descending: &'static str,
    one: &'static str,
}

const FRAMES: Columns = Columns {
    ascending: "SELECT entry.id, frame FROM entry CROSS JOIN frame ON frame.id = entry.id
                WHERE entry.owner = ?1 AND entry.id > ?2 AND entry.id < ?3 ORDER BY entry.id",
    descending: "SELECT entry.id, frame FROM entry CROSS JOIN frame ON frame.id = entry.id
                 WHERE entry.owner = ?1 AND entry.id > ?2 AND entry.id < ?3 ORDER BY entry.id DESC",
    one: "SELECT frame FROM frame WHERE id = ?1 AND (owner_a = ?2 OR owner_b = ?2)",
};

/// The length of a blob is in its row's header: the frame itself is not read.
const LENGTHS: Columns = Columns {
    ascending: "SELECT entry.id, length(frame) FROM entry CROSS JOIN frame ON frame.id = entry.id
                WHERE entry.owner = ?1 AND entry.id > ?2 AND entry.id < ?3 ORDER BY entry.id",
    descending: "",
    one: "SELECT length(frame) FROM frame WHERE id = ?1 AND (owner_a = ?2 OR owner_b = ?2)",
};

/// A page of the log.
pub(crate) fn page(connection: &Connection, tail: &Tail, query: LogQuery) -> Result<LogPage> {
    let mut page = LogPage { complete: true, ..LogPage::default() };
    let mut bytes = 0;
    // One more than wanted, to know whether the page is complete.
    let walk = Walk { connection, tail, owner: query.owner.0, order: query.order, columns: &FRAMES };
    let chunk = query.limit.saturating_add(1).min(CHUNK);
    walk.go(low(query.after), query.before.map_or(i64::MAX, number), chunk, |id, frame| {
        if page.entries.len() >= query.limit || bytes > query.max_bytes {
            page.complete = false;
            return Ok(ControlFlow::Break(()));
        }
        let frame = Bytes::copy_from_slice(frame.as_blob()?);
        bytes += frame.len();
        page.entries.push((LogId(id.unsigned_abs()), frame));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(page)
}

/// The highest id.
pub(crate) fn newest(connection: &Connection) -> Result<Option<LogId>> {
    let id: Option<i64> = connection.query_row("SELECT max(id) FROM frame", [], |row| row.get(0))?;
    Ok(id.map(|id| LogId(id.unsigned_abs())))
}

/// How many entries there are after an id, and their bytes.
pub(crate) fn tally(
    connection: &Connection,
    tail: &Tail,
    owner: Owner,
    after: Option<LogId>,
) -> Result<(u64, u64)> {
    let (mut count, mut bytes) = (0, 0);
    let walk = Walk { connection, tail, owner: owner.0, order: Order::Ascending, columns: &LENGTHS };
    walk.go(low(after), i64::MAX, CHUNK, |_, length| {
        count += 1;
        bytes += length.as_i64()?.unsigned_abs();
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((count, bytes))
}

/// The exclusive lower bound.
fn low(after: Option<LogId>) -> i64 {
    after.map_or(-1, number)
}

struct Walk<'c> {
    connection: &'c Connection,
    tail: &'c Tail,
    owner: i64,
    order: Order,
    columns: &'static Columns,
}

impl Walk<'_> {
    /// Shows `visit` the entries strictly between the bounds, in order, until it breaks.
    fn go(
        &self,
        mut low: i64,
        mut high: i64,
        chunk: usize,
        mut visit: impl FnMut(i64, ValueRef<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        loop {
            let (ids, more) = self.tail.between(self.owner, low, high, self.order, chunk);
            // Beyond the last id of a cut list, others of the tail may come before those of the table.
            let last = ids.last().copied().filter(|_| more);
            let (from, to) = match (self.order, last) {
                (_, None) => (low, high),
                (Order::Ascending, Some(last)) => (low, last + 1),
                (Order::Descending, Some(last)) => (last - 1, high),
            };
            if self.merge(&ids, from, to, &mut visit)?.is_break() {
                return Ok(());
            }
            match (self.order, last) {
                (_, None) => return Ok(()),
                (Order::Ascending, Some(last)) => low = last,
                (Order::Descending, Some(last)) => high = last,
            }
        }
    }

    fn merge(
        &self,
        ids: &[i64],
        low: i64,
        high: i64,
        visit: &mut impl FnMut(i64, ValueRef<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        let _one_moment = Snapshot::begin(self.connection)?;
        let mut table = self.connection.prepare_cached(match self.order {
            Order::Ascending => self.columns.ascending,
            Order::Descending => self.columns.descending,
        })?;
        let mut one = self.connection.prepare_cached(self.columns.one)?;
        let mut rows = table.query((self.owner, low, high))?;
        let mut waiting = ids.iter().copied().peekable();
        loop {
            let row = rows.next()?;
            let settled = row.map(|row| row.get::<_, i64>(0)).transpose()?;
            while let Some(id) =
                waiting.next_if(|id| settled.is_none_or(|settled| self.precedes(*id, settled)))
            {
                let mut frames = one.query((id, self.owner))?;
                if let Some(frame) = frames.next()?
                    && visit(id, frame.get_ref(0)?)?.is_break()
                {
                    return Ok(ControlFlow::Break(()));
                }
            }
            let (Some(row), Some(settled)) = (row, settled) else { return Ok(ControlFlow::Continue(())) };
            waiting.next_if_eq(&settled);
            if visit(settled, row.get_ref(1)?)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }

    fn precedes(&self, id: i64, other: i64) -> bool {
        match self.order {
            Order::Ascending => id < other,
            Order::Descending => id > other,
        }
    }
}
