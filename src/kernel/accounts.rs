//! The table of accounts in memory. Sharded; a look-up takes a read lock on one shard.
//!
//! A stanza that finds its account not in memory is put aside with its entry and delivered, in order, once the
//! account has been loaded. Its sender does not wait, except with a request, whose answer it would wait for at an account
//! in memory, too.

use crate::Account;
use crate::account::Parcel;
use crate::done::Working;
use crate::session::SessionRef;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use wire::jid::BareJid;

const SHARDS: usize = 64;
/// Bytes that may wait for one account to be loaded.
const WAITING: usize = 1 << 20;

/// A stanza put aside, with the resource it is for.
pub(crate) struct Waiting {
    pub(crate) parcel: Parcel,
    pub(crate) resource: Option<String>,
    pub(crate) asker: Option<Asker>,
}

/// The session that has sent a request, and waits with its next stanza until it has been answered.
pub(crate) type Asker = (SessionRef, Working);

#[derive(Default)]
pub(crate) struct Loading {
    queue: Vec<Waiting>,
    bytes: usize,
    /// For those who want the account itself.
    arrival: Arc<Arrival>,
}

/// The end of a load, for those who wait for it. It holds the account, so that this stays in memory until they have it.
#[derive(Default)]
pub(crate) struct Arrival(Mutex<Arriving>);

enum Arriving {
    Awaited(Vec<Waker>),
    /// `None`: there is no such account, or it can't be read.
    Over(Option<Arc<Account>>),
}

impl Default for Arriving {
    fn default() -> Arriving {
        Arriving::Awaited(Vec::new())
    }
}

impl Arrival {
    /// What the load brought.
    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Arc<Account>>> {
        match &mut *self.0.lock() {
            Arriving::Over(account) => Poll::Ready(account.clone()),
            Arriving::Awaited(wakers) => {
                if !wakers.iter().any(|kept| kept.will_wake(context.waker())) {
                    wakers.push(context.waker().clone());
                }
                Poll::Pending
            }
        }
    }

    fn end(&self, account: Option<&Arc<Account>>) {
        let before = std::mem::replace(&mut *self.0.lock(), Arriving::Over(account.cloned()));
        if let Arriving::Awaited(wakers) = before {
            wakers.into_iter().for_each(Waker::wake);
        }
    }
}

enum Entry {
    Here(Arc<Account>),
    Loading(Loading),
}

type Shard = RwLock<HashMap<BareJid, Entry>>;

pub(crate) struct Accounts {
    shards: Box<[Shard]>,
    hasher: RandomState,
}

/// What a look-up found.
pub(crate) enum Found {
    Here(Arc<Account>, Parcel),
    /// The stanza has been put aside; the caller must start loading.
    Load,
    /// The stanza has been put aside with others.
    Waits,
    /// Too much waits already.
    Overflow(Parcel),
}

/// What asking for an account brought.
pub(crate) enum Wanted {
    Here(Arc<Account>),
    /// It is being loaded, or, where `load` says so, the caller must start that.
    Coming {
        arrival: Arc<Arrival>,
        load: bool,
    },
}

impl Accounts {
    pub(crate) fn new() -> Accounts {
        Accounts { shards: (0..SHARDS).map(|_| Shard::default()).collect(), hasher: RandomState::new() }
    }

    fn shard(&self, jid: &str) -> &Shard {
        &self.shards[(self.hasher.hash_one(jid) as usize) % SHARDS]
    }

    /// The account if it is in memory.
    pub(crate) fn here(&self, jid: &str) -> Option<Arc<Account>> {
        match self.shard(jid).read().get(jid) {
            Some(Entry::Here(account)) => Some(account.clone()),
            _ => None,
        }
    }

    /// Puts a stanza aside unless the account has come into memory meanwhile.
    pub(crate) fn wait(
        &self,
        jid: &BareJid,
        parcel: Parcel,
        resource: Option<&str>,
        asker: Option<Asker>,
    ) -> Found {
        let mut shard = self.shard(jid.as_str()).write();
        let mut load = false;
        let entry = shard.entry(jid.clone()).or_insert_with(|| {
            load = true;
            Entry::Loading(Loading::default())
        });
        match entry {
            Entry::Here(account) => Found::Here(account.clone(), parcel),
            Entry::Loading(loading) => {
                let size = parcel.frame.bytes().len();
                if loading.bytes + size > WAITING && !loading.queue.is_empty() {
                    return Found::Overflow(parcel);
                }
                loading.bytes += size;
                loading.queue.push(Waiting { parcel, resource: resource.map(str::to_owned), asker });
                if load { Found::Load } else { Found::Waits }
            }
        }
    }

