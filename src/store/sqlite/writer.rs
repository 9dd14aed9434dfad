//! The thread that writes: a group, a transaction, an fsync.

use super::change::{Change, Outcome, Told};
use super::complaint::Complaint;
use super::journal;
use super::marks::Marks;
use super::queue::{Next, Queue};
use super::tail::{Row, Sweep, Tail};
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
    marks: Marks,
    sweep: Option<Sweep>,
    /// About how many owners there are.
    owners: i64,
    unsearched: Unsearched,
    held: Option<Instant>,
    complaint: Complaint,
}

/// Frames whose texts are not in the word index yet.
#[derive(Clone, Copy, Default)]
struct Unsearched {
    /// About how many.
    frames: usize,
    /// Since when there are any.
    since: Option<Instant>,
}

/// What a transaction brought about.
struct Done {
    told: Vec<Told>,
    outcome: Outcome,
    /// Where the sweep is now, if it moved.
    swept: Option<Option<Row>>,
    /// Whether all texts are indexed now, if some were.
    searched: Option<bool>,
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
            marks: Marks::default(),
            sweep: None,
            owners: 0,
            unsearched: Unsearched::default(),
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
        let (marks, rows) = Marks::read(&connection)?;
        self.marks = marks;
        self.sweep = None;
        self.owners = connection.query_row("SELECT ifnull(max(id), 0) FROM owner", [], |row| row.get(0))?;
        let erased = connection
            .prepare_cached("SELECT list FROM erased")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        self.tail.replace(rows, erased);
        self.tail.note_journalled(journal::last(&connection)?);
        self.tail.weigh(marks.total);
        // How many there are is found out by indexing them.
        let some = self.options.text.is_some() && marks.top > marks.searched;
        self.unsearched = Unsearched {
            frames: if some { self.options.text_frames } else { 0 },
            since: some.then(Instant::now),
        };
        self.connection = Some(connection);
        Ok(())
    }

    /// So many rows may be in the tail.
    fn tail_limit(&self) -> usize {
        let Options { tail_rows, tail_rows_each, .. } = self.options;
        let owners = usize::try_from(self.owners).unwrap_or(0);
        tail_rows.max(owners.saturating_mul(tail_rows_each).min(10 * tail_rows))
    }

    /// How long to wait for work before settling goes on by itself.
    fn patience(&self) -> Option<Duration> {
        if let Some(held) = self.held {
            return Some(held.saturating_duration_since(Instant::now()));
        }
        if self.sweep.is_some() || self.tail.erased().is_some() {
            return Some(Duration::ZERO);
        }
        let tail = (self.tail.rows() > self.tail_limit() / 4).then_some(IDLE);
        let texts = self.unsearched.since.filter(|_| self.options.text.is_some()).map(|since| {
            let many = self.unsearched.frames >= self.options.text_frames;
            if many { Duration::ZERO } else { self.options.text_delay.saturating_sub(since.elapsed()) }
        });
        tail.into_iter().chain(texts).min()
    }

    fn commit(&mut self, mut group: Group) {
        let bytes = group.bytes;
        match self.transact(&mut group.jobs) {
            Some(told) => {
                self.queue.done(bytes);
                group.commit.complete(true);
                for (job, told) in group.jobs.into_iter().zip(told) {
                    if let Told::Created(Some(owner)) = told {
                        self.owners = self.owners.max(owner.0);
                    }
                    match (job, told) {
                        (Job::Swap(_, reply), Told::Swapped(done)) => reply.say(Ok(done)),
                        (Job::Create(_, reply), Told::Created(owner)) => reply.say(Ok(owner)),
                        (Job::Expire(.., reply), Told::Expired(expired)) => reply.say(Ok(expired)),
                        (Job::Texts(reply), _) => reply.say(Ok(())),
                        _ => {}
                    }
                }
            }
            None => {
                self.queue.done(bytes);
                group.fail();
            }
        }
        if self.sweep.is_none() && self.tail.rows() > self.tail_limit() {
            self.sweep = self.tail.sweep();
        }
    }

    /// Settles while there is nothing else to do.
    fn tidy(&mut self) {
        if self.held.take().is_some() {
            return;
        }
        if self.sweep.is_none() && self.tail.rows() > self.tail_limit() / 4 {
            self.sweep = self.tail.sweep();
        }
        self.transact(&mut []);
    }

    /// Commits the jobs, and moves the sweep on. `None` if nothing of it took effect.
    fn transact(&mut self, jobs: &mut [Job]) -> Option<Vec<Told>> {
        let settle = self.held.is_none_or(|held| held <= Instant::now());
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
                self.tail.publish(done.outcome.changes);
                self.tail.weigh(done.outcome.marks.total);
                self.marks = done.outcome.marks;
                match (done.swept, &mut self.sweep) {
                    (Some(Some(row)), Some(sweep)) => sweep.at = row,
                    (Some(None), sweep) => *sweep = None,
                    _ => {}
                }
                self.unsearched.after(done.outcome.unsearched, done.searched, &self.options);
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
            let change = || Change::begin(connection, &self.tail, self.marks, self.sweep, &self.options);
            let later = settle.then_some((self.sweep, self.unsearched));
            let run = || transaction(change()?, jobs, later, &self.options);
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

impl Unsearched {
    /// Some have come, and perhaps some have gone into the index.
    fn after(&mut self, came: usize, searched: Option<bool>, options: &Options) {
        self.frames += came;
        match searched {
            Some(true) => *self = Unsearched::default(),
            // Nobody knows how many more: the next step finds out.
            Some(false) => self.frames = options.text_frames,
            None => {}
        }
        if self.frames > 0 {
            self.since.get_or_insert_with(Instant::now);
        }
    }

    /// Whether it is time to index some.
    fn due(self, came: usize, options: &Options) -> bool {
        self.frames + came >= options.text_frames
            || self.since.is_some_and(|since| since.elapsed() >= options.text_delay)
    }
}

/// Does the jobs, and what can be done later if it is time for that.
fn transaction(
    mut change: Change<'_>,
    jobs: &mut [Job],
    later: Option<(Option<Sweep>, Unsearched)>,
    options: &Options,
) -> rusqlite::Result<Done> {
    let told = jobs.iter_mut().map(|job| change.job(job)).collect::<rusqlite::Result<_>>()?;
    let (mut swept, mut searched) = (None, None);
    if let Some((sweep, unsearched)) = later {
        // Twice what came in, so that the tail shrinks under any load.
        let step = options.settle_rows.max(2 * change.touched());
        swept = sweep.map(|sweep| change.settle(sweep, step)).transpose()?;
        change.go_on_erasing()?;
        let asked = jobs.iter().any(|job| matches!(job, Job::Texts(_)));
        if let Some(text) = options.text.filter(|_| asked || unsearched.due(change.unsearched, options)) {
            let frames = options.text_frames.max(2 * change.unsearched);
            searched = Some(change.index_texts(text, frames)?);
        }
    }
    Ok(Done { told, outcome: change.commit()?, swept, searched })
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
