//! One transaction: what the jobs of a group do to the tables, and what that will do to the tail.
//!
//! **Invariant:** nothing outside the database changes here. A transaction that fails leaves no trace.

use super::journal;
use super::statements::{Sql, Statements};
use super::tail::{Changes, Row, Sweep, Tail};
use crate::job::{Job, Newcomer};
use kernel::ports::batch::{MAX_ID, distinct, fill_in};
use kernel::ports::{Batch, LogEntry, LogId, Op, Owner, Swap};
use rusqlite::{Connection, Result};

/// What a job has to be told once its transaction has committed.
pub(crate) enum Told {
    Nothing,
    Swapped(bool),
    Created(Option<Owner>),
}

/// A transaction under way.
pub(crate) struct Change<'c> {
    sql: Statements<'c>,
    tail: &'c Tail,
    changes: Changes,
    /// Entries up to this id have to be in the table, not in the tail.
    direct: i64,
    /// Notes of this transaction: one row in the end.
    notes: Vec<u8>,
}

/// An id as SQLite has it. Those out of range are above every id there is.
pub(crate) fn number(id: LogId) -> i64 {
    id.0.min(MAX_ID + 1) as i64
}

impl<'c> Change<'c> {
    pub(crate) fn begin(connection: &'c Connection, tail: &'c Tail, direct: i64) -> Result<Change<'c>> {
        let mut sql = Statements::new(connection);
        sql.of(Sql::Begin)?.execute([])?;
        Ok(Change { sql, tail, changes: Changes::default(), direct, notes: Vec::new() })
    }

    pub(crate) fn commit(mut self) -> Result<Changes> {
        if !self.notes.is_empty() {
            self.sql.of(Sql::Note)?.execute([&self.notes])?;
        }
        self.sql.of(Sql::Commit)?.execute([])?;
        Ok(self.changes)
    }

    /// How many rows of the tail the jobs so far have touched.
    pub(crate) fn touched(&self) -> usize {
        self.changes.rows.len()
    }

    pub(crate) fn job(&mut self, job: &mut Job) -> Result<Told> {
        match job {
            Job::Batch(batch) => self.batch(batch).map(|()| Told::Nothing),
            Job::Swap(swap, _) => self.swap(swap).map(Told::Swapped),
            Job::Create(newcomer, _) => self.create(newcomer).map(Told::Created),
            #[cfg(test)]
            Job::Meddle(meddle) => {
                meddle(self.sql.connection);
                Ok(Told::Nothing)
            }
        }
    }

    fn batch(&mut self, batch: &Batch) -> Result<()> {
        batch.ops.iter().try_for_each(|op| match op {
            Op::Put { collection, owner, key, value } => self.put(*owner, collection, key, value),
            Op::Delete { collection, owner, key } => self.delete(*owner, collection, key),
            Op::Append(entry) => self.append(entry),
            Op::Trim { owner, up_to } => self.trim(owner.0, number(*up_to)),
            Op::Remove { owner, ids } => ids.iter().try_for_each(|id| self.remove(owner.0, number(*id))),
            Op::Erase { owner } => self.erase(owner.0),
            Op::Note(note) => {
                journal::write(&mut self.notes, note);
                Ok(())
            }
            Op::Checkpoint(note) => {
                self.notes.clear();
                journal::write(&mut self.notes, note);
                self.sql.of(Sql::Forget)?.execute([]).map(drop)
            }
        })
    }

    fn put(&mut self, owner: Owner, collection: &str, key: &str, value: &[u8]) -> Result<()> {
        self.sql.of(Sql::Put)?.execute((owner.0, collection, key, value)).map(drop)
    }

    fn delete(&mut self, owner: Owner, collection: &str, key: &str) -> Result<()> {
        self.sql.of(Sql::Delete)?.execute((owner.0, collection, key)).map(drop)
    }

    fn swap(&mut self, swap: &Swap) -> Result<bool> {
        if swap.owner != Owner::SERVER && !self.sql.of(Sql::Lives)?.exists([swap.owner.0])? {
            return Ok(false);
        }
        let holds = {
            let mut rows = self.sql.of(Sql::Value)?.query((swap.owner.0, swap.collection, &swap.key))?;
            let found = rows.next()?.map(|row| row.get_ref(0)).transpose()?;
            match (found, &swap.expected) {
                (None, None) => true,
                (Some(found), Some(expected)) => found.as_blob()? == &expected[..],
                _ => false,
            }
        };
        if holds {
            match &swap.new {
                Some(value) => self.put(swap.owner, swap.collection, &swap.key, value)?,
                None => self.delete(swap.owner, swap.collection, &swap.key)?,
            }
        }
        Ok(holds)
    }

    fn create(&mut self, newcomer: &Newcomer) -> Result<Option<Owner>> {
        if self.sql.of(Sql::Named)?.exists([&newcomer.name])? {
            return Ok(None);
        }
        let owner = Owner(self.sql.of(Sql::Name)?.insert([&newcomer.name])?);
        let mut first = newcomer.first.clone();
        fill_in(&mut first, owner);
        self.batch(&first)?;
        Ok(Some(owner))
    }

    fn append(&mut self, entry: &LogEntry) -> Result<()> {
        let [Some(a), b] = distinct(entry.owners) else { return Ok(()) };
        let id = number(entry.id);
        let appended = self.sql.of(Sql::Append)?.execute((id, a.0, b.map(|b| b.0), &entry.frame[..]))?;
        if appended == 0 {
            return Ok(());
        }
        for owner in [Some(a), b].into_iter().flatten() {
            if id <= self.direct {
                self.sql.of(Sql::Index)?.execute((owner.0, id))?;
            } else {
                self.changes.rows.insert((owner.0, id), true);
            }
        }
        Ok(())
    }

    fn trim(&mut self, owner: i64, up_to: i64) -> Result<()> {
        let indexed: Vec<i64> =
            self.sql.of(Sql::Indexed)?.query_map((owner, up_to), |row| row.get(0))?.collect::<Result<_>>()?;
        if !indexed.is_empty() {
            self.sql.of(Sql::UnindexUpTo)?.execute((owner, up_to))?;
        }
        for id in indexed {
            self.release(owner, id)?;
        }
        let mut waiting = self.tail.up_to(owner, up_to);
        let fresh = self.changes.rows.range((owner, 0)..=(owner, up_to));
        waiting.extend(fresh.filter(|(_, there)| **there).map(|((_, id), _)| *id));
        for id in waiting {
            self.release(owner, id)?;
            self.changes.rows.insert((owner, id), false);
        }
        Ok(())
    }

    fn remove(&mut self, owner: i64, id: i64) -> Result<()> {
        if self.release(owner, id)? {
            self.sql.of(Sql::Unindex)?.execute((owner, id))?;
            self.changes.rows.insert((owner, id), false);
        }
        Ok(())
    }

    /// Takes the owner off the frame; false if it was not on it.
    fn release(&mut self, owner: i64, id: i64) -> Result<bool> {
        Ok(self.sql.of(Sql::DropFrame)?.execute((id, owner))? > 0
            || self.sql.of(Sql::Unlist)?.execute((id, owner))? > 0)
    }

    fn erase(&mut self, owner: i64) -> Result<()> {
        self.trim(owner, i64::MAX)?;
        self.sql.of(Sql::EraseRows)?.execute([owner])?;
        self.sql.of(Sql::EraseName)?.execute([owner]).map(drop)
    }

    /// Moves the sweep on by about `step` rows; returns where it is then, `None` when it has been round.
    pub(crate) fn settle(&mut self, sweep: Sweep, step: usize) -> Result<Option<Row>> {
        let (rows, at) = self.tail.step(sweep, step);
        for row in rows {
            // What this transaction has just taken off its list never gets into the table.
            if self.changes.rows.get(&row) != Some(&false) {
                self.sql.of(Sql::Index)?.execute(row)?;
                self.changes.settled.push(row);
            }
        }
        if at.is_none() {
            self.sql.of(Sql::Mark)?.execute([sweep.to])?;
        }
        Ok(at)
    }
}
