//! The storage port: three shapes (table, log, blob later) and one atomic [`Batch`] over them.

use super::{LogEntry, LogId, LogPage, LogQuery, Search, Ticket};
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;

/// A boxed future, as ports return them.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The store's short name of an account (or of a room, or of the server itself): all its data hangs on it and
/// goes with it. Given out by [`Store::create_owner`], never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(pub i64);

impl Owner {
    /// What belongs to no account.
    pub const SERVER: Owner = Owner(0);
}

/// Name of a table, such as `"roster"`. Fixed in the code, never from input.
pub type Collection = &'static str;

/// A stored value, opaque to the engine.
pub type Value = Bytes;

/// A row of an owner: table, key, value.
pub type Row = (Collection, String, Value);

/// One step of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Sets the value of (collection, owner, key). Changes nothing if there is no such owner (any more), for nobody
    /// could reach the row; [`Owner::SERVER`] always is.
    Put {
        /// Table.
        collection: Collection,
        /// Whose row.
        owner: Owner,
        /// Row.
        key: String,
        /// New value.
        value: Value,
    },
    /// Removes (collection, owner, key) if it is there.
    Delete {
        /// Table.
        collection: Collection,
        /// Whose row.
        owner: Owner,
        /// Row.
        key: String,
    },
    /// Appends to the log; idempotent on the id.
    Append(LogEntry),
    /// Puts entries that are in an archive of the owner on its list of waiting messages, too. What is not there is
    /// passed over.
    Wait {
        /// Whose list.
        owner: Owner,
        /// Which.
        ids: Vec<LogId>,
    },
    /// Takes single entries off the owner's list of waiting messages. A frame that is on no list any more is gone.
    Remove {
        /// Whose list.
        owner: Owner,
        /// Which.
        ids: Vec<LogId>,
    },
    /// Removes the owner and everything that hangs on it: all tables, its log, its name. What is in a long archive may
    /// still count in [`Store::extent`] for a while, but nobody sees it any more.
    Erase {
        /// Whose data.
        owner: Owner,
    },
    /// Adds a note to the journal ([`Store::journal`]).
    Note(Value),
    /// Replaces all notes so far by this one.
    Checkpoint(Value),
}

/// Steps that take effect together or not at all, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The steps.
    pub ops: Vec<Op>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Adds a put.
    pub fn put(
        mut self,
        collection: Collection,
        owner: Owner,
        key: impl Into<String>,
        value: Value,
    ) -> Batch {
        self.ops.push(Op::Put { collection, owner, key: key.into(), value });
        self
    }

    /// Adds a delete.
    pub fn delete(mut self, collection: Collection, owner: Owner, key: impl Into<String>) -> Batch {
        self.ops.push(Op::Delete { collection, owner, key: key.into() });
        self
    }

    /// Adds any other step.
    pub fn with(mut self, op: Op) -> Batch {
        self.ops.push(op);
        self
    }
}

/// A conditional put, decided inside the writing transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// Table.
    pub collection: Collection,
    /// Whose row.
    pub owner: Owner,
    /// Row.
    pub key: String,
    /// What must be there now; `None` if the row must not exist.
    pub expected: Option<Value>,
    /// What is there afterwards; `None` removes the row.
    pub new: Option<Value>,
}

/// What [`Store::open`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The owner of the name.
    pub owner: Owner,
    /// Rows by table, in the order asked for, and by key.
    pub rows: Vec<(Collection, String, Value)>,
    /// Messages that wait for it.
    pub entries: u64,
    /// Bytes of their frames.
    pub bytes: u64,
}

/// Storage failed. Logged once, with context, where it happened; the peer gets internal-server-error or
/// resource-constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The group commit that carried the change failed; nothing of it took effect.
    NotCommitted,
    /// Reading failed, with the engine's words.
    Read(String),
    /// A stored value does not decode: damaged, or written by a newer version.
    Damaged(String),
    /// The engine is closed.
    Closed,
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StoreError::NotCommitted => f.write_str("the change could not be committed"),
            StoreError::Read(why) => write!(f, "reading failed: {why}"),
            StoreError::Damaged(what) => write!(f, "stored data does not decode: {what}"),
            StoreError::Closed => f.write_str("the store is closed"),
        }
    }
}