    /// Asks for the account itself.
    pub(crate) fn want(&self, jid: &BareJid) -> Wanted {
        let mut shard = self.shard(jid.as_str()).write();
        let mut load = false;
        let entry = shard.entry(jid.clone()).or_insert_with(|| {
            load = true;
            Entry::Loading(Loading::default())
        });
        match entry {
            Entry::Here(account) => Wanted::Here(account.clone()),
            Entry::Loading(loading) => Wanted::Coming { arrival: loading.arrival.clone(), load },
        }
    }

    /// Takes what waits for an account that has been loaded. When nothing does, the account becomes visible and
    /// `None` is returned: from then on stanzas are delivered directly, after those that waited.
    pub(crate) fn settle(&self, account: &Arc<Account>) -> Option<Vec<Waiting>> {
        let mut shard = self.shard(account.jid().as_str()).write();
        let entry = shard.get_mut(account.jid().as_str())?;
        let Entry::Loading(loading) = entry else { return None };
        if !loading.queue.is_empty() {
            loading.bytes = 0;
            return Some(std::mem::take(&mut loading.queue));
        }
        let arrival = std::mem::take(&mut loading.arrival);
        // Who reloads the settings finds the account from here on, or has stored them before.
        account.take_limits();
        *entry = Entry::Here(account.clone());
        drop(shard);
        arrival.end(Some(account));
        None
    }

    /// There is no such account, or it can't be read: forgets the entry and hands back what waited.
    pub(crate) fn give_up(&self, jid: &BareJid) -> Vec<Waiting> {
        let mut shard = self.shard(jid.as_str()).write();
        let Some(Entry::Loading(_)) = shard.get(jid.as_str()) else { return Vec::new() };
        let Some(Entry::Loading(loading)) = shard.remove(jid.as_str()) else { return Vec::new() };
        drop(shard);
        loading.arrival.end(None);
        loading.queue
    }

    /// Forgets an account that has been removed. What has come under its name since then stays.
    pub(crate) fn forget(&self, account: &Arc<Account>) {
        let jid = account.jid().as_str();
        let mut shard = self.shard(jid).write();
        if matches!(shard.get(jid), Some(Entry::Here(here)) if Arc::ptr_eq(here, account)) {
            shard.remove(jid);
        }
    }

    /// Lets accounts go that have no sessions and no other holder, those not used for longest first, until the
    /// weights of the rest add up to no more than `budget`.
    pub(crate) fn evict(&self, budget: usize) {
        let mut idle = Vec::new();
        for shard in &self.shards {
            idle.extend(shard.read().values().filter_map(|entry| match entry {
                Entry::Here(account) => {
                    let weight = account.idle_weight()?;
                    Some((account.used.load(Ordering::Relaxed), weight, account.jid().clone()))
                }
                Entry::Loading(_) => None,
            }));
        }
        let mut total: usize = idle.iter().map(|(_, weight, _)| weight).sum();
        idle.sort_unstable_by_key(|(used, _, _)| *used);
        for (_, weight, jid) in idle {
            if total <= budget {
                return;
            }
            total -= weight;
            let mut shard = self.shard(jid.as_str()).write();
            let free = match shard.get(jid.as_str()) {
                // Nobody can take a new hold on it while the shard is locked.
                Some(Entry::Here(account)) => {
                    Arc::strong_count(account) == 1 && account.idle_weight().is_some()
                }
                _ => false,
            };
            if free {
                shard.remove(jid.as_str());
            }
        }
    }

    /// All accounts in memory.
    pub(crate) fn all(&self) -> Vec<Arc<Account>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(shard.read().values().filter_map(|entry| match entry {
                Entry::Here(account) => Some(account.clone()),
                Entry::Loading(_) => None,
            }));
        }
        all
    }
}
