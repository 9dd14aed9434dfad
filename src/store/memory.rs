//! An engine that keeps everything in memory: for tests, and with commits under the test's control for
//! simulation. It does what [`crate::Sqlite`] does, in the plainest way; the property tests compare the two.

use crate::batch::{distinct, fill_in};
use crate::job::{Group, Job, Newcomer, failed};
use crate::oneshot::ready;
use bytes::Bytes;
use kernel::ports::{
    Batch, BoxFuture, Collection, LogId, LogPage, LogQuery, Op, Opened, Order, Owner, Store, StoreError,
    Swap, Ticket, Value,
};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};

/// The in-memory engine. Reads see what is committed, and are ready at once.
pub struct Memory {
    state: Mutex<State>,
    /// Commits wait for [`Memory::release`] or [`Memory::fail`].
    manual: bool,
}

#[derive(Default)]
struct State {
    durable: Data,
    held: Option<Group>,
    closed: bool,
}

impl Memory {
    /// Every submit is a commit of its own and done on return.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Memory {
        Memory { state: Mutex::default(), manual: false }
    }

    /// Submits gather in one group commit until the test says how it ends.
    pub fn manual() -> Memory {
        Memory { manual: true, ..Memory::new() }
    }

    /// True if a group commit is waiting for its end.
    pub fn holds(&self) -> bool {
        self.state.lock().held.is_some()
    }

    /// Commits the group that is held, if there is one. What is submitted afterwards is another group.
    pub fn release(&self) {
        let mut state = self.state.lock();
        let Some(group) = state.held.take() else { return };
        let mut answers: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
        for job in group.jobs {
            match job {
                Job::Batch(batch) => state.durable.apply(batch),
                Job::Swap(swap, reply) => {
                    let done = state.durable.swap(swap);
                    answers.push(Box::new(move || reply.say(Ok(done))));
                }
                Job::Create(newcomer, reply) => {
                    let owner = state.durable.create(newcomer);
                    answers.push(Box::new(move || reply.say(Ok(owner))));
                }
                #[cfg(test)]
                Job::Meddle(_) => {}
            }
        }
        // Wakers run without the lock: they may come back with a read.
        drop(state);
        group.commit.complete(true);
        answers.into_iter().for_each(|answer| answer());
    }

    /// Fails the group that is held, if there is one: nothing of it takes effect.
    pub fn fail(&self) {
        let held = self.state.lock().held.take();
        if let Some(group) = held {
            group.fail();
        }
    }

    /// Pulls the plug. What was committed is in the engine returned, as after a restart; what was held is gone.
    /// This one is closed; its held tickets stay pending until it is dropped, since a crashed process tells
    /// nobody anything.
    pub fn crash(&self) -> Memory {
        let mut state = self.state.lock();
        state.closed = true;
        let durable = std::mem::take(&mut state.durable);
        Memory { state: Mutex::new(State { durable, ..State::default() }), manual: self.manual }
    }

    fn enqueue(&self, job: Job) -> Ticket {
        let ticket = {
            let mut state = self.state.lock();
            if state.closed {
                return failed();
            }
            state.held.get_or_insert_with(Group::new).push(job).0
        };
        if !self.manual {
            self.release();
        }
        ticket
    }

    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Data) -> T,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let state = self.state.lock();
        ready(if state.closed { Err(StoreError::Closed) } else { Ok(read(&state.durable)) })
    }
}

impl Store for Memory {
    fn submit(&self, batch: Batch) -> Ticket {
        Job::batch(batch).map_or_else(|_| failed(), |job| self.enqueue(job))
    }

    fn swap(&self, swap: Swap) -> BoxFuture<'static, Result<bool, StoreError>> {
        match Job::swap(swap) {
            Ok((job, pending)) => {
                self.enqueue(job);
                Box::pin(pending)
            }
            Err(refused) => ready(Err(refused)),
        }
    }

    fn backlog(&self) -> usize {
        self.state.lock().held.as_ref().map_or(0, |group| group.bytes)
    }

    fn owner(&self, name: &str) -> BoxFuture<'static, Result<Option<Owner>, StoreError>> {
        self.read(|data| data.owners.get(name).copied())
    }

    fn create_owner(
        &self,
        name: &str,
        first: Batch,
    ) -> BoxFuture<'static, Result<Option<Owner>, StoreError>> {
        match Job::create(name, first) {
            Ok((job, pending)) => {
                self.enqueue(job);
                Box::pin(pending)
            }
            Err(refused) => ready(Err(refused)),
        }
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

    fn create(&mut self, newcomer: Newcomer) -> Option<Owner> {
        let Newcomer { name, mut first } = newcomer;
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
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::contract::{entry, ids, wait, whole};
    use kernel::ports::Outcome;

    #[test]
    fn a_held_commit_shows_nothing_until_it_is_released() {
        let store = Memory::manual();
        let ticket = store.submit(Batch::new().with(entry(1, &[1], "x")));
        let created = store.create_owner("alice", Batch::new());
        assert!(store.holds() && store.backlog() > 0);
        assert_eq!(ticket.outcome(), Outcome::Pending);
        assert_eq!(ids(&wait(store.page(whole(1))).unwrap()), [0; 0]);
        store.release();
        assert_eq!(ticket.outcome(), Outcome::Durable);
        assert!(wait(created).unwrap().is_some());
        assert_eq!(ids(&wait(store.page(whole(1))).unwrap()), [1]);
        assert!(!store.submit(Batch::new()).same_group(&ticket));
    }

    #[test]
    fn a_failed_commit_takes_no_effect() {
        let store = Memory::manual();
        let ticket = store.submit(Batch::new().with(entry(1, &[1], "x")));
        let created = store.create_owner("alice", Batch::new());
        store.fail();
        assert_eq!(ticket.outcome(), Outcome::Failed);
        assert_eq!(wait(created), Err(StoreError::NotCommitted));
        assert_eq!(ids(&wait(store.page(whole(1))).unwrap()), [0; 0]);
    }

    #[test]
    fn a_crash_keeps_what_was_committed() {
        let store = Memory::manual();
        store.submit(Batch::new().with(entry(1, &[1], "x")));
        store.release();
        let lost = store.submit(Batch::new().with(entry(2, &[1], "x")));
        let after = store.crash();
        assert_eq!(lost.outcome(), Outcome::Pending);
        assert_eq!(wait(store.owner("a")), Err(StoreError::Closed));
        assert_eq!(store.submit(Batch::new()).outcome(), Outcome::Failed);
        assert_eq!(ids(&wait(after.page(whole(1))).unwrap()), [1]);
        after.submit(Batch::new().with(entry(3, &[1], "x")));
        after.release();
        assert_eq!(ids(&wait(after.page(whole(1))).unwrap()), [1, 3]);
    }
}
