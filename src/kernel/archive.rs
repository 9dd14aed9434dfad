//! The capability to read archives, and to let what is old go.

use crate::account::Account;
use crate::ports::{
    Clock, List, LogId, LogPage, LogQuery, Order, Peer, Search, Store, StoreError, WallMillis,
};
use bytes::Bytes;
use std::sync::Arc;
use wire::jid::BareJid;

/// Reads the archives of accounts.
#[derive(Clone)]
pub struct Archive {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

/// So many milliseconds, a little more than the longest time in which a session is resumed, messages are in an archive.
const DELIVERABLE: i64 = 25 * 60 * 60 * 1000;

/// Which part of an archive is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Only what was exchanged with this address, or any of its resources. Others whose addresses have the same hash
    /// may be among it.
    pub with: Option<BareJid>,
    /// Only entries above this id.
    pub after: Option<LogId>,
    /// Only entries below this id.
    pub before: Option<LogId>,
    /// From which end.
    pub order: Order,
    /// At most so many entries.
    pub limit: usize,
    /// Stop after the entry with which the stanzas' bytes exceed this.
    pub max_bytes: usize,
}

impl Excerpt {
    fn of(self, account: &Account) -> LogQuery {
        LogQuery {
            owner: account.owner(),
            list: List::Archive,
            peer: self.with.map(|with| Peer::of(with.as_str())),
            after: self.after,
            before: self.before,
            order: self.order,
            limit: self.limit,
            max_bytes: self.max_bytes,
        }
    }
}

impl Archive {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Archive {
        Archive { store, clock }
    }

    /// A page, in the order asked for. Stanzas are as they were received, without the stanza-id, which is their id.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn page(&self, account: &Account, excerpt: Excerpt) -> Result<LogPage, StoreError> {
        self.store.page(excerpt.of(account)).await
    }

    /// Those of these entries that the account has, in the order of their ids.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn entries(
        &self,
        account: &Account,
        ids: Vec<LogId>,
    ) -> Result<Vec<(LogId, Bytes)>, StoreError> {
        self.store.entries(account.owner(), ids).await
    }

    /// A page of what contains all these words.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn search(
        &self,
        account: &Account,
        words: &str,
        excerpt: Excerpt,
    ) -> Result<LogPage, StoreError> {
        let search = Search { page: excerpt.of(account), words: words.to_owned() };
        self.store.search(search).await
    }

    /// Removes the oldest entries below an id from all archives, at most `limit`. Returns how many went. What may still
    /// have to be delivered to a session from there stays, whatever the id.
    ///
    /// # Errors
    /// The store can't be written.
    pub async fn expire(&self, below: LogId, limit: usize) -> Result<usize, StoreError> {
        let deliverable = LogId::at(WallMillis(self.clock.wall().0 - DELIVERABLE));
        self.store.expire(below.min(deliverable), limit).await
    }

    /// About how many bytes there are in all archives, and the oldest entry.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn extent(&self) -> Result<(u64, Option<LogId>), StoreError> {
        self.store.extent().await
    }
}
