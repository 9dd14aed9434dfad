//! The SQLite engine: WAL, synchronous=FULL, one writer thread with group commit, pooled readers.
//!
//! - `queue`: what waits for the next group commit. `submit` only ever takes its short lock.
//! - `writer`: the thread that turns a group into a transaction; `change` is what happens inside one, `lists` what
//!   happens to the log there; `marks` says how far things have got in the log.
//! - `tail`: index rows of the log that are not in their table yet; `page` merges tail and table.
//! - `find`: the index of words.
//! - `reader`: the pool of reading threads.
//! - `open` and `schema`: the data directory, its lock, versions and migrations; `inspect` looks at it from outside.
//!
//! **Invariant:** only the writer thread changes the database and the tail, the tail only after the commit.

mod change;
mod complaint;
mod find;
mod inspect;
mod journal;
mod lists;
mod marks;
mod open;
mod page;
mod queue;
mod reader;
mod schema;
mod statements;
mod tail;
#[cfg(test)]
mod tests;
mod writer;

pub use inspect::Found;
pub use open::{DATABASE, OpenError};

use crate::job::{Job, failed};
use crate::oneshot::ready;
use bytes::Bytes;
use kernel::ports::{
    Batch, BoxFuture, Collection, LogId, LogPage, LogQuery, Opened, Owner, Search, Store, StoreError, Swap,
    Ticket, Value,
};
use open::Place;
use parking_lot::Mutex;
use queue::Queue;
use reader::Readers;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tail::Tail;
use writer::Writer;

/// What takes the text to be searched from a frame; `None` if it has none.
pub type Text = fn(&[u8]) -> Option<String>;

/// Sizes that the engine works with. The defaults suit a household and a few thousand accounts alike.
#[derive(Clone, Debug)]
pub struct Options {
    /// Reading threads, started when there is something to read.
    pub readers: usize,
    /// A group commit is closed when it holds this many bytes; the next submit opens another.
    pub group_bytes: usize,
    /// So long a group that only takes entries off logs waits for company: a commit costs an fsync, and nobody needs
    /// this one at once. What is removed twice is gone all the same; what a crash brings back has been delivered and
    /// is delivered again, as it would be if the crash had come so much earlier.
    pub leisure: Duration,
    /// Index rows kept in memory before the older half is moved into the table. 40 to 50 bytes each; at start the
    /// frames behind them are read again, which took 0.1 s for the default.
    pub tail_rows: usize,
    /// So many are kept for each owner where that is more, up to ten times the above: rows of one owner that are moved
    /// together share a page, and writing pages is all that moving costs.
    pub tail_rows_each: usize,
    /// At least so many index rows are moved in one commit while moving is under way.
    pub settle_rows: usize,
    /// An archive is erased at once if it has no more entries than this, and otherwise bit by bit: it may have millions.
    pub erase_rows: usize,
    /// How the text of a frame is found. Without it, nothing can be searched; what was archived in the meantime can be
    /// when it is there again.
    pub text: Option<Text>,
    /// So many texts are indexed in one commit ...
    pub text_frames: usize,
    /// ... or as many as there are, if the first one has waited so long.
    pub text_delay: Duration,
    /// Page cache of the writer, in bytes; a reader gets a quarter of it.
    pub cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            readers: 3,
            group_bytes: 1 << 20,
            leisure: Duration::from_millis(50),
            tail_rows: 100_000,
            tail_rows_each: 8,
            settle_rows: 256,
            erase_rows: 1_000,
            text: None,
            text_frames: 1_024,
            text_delay: Duration::from_secs(5),
            cache_bytes: 8 << 20,
        }
    }
}

/// The SQLite engine. Dropping it does what [`Sqlite::close`] does.
pub struct Sqlite {
    queue: Arc<Queue>,
    tail: Arc<Tail>,
    readers: Readers,
    writer: Mutex<Option<JoinHandle<()>>>,
    place: Mutex<Option<Place>>,
}

