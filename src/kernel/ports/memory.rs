//! A store that keeps everything in memory: for tests, for simulation, and to try a configuration out. It does what an
//! engine on disk does, in the plainest way; a test can hold its commits back, let them fail, and break it.

use super::batch::{check, check_swap, distinct, fill_in, weigh, weigh_swap};
use super::{
    Batch, BoxFuture, Collection, Commit, LogId, LogPage, LogQuery, Op, Opened, Order, Owner, Store,
    StoreError, Swap, Ticket, Value,
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The engine in memory. Everything is durable at once, until the test says otherwise. Reads see what is durable, and
/// are ready at once.
#[derive(Default)]
pub struct Memory(Mutex<State>);

#[derive(Default)]
struct State {
    durable: Data,
    holding: bool,
    held: Option<Held>,
    broken: bool,
}

type Change = Box<dyn FnOnce(&mut Data) + Send>;

/// A group commit that waits.
struct Held {
    commit: Commit,
    changes: Vec<Change>,
    bytes: usize,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Memory {
        Memory::default()
    }

    /// From now on, changes gather in one group commit until [`Memory::release`] or [`Memory::fail`].
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
            held.map(|Held { commit, changes, .. }| {
                if durable {
                    changes.into_iter().for_each(|change| change(&mut state.durable));
                }
                commit
            })
        };
        // Wakers run without the lock: they may come back with a read.
        if let Some(commit) = held {
            commit.complete(durable);
        }
    }

    fn enqueue(
        &self,
        checked: Result<(), &'static str>,
        bytes: usize,
        change: impl FnOnce(&mut Data) + Send + 'static,
    ) -> Ticket {
        let mut state = self.0.lock();
        let works = checked.is_ok() && !state.broken;
        if works && state.holding {
            let group = || Held { commit: Commit::new(), changes: Vec::new(), bytes: 0 };
            let held = state.held.get_or_insert_with(group);
            held.changes.push(Box::new(change));
            held.bytes += bytes;
            return held.commit.ticket();
        }
        if works {
            change(&mut state.durable);
        }
        let commit = Commit::new();
        let ticket = commit.ticket();
        commit.complete(works);
        ticket
    }

    /// A change that finds something out.
    fn change<T: Send + 'static>(
        &self,
        checked: Result<(), &'static str>,
        bytes: usize,
        change: impl FnOnce(&mut Data) -> T + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let found = Arc::new(Mutex::new(None));
        let place = found.clone();
        let ticket = self.enqueue(checked, bytes, move |data| *place.lock() = Some(change(data)));
        Box::pin(async move {
            ticket.committed().await?;
            found.lock().take().ok_or(StoreError::NotCommitted)
        })
    }

    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Data) -> T,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let state = self.0.lock();
        let answer =
            if state.broken { Err(StoreError::Read("broken".to_owned())) } else { Ok(read(&state.durable)) };
        Box::pin(std::future::ready(answer))
    }
}

impl Store for Memory {
    fn submit(&self, batch: Batch) -> Ticket {
        self.enqueue(check(&batch), weigh(&batch), move |data| data.apply(batch))
    }

    fn swap(&self, swap: Swap) -> BoxFuture<'static, Result<bool, StoreError>> {
        self.change(check_swap(&swap), weigh_swap(&swap), move |data| data.swap(swap))
    }

    fn backlog(&self) -> usize {
        self.0.lock().held.as_ref().map_or(0, |held| held.bytes)
    }

    fn owner(&self, name: &str) -> BoxFuture<'static, Result<Option<Owner>, StoreError>> {
        self.read(|data| data.owners.get(name).copied())
    }

    fn create_owner(
        &self,
        name: &str,
        first: Batch,
    ) -> BoxFuture<'static, Result<Option<Owner>, StoreError>> {
        let mut filled = first.clone();
        fill_in(&mut filled, Owner::SERVER);
        let name = name.to_owned();
        self.change(check(&filled), name.len() + weigh(&first), move |data| data.create(name, first))
    }

    fn owners(
        &self,
        after: &str,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(String, Owner)>, StoreError>> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.read(|data| {
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
        self.read(|data| data.rows.get(&(owner, collection, key.to_owned())).cloned())
    }

    fn look_up(
        &self,
        name: &str,
        collection: Collection,
        key: &str,
    ) -> BoxFuture<'static, Result<Option<Value>, StoreError>> {
        self.read(|data| data.rows.get(&(*data.owners.get(name)?, collection, key.to_owned())).cloned())
    }

    fn list(
        &self,
        collection: Collection,
        owner: Owner,
    ) -> BoxFuture<'static, Result<Vec<(String, Value)>, StoreError>> {
        self.read(|data| data.list(owner, collection).map(|(_, key, value)| (key, value)).collect())
    }

    fn open(
        &self,
        name: &str,
        collections: &[Collection],
    ) -> BoxFuture<'static, Result<Option<Opened>, StoreError>> {
        self.read(|data| {
            let owner = *data.owners.get(name)?;
            let rows = collections.iter().flat_map(|collection| data.list(owner, collection)).collect();
            let (entries, bytes) = data.tally(owner, None);
            Some(Opened { owner, rows, entries, bytes })
        })
    }

    fn page(&self, query: LogQuery) -> BoxFuture<'static, Result<LogPage, StoreError>> {
        self.read(|data| data.page(query))
    }

    fn newest(&self) -> BoxFuture<'static, Result<Option<LogId>, StoreError>> {
        self.read(|data| data.frames.keys().next_back().copied())
    }

    fn journal(&self) -> BoxFuture<'static, Result<Vec<Value>, StoreError>> {
        self.read(|data| data.journal.clone())
    }

    fn tally(
        &self,
        owner: Owner,
        after: Option<LogId>,
    ) -> BoxFuture<'static, Result<(u64, u64), StoreError>> {
        self.read(|data| data.tally(owner, after))
    }
}

