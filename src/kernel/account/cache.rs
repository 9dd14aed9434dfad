//! State that XEPs keep with an account: loaded with it, read by filters without waiting.

use super::State;
use crate::ports::{Collection, StoreError, Value};
use std::any::Any;
use std::marker::PhantomData;

/// A mark on an account: cheap to test on the stanza path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag(pub(crate) u64);

/// A mark on a session, such as "wants block list pushes".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(pub(crate) u64);

impl Mark {
    /// The session asked for the roster and gets its pushes (RFC 6121 §2.2: an interested resource).
    pub const ROSTER: Mark = Mark(1);
}

/// Per-account state of a XEP, built from the account's rows in one collection.
pub trait AccountCache: Send + Sized + 'static {
    /// Where the rows are. Never change it.
    const COLLECTION: Collection;

    /// Builds the state from all rows of the account, sorted by key; no rows for a new account.
    ///
    /// # Errors
    /// A row does not decode. The account is then not served: permissions fail closed.
    fn load(rows: Vec<(String, Value)>) -> Result<Self, StoreError>;

    /// About how many bytes of memory it takes, for the budget of idle accounts.
    fn weight(&self) -> usize;

    /// Whether filters that look for [`Cache::flag`] must see this account's stanzas.
    fn notable(&self) -> bool;
}

/// The key to a XEP's state in every account.
pub struct Cache<T> {
    index: usize,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Cache<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Cache<T> {}

impl<T> Cache<T> {
    /// The account's mark that follows [`AccountCache::notable`].
    pub fn flag(self) -> Flag {
        Flag(1 << self.index)
    }

    pub(crate) fn index(self) -> usize {
        self.index
    }
}

pub(crate) type Slot = Box<dyn Any + Send>;
type Load = fn(Vec<(String, Value)>) -> Result<(Slot, bool), StoreError>;

/// One kind of cache, its type erased.
#[derive(Clone)]
pub(crate) struct CacheKind {
    pub(crate) collection: Collection,
    pub(crate) load: Load,
    pub(crate) weigh: fn(&Slot) -> usize,
}

/// All kinds of cache, in the order of registration.
#[derive(Clone, Default)]
pub(crate) struct CacheKinds {
    pub(crate) kinds: Vec<CacheKind>,
}

impl CacheKinds {
    pub(crate) fn add<T: AccountCache>(&mut self) -> Cache<T> {
        let load: Load = |rows| {
            let value = T::load(rows)?;
            let notable = value.notable();
            Ok((Box::new(value), notable))
        };
        let weigh = |slot: &Slot| slot.downcast_ref::<T>().map_or(0, T::weight);
        self.kinds.push(CacheKind { collection: T::COLLECTION, load, weigh });
        assert!(self.kinds.len() <= 64, "an account has 64 flags");
        Cache { index: self.kinds.len() - 1, kind: PhantomData }
    }
}

/// What a filter sees of the account, under its lock.
pub struct AccountView<'a> {
    pub(crate) state: &'a State,
}

impl AccountView<'_> {
    /// A XEP's own state.
    ///
    /// # Panics
    /// Never for keys handed out by the same engine.
    pub fn read<T: AccountCache>(&self, cache: Cache<T>) -> &T {
        self.state.slot(cache)
    }

    /// True if that contact may see the account's presence (subscription from or both).
    pub fn may_be_seen_by(&self, contact: &wire::jid::BareJid) -> bool {
        self.state.roster.may_see(contact)
    }

    /// True if that contact is in the roster, whatever the subscription.
    pub fn knows(&self, contact: &wire::jid::BareJid) -> bool {
        self.state.roster.item(&wire::jid::Jid::from(contact.clone())).is_some()
    }
}