impl std::error::Error for StoreError {}

/// A storage engine.
///
/// **Order:** batches take effect in the order of their `submit` calls. **Visibility:** a read that starts after
/// a batch's ticket is durable sees it; one that starts earlier may or may not.
pub trait Store: Send + Sync {
    /// Queues a batch for the next group commit. Never blocks and never waits; what could not be written shows
    /// in the ticket.
    fn submit(&self, batch: Batch) -> Ticket;

    /// A conditional put; `Ok(true)` once it is durable, `Ok(false)` if the expectation did not hold or there is no such
    /// owner.
    fn swap(&self, swap: Swap) -> BoxFuture<'static, Result<bool, StoreError>>;

    /// Bytes queued and not yet committed: the engine's backlog, for back-pressure.
    fn backlog(&self) -> usize;

    /// The owner of that name, if there is one.
    fn owner(&self, name: &str) -> BoxFuture<'static, Result<Option<Owner>, StoreError>>;

    /// Makes an owner together with its first rows (whose `owner` is given as `Owner(-1)`), durable on return.
    /// `Ok(None)` if the name is taken.
    fn create_owner(&self, name: &str, first: Batch)
    -> BoxFuture<'static, Result<Option<Owner>, StoreError>>;

    /// Names in alphabetical order, starting after `after`, at most `limit`.
    fn owners(
        &self,
        after: &str,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(String, Owner)>, StoreError>>;

    /// One value.
    fn get(
        &self,
        collection: Collection,
        owner: Owner,
        key: &str,
    ) -> BoxFuture<'static, Result<Option<Value>, StoreError>>;

    /// One value of the owner of that name, in one read. `Ok(None)` if there is no such owner or no such row.
    fn look_up(
        &self,
        name: &str,
        collection: Collection,
        key: &str,
    ) -> BoxFuture<'static, Result<Option<Value>, StoreError>>;

    /// All rows of an owner in one table, by key.
    fn list(
        &self,
        collection: Collection,
        owner: Owner,
    ) -> BoxFuture<'static, Result<Vec<(String, Value)>, StoreError>>;

    /// What an account needs when it is brought into memory, in one read: who owns that name, all its rows in these
    /// tables, and the tally of what waits. `Ok(None)` if there is no owner of that name.
    fn open(
        &self,
        name: &str,
        collections: &[Collection],
    ) -> BoxFuture<'static, Result<Option<Opened>, StoreError>>;

    /// A page of an owner's log.
    fn page(&self, query: LogQuery) -> BoxFuture<'static, Result<LogPage, StoreError>>;

    /// The highest id that ever was in the log, whatever has become of the frame.
    fn newest(&self) -> BoxFuture<'static, Result<Option<LogId>, StoreError>>;

    /// The journal: the last checkpoint and the notes since, in order. What is read at the start to go on where
    /// the last run ended, however it ended.
    fn journal(&self) -> BoxFuture<'static, Result<Vec<Value>, StoreError>>;

    /// Those of these entries that are on any list of the owner, in the order of their ids.
    fn entries(
        &self,
        owner: Owner,
        ids: Vec<LogId>,
    ) -> BoxFuture<'static, Result<Vec<(LogId, Bytes)>, StoreError>>;

    /// Entries of an archive with these words in their text ([`super::text`]). What was durable a moment ago may not be
    /// found yet.
    fn search(&self, search: Search) -> BoxFuture<'static, Result<LogPage, StoreError>>;

    /// Removes from all archives what is older than `below`, at most `limit` frames at a time, oldest first. Waiting
    /// messages stay. Returns how many went: less than `limit` when there are no more. An engine may take several
    /// commits for it.
    fn expire(&self, below: LogId, limit: usize) -> BoxFuture<'static, Result<usize, StoreError>>;

    /// How much there is in all archives: about how many bytes, and the oldest entry.
    fn extent(&self) -> BoxFuture<'static, Result<(u64, Option<LogId>), StoreError>>;
}