/// What a disk would hold.
#[derive(Default)]
struct Data {
    rows: BTreeMap<(Owner, Collection, String), Value>,
    frames: BTreeMap<LogId, ([Option<Owner>; 2], Bytes)>,
    lists: BTreeMap<Owner, BTreeSet<LogId>>,
    owners: BTreeMap<String, Owner>,
    last_owner: i64,
    journal: Vec<Value>,
}

impl Data {
    fn tally(&self, owner: Owner, after: Option<LogId>) -> (u64, u64) {
        let frames = self.entries(owner, after, None).map(|(_, frame)| frame.len() as u64);
        frames.fold((0, 0), |(count, bytes), length| (count + 1, bytes + length))
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
                    let owners = distinct(entry.owners);
                    if owners[0].is_some() && !self.frames.contains_key(&entry.id) {
                        self.frames.insert(entry.id, (owners, entry.frame));
                        for owner in owners.into_iter().flatten() {
                            self.lists.entry(owner).or_default().insert(entry.id);
                        }
                    }
                }
                Op::Trim { owner, up_to } => self.trim(owner, up_to),
                Op::Remove { owner, ids } => ids.into_iter().for_each(|id| self.take_off(owner, id)),
                Op::Erase { owner } => {
                    self.trim(owner, LogId(u64::MAX));
                    self.rows.retain(|(whose, _, _), _| *whose != owner);
                    self.owners.retain(|_, whose| *whose != owner);
                }
                Op::Note(note) => self.journal.push(note),
                Op::Checkpoint(note) => self.journal = vec![note],
            }
        }
    }

    fn trim(&mut self, owner: Owner, up_to: LogId) {
        let Some(list) = self.lists.get(&owner) else { return };
        let ids: Vec<LogId> = list.range(..=up_to).copied().collect();
        ids.into_iter().for_each(|id| self.take_off(owner, id));
    }

    fn take_off(&mut self, owner: Owner, id: LogId) {
        if !self.lists.get_mut(&owner).is_some_and(|list| list.remove(&id)) {
            return;
        }
        if let Some((owners, _)) = self.frames.get_mut(&id) {
            owners.iter_mut().filter(|place| **place == Some(owner)).for_each(|place| *place = None);
            if *owners == [None, None] {
                self.frames.remove(&id);
            }
        }
    }

    fn lives(&self, owner: Owner) -> bool {
        owner == Owner::SERVER || self.owners.values().any(|known| *known == owner)
    }

    fn swap(&mut self, swap: Swap) -> bool {
        if !self.lives(swap.owner) {
            return false;
        }
        let place = (swap.owner, swap.collection, swap.key);
        if self.rows.get(&place) != swap.expected.as_ref() {
            return false;
        }
        match swap.new {
            Some(value) => self.rows.insert(place, value),
            None => self.rows.remove(&place),
        };
        true
    }

    fn create(&mut self, name: String, mut first: Batch) -> Option<Owner> {
        if self.owners.contains_key(&name) {
            return None;
        }
        self.last_owner += 1;
        let owner = Owner(self.last_owner);
        self.owners.insert(name, owner);
        fill_in(&mut first, owner);
        self.apply(first);
        Some(owner)
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
        .filter_map(|id| self.frames.get(id).map(|(_, frame)| (*id, frame)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Outcome;
    use std::task::{Context, Poll, Waker};

    fn now<T>(mut future: BoxFuture<'static, Result<T, StoreError>>) -> Option<Result<T, StoreError>> {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }

    fn row(store: &Memory) -> Option<Value> {
        now(store.get("t", Owner::SERVER, "k")).unwrap().unwrap()
    }

    #[test]
    fn what_is_held_shows_when_it_is_released() {
        let store = Memory::new();
        store.hold();
        let ticket = store.submit(Batch::new().put("t", Owner::SERVER, "k", Value::from_static(b"v")));
        let mut created = store.create_owner("alice", Batch::new());
        let mut context = Context::from_waker(Waker::noop());
        assert!(created.as_mut().poll(&mut context).is_pending());
        assert!(store.backlog() > 0 && ticket.outcome() == Outcome::Pending && row(&store).is_none());
        store.release();
        assert_eq!(created.as_mut().poll(&mut context), Poll::Ready(Ok(Some(Owner(1)))));
        assert!(store.backlog() == 0 && ticket.outcome() == Outcome::Durable && row(&store).is_some());
        assert!(!store.submit(Batch::new()).same_group(&ticket));
    }

    #[test]
    fn what_fails_takes_no_effect() {
        let store = Memory::new();
        store.hold();
        let ticket = store.submit(Batch::new().put("t", Owner::SERVER, "k", Value::from_static(b"v")));
        let created = store.create_owner("alice", Batch::new());
        store.fail();
        assert_eq!((ticket.outcome(), now(created)), (Outcome::Failed, Some(Err(StoreError::NotCommitted))));
        assert!(row(&store).is_none());
        store.break_down();
        assert_eq!(store.submit(Batch::new()).outcome(), Outcome::Failed);
        assert!(matches!(now(store.owner("alice")), Some(Err(StoreError::Read(_)))));
        store.recover();
        assert_eq!(now(store.owner("alice")), Some(Ok(None)));
    }
}
