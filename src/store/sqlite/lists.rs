//! What a transaction does to the lists of the log: archives, and what waits.

use super::change::{Change, number};
use super::statements::Sql;
use super::tail::{Row, Sweep, archive, is_archive, waiting};
use crate::job::Expired;
use kernel::ports::LogEntry;
use kernel::ports::batch::distinct;
use rusqlite::Result;

/// Frames that an expiry looks at in one transaction, and how many of them it takes out of archives at most: each of
/// those has rows in several places of the index.
const LOOK: i64 = 4_096;
const EXPIRE: usize = 256;

/// The same for an archive that is erased.
const ERASE: usize = 256;

/// On whose lists a frame is.
struct Places {
    /// In whose archives, with the other one's address. The first place is taken first.
    archives: [Option<(i64, i64)>; 2],
    /// For whom it waits. The first place is taken first.
    waiting: [Option<i64>; 2],
    /// Bytes of the frame.
    length: i64,
}

impl Places {
    fn on(&self, list: i64) -> bool {
        if is_archive(list) {
            self.archives.iter().flatten().any(|(owner, _)| archive(*owner) == list)
        } else {
            self.waiting.iter().flatten().any(|owner| waiting(*owner) == list)
        }
    }

    fn without(&self, list: i64) -> Places {
        let archives = self.archives.map(|place| place.filter(|(owner, _)| archive(*owner) != list));
        let waits = self.waiting.map(|place| place.filter(|owner| waiting(*owner) != list));
        Places { archives: moved_up(archives), waiting: moved_up(waits), length: self.length }
    }

    fn archived(&self) -> bool {
        self.archives[0].is_some()
    }
}

fn moved_up<T>(places: [Option<T>; 2]) -> [Option<T>; 2] {
    match places {
        [None, second] => [second, None],
        places => places,
    }
}

