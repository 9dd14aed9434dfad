//! Reading an owner's list: the tail and the table, merged.
//!
//! **The race between settling and reading:** a row leaves the tail only after the commit that put it into the
//! table. So the tail is looked at *before* the database's moment is fixed: a row missed in the first is in the
//! second. A row found in both counts once; an id in the tail whose frame is gone was taken off its list in
//! between.

use super::change::number;
use super::marks;
use super::tail::{Stretch, Tail, number as list_number};
use bytes::Bytes;
use kernel::ports::{List, LogId, LogPage, LogQuery, Order, Owner};
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

const ARCHIVE: Columns = Columns {
    ascending: "SELECT entry.id, frame FROM entry CROSS JOIN frame ON frame.id = entry.id
                WHERE list = ?1 AND entry.id > ?2 AND entry.id < ?3 ORDER BY entry.id",
    descending: "SELECT entry.id, frame FROM entry CROSS JOIN frame ON frame.id = entry.id
                 WHERE list = ?1 AND entry.id > ?2 AND entry.id < ?3 ORDER BY entry.id DESC",
    one: "SELECT frame FROM frame WHERE id = ?1 AND (owner_a = ?2 OR owner_b = ?2)",
};

const WITH_PEER: Columns = Columns {
    ascending:
        "SELECT entry.id, frame FROM entry INDEXED BY entry_by_peer CROSS JOIN frame ON frame.id = entry.id
                WHERE list = ?1 AND peer = ?4 AND entry.id > ?2 AND entry.id < ?3 ORDER BY entry.id",
    descending:
        "SELECT entry.id, frame FROM entry INDEXED BY entry_by_peer CROSS JOIN frame ON frame.id = entry.id
                 WHERE list = ?1 AND peer = ?4 AND entry.id > ?2 AND entry.id < ?3 ORDER BY entry.id DESC",
    one: ARCHIVE.one,
};

const WAITING: Columns = Columns {
    ascending: ARCHIVE.ascending,
    descending: ARCHIVE.descending,
    one: "SELECT frame FROM frame WHERE id = ?1 AND (wait_a = ?2 OR wait_b = ?2)",
};

/// The length of a blob is in its row's header: the frame itself is not read.
const LENGTHS: Columns = Columns {
    ascending: "SELECT entry.id, length(frame) FROM entry CROSS JOIN frame ON frame.id = entry.id
                WHERE list = ?1 AND entry.id > ?2 AND entry.id < ?3 ORDER BY entry.id",
    descending: "",
    one: "SELECT length(frame) FROM frame WHERE id = ?1 AND (wait_a = ?2 OR wait_b = ?2)",
};

/// Fills a page up to its limits.
pub(crate) struct Filling {
    query: LogQuery,
    page: LogPage,
    bytes: usize,
}

impl Filling {
    pub(crate) fn new(query: LogQuery) -> Filling {
        Filling { query, page: LogPage { complete: true, ..LogPage::default() }, bytes: 0 }
    }

    /// Takes one more entry, or breaks because the page is full.
    pub(crate) fn take(&mut self, id: i64, frame: ValueRef<'_>) -> Result<ControlFlow<()>> {
        if self.page.entries.len() >= self.query.limit || self.bytes > self.query.max_bytes {
            self.page.complete = false;
            return Ok(ControlFlow::Break(()));
        }
        let frame = Bytes::copy_from_slice(frame.as_blob()?);
        self.bytes += frame.len();
        self.page.entries.push((id_of(id), frame));
        Ok(ControlFlow::Continue(()))
    }

    pub(crate) fn done(self) -> LogPage {
        self.page
    }
}

/// A page of a list.
pub(crate) fn page(connection: &Connection, tail: &Tail, query: LogQuery) -> Result<LogPage> {
    let mut filling = Filling::new(query);
    let columns = match (query.list, query.peer) {
        (List::Archive, None) => &ARCHIVE,
        (List::Archive, Some(_)) => &WITH_PEER,
        (List::Waiting, None) => &WAITING,
        (List::Waiting, Some(_)) => return Ok(filling.done()),
    };
    if tail.is_erased(list_number(query.owner, query.list)) {
        return Ok(filling.done());
    }
    let walk = Walk {
        connection,
        tail,
        owner: query.owner.0,
        list: list_number(query.owner, query.list),
        peer: query.peer.map(|peer| peer.0.cast_signed()),
        order: query.order,
        columns,
    };
    let (low, high) = bounds(&query);
    // One more than wanted, to know whether the page is complete.
    let chunk = query.limit.saturating_add(1).min(CHUNK);
    walk.go(low, high, chunk, |id, frame| filling.take(id, frame))?;
    Ok(filling.done())
}

