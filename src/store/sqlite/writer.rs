//! The thread that writes: a group, a transaction, an fsync.

use super::change::{Change, Told};
use super::complaint::Complaint;
use super::queue::{Next, Queue};
use super::tail::{Changes, Row, Sweep, Tail};
use super::{Options, schema};
use crate::job::{Group, Job};
use rusqlite::{Connection, ErrorCode};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Nothing came for so long: time to put a tail in order that is at a quarter of its size already.
const IDLE: Duration = Duration::from_secs(1);

/// After a failure, settling waits so long; messages come first.
const HOLD: Duration = Duration::from_secs(5);

/// The writer's own state. Only its thread touches the database's content and the tail.
pub(crate) struct Writer {
    database: PathBuf,
    options: Options,
    queue: Arc<Queue>,
    tail: Arc<Tail>,
    /// Gone after an error that casts doubt on it.
    connection: Option<Connection>,
    /// Every frame up to this id has its index rows in the table.
    mark: i64,
    sweep: Option<Sweep>,
    held: Option<Instant>,
    complaint: Complaint,
}

/// What a transaction brought about.
struct Done {
    told: Vec<Told>,
    changes: Changes,
    /// Where the sweep is now, if it moved.
    swept: Option<Option<Row>>,
}

/// Why a transaction did not come about.
enum Failure {
    Sqlite(rusqlite::Error),
    Panic,
}

impl Writer {
    pub(crate) fn new(
        database: PathBuf,
        options: Options,
        connection: Connection,
        queue: Arc<Queue>,
        tail: Arc<Tail>,
    ) -> rusqlite::Result<Writer> {
        let mut writer = Writer {
            database,
            options,
            queue,
            tail,
            connection: None,
            mark: -1,
            sweep: None,
            held: None,
            complaint: Complaint::default(),
        };
        writer.adopt(connection)?;
        Ok(writer)
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        loop {
            match self.queue.next(self.patience()) {
                Next::Commit(group) => self.commit(group),
                Next::Idle => self.tidy(),
                Next::End => break,
            }
        }
        if let Some(connection) = self.connection.take() {
            let emptied = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
            if let Err(error) = emptied.and_then(|()| connection.close().map_err(|(_, error)| error)) {
                // Nothing is lost: the write-ahead log is read at the next start.
                tracing::warn!(database = %self.database.display(), %error, "the last checkpoint failed");
            }
        }
    }

    /// Takes what the database says about the log.
    fn adopt(&mut self, connection: Connection) -> rusqlite::Result<()> {
        let (mark, rows) = schema::tail(&connection)?;
        self.mark = mark;
        self.sweep = None;
        self.tail.replace(rows);
        self.connection = Some(connection);
        Ok(())
    }

    /// How long to wait for work before settling goes on by itself.
    fn patience(&self) -> Option<Duration> {
        if let Some(held) = self.held {
            return Some(held.saturating_duration_since(Instant::now()));
        }
        match self.sweep {
            Some(_) => Some(Duration::ZERO),
            None => (self.tail.rows() > self.options.tail_rows / 4).then_some(IDLE),
        }
    }

    fn commit(&mut self, mut group: Group) {
        let bytes = group.bytes;
        match self.transact(&mut group.jobs) {
            Some(told) => {
                self.queue.done(bytes);
                group.commit.complete(true);
                for (job, told) in group.jobs.into_iter().zip(told) {
                    match (job, told) {
                        (Job::Swap(_, reply), Told::Swapped(done)) => reply.say(Ok(done)),
                        (Job::Create(_, reply), Told::Created(owner)) => reply.say(Ok(owner)),
                        _ => {}
                    }
                }
            }
            None => {
                self.queue.done(bytes);
                group.fail();
            }
        }
        if self.sweep.is_none() && self.tail.rows() > self.options.tail_rows {
            self.sweep = self.tail.sweep();
        }
    }

    /// Settles while there is nothing else to do.
    fn tidy(&mut self) {
        if self.held.take().is_some() {
            return;
        }
        if self.sweep.is_none() {
            self.sweep = self.tail.sweep();
        }
        self.transact(&mut []);
    }