impl Change<'_> {
    pub(crate) fn append(&mut self, entry: &LogEntry) -> Result<()> {
        let archives =
            distinct(entry.archives).map(|place| place.map(|it| (it.owner.0, it.peer.0.cast_signed())));
        if archives[0].is_none() && entry.waiting.is_none() {
            return Ok(());
        }
        let id = number(entry.id);
        let [a, b] = archives;
        let appended = self.sql.of(Sql::Append)?.execute((
            id,
            a.map(|a| a.0),
            a.map(|a| a.1),
            b.map(|b| b.0),
            b.map(|b| b.1),
            entry.waiting.map(|owner| owner.0),
            &entry.frame[..],
        ))?;
        if appended == 0 {
            return Ok(());
        }
        self.marks.top = self.marks.top.max(id);
        for (owner, peer) in archives.into_iter().flatten() {
            self.put_on(archive(owner), id, peer)?;
        }
        if let Some(owner) = entry.waiting {
            self.put_on(waiting(owner.0), id, 0)?;
        }
        if a.is_some() {
            self.weigh(id, i64::try_from(entry.frame.len()).unwrap_or(i64::MAX));
            self.marks.expired = self.marks.expired.min(id - 1);
            if id > self.marks.searched {
                self.unsearched += 1;
            } else {
                self.find(id, archives.map(|place| place.map(|(owner, _)| owner)), &entry.frame)?;
            }
        }
        Ok(())
    }

    pub(crate) fn wait(&mut self, owner: i64, id: i64) -> Result<()> {
        let list = waiting(owner);
        if self.tail.is_erased(archive(owner)) || self.changes.erased.get(&archive(owner)) == Some(&true) {
            return Ok(());
        }
        let Some(mut places) = self.places(id)? else { return Ok(()) };
        if !places.on(archive(owner)) || places.on(list) {
            return Ok(());
        }
        // There is a place: nobody waits for a frame but those in whose archives it is, or the one it was sent to.
        let Some(free) = places.waiting.iter_mut().find(|place| place.is_none()) else { return Ok(()) };
        *free = Some(owner);
        self.set(id, &places)?;
        self.put_on(list, id, 0)
    }

    /// Takes a frame off a list, if it is on it. It goes if that was the last one.
    pub(crate) fn take_off(&mut self, list: i64, id: i64) -> Result<()> {
        let Some(before) = self.places(id)?.filter(|places| places.on(list)) else { return Ok(()) };
        self.leave(list, id)?;
        self.replace(id, &before, &before.without(list))
    }

    /// Takes frames off a list, at most so many; true if it is empty then.
    pub(crate) fn clear(&mut self, list: i64, limit: usize) -> Result<bool> {
        let rows = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let indexed = self.sql.of(Sql::Indexed)?;
        let mut ids: Vec<i64> = indexed.query_map((list, rows), |row| row.get(0))?.collect::<Result<_>>()?;
        ids.extend(
            self.tail.of(list).into_iter().filter(|id| self.changes.rows.get(&(list, *id)) != Some(&None)),
        );
        let fresh = self.changes.rows.range((list, 0)..=(list, i64::MAX));
        ids.extend(fresh.filter(|(_, there)| there.is_some()).map(|((_, id), _)| *id));
        ids.sort_unstable();
        ids.dedup();
        for id in ids.iter().take(limit) {
            self.take_off(list, *id)?;
            // Whatever the frame says: a row that stayed would be looked at for ever.
            self.leave(list, *id)?;
        }
        Ok(ids.len() <= limit)
    }

    /// Takes an archive away: at once if it is short, and otherwise bit by bit, while nobody sees it any more.
    pub(crate) fn erase_archive(&mut self, owner: i64) -> Result<()> {
        let list = archive(owner);
        if !self.clear(list, self.erase_rows)? {
            self.sql.of(Sql::Erased)?.execute([list])?;
            self.changes.erased.insert(list, true);
        }
        Ok(())
    }

    /// Goes on with that.
    pub(crate) fn go_on_erasing(&mut self) -> Result<()> {
        let Some(list) = self.tail.erased() else { return Ok(()) };
        if self.clear(list, ERASE)? {
            self.sql.of(Sql::Cleared)?.execute([list])?;
            self.changes.erased.insert(list, false);
        }
        Ok(())
    }

    /// Takes the oldest frames below an id out of their archives, a bounded number.
    pub(crate) fn expire(&mut self, below: i64, limit: usize) -> Result<Expired> {
        let limit = limit.min(EXPIRE);
        let (mut old, mut to, mut looked) = (Vec::new(), self.marks.expired, 0);
        if limit > 0 {
            let mut rows = self.sql.of(Sql::Old)?.query((to, below, LOOK))?;
            while let Some(row) = rows.next()? {
                (to, looked) = (row.get(0)?, looked + 1);
                if row.get(1)? {
                    old.push(to);
                }
                if old.len() == limit {
                    break;
                }
            }
        }
        // In the order of the index: rows of one owner are neighbours.
        let mut rows: Vec<Row> = Vec::with_capacity(2 * old.len());
        for id in &old {
            let Some(before) = self.places(*id)? else { continue };
            rows.extend(before.archives.iter().flatten().map(|(owner, _)| (archive(*owner), *id)));
            let after = Places { archives: [None, None], waiting: before.waiting, length: before.length };
            self.replace(*id, &before, &after)?;
        }
        rows.sort_unstable();
        rows.into_iter().try_for_each(|(list, id)| self.leave(list, id))?;
        self.marks.expired = to;
        Ok(Expired { went: old.len(), over: old.len() < limit && looked < LOOK })
    }

    /// Moves the sweep on by about `step` rows; returns where it is then, `None` when it has been round.
    pub(crate) fn settle(&mut self, sweep: Sweep, step: usize) -> Result<Option<Row>> {
        self.marks.indexed = self.marks.indexed.max(sweep.to);
        let (rows, at) = self.tail.step(sweep, step);
        for (row, peer) in rows {
            // What this transaction has just taken off its list never gets into the table.
            if self.changes.rows.get(&row) != Some(&None) {
                self.index(row, peer)?;
                self.changes.settled.push(row);
            }
        }
        if at.is_none() {
            let more: i64 =
                self.sql.of(Sql::Weight)?.query_row((self.marks.settled, sweep.to), |row| row.get(0))?;
            self.marks.bytes += more;
            self.marks.settled = sweep.to;
        }
        Ok(at)
    }

    fn put_on(&mut self, list: i64, id: i64, peer: i64) -> Result<()> {
        if id <= self.direct {
            // A sweep says so when it begins, and may not have begun.
            self.marks.indexed = self.marks.indexed.max(id);
            return self.index((list, id), peer);
        }
        self.changes.rows.insert((list, id), Some(peer));
        Ok(())
    }

    fn index(&mut self, (list, id): Row, peer: i64) -> Result<()> {
        self.sql.of(Sql::Index)?.execute((list, id, is_archive(list).then_some(peer))).map(drop)
    }

    /// Takes the row of a list away, from the table and from the tail.
    fn leave(&mut self, list: i64, id: i64) -> Result<()> {
        if id <= self.marks.indexed {
            self.sql.of(Sql::Unindex)?.execute((list, id))?;
        }
        if id > self.marks.settled {
            self.changes.rows.insert((list, id), None);
        }
        Ok(())
    }

    /// The frame's places are others now.
    fn replace(&mut self, id: i64, before: &Places, after: &Places) -> Result<()> {
        if before.archived() && !after.archived() {
            self.weigh(id, -before.length);
            if id <= self.marks.searched {
                self.sql.of(Sql::Lose)?.execute([id])?;
            }
        }
        if after.archived() || after.waiting[0].is_some() {
            return self.set(id, after);
        }
        self.sql.of(Sql::Drop)?.execute([id])?;
        if id == self.marks.top {
            self.marks.newest = id;
        }
        Ok(())
    }

    /// Archived bytes come or go.
    fn weigh(&mut self, id: i64, bytes: i64) {
        self.marks.total += bytes;
        if id <= self.marks.settled {
            self.marks.bytes += bytes;
        }
    }

    fn places(&mut self, id: i64) -> Result<Option<Places>> {
        let mut rows = self.sql.of(Sql::Places)?.query([id])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let mut columns = [None; 7];
        for (place, column) in columns.iter_mut().enumerate() {
            *column = row.get_ref(place)?.as_i64_or_null()?;
        }
        let [owner_a, peer_a, owner_b, peer_b, wait_a, wait_b, length] = columns;
        Ok(Some(Places {
            archives: [owner_a.zip(peer_a), owner_b.zip(peer_b)],
            waiting: [wait_a, wait_b],
            length: length.unwrap_or(0),
        }))
    }

    fn set(&mut self, id: i64, places: &Places) -> Result<()> {
        let [a, b] = places.archives;
        let [wait_a, wait_b] = places.waiting;
        let row = (id, a.map(|a| a.0), a.map(|a| a.1), b.map(|b| b.0), b.map(|b| b.1), wait_a, wait_b);
        self.sql.of(Sql::SetPlaces)?.execute(row).map(drop)
    }
}