/// The highest id there ever was.
pub(crate) fn newest(connection: &Connection) -> Result<Option<LogId>> {
    let _one_moment = Snapshot::begin(connection)?;
    let mut gone = connection.prepare_cached("SELECT value FROM meta WHERE key = 'newest'")?;
    let newest = marks::top(connection)?.max(gone.query_row([], |row| row.get(0))?);
    Ok((newest >= 0).then(|| id_of(newest)))
}

/// How many entries wait for the owner, and their bytes.
pub(crate) fn tally(connection: &Connection, tail: &Tail, owner: Owner) -> Result<(u64, u64)> {
    let (mut count, mut bytes) = (0, 0);
    let walk = Walk {
        connection,
        tail,
        owner: owner.0,
        list: list_number(owner, List::Waiting),
        peer: None,
        order: Order::Ascending,
        columns: &LENGTHS,
    };
    walk.go(-1, i64::MAX, CHUNK, |_, length| {
        count += 1;
        bytes += length.as_i64()?.unsigned_abs();
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((count, bytes))
}

/// Entries by their ids, in the order of those.
pub(crate) fn entries(
    connection: &Connection,
    tail: &Tail,
    owner: Owner,
    mut ids: Vec<LogId>,
) -> Result<Vec<(LogId, Bytes)>> {
    if tail.is_erased(list_number(owner, List::Archive)) {
        return Ok(Vec::new());
    }
    ids.sort_unstable();
    ids.dedup();
    let _one_moment = Snapshot::begin(connection)?;
    let mut one = connection.prepare_cached(
        "SELECT frame FROM frame WHERE id = ?1 AND (owner_a = ?2 OR owner_b = ?2 OR wait_a = ?2 OR wait_b = ?2)",
    )?;
    let mut found = Vec::new();
    for id in ids {
        let mut rows = one.query((number(id), owner.0))?;
        if let Some(row) = rows.next()? {
            found.push((id, Bytes::copy_from_slice(row.get_ref(0)?.as_blob()?)));
        }
    }
    Ok(found)
}

/// The oldest entry of any archive.
pub(crate) fn oldest(connection: &Connection) -> Result<Option<LogId>> {
    let mut oldest = connection.prepare_cached(
        "SELECT id FROM frame WHERE id > (SELECT value FROM meta WHERE key = 'expired') AND owner_a IS NOT NULL
         ORDER BY id LIMIT 1",
    )?;
    let mut rows = oldest.query([])?;
    rows.next()?.map(|row| row.get(0).map(id_of)).transpose()
}

/// The exclusive bounds of a query.
pub(crate) fn bounds(query: &LogQuery) -> (i64, i64) {
    (query.after.map_or(-1, number), query.before.map_or(i64::MAX, number))
}

fn id_of(id: i64) -> LogId {
    LogId(id.unsigned_abs())
}

struct Walk<'c> {
    connection: &'c Connection,
    tail: &'c Tail,
    owner: i64,
    list: i64,
    peer: Option<i64>,
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
            let Stretch { ids, cut } = self.tail.between(self.list, self.peer, low, high, self.order, chunk);
            // Beyond the cut, others of the tail may come before those of the table.
            let (from, to) = match (self.order, cut) {
                (_, None) => (low, high),
                (Order::Ascending, Some(last)) => (low, last + 1),
                (Order::Descending, Some(last)) => (last - 1, high),
            };
            if self.merge(&ids, from, to, &mut visit)?.is_break() {
                return Ok(());
            }
            match (self.order, cut) {
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
        let mut rows = match self.peer {
            Some(peer) => table.query((self.list, low, high, peer))?,
            None => table.query((self.list, low, high))?,
        };
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
