//! A store in memory whose commits the test can hold back or let fail, and that can break down.

use crate::ports::{
    Batch, BoxFuture, Collection, Commit, LogId, LogPage, LogQuery, Op, Opened, Order, Owner, Store,
    StoreError, Swap, Ticket, Value,
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};

/// Everything is durable at once, until the test says otherwise. Reads see what is durable.
#[derive(Default)]
pub struct Memory(Mutex<State>);

#[derive(Default)]
struct State {
    data: Data,
    holding: bool,
    broken: bool,
    held: Option<(Commit, Vec<Batch>)>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Memory {
        Memory::default()
    }

    /// From now on, batches gather in one group commit until [`Memory::release`] or [`Memory::fail`]. Making
    /// accounts and compare-and-swap are not held.
    pub fn hold(&self) {
        self.0.lock().holding = true;
    }

    /// Commits what is held and holds no more.
    pub fn release(&self) {
        self.end(true);
    }

    /// Fails what is held, of which nothing takes effect, and holds no more.
    pub fn fail(&self) {
        self.end(false);
    }

    /// From now on nothing can be written or read, until [`Memory::recover`]. What is held fails.
    pub fn break_down(&self) {
        self.0.lock().broken = true;
        self.fail();
    }

    /// The disk is back.
    pub fn recover(&self) {
        self.0.lock().broken = false;
    }

    fn end(&self, durable: bool) {
        let held = {
            let mut state = self.0.lock();
            state.holding = false;
            let held = state.held.take();
            if let (Some((_, batches)), true) = (&held, durable) {
                batches.iter().for_each(|batch| state.data.apply(batch.clone()));
            }
            held
        };
        // Wakers run without the lock.
        if let Some((commit, _)) = held {
            commit.complete(durable);
        }
    }

    fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Data) -> T,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let mut state = self.0.lock();
        let result = match state.broken {
            true => Err(StoreError::Read("broken".to_owned())),
            false => Ok(work(&mut state.data)),
        };
        Box::pin(std::future::ready(result))
    }
}

impl Store for Memory {
    fn submit(&self, batch: Batch) -> Ticket {
        let mut state = self.0.lock();
        if state.holding && !state.broken {
            let (commit, batches) = state.held.get_or_insert_with(|| (Commit::new(), Vec::new()));
            batches.push(batch);
            return commit.ticket();
        }
        let durable = !state.broken;
        if durable {
            state.data.apply(batch);
        }
        let commit = Commit::new();
        let ticket = commit.ticket();
        commit.complete(durable);
        ticket
    }

    fn swap(&self, swap: Swap) -> BoxFuture<'static, Result<bool, StoreError>> {
        self.with(|data| {
            let place = (swap.owner, swap.collection, swap.key);
            if !data.lives(swap.owner) || data.rows.get(&place) != swap.expected.as_ref() {
                return false;
            }
            match swap.new {
                Some(value) => data.rows.insert(place, value),
                None => data.rows.remove(&place),
            };
            true
        })
    }

    fn backlog(&self) -> usize {
        let held = |batch: &Batch| -> usize {
            let size = |op: &Op| match op {
                Op::Put { value, .. } => value.len(),
                Op::Append(entry) => entry.frame.len(),
                _ => 0,
            };
            batch.ops.iter().map(size).sum()
        };
        self.0.lock().held.as_ref().map_or(0, |(_, batches)| batches.iter().map(held).sum())
    }

    fn owner(&self, name: &str) -> BoxFuture<'static, Result<Option<Owner>, StoreError>> {
        self.with(|data| data.owners.get(name).copied())
    }

    fn create_owner(
        &self,
        name: &str,
        mut first: Batch,
    ) -> BoxFuture<'static, Result<Option<Owner>, StoreError>> {
        self.with(|data| {
            if data.owners.contains_key(name) {
                return None;
            }
            data.last_owner += 1;
            let new = Owner(data.last_owner);
            data.owners.insert(name.to_owned(), new);
            for op in &mut first.ops {
                if let Op::Put { owner, .. } | Op::Delete { owner, .. } = op {
                    *owner = new;
                }
            }
            data.apply(first);
            Some(new)
        })
    }

    fn owners(
        &self,
        after: &str,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(String, Owner)>, StoreError>> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.with(|data| {
            let rest = data.owners.range::<str, _>((Excluded(after), Unbounded));
            rest.take(limit).map(|(name, owner)| (name.clone(), *owner)).collect()
        })
    }

    fn get(
        &self,
        collection: Collection,
        owner: Owner,
        key: &str,
    ) -> BoxFuture<'static, Result<Option<Value>, StoreError>> {
        self.with(|data| data.rows.get(&(owner, collection, key.to_owned())).cloned())
    }

    fn look_up(
        &self,
        name: &str,
        collection: Collection,
        key: &str,
    ) -> BoxFuture<'static, Result<Option<Value>, StoreError>> {
        self.with(|data| data.rows.get(&(*data.owners.get(name)?, collection, key.to_owned())).cloned())
    }

    fn list(
        &self,
        collection: Collection,
        owner: Owner,
    ) -> BoxFuture<'static, Result<Vec<(String, Value)>, StoreError>> {
        self.with(|data| data.list(owner, collection).map(|(_, key, value)| (key, value)).collect())
    }

    fn open(
        &self,
        name: &str,
        collections: &[Collection],
    ) -> BoxFuture<'static, Result<Option<Opened>, StoreError>> {
        self.with(|data| {
            let owner = *data.owners.get(name)?;
            let rows = collections.iter().flat_map(|collection| data.list(owner, collection)).collect();
            let (entries, bytes) = data.tally(owner, None);
            Some(Opened { owner, rows, entries, bytes })
        })
    }

    fn page(&self, query: LogQuery) -> BoxFuture<'static, Result<LogPage, StoreError>> {
        self.with(|data| data.page(query))
    }

    fn newest(&self) -> BoxFuture<'static, Result<Option<LogId>, StoreError>> {
        self.with(|data| data.newest)
    }

    fn tally(
        &self,
        owner: Owner,
        after: Option<LogId>,
    ) -> BoxFuture<'static, Result<(u64, u64), StoreError>> {
        self.with(|data| data.tally(owner, after))
    }
}

