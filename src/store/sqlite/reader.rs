//! The pool of reading threads, each with a connection of its own, started when there is something to read.

use super::Options;
use super::complaint::Complaint;
use super::schema;
use super::tail::Tail;
use crate::oneshot::{oneshot, ready};
use bytes::Bytes;
use kernel::ports::{BoxFuture, Collection, Owner, StoreError, Value};
use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, Error};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

/// The pool. Reads are taken in the order in which they were asked.
#[derive(Clone)]
pub(crate) struct Readers {
    pool: Arc<Pool>,
    threads: usize,
}

struct Pool {
    state: Mutex<State>,
    wake: Condvar,
    database: PathBuf,
    cache_bytes: usize,
    tail: Arc<Tail>,
    complaint: Mutex<Complaint>,
}

#[derive(Default)]
struct State {
    reads: VecDeque<Read>,
    idle: usize,
    threads: Vec<JoinHandle<()>>,
    closed: bool,
}

/// A read, which answers by itself. It returns the error, if that casts doubt on the connection.
type Read = Box<dyn FnOnce(&mut Lane<'_>) -> Result<(), Error> + Send>;

/// What a reading thread has.
struct Lane<'p> {
    pool: &'p Pool,
    connection: Option<Connection>,
}

impl Readers {
    pub(crate) fn new(database: PathBuf, options: &Options, tail: Arc<Tail>) -> Readers {
        let pool = Pool {
            state: Mutex::default(),
            wake: Condvar::new(),
            database,
            cache_bytes: options.cache_bytes / 4,
            tail,
            complaint: Mutex::default(),
        };
        Readers { pool: Arc::new(pool), threads: options.readers.max(1) }
    }

    /// Runs `read` on one of the threads.
    pub(crate) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection, &Tail) -> Result<T, Error> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (reply, pending) = oneshot();
        let read: Read = Box::new(move |lane| {
            let tail = &lane.pool.tail;
            let done = Lane::connected(&mut lane.connection, lane.pool).and_then(|it| read(it, tail));
            match done {
                Ok(found) => {
                    reply.say(Ok(found));
                    Ok(())
                }
                Err(error) => {
                    reply.say(Err(blame(&error)));
                    Err(error)
                }
            }
        });
        match self.enqueue(read) {
            Ok(()) => Box::pin(pending),
            Err(refused) => ready(Err(refused)),
        }
    }

    fn enqueue(&self, read: Read) -> Result<(), StoreError> {
        let mut state = self.pool.state.lock();
        if state.closed {
            return Err(StoreError::Closed);
        }
        if state.idle <= state.reads.len() && state.threads.len() < self.threads {
            let pool = self.pool.clone();
            let thread =
                std::thread::Builder::new().name("store-reader".to_owned()).spawn(move || pool.run());
            match thread {
                Ok(thread) => state.threads.push(thread),
                Err(error) if state.threads.is_empty() => return Err(StoreError::Read(error.to_string())),
                // Those that are there will do.
                Err(_) => {}
            }
        }
        state.reads.push_back(read);
        drop(state);
        self.pool.wake.notify_one();
        Ok(())
    }

    /// Takes no more reads, finishes those that wait and ends the threads.
    pub(crate) fn close(&self) {
        let threads = {
            let mut state = self.pool.state.lock();
            state.closed = true;
            std::mem::take(&mut state.threads)
        };
        self.pool.wake.notify_all();
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a reading thread of the store had panicked");
            }
        }
    }
}

impl Pool {
    fn run(&self) {
        let mut lane = Lane { pool: self, connection: None };
        while let Some(read) = self.next() {
            match catch_unwind(AssertUnwindSafe(|| read(&mut lane))) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    self.complain(&error.to_string());
                    lane.connection = None;
                }
                Err(_) => {
                    self.complain("a read panicked");
                    lane.connection = None;
                }
            }
        }
    }

    fn next(&self) -> Option<Read> {
        let mut state = self.state.lock();
        loop {
            if let Some(read) = state.reads.pop_front() {
                return Some(read);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            self.wake.wait(&mut state);
            state.idle -= 1;
        }
    }

    fn complain(&self, why: &str) {
        if let Some(repeated) = self.complaint.lock().due() {
            tracing::error!(database = %self.database.display(), why, repeated, "reading failed");
        }
    }
}

impl Lane<'_> {
    fn connected<'c>(connection: &'c mut Option<Connection>, pool: &Pool) -> Result<&'c Connection, Error> {
        match connection {
            Some(connection) => Ok(connection),
            None => Ok(connection.insert(schema::connect_reading(&pool.database, pool.cache_bytes)?)),
        }
    }
}

fn blame(error: &Error) -> StoreError {
    match error {
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..) => StoreError::Damaged(error.to_string()),
        _ => StoreError::Read(error.to_string()),
    }
}

/// The owner of a name.
pub(crate) fn owner(connection: &Connection, name: &str) -> rusqlite::Result<Option<Owner>> {
    let mut found = connection.prepare_cached("SELECT id FROM owner WHERE name = ?1")?;
    let mut rows = found.query([name])?;
    rows.next()?.map(|row| row.get(0).map(Owner)).transpose()
}

/// Shows `each` the rows of an owner in one table, by key.
pub(crate) fn list(
    connection: &Connection,
    owner: Owner,
    collection: Collection,
    mut each: impl FnMut(String, Value),
) -> Result<(), Error> {
    let mut found = connection
        .prepare_cached("SELECT key, value FROM kv WHERE owner = ?1 AND collection = ?2 ORDER BY key")?;
    let mut rows = found.query((owner.0, collection))?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?, Bytes::from_owner(row.get::<_, Vec<u8>>(1)?));
    }
    Ok(())
}