impl Sqlite {
    /// Opens the database in the data directory `data`, which is made if there is none. See [`OpenError`] for
    /// what is refused.
    pub fn open(data: &Path, options: Options) -> Result<Sqlite, OpenError> {
        let place = Place::take(data)?;
        let connection = place.connect(&options, schema::MIGRATIONS)?;
        let tail = Arc::new(Tail::default());
        let queue = Arc::new(Queue::new(options.group_bytes, options.leisure));
        let readers = Readers::new(place.database(), &options, tail.clone());
        let writer = Writer::new(place.database(), options, connection, queue.clone(), tail.clone())
            .map_err(|error| OpenError::sqlite(&place.database(), error))?;
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| OpenError::Io(data.to_owned(), error))?;
        Ok(Sqlite { queue, tail, readers, writer: Mutex::new(Some(thread)), place: Mutex::new(Some(place)) })
    }

    /// Tells whether [`Sqlite::open`] would work, without making, locking or migrating anything.
    ///
    /// # Errors
    /// What opening would be refused with, as far as that can be seen from outside.
    pub fn inspect(data: &Path) -> Result<Found, OpenError> {
        inspect::inspect(data)
    }

    /// Commits what is queued, checkpoints, ends the threads and gives the directory free. Afterwards writes
    /// fail and reads answer [`StoreError::Closed`]. Blocks; a second call does nothing.
    pub fn close(&self) {
        // Readers first: the checkpoint can then empty the write-ahead log.
        self.readers.close();
        self.queue.close();
        if let Some(writer) = self.writer.lock().take()
            && writer.join().is_err()
        {
            tracing::error!("the store's writer thread had panicked");
        }
        self.place.lock().take();
    }

    fn enqueue<T: Send + 'static>(
        &self,
        job: Result<(Job, crate::oneshot::Pending<T>), StoreError>,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        match job {
            Ok((job, pending)) => {
                // A closed queue drops the job, and with it the reply, which then says `Closed`.
                self.queue.push(job);
                Box::pin(pending)
            }
            Err(refused) => ready(Err(refused)),
        }
    }

    #[cfg(test)]
    pub(crate) fn meddle(&self, meddle: impl FnMut(&rusqlite::Connection) + Send + 'static) -> Ticket {
        self.queue.push(Job::Meddle(Box::new(meddle))).unwrap_or_else(failed)
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
    }
}

impl Store for Sqlite {
    fn submit(&self, batch: Batch) -> Ticket {
        Job::batch(batch).ok().and_then(|job| self.queue.push(job)).unwrap_or_else(failed)
    }