#[derive(Default)]
struct Data {
    rows: BTreeMap<(Owner, Collection, String), Value>,
    frames: BTreeMap<LogId, Bytes>,
    lists: BTreeMap<Owner, BTreeSet<LogId>>,
    owners: BTreeMap<String, Owner>,
    last_owner: i64,
    newest: Option<LogId>,
}

impl Data {
    fn tally(&self, owner: Owner, after: Option<LogId>) -> (u64, u64) {
        self.entries(owner, after, None)
            .fold((0, 0), |(count, bytes), (_, frame)| (count + 1, bytes + frame.len() as u64))
    }

    fn lives(&self, owner: Owner) -> bool {
        owner == Owner::SERVER || self.owners.values().any(|known| *known == owner)
    }

    fn apply(&mut self, batch: Batch) {
        for op in batch.ops {
            match op {
                Op::Put { collection, owner, key, value } => {
                    if self.lives(owner) {
                        self.rows.insert((owner, collection, key), value);
                    }
                }
                Op::Delete { collection, owner, key } => {
                    self.rows.remove(&(owner, collection, key));
                }
                Op::Append(entry) => {
                    self.newest = self.newest.max(Some(entry.id));
                    if self.frames.contains_key(&entry.id) {
                        continue;
                    }
                    self.frames.insert(entry.id, entry.frame);
                    for owner in entry.owners.into_iter().flatten() {
                        self.lists.entry(owner).or_default().insert(entry.id);
                    }
                }
                Op::Trim { owner, up_to } => self.lists.entry(owner).or_default().retain(|id| *id > up_to),
                Op::Remove { owner, ids } => {
                    self.lists.entry(owner).or_default().retain(|id| !ids.contains(id));
                }
                Op::Erase { owner } => {
                    self.lists.remove(&owner);
                    self.rows.retain(|(whose, _, _), _| *whose != owner);
                    self.owners.retain(|_, whose| *whose != owner);
                }
            }
        }
    }

    fn list(
        &self,
        owner: Owner,
        collection: Collection,
    ) -> impl Iterator<Item = (Collection, String, Value)> {
        self.rows
            .range((owner, collection, String::new())..)
            .take_while(move |((whose, table, _), _)| (*whose, *table) == (owner, collection))
            .map(move |((_, _, key), value)| (collection, key.clone(), value.clone()))
    }

    fn entries(
        &self,
        owner: Owner,
        after: Option<LogId>,
        before: Option<LogId>,
    ) -> impl DoubleEndedIterator<Item = (LogId, &Bytes)> {
        let ids = self.lists.get(&owner).into_iter().flatten();
        ids.filter(move |id| {
            after.is_none_or(|after| **id > after) && before.is_none_or(|before| **id < before)
        })
        .filter_map(|id| self.frames.get(id).map(|frame| (*id, frame)))
    }

    fn page(&self, query: LogQuery) -> LogPage {
        let entries = self.entries(query.owner, query.after, query.before);
        let ordered: Box<dyn Iterator<Item = (LogId, &Bytes)>> = match query.order {
            Order::Ascending => Box::new(entries),
            Order::Descending => Box::new(entries.rev()),
        };
        let (mut page, mut bytes) = (LogPage { complete: true, ..LogPage::default() }, 0);
        for (id, frame) in ordered {
            if page.entries.len() >= query.limit || bytes > query.max_bytes {
                page.complete = false;
                break;
            }
            bytes += frame.len();
            page.entries.push((id, frame.clone()));
        }
        page
    }
}
