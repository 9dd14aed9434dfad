//! A store that keeps everything in memory: for tests, for simulation, and to try a configuration out. It does what an
//! engine on disk does, in the plainest way; a test can hold its commits back, let them fail, and break it.

use super::batch::{check, check_swap, distinct, fill_in, weigh, weigh_swap};
use super::log::text;
use super::{
    Batch, BoxFuture, Collection, Commit, List, Listed, LogEntry, LogId, LogPage, LogQuery, Op, Opened,
    Order, Owner, Peer, Search, Store, StoreError, Swap, Ticket, Value,
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
    unreadable: bool,
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

    /// Nothing can be read for a while.
    pub fn fail_reads(&self, fail: bool) {
        self.0.lock().unreadable = fail;
    }

    /// The disk is back.
    pub fn recover(&self) {
        self.0.lock().broken = false;
    }

    /// What a crash at this moment would leave: a store of its own, with all that is durable.
    pub fn crash(&self) -> Memory {
        let state = State { durable: self.0.lock().durable.clone(), ..State::default() };
        Memory(Mutex::new(state))
    }

    /// Commits what is held and goes on holding.
    pub fn commit(&self) {
        self.release();
        self.hold();
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
        let answer = if state.broken || state.unreadable {
            Err(StoreError::Read("broken".to_owned()))
        } else {
            Ok(read(&state.durable))
        };
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
            Some(Opened { owner, rows, waiting: data.waiting(owner) })
        })
    }

    fn page(&self, query: LogQuery) -> BoxFuture<'static, Result<LogPage, StoreError>> {
        self.read(|data| data.page(query, |_| true))
    }

    fn newest(&self) -> BoxFuture<'static, Result<Option<LogId>, StoreError>> {
        self.read(|data| data.newest)
    }

    fn journal(&self) -> BoxFuture<'static, Result<Vec<Value>, StoreError>> {
        self.read(|data| data.journal.iter().map(|(_, note)| note.clone()).collect())
    }

    fn journalled(&self) -> u64 {
        self.0.lock().durable.notes
    }

    fn entries(
        &self,
        owner: Owner,
        ids: Vec<LogId>,
    ) -> BoxFuture<'static, Result<Vec<(LogId, Bytes)>, StoreError>> {
        self.read(|data| {
            let is_there = |id: &LogId| {
                let on = |list| data.lists.get(&(owner, list)).is_some_and(|list| list.contains_key(id));
                on(List::Archive) || on(List::Waiting)
            };
            let ids: BTreeSet<LogId> = ids.into_iter().filter(is_there).collect();
            ids.into_iter().filter_map(|id| Some((id, data.frames.get(&id)?.frame.clone()))).collect()
        })
    }

    fn search(&self, search: Search) -> BoxFuture<'static, Result<LogPage, StoreError>> {
        let wanted = words(&search.words);
        self.read(|data| {
            data.page(search.page, |frame| {
                let there = words(&text(frame).unwrap_or_default());
                !wanted.is_empty() && wanted.is_subset(&there)
            })
        })
    }

    fn expire(&self, below: LogId, limit: usize) -> BoxFuture<'static, Result<usize, StoreError>> {
        self.change(Ok(()), 0, move |data| data.expire(below, limit))
    }

    fn extent(&self) -> BoxFuture<'static, Result<(u64, Option<LogId>), StoreError>> {
        self.read(|data| {
            let archived = || data.frames.values().filter(|entry| entry.archives[0].is_some());
            let bytes = archived().map(|entry| entry.frame.len() as u64).sum();
            (bytes, archived().map(|entry| entry.id).min())
        })
    }
}

fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// What a disk would hold.
#[derive(Clone, Default)]
struct Data {
    rows: BTreeMap<(Owner, Collection, String), Value>,
    frames: BTreeMap<LogId, LogEntry>,
    /// With the other one's address, in an archive.
    lists: BTreeMap<(Owner, List), BTreeMap<LogId, Option<Peer>>>,
    owners: BTreeMap<String, Owner>,
    last_owner: i64,
    /// With their positions, which are counted from the first note on.
    journal: Vec<(u64, Value)>,
    notes: u64,
    newest: Option<LogId>,
}

