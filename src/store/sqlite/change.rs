//! One transaction: what the jobs of a group do to the tables, and what that will do to the tail.
//!
//! **Invariant:** nothing outside the database changes here. A transaction that fails leaves no trace.

use super::journal;
use super::marks::Marks;
use super::statements::{Sql, Statements};
use super::tail::{Changes, Sweep, Tail, waiting};
use super::{Options, Text};
use crate::job::{Expired, Job, Newcomer};
use kernel::ports::batch::{MAX_ID, fill_in};
use kernel::ports::{Batch, LogId, Op, Owner, Swap};
use rusqlite::{Connection, Result};

/// What a job has to be told once its transaction has committed.
pub(crate) enum Told {
    Nothing,
    Swapped(bool),
    Created(Option<Owner>),
    Expired(Expired),
}

/// A transaction under way.
pub(crate) struct Change<'c> {
    pub(crate) sql: Statements<'c>,
    pub(crate) tail: &'c Tail,
    pub(crate) changes: Changes,
    /// As they are before, and as they are after.
    before: Marks,
    pub(crate) marks: Marks,
    /// Entries up to this id have to be in the table, not in the tail.
    pub(crate) direct: i64,
    /// What takes the text from a frame.
    pub(crate) text: Option<Text>,
    /// See [`Options::erase_rows`].
    pub(crate) erase_rows: usize,
    /// Archived frames whose text is to be searchable later.
    pub(crate) unsearched: usize,
    /// Notes of this transaction: one row in the end.
    notes: Vec<u8>,
}

/// What a transaction has brought about outside the database.
pub(crate) struct Outcome {
    pub(crate) changes: Changes,
    pub(crate) marks: Marks,
    pub(crate) unsearched: usize,
}

/// An id as SQLite has it. Those out of range are above every id there is.
pub(crate) fn number(id: LogId) -> i64 {
    id.0.min(MAX_ID + 1) as i64
}

impl<'c> Change<'c> {
    pub(crate) fn begin(
        connection: &'c Connection,
        tail: &'c Tail,
        marks: Marks,
        sweep: Option<Sweep>,
        options: &Options,
    ) -> Result<Change<'c>> {
        let mut sql = Statements::new(connection);
        sql.of(Sql::Begin)?.execute([])?;
        Ok(Change {
            sql,
            tail,
            changes: Changes::default(),
            before: marks,
            marks,
            // Rows at or below the running sweep's end belong into the table even when it does not move now.
            direct: sweep.map_or(marks.settled, |sweep| sweep.to),
            text: options.text,
            erase_rows: options.erase_rows,
            unsearched: 0,
            notes: Vec::new(),
        })
    }

    pub(crate) fn commit(mut self) -> Result<Outcome> {
        if !self.notes.is_empty() {
            self.changes.journalled = Some(self.sql.of(Sql::Note)?.insert([&self.notes])?);
        }
        for (key, value) in self.marks.since(self.before) {
            self.sql.of(Sql::Mark)?.execute((key, value))?;
        }
        self.sql.of(Sql::Commit)?.execute([])?;
        Ok(Outcome { changes: self.changes, marks: self.marks, unsearched: self.unsearched })
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
            Job::Expire(below, limit, _) => self.expire(number(*below), *limit).map(Told::Expired),
            Job::Texts(_) => Ok(Told::Nothing),
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
            Op::Wait { owner, ids } => ids.iter().try_for_each(|id| self.wait(owner.0, number(*id))),
            Op::Remove { owner, ids } => {
                ids.iter().try_for_each(|id| self.take_off(waiting(owner.0), number(*id)))
            }
            Op::Erase { owner } => self.erase(owner.0),
            Op::Note(note) => {
                journal::write(&mut self.notes, note);
                Ok(())
            }
            Op::Checkpoint { note, up_to } => {
                let up_to = i64::try_from(*up_to).unwrap_or(i64::MAX);
                let mut row = Vec::new();
                journal::write(&mut row, note);
                self.sql.of(Sql::Forget)?.execute([up_to])?;
                self.sql.of(Sql::Checkpoint)?.execute((up_to, &row)).map(drop)
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

    fn erase(&mut self, owner: i64) -> Result<()> {
        self.erase_archive(owner)?;
        self.clear(waiting(owner), usize::MAX)?;
        self.sql.of(Sql::EraseRows)?.execute([owner])?;
        self.sql.of(Sql::EraseName)?.execute([owner]).map(drop)
    }
}