    /// Commits the jobs, and moves the sweep on. `None` if nothing of it took effect.
    fn transact(&mut self, jobs: &mut [Job]) -> Option<Vec<Told>> {
        let settle = self.sweep.is_some() && self.held.is_none_or(|held| held <= Instant::now());
        let mut done = self.attempt(jobs, settle);
        if let (Err(_), true, false) = (&done, settle, jobs.is_empty()) {
            // Settling can wait: without it, the last free pages may still take the messages.
            done = self.attempt(jobs, false);
        }
        match done {
            Ok(done) => {
                if self.complaint.over() {
                    tracing::info!(database = %self.database.display(), "commits succeed again");
                }
                self.tail.publish(done.changes);
                match (done.swept, &mut self.sweep) {
                    (Some(Some(row)), Some(sweep)) => sweep.at = row,
                    (Some(None), Some(sweep)) => {
                        self.mark = sweep.to;
                        self.sweep = None;
                    }
                    _ => {}
                }
                Some(done.told)
            }
            Err(failure) => {
                self.held = Some(Instant::now() + HOLD);
                if let Some(repeated) = self.complaint.due() {
                    tracing::error!(
                        database = %self.database.display(), %failure, jobs = jobs.len(), repeated,
                        "a group commit failed"
                    );
                }
                None
            }
        }
    }

    /// One transaction. If it fails, the connection is left without one, or gone.
    fn attempt(&mut self, jobs: &mut [Job], settle: bool) -> Result<Done, Failure> {
        let done = self.reconnect().and_then(|()| {
            let Some(connection) = &self.connection else { return Err(Failure::Panic) };
            // Rows at or below the running sweep's end belong into the table even when it does not move now.
            let direct = self.sweep.map_or(self.mark, |sweep| sweep.to);
            let sweep = self.sweep.filter(|_| settle);
            let run = || transaction(connection, &self.tail, direct, jobs, sweep, self.options.settle_rows);
            catch_unwind(AssertUnwindSafe(run)).map_err(|_| Failure::Panic)?.map_err(Failure::Sqlite)
        });
        if let Err(failure) = &done {
            let clean = self.connection.as_ref().is_some_and(|connection| {
                connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok()
            });
            match failure.fault() {
                Fault::Disk if clean => {}
                Fault::Change if clean => self.queue.separate(),
                _ => self.connection = None,
            }
        }
        done
    }

    /// Opens the database again if an error has cost the connection. What the disk has counts, so the tail is
    /// read anew: a commit whose fsync failed may or may not be there.
    fn reconnect(&mut self) -> Result<(), Failure> {
        if self.connection.is_none() {
            let connection = schema::connect(&self.database, &self.options).map_err(Failure::Sqlite)?;
            self.adopt(connection).map_err(Failure::Sqlite)?;
            tracing::warn!(database = %self.database.display(), "the database was opened again");
        }
        Ok(())
    }
}

impl Drop for Writer {
    /// Ended by a panic (a waker's, say), it must not leave anybody waiting for ever.
    fn drop(&mut self) {
        self.queue.close();
        while let Next::Commit(group) = self.queue.next(None) {
            self.queue.done(group.bytes);
            group.fail();
        }
    }
}

fn transaction(
    connection: &Connection,
    tail: &Tail,
    direct: i64,
    jobs: &mut [Job],
    sweep: Option<Sweep>,
    settle_rows: usize,
) -> rusqlite::Result<Done> {
    let mut change = Change::begin(connection, tail, direct)?;
    let told = jobs.iter_mut().map(|job| change.job(job)).collect::<rusqlite::Result<_>>()?;
    // Twice what came in, so that the tail shrinks under any load.
    let step = settle_rows.max(2 * change.touched());
    let swept = sweep.map(|sweep| change.settle(sweep, step)).transpose()?;
    Ok(Done { told, changes: change.commit()?, swept })
}

/// Whose fault a failure is.
enum Fault {
    /// The disk is full, memory is short, the file is locked: it may pass, the connection is sound.
    Disk,
    /// The connection cannot be trusted any more.
    Connection,
    /// SQLite did not take what it was given.
    Change,
}

impl Failure {
    fn fault(&self) -> Fault {
        let Failure::Sqlite(error) = self else { return Fault::Connection };
        match error.sqlite_error_code() {
            Some(
                ErrorCode::DiskFull
                | ErrorCode::OutOfMemory
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OperationInterrupted,
            ) => Fault::Disk,
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::InternalMalfunction,
            ) => Fault::Connection,
            _ => Fault::Change,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Sqlite(error) => error.fmt(f),
            Failure::Panic => f.write_str("panicked inside the transaction"),
        }
    }
}