    fn swap(&self, swap: Swap) -> BoxFuture<'static, Result<bool, StoreError>> {
        self.enqueue(Job::swap(swap))
    }

    fn backlog(&self) -> usize {
        self.queue.backlog()
    }

    fn owner(&self, name: &str) -> BoxFuture<'static, Result<Option<Owner>, StoreError>> {
        let name = name.to_owned();
        self.readers.read(move |connection, _| reader::owner(connection, &name))
    }

    fn create_owner(
        &self,
        name: &str,
        first: Batch,
    ) -> BoxFuture<'static, Result<Option<Owner>, StoreError>> {
        self.enqueue(Job::create(name, first))
    }

    fn owners(
        &self,
        after: &str,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(String, Owner)>, StoreError>> {
        let (after, limit) = (after.to_owned(), i64::try_from(limit).unwrap_or(i64::MAX));
        self.readers.read(move |connection, _| {
            connection
                .prepare_cached("SELECT name, id FROM owner WHERE name > ?1 ORDER BY name LIMIT ?2")?
                .query_map((after, limit), |row| Ok((row.get(0)?, Owner(row.get(1)?))))?
                .collect()
        })
    }

    fn get(
        &self,
        collection: Collection,
        owner: Owner,
        key: &str,
    ) -> BoxFuture<'static, Result<Option<Value>, StoreError>> {
        let key = key.to_owned();
        self.readers.read(move |connection, _| {
            let mut found = connection
                .prepare_cached("SELECT value FROM kv WHERE owner = ?1 AND collection = ?2 AND key = ?3")?;
            let mut rows = found.query((owner.0, collection, key))?;
            rows.next()?.map(|row| row.get(0).map(Bytes::from_owner::<Vec<u8>>)).transpose()
        })
    }

    fn look_up(
        &self,
        name: &str,
        collection: Collection,
        key: &str,
    ) -> BoxFuture<'static, Result<Option<Value>, StoreError>> {
        let (name, key) = (name.to_owned(), key.to_owned());
        self.readers.read(move |connection, _| {
            let mut found = connection.prepare_cached(
                "SELECT value FROM kv
                 WHERE owner = (SELECT id FROM owner WHERE name = ?1) AND collection = ?2 AND key = ?3",
            )?;
            let mut rows = found.query((name, collection, key))?;
            rows.next()?.map(|row| row.get(0).map(Bytes::from_owner::<Vec<u8>>)).transpose()
        })
    }

    fn list(
        &self,
        collection: Collection,
        owner: Owner,
    ) -> BoxFuture<'static, Result<Vec<(String, Value)>, StoreError>> {
        self.readers.read(move |connection, _| {
            let mut rows = Vec::new();
            reader::list(connection, owner, collection, |key, value| rows.push((key, value)))?;
            Ok(rows)
        })
    }

    fn open(
        &self,
        name: &str,
        collections: &[Collection],
    ) -> BoxFuture<'static, Result<Option<Opened>, StoreError>> {
        let (name, collections) = (name.to_owned(), collections.to_vec());
        self.readers.read(move |connection, tail| {
            let mut rows = Vec::new();
            let owner = {
                let _one_moment = page::Snapshot::begin(connection)?;
                let Some(owner) = reader::owner(connection, &name)? else { return Ok(None) };
                for collection in collections {
                    reader::list(connection, owner, collection, |key, value| {
                        rows.push((collection, key, value))
                    })?;
                }
                owner
            };
            // After that moment: the tail must be read before the table that rows move into.
            let waiting = page::waiting(connection, tail, owner)?;
            Ok(Some(Opened { owner, rows, waiting }))
        })
    }

    fn page(&self, query: LogQuery) -> BoxFuture<'static, Result<LogPage, StoreError>> {
        self.readers.read(move |connection, tail| page::page(connection, tail, query))
    }

    fn newest(&self) -> BoxFuture<'static, Result<Option<LogId>, StoreError>> {
        self.readers.read(|connection, _| page::newest(connection))
    }

    fn journal(&self) -> BoxFuture<'static, Result<Vec<Value>, StoreError>> {
        self.readers.read(|connection, _| journal::read(connection))
    }

    fn journalled(&self) -> u64 {
        self.tail.journalled()
    }

    fn entries(
        &self,
        owner: Owner,
        ids: Vec<LogId>,
    ) -> BoxFuture<'static, Result<Vec<(LogId, Bytes)>, StoreError>> {
        self.readers.read(move |connection, tail| page::entries(connection, tail, owner, ids))
    }

    fn search(&self, search: Search) -> BoxFuture<'static, Result<LogPage, StoreError>> {
        let (job, ready) = Job::texts();
        let read = self.readers.clone();
        let queued = self.queue.push(job);
        Box::pin(async move {
            // Should that fail, what was found before is found.
            if queued.is_some() {
                let _ = ready.await;
            }
            read.read(move |connection, tail| find::search(connection, tail, &search)).await
        })
    }

    /// In several transactions, so that none of them is long.
    fn expire(&self, below: LogId, limit: usize) -> BoxFuture<'static, Result<usize, StoreError>> {
        let queue = self.queue.clone();
        Box::pin(async move {
            let mut went = 0;
            loop {
                let (job, pending) = Job::expire(below, limit - went);
                // A closed queue drops the job, and with it the reply, which then says `Closed`.
                queue.push(job);
                let expired = pending.await?;
                went += expired.went;
                if expired.over || went >= limit {
                    return Ok(went);
                }
            }
        })
    }

    fn extent(&self) -> BoxFuture<'static, Result<(u64, Option<LogId>), StoreError>> {
        self.readers.read(|connection, tail| Ok((tail.bytes(), page::oldest(connection)?)))
    }
}