impl Data {
    fn waiting(&self, owner: Owner) -> Vec<Listed> {
        let ids = self.lists.get(&(owner, List::Waiting)).into_iter().flatten();
        let entries = ids.filter_map(|(id, _)| self.frames.get(id));
        let archived =
            |entry: &LogEntry| entry.archives.iter().flatten().any(|archived| archived.owner == owner);
        entries
            .map(|entry| Listed { id: entry.id, size: entry.frame.len(), archived: archived(entry) })
            .collect()
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
                Op::Append(entry) => self.append(entry),
                Op::Wait { owner, ids } => ids.into_iter().for_each(|id| self.wait(owner, id)),
                Op::Remove { owner, ids } => {
                    ids.into_iter().for_each(|id| self.take_off(owner, List::Waiting, id));
                }
                Op::Erase { owner } => {
                    for list in [List::Archive, List::Waiting] {
                        let ids = self.lists.get(&(owner, list)).into_iter().flatten();
                        let ids: Vec<LogId> = ids.map(|(id, _)| *id).collect();
                        ids.into_iter().for_each(|id| self.take_off(owner, list, id));
                    }
                    self.rows.retain(|(whose, _, _), _| *whose != owner);
                    self.owners.retain(|_, whose| *whose != owner);
                }
                Op::Note(note) => {
                    self.journal.push((self.notes, note));
                    self.notes += 1;
                }
                Op::Checkpoint { note, up_to } => {
                    self.journal.retain(|(position, _)| *position >= up_to);
                    self.journal.insert(0, (up_to.saturating_sub(1), note));
                }
            }
        }
    }

    fn append(&mut self, mut entry: LogEntry) {
        entry.archives = distinct(entry.archives);
        if self.frames.contains_key(&entry.id) || (entry.archives[0].is_none() && entry.waiting.is_none()) {
            return;
        }
        for archived in entry.archives.into_iter().flatten() {
            let archive = self.lists.entry((archived.owner, List::Archive)).or_default();
            archive.insert(entry.id, Some(archived.peer));
        }
        if let Some(owner) = entry.waiting {
            self.lists.entry((owner, List::Waiting)).or_default().insert(entry.id, None);
        }
        self.newest = self.newest.max(Some(entry.id));
        self.frames.insert(entry.id, entry);
    }

    fn wait(&mut self, owner: Owner, id: LogId) {
        let archived = self.lists.get(&(owner, List::Archive)).is_some_and(|list| list.contains_key(&id));
        if archived {
            self.lists.entry((owner, List::Waiting)).or_default().insert(id, None);
        }
    }

    fn take_off(&mut self, owner: Owner, list: List, id: LogId) {
        if self.lists.get_mut(&(owner, list)).is_none_or(|list| list.remove(&id).is_none()) {
            return;
        }
        if let Some(entry) = self.frames.get_mut(&id).filter(|_| list == List::Archive) {
            entry.archives = entry.archives.map(|place| place.filter(|place| place.owner != owner));
            entry.archives = distinct(entry.archives);
        }
        if !self.lists.values().any(|list| list.contains_key(&id)) {
            self.frames.remove(&id);
        }
    }

    fn expire(&mut self, below: LogId, limit: usize) -> usize {
        let old = self.frames.range(..below).filter(|(_, entry)| entry.archives[0].is_some());
        let old: Vec<LogEntry> = old.map(|(_, entry)| entry.clone()).take(limit).collect();
        for entry in &old {
            for archived in entry.archives.into_iter().flatten() {
                self.take_off(archived.owner, List::Archive, entry.id);
            }
        }
        old.len()
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

    fn page(&self, query: LogQuery, keep: impl Fn(&Bytes) -> bool) -> LogPage {
        let ids = self.lists.get(&(query.owner, query.list)).into_iter().flatten();
        let entries = ids
            .filter(|(id, peer)| {
                query.after.is_none_or(|after| **id > after)
                    && query.before.is_none_or(|before| **id < before)
                    && (query.peer.is_none() || query.peer == **peer)
            })
            .filter_map(|(id, _)| self.frames.get(id))
            .filter(|entry| keep(&entry.frame));
        let ordered: Box<dyn Iterator<Item = &LogEntry>> = match query.order {
            Order::Ascending => Box::new(entries),
            Order::Descending => Box::new(entries.rev()),
        };
        let (mut page, mut bytes) = (LogPage { complete: true, ..LogPage::default() }, 0);
        for entry in ordered {
            if page.entries.len() >= query.limit || bytes > query.max_bytes {
                page.complete = false;
                break;
            }
            bytes += entry.frame.len();
            page.entries.push((entry.id, entry.frame.clone()));
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
