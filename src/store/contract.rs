//! What every engine has to do, run against each of them.

#![allow(clippy::unwrap_used)]

use crate::{Memory, Options, Sqlite};
use bytes::Bytes;
use kernel::ports::{
    Archived, Batch, List, LogEntry, LogId, LogPage, LogQuery, Op, Order, Outcome, Owner, Peer, Search,
    Store, StoreError, Swap,
};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Waits for a future on this thread.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Submits, and waits until it is durable.
pub(crate) fn commit(store: &dyn Store, batch: Batch) {
    wait(store.submit(batch).committed()).unwrap();
}

/// The address of an owner.
pub(crate) fn peer(owner: i64) -> Peer {
    Peer::of(&format!("{owner}@example.org"))
}

/// A frame for archives: each owner's with the other one's address, or with its own if it is alone.
pub(crate) fn archived(id: u64, owners: &[i64], frame: &str) -> LogEntry {
    let archive = |place: usize| {
        let owner = owners.get(place)?;
        let other = owners.get(1 - place).unwrap_or(owner);
        Some(Archived { owner: Owner(*owner), peer: peer(*other) })
    };
    let frame = Bytes::copy_from_slice(frame.as_bytes());
    LogEntry { id: LogId(id), archives: [archive(0), archive(1)], waiting: None, frame }
}

pub(crate) fn entry(id: u64, owners: &[i64], frame: &str) -> Op {
    Op::Append(archived(id, owners, frame))
}

/// The same, with somebody for whom it waits.
pub(crate) fn awaited(id: u64, owners: &[i64], waiting: i64, frame: &str) -> Op {
    Op::Append(LogEntry { waiting: Some(Owner(waiting)), ..archived(id, owners, frame) })
}

pub(crate) fn remove(owner: i64, ids: &[u64]) -> Op {
    Op::Remove { owner: Owner(owner), ids: ids.iter().copied().map(LogId).collect() }
}

pub(crate) fn put_off(owner: i64, ids: &[u64]) -> Op {
    Op::Wait { owner: Owner(owner), ids: ids.iter().copied().map(LogId).collect() }
}

/// An owner's archive.
pub(crate) fn whole(owner: i64) -> LogQuery {
    LogQuery {
        owner: Owner(owner),
        list: List::Archive,
        peer: None,
        after: None,
        before: None,
        order: Order::Ascending,
        limit: usize::MAX,
        max_bytes: usize::MAX,
    }
}

/// What waits for an owner.
pub(crate) fn backlog(owner: i64) -> LogQuery {
    LogQuery { list: List::Waiting, ..whole(owner) }
}

pub(crate) fn ids(page: &LogPage) -> Vec<u64> {
    page.entries.iter().map(|(id, _)| id.0).collect()
}

fn list(store: &dyn Store, owner: i64) -> Vec<u64> {
    ids(&wait(store.page(whole(owner))).unwrap())
}

fn waiting(store: &dyn Store, owner: i64) -> Vec<u64> {
    ids(&wait(store.page(backlog(owner))).unwrap())
}

fn value(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

const ALICE: Owner = Owner(1);
const BOB: Owner = Owner(2);

/// Makes those two; what is put for nobody is not kept.
fn residents(store: &dyn Store) {
    for (name, owner) in [("alice@example.org", ALICE), ("bob@example.org", BOB)] {
        assert_eq!(wait(store.create_owner(name, Batch::new())), Ok(Some(owner)));
    }
}

macro_rules! contract {
    ($($name:ident)*) => {
        mod memory {
            $(#[test] fn $name() { super::$name(&super::Memory::new()) })*
        }
        mod sqlite {
            $(#[test] fn $name() { super::on_sqlite(super::searchable(), super::$name) })*
        }
        /// The same with a tail so short that nearly everything is settled at once.
        mod sqlite_settling {
            $(#[test] fn $name() {
                let options = super::Options { tail_rows: 1, tail_rows_each: 0, settle_rows: 1, ..super::searchable() };
                super::on_sqlite(options, super::$name)
            })*
        }
    };
}

/// Every text is searchable at once.
pub(crate) fn searchable() -> Options {
    Options { text: Some(kernel::ports::text), text_frames: 1, ..Options::default() }
}

fn on_sqlite(options: Options, test: impl FnOnce(&dyn Store)) {
    let directory = tempfile::tempdir().unwrap();
    test(&Sqlite::open(directory.path(), options).unwrap());
}

contract! {
    a_value_is_put_replaced_and_deleted
    values_are_apart_by_table_owner_and_key
    a_list_is_in_key_order
    open_takes_the_tables_asked_for
    a_value_is_looked_up_by_its_owners_name
    a_batch_takes_effect_in_its_order
    a_swap_puts_only_what_was_expected
    swaps_and_batches_keep_their_order
    an_owner_is_made_once_with_its_rows
    owners_are_listed_by_name
    an_erased_owner_leaves_nothing
    what_is_put_for_nobody_is_not_kept
    an_owners_number_is_never_given_out_again
    an_entry_is_on_each_owners_list
    an_id_is_appended_once
    entries_may_come_out_of_order
    a_page_is_cut_by_bounds_limit_and_bytes
    a_page_runs_backwards
    a_page_knows_whether_it_is_complete
    a_page_of_an_archive_can_be_of_one_address
    what_waits_is_a_list_of_its_own
    what_is_archived_can_wait_later
    removing_takes_single_entries_off_the_waiting_list
    a_frame_stays_as_long_as_it_is_on_a_list
    an_entry_taken_off_all_lists_may_come_again
    removing_what_is_not_there_changes_nothing
    both_may_wait_for_one_frame
    entries_are_found_by_their_ids
    expiry_takes_the_oldest_out_of_all_archives
    what_waits_does_not_expire
    what_comes_late_expires_too
    the_extent_is_that_of_all_archives
    words_are_searched_in_ones_own_archive
    a_search_is_cut_like_a_page
    what_is_typed_is_no_query_language
    what_left_the_archives_is_not_found
    the_newest_id_is_known
    a_message_to_oneself_is_listed_once
    an_entry_without_owner_is_not_kept
    many_entries_are_paged_in_order
    nonsense_is_refused_alone
    bounds_beyond_all_ids_are_no_trouble
    the_backlog_is_empty_when_all_is_durable
    notes_stand_in_order_in_the_journal
    a_checkpoint_replaces_what_was_noted_before_it
}

fn a_value_is_put_replaced_and_deleted(store: &dyn Store) {
    residents(store);
    let get = || wait(store.get("roster", ALICE, "bob")).unwrap();
    assert_eq!(get(), None);
    commit(store, Batch::new().put("roster", ALICE, "bob", value("one")));
    assert_eq!(get(), Some(value("one")));
    commit(store, Batch::new().put("roster", ALICE, "bob", value("")));
    assert_eq!(get(), Some(value("")));
    commit(store, Batch::new().delete("roster", ALICE, "bob").delete("roster", ALICE, "nobody"));
    assert_eq!(get(), None);
}

fn values_are_apart_by_table_owner_and_key(store: &dyn Store) {
    residents(store);
    let batch = Batch::new()
        .put("roster", ALICE, "x", value("1"))
        .put("roster", BOB, "x", value("2"))
        .put("vcard", ALICE, "x", value("3"))
        .put("roster", ALICE, "X", value("4"))
        .put("roster", Owner::SERVER, "", value("5"));
    commit(store, batch);
    let get = |collection, owner, key| wait(store.get(collection, owner, key)).unwrap();
    assert_eq!(get("roster", ALICE, "x"), Some(value("1")));
    assert_eq!(get("roster", BOB, "x"), Some(value("2")));
    assert_eq!(get("vcard", ALICE, "x"), Some(value("3")));
    assert_eq!(get("roster", ALICE, "X"), Some(value("4")));
    assert_eq!(get("roster", Owner::SERVER, ""), Some(value("5")));
}

fn a_list_is_in_key_order(store: &dyn Store) {
    residents(store);
    let mut batch = Batch::new();
    for key in ["b", "a", "é", "Z", "", "a\0b"] {
        batch = batch.put("roster", ALICE, key, value("v"));
    }
    commit(store, batch.put("rosters", ALICE, "c", value("v")).put("roster", BOB, "d", value("v")));
    let keys: Vec<String> =
        wait(store.list("roster", ALICE)).unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["", "Z", "a", "a\0b", "b", "é"]);
}

fn a_value_is_looked_up_by_its_owners_name(store: &dyn Store) {
    let owner = wait(store.create_owner("alice", Batch::new().put("t", Owner(-1), "k", value("a"))))
        .unwrap()
        .unwrap();
    commit(store, Batch::new().put("t", BOB, "k", value("b")).put("t", owner, "l", value("c")));
    assert_eq!(wait(store.look_up("alice", "t", "k")), Ok(Some(value("a"))));
    assert_eq!(wait(store.look_up("alice", "t", "none")), Ok(None));
    assert_eq!(wait(store.look_up("alice", "u", "k")), Ok(None));
    assert_eq!(wait(store.look_up("nobody", "t", "k")), Ok(None));
}

fn open_takes_the_tables_asked_for(store: &dyn Store) {
    let owner = wait(store.create_owner("alice", Batch::new())).unwrap().unwrap();
    let batch = Batch::new()
        .put("b", owner, "2", value("b2"))
        .put("b", owner, "1", value("b1"))
        .put("a", owner, "1", value("a1"))
        .put("c", owner, "1", value("c1"))
        .with(awaited(1, &[], owner.0, "one"))
        .with(awaited(2, &[BOB.0, owner.0], owner.0, "three"))
        .with(entry(3, &[BOB.0, owner.0], "not counted"));
    commit(store, batch);
    let opened = wait(store.open("alice", &["b", "a", "empty"])).unwrap().unwrap();
    let rows: Vec<_> = opened.rows.iter().map(|(collection, key, _)| (*collection, &key[..])).collect();
    assert_eq!(rows, [("b", "1"), ("b", "2"), ("a", "1")]);
    assert_eq!((opened.owner, opened.entries, opened.bytes), (owner, 2, 8));
    assert_eq!(wait(store.open("bob", &["a"])), Ok(None));
}

fn a_batch_takes_effect_in_its_order(store: &dyn Store) {
    residents(store);
    let batch = Batch::new()
        .put("t", ALICE, "k", value("1"))
        .delete("t", ALICE, "k")
        .put("t", ALICE, "k", value("2"))
        .put("t", ALICE, "gone", value("3"))
        .delete("t", ALICE, "gone")
        .with(entry(1, &[1], "one"))
        .with(put_off(1, &[1, 2]))
        .with(entry(2, &[1], "two"))
        .with(awaited(3, &[], 1, "three"))
        .with(remove(1, &[3]));
    commit(store, batch);
    assert_eq!(waiting(store, 1), [1]);
    assert_eq!(wait(store.get("t", ALICE, "k")).unwrap(), Some(value("2")));
    assert_eq!(wait(store.get("t", ALICE, "gone")).unwrap(), None);
    assert_eq!(list(store, 1), [1, 2]);
}

fn a_swap_puts_only_what_was_expected(store: &dyn Store) {
    residents(store);
    let swap = |expected, new| {
        wait(store.swap(Swap { collection: "t", owner: ALICE, key: "k".to_owned(), expected, new })).unwrap()
    };
    assert!(!swap(Some(value("1")), Some(value("2"))));
    assert!(swap(None, Some(value("1"))));
    assert!(!swap(None, Some(value("2"))));
    assert!(!swap(Some(value("2")), None));
    assert_eq!(wait(store.get("t", ALICE, "k")).unwrap(), Some(value("1")));
    assert!(swap(Some(value("1")), Some(value("2"))));
    assert!(swap(Some(value("2")), None));
    assert_eq!(wait(store.get("t", ALICE, "k")).unwrap(), None);
    assert!(swap(None, None));
}

fn swaps_and_batches_keep_their_order(store: &dyn Store) {
    residents(store);
    let swap = |expected, new| {
        store.swap(Swap { collection: "t", owner: ALICE, key: "k".to_owned(), expected: Some(expected), new })
    };
    let first = store.submit(Batch::new().put("t", ALICE, "k", value("1")));
    let second = swap(value("1"), Some(value("2")));
    let third = store.submit(Batch::new().put("t", ALICE, "k", value("3")));
    let fourth = swap(value("2"), Some(value("4")));
    assert_eq!((wait(fourth), wait(second)), (Ok(false), Ok(true)));
    assert_eq!((first.outcome(), third.outcome()), (Outcome::Durable, Outcome::Durable));
    assert_eq!(wait(store.get("t", ALICE, "k")).unwrap(), Some(value("3")));
}

fn an_owner_is_made_once_with_its_rows(store: &dyn Store) {
    let first =
        || Batch::new().put("account", Owner(-1), "password", value("x")).with(entry(7, &[-1], "hello"));
    assert_eq!(wait(store.owner("alice@example.org")).unwrap(), None);
    let owner = wait(store.create_owner("alice@example.org", first())).unwrap().unwrap();
    assert!(owner > Owner::SERVER);
    assert_eq!(wait(store.owner("alice@example.org")).unwrap(), Some(owner));
    assert_eq!(wait(store.owner("Alice@example.org")).unwrap(), None);
    assert_eq!(wait(store.get("account", owner, "password")).unwrap(), Some(value("x")));
    assert_eq!(list(store, owner.0), [7]);

    let again = Batch::new().put("account", Owner(-1), "password", value("y"));
    assert_eq!(wait(store.create_owner("alice@example.org", again)).unwrap(), None);
    assert_eq!(wait(store.get("account", owner, "password")).unwrap(), Some(value("x")));
    assert_ne!(wait(store.create_owner("bob@example.org", Batch::new())).unwrap(), Some(owner));
}

fn owners_are_listed_by_name(store: &dyn Store) {
    for name in ["c", "a", "d", "b"] {
        wait(store.create_owner(name, Batch::new())).unwrap().unwrap();
    }
    let names = |after, limit| -> Vec<String> {
        wait(store.owners(after, limit)).unwrap().into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names("", 10), ["a", "b", "c", "d"]);
    assert_eq!(names("", 2), ["a", "b"]);
    assert_eq!(names("b", 2), ["c", "d"]);
    assert_eq!(names("bb", 1), ["c"]);
    assert_eq!(names("d", 1), [""; 0]);
}

fn an_erased_owner_leaves_nothing(store: &dyn Store) {
    let owner = wait(store.create_owner("alice", Batch::new())).unwrap().unwrap();
    assert_eq!(wait(store.create_owner("bob", Batch::new())), Ok(Some(BOB)));
    let batch = Batch::new()
        .put("a", owner, "1", value("x"))
        .put("b", owner, "2", value("x"))
        .put("a", BOB, "1", value("bob's"))
        .with(awaited(1, &[owner.0, BOB.0], owner.0, "shared"))
        .with(entry(2, &[owner.0], "own"))
        .with(awaited(4, &[], owner.0, "own"));
    commit(store, batch);
    commit(
        store,
        Batch::new().with(awaited(3, &[BOB.0, owner.0], owner.0, "late")).with(Op::Erase { owner }),
    );
    assert_eq!(wait(store.owner("alice")).unwrap(), None);
    assert_eq!(wait(store.owners("", 9)).unwrap(), [("bob".to_owned(), BOB)]);
    assert_eq!(wait(store.open("alice", &["a", "b"])), Ok(None));
    assert_eq!(wait(store.list("a", owner)).unwrap(), []);
    assert_eq!((list(store, owner.0), waiting(store, owner.0)), (vec![], vec![]));
    assert_eq!(list(store, BOB.0), [1, 3]);
    let alone = wait(store.page(LogQuery { peer: Some(peer(owner.0)), ..whole(BOB.0) })).unwrap();
    assert_eq!(ids(&alone), [1, 3]);
    assert_eq!(wait(store.get("a", BOB, "1")).unwrap(), Some(value("bob's")));
}

fn what_is_put_for_nobody_is_not_kept(store: &dyn Store) {
    let owner = wait(store.create_owner("alice", Batch::new())).unwrap().unwrap();
    let get = |owner| wait(store.get("t", owner, "k")).unwrap();
    let swap = |owner, new| {
        let swap = Swap { collection: "t", owner, key: "k".to_owned(), expected: None, new: Some(new) };
        wait(store.swap(swap)).unwrap()
    };
    // Behind the removal, in its batch and after it.
    commit(
        store,
        Batch::new().put("t", owner, "k", value("1")).with(Op::Erase { owner }).put(
            "t",
            owner,
            "k",
            value("2"),
        ),
    );
    assert_eq!(get(owner), None);
    commit(store, Batch::new().put("t", owner, "k", value("3")).put("t", Owner::SERVER, "k", value("4")));
    assert_eq!((get(owner), get(Owner::SERVER)), (None, Some(value("4"))));
    assert!(!swap(owner, value("5")) && !swap(Owner(77), value("6")));
    assert_eq!((get(owner), get(Owner(77))), (None, None));
    commit(store, Batch::new().delete("t", Owner::SERVER, "k"));
    assert!(swap(Owner::SERVER, value("7")));
}

fn an_owners_number_is_never_given_out_again(store: &dyn Store) {
    let owner = wait(store.create_owner("alice", Batch::new())).unwrap().unwrap();
    commit(store, Batch::new().with(Op::Erase { owner }));
    let again = wait(store.create_owner("alice", Batch::new())).unwrap().unwrap();
    assert!(again > owner);
}

fn an_entry_is_on_each_owners_list(store: &dyn Store) {
    commit(store, Batch::new().with(entry(1, &[1, 2], "both")).with(entry(2, &[2], "bob")));
    let page = wait(store.page(whole(1))).unwrap();
    assert_eq!(page, LogPage { entries: vec![(LogId(1), value("both"))], complete: true });
    assert_eq!(list(store, 2), [1, 2]);
    assert_eq!(list(store, 3), [0; 0]);
}

fn an_id_is_appended_once(store: &dyn Store) {
    commit(store, Batch::new().with(entry(1, &[1], "first")));
    commit(store, Batch::new().with(entry(1, &[2], "second")).with(entry(2, &[1], "x")));
    assert_eq!(wait(store.page(whole(1))).unwrap().entries[0].1, value("first"));
    assert_eq!(list(store, 1), [1, 2]);
    assert_eq!(list(store, 2), [0; 0]);
}

fn entries_may_come_out_of_order(store: &dyn Store) {
    for id in [5, 3, 9, 1, 7, 2, 8] {
        commit(store, Batch::new().with(entry(id, &[1, 2], "x")));
    }
    commit(store, Batch::new().with(entry(6, &[1], "x")).with(entry(4, &[1], "x")));
    assert_eq!(list(store, 1), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(list(store, 2), [1, 2, 3, 5, 7, 8, 9]);
}

fn ten(store: &dyn Store) {
    for id in 1..=10 {
        commit(store, Batch::new().with(entry(id * 10, &[1, 2], "0123456789")));
    }
}

fn a_page_is_cut_by_bounds_limit_and_bytes(store: &dyn Store) {
    ten(store);
    let page = |query| ids(&wait(store.page(query)).unwrap());
    assert_eq!(page(LogQuery { after: Some(LogId(80)), ..whole(1) }), [90, 100]);
    assert_eq!(page(LogQuery { after: Some(LogId(85)), ..whole(1) }), [90, 100]);
    assert_eq!(page(LogQuery { before: Some(LogId(30)), ..whole(1) }), [10, 20]);
    assert_eq!(page(LogQuery { after: Some(LogId(20)), before: Some(LogId(50)), ..whole(1) }), [30, 40]);
    assert_eq!(page(LogQuery { after: Some(LogId(50)), before: Some(LogId(50)), ..whole(1) }), [0; 0]);
    assert_eq!(page(LogQuery { after: Some(LogId(60)), before: Some(LogId(50)), ..whole(1) }), [0; 0]);
    assert_eq!(page(LogQuery { limit: 3, ..whole(1) }), [10, 20, 30]);
    assert_eq!(page(LogQuery { limit: 0, ..whole(1) }), [0; 0]);
    assert_eq!(page(LogQuery { max_bytes: 0, ..whole(1) }), [10]);
    assert_eq!(page(LogQuery { max_bytes: 20, ..whole(1) }), [10, 20, 30]);
    assert_eq!(page(LogQuery { max_bytes: 19, ..whole(1) }), [10, 20]);
}

fn a_page_runs_backwards(store: &dyn Store) {
    ten(store);
    let back = LogQuery { order: Order::Descending, ..whole(2) };
    let page = |query| ids(&wait(store.page(query)).unwrap());
    assert_eq!(page(LogQuery { limit: 3, ..back }), [100, 90, 80]);
    assert_eq!(page(LogQuery { limit: 3, before: Some(LogId(80)), ..back }), [70, 60, 50]);
    assert_eq!(page(LogQuery { after: Some(LogId(70)), before: Some(LogId(100)), ..back }), [90, 80]);
    assert_eq!(page(LogQuery { max_bytes: 10, ..back }), [100, 90]);
}

fn a_page_knows_whether_it_is_complete(store: &dyn Store) {
    ten(store);
    let complete = |query| wait(store.page(query)).unwrap().complete;
    assert!(complete(whole(1)));
    assert!(complete(LogQuery { limit: 10, ..whole(1) }));
    assert!(!complete(LogQuery { limit: 9, ..whole(1) }));
    assert!(!complete(LogQuery { limit: 0, ..whole(1) }));
    assert!(complete(LogQuery { limit: 0, ..whole(3) }));
    assert!(complete(LogQuery { limit: 2, before: Some(LogId(30)), ..whole(1) }));
    assert!(!complete(LogQuery { limit: 2, before: Some(LogId(31)), ..whole(1) }));
    assert!(!complete(LogQuery { max_bytes: 50, ..whole(1) }));
    assert!(complete(LogQuery { max_bytes: 99, ..whole(1) }));
}

fn a_page_of_an_archive_can_be_of_one_address(store: &dyn Store) {
    let others = [2, 3, 2, 2, 1, 3, 2, 2];
    let ids_of = |query| ids(&wait(store.page(query)).unwrap());
    let with = |other| LogQuery { peer: Some(peer(other)), ..whole(1) };
    for (id, other) in (1..).zip(others) {
        commit(store, Batch::new().with(entry(id, &[1, other], "x")));
    }
    assert_eq!(ids_of(with(2)), [1, 3, 4, 7, 8]);
    assert_eq!(ids_of(with(3)), [2, 6]);
    assert_eq!(ids_of(with(1)), [5]);
    assert_eq!(ids_of(with(4)), [0; 0]);
    assert_eq!(ids_of(LogQuery { peer: Some(peer(1)), ..whole(3) }), [2, 6]);
    assert_eq!(ids_of(LogQuery { after: Some(LogId(1)), before: Some(LogId(8)), ..with(2) }), [3, 4, 7]);
    let back = LogQuery { order: Order::Descending, limit: 3, ..with(2) };
    let page = wait(store.page(back)).unwrap();
    assert_eq!((ids(&page), page.complete), (vec![8, 7, 4], false));
    let rest = wait(store.page(LogQuery { before: Some(LogId(4)), ..back })).unwrap();
    assert_eq!((ids(&rest), rest.complete), (vec![3, 1], true));
    commit(store, Batch::new().with(awaited(9, &[1, 2], 2, "x")));
    assert_eq!(ids_of(LogQuery { peer: Some(peer(1)), ..backlog(2) }), [0; 0]);
    assert_eq!(wait(store.expire(LogId(4), 9)), Ok(3));
    assert_eq!((ids_of(with(2)), ids_of(with(3))), (vec![4, 7, 8, 9], vec![6]));
}

fn what_waits_is_a_list_of_its_own(store: &dyn Store) {
    let batch = Batch::new()
        .with(awaited(1, &[1, 2], 2, "both"))
        .with(awaited(2, &[], 2, "waits only"))
        .with(awaited(3, &[1], 2, "in the sender's archive only"))
        .with(entry(4, &[1, 2], "delivered"));
    commit(store, batch);
    assert_eq!((list(store, 1), list(store, 2)), (vec![1, 3, 4], vec![1, 4]));
    assert_eq!((waiting(store, 1), waiting(store, 2)), (vec![], vec![1, 2, 3]));
    let page = wait(store.page(LogQuery { order: Order::Descending, limit: 2, ..backlog(2) })).unwrap();
    assert_eq!((ids(&page), page.complete), (vec![3, 2], false));
    assert_eq!(page.entries[1].1, value("waits only"));
}

fn what_is_archived_can_wait_later(store: &dyn Store) {
    ten(store);
    commit(store, Batch::new().with(awaited(5, &[], 1, "x")));
    commit(store, Batch::new().with(put_off(2, &[20, 90, 20, 7, 5])).with(put_off(3, &[10])));
    assert_eq!((waiting(store, 1), waiting(store, 2), waiting(store, 3)), (vec![5], vec![20, 90], vec![]));
    commit(
        store,
        Batch::new().with(remove(2, &[20])).with(entry(110, &[1, 2], "x")).with(put_off(2, &[110])),
    );
    assert_eq!(waiting(store, 2), [90, 110]);
    assert_eq!(list(store, 2).len(), 11);
    // Again, when it has been delivered and was not received.
    commit(store, Batch::new().with(put_off(2, &[20, 30])));
    assert_eq!(waiting(store, 2), [20, 30, 90, 110]);
}

fn removing_takes_single_entries_off_the_waiting_list(store: &dyn Store) {
    for id in 1..=10 {
        commit(store, Batch::new().with(awaited(10 * id, &[1, 2], 2, "0123456789")));
    }
    commit(store, Batch::new().with(remove(2, &[100, 20, 25, u64::MAX])));
    assert_eq!(waiting(store, 2), [10, 30, 40, 50, 60, 70, 80, 90]);
    assert_eq!((list(store, 1).len(), list(store, 2).len()), (10, 10));
}

fn a_frame_stays_as_long_as_it_is_on_a_list(store: &dyn Store) {
    commit(store, Batch::new().with(awaited(1, &[1, 2], 2, "first")).with(awaited(2, &[], 2, "second")));
    commit(store, Batch::new().with(remove(2, &[1, 2])));
    assert_eq!((waiting(store, 2), list(store, 2)), (vec![], vec![1]));
    assert_eq!(wait(store.entries(BOB, vec![LogId(1), LogId(2)])).unwrap(), [(LogId(1), value("first"))]);
    commit(store, Batch::new().with(entry(2, &[1], "may come again")));
    assert_eq!(list(store, 1), [1, 2]);
}

fn an_entry_taken_off_all_lists_may_come_again(store: &dyn Store) {
    commit(store, Batch::new().with(awaited(1, &[2], 1, "first")));
    commit(store, Batch::new().with(remove(1, &[1])));
    commit(store, Batch::new().with(entry(1, &[1], "ignored, bob still has it")));
    assert_eq!(list(store, 1), [0; 0]);
    let again = Batch::new().with(Op::Erase { owner: BOB }).with(entry(1, &[1], "second"));
    commit(store, again);
    assert_eq!(wait(store.page(whole(1))).unwrap().entries, [(LogId(1), value("second"))]);
    assert_eq!(list(store, 2), [0; 0]);
}

fn removing_what_is_not_there_changes_nothing(store: &dyn Store) {
    commit(store, Batch::new().with(awaited(1, &[1], 1, "x")));
    commit(store, Batch::new().with(remove(2, &[1, 2])).with(Op::Erase { owner: BOB }));
    assert_eq!((list(store, 1), waiting(store, 1)), (vec![1], vec![1]));
}

/// The recipient did not get it, nor did another client of the sender.
fn both_may_wait_for_one_frame(store: &dyn Store) {
    commit(store, Batch::new().with(awaited(1, &[1, 2], 2, "x")));
    commit(store, Batch::new().with(put_off(1, &[1])).with(put_off(2, &[1])));
    assert_eq!((waiting(store, 1), waiting(store, 2)), (vec![1], vec![1]));
    assert_eq!(wait(store.expire(LogId(9), 9)), Ok(1));
    commit(store, Batch::new().with(remove(2, &[1])));
    assert_eq!((waiting(store, 1), waiting(store, 2)), (vec![1], vec![]));
    assert_eq!(wait(store.entries(ALICE, vec![LogId(1)])).unwrap().len(), 1);
    commit(store, Batch::new().with(remove(1, &[1])));
    assert_eq!(wait(store.entries(ALICE, vec![LogId(1)])), Ok(vec![]));
}

fn entries_are_found_by_their_ids(store: &dyn Store) {
    ten(store);
    commit(store, Batch::new().with(awaited(5, &[], 1, "waits")).with(entry(6, &[2], "bob's")));
    let asked = [100, 5, 10, 10, 6, 7, u64::MAX].map(LogId).to_vec();
    let found = |owner| -> Vec<u64> {
        wait(store.entries(owner, asked.clone())).unwrap().into_iter().map(|(id, _)| id.0).collect()
    };
    assert_eq!((found(ALICE), found(BOB), found(Owner(3))), (vec![5, 10, 100], vec![6, 10, 100], vec![]));
    assert_eq!(wait(store.entries(ALICE, vec![LogId(5)])).unwrap(), [(LogId(5), value("waits"))]);
    assert_eq!(wait(store.entries(ALICE, vec![])), Ok(vec![]));
}

fn expiry_takes_the_oldest_out_of_all_archives(store: &dyn Store) {
    ten(store);
    commit(store, Batch::new().with(entry(15, &[3], "x")));
    assert_eq!(wait(store.expire(LogId(50), 2)), Ok(2));
    assert_eq!((list(store, 1)[0], list(store, 2)[0], list(store, 3)), (20, 20, vec![]));
    assert_eq!(wait(store.expire(LogId(50), 0)), Ok(0));
    assert_eq!(wait(store.expire(LogId(50), 9)), Ok(3));
    assert_eq!(wait(store.expire(LogId(50), 9)), Ok(0));
    assert_eq!((list(store, 1)[0], list(store, 2)[0]), (50, 50));
    assert_eq!(wait(store.entries(ALICE, vec![LogId(10), LogId(50)])).unwrap().len(), 1);
}

fn what_waits_does_not_expire(store: &dyn Store) {
    let batch = Batch::new()
        .with(awaited(1, &[1, 2], 2, "both"))
        .with(awaited(2, &[], 2, "only"))
        .with(entry(3, &[1, 2], "archived"));
    commit(store, batch);
    assert_eq!(wait(store.expire(LogId(9), 1)), Ok(1));
    assert_eq!(wait(store.expire(LogId(9), 9)), Ok(1));
    assert_eq!((list(store, 1), list(store, 2), waiting(store, 2)), (vec![], vec![], vec![1, 2]));
    commit(store, Batch::new().with(put_off(1, &[1])));
    assert_eq!(waiting(store, 1), [0; 0]);
    commit(store, Batch::new().with(remove(2, &[1])));
    assert_eq!(wait(store.entries(BOB, vec![LogId(1), LogId(2)])).unwrap().len(), 1);
}

fn what_comes_late_expires_too(store: &dyn Store) {
    ten(store);
    assert_eq!(wait(store.expire(LogId(60), 99)), Ok(5));
    commit(store, Batch::new().with(entry(25, &[1, 2], "late")).with(entry(24, &[2], "late")));
    assert_eq!(wait(store.extent()).unwrap().1, Some(LogId(24)));
    assert_eq!(wait(store.expire(LogId(25), 99)), Ok(1));
    assert_eq!((list(store, 1)[0], list(store, 2)[0]), (25, 25));
    assert_eq!(wait(store.expire(LogId(61), 99)), Ok(2));
    assert_eq!(list(store, 1), [70, 80, 90, 100]);
}

/// "About how many bytes": these engines count them all.
fn the_extent_is_that_of_all_archives(store: &dyn Store) {
    let extent = || wait(store.extent()).unwrap();
    assert_eq!(extent(), (0, None));
    commit(store, Batch::new().with(awaited(5, &[], 1, "not archived")));
    assert_eq!(extent(), (0, None));
    ten(store);
    commit(store, Batch::new().with(awaited(105, &[1], 2, "xyz")));
    assert_eq!(extent(), (103, Some(LogId(10))));
    commit(store, Batch::new().with(remove(2, &[105])));
    assert_eq!(extent().0, 103);
    assert_eq!(wait(store.expire(LogId(41), 99)), Ok(4));
    assert_eq!(extent(), (63, Some(LogId(50))));
    commit(store, Batch::new().with(Op::Erase { owner: BOB }));
    assert_eq!(extent().0, 63);
    commit(store, Batch::new().with(Op::Erase { owner: ALICE }));
    assert_eq!(extent(), (0, None));
}

fn said(id: u64, owners: &[i64], body: &str) -> Op {
    entry(id, owners, &format!("<message xmlns='jabber:client'><body>{body}</body></message>"))
}

fn looked_for(owner: i64, words: &str) -> Search {
    Search { page: whole(owner), words: words.to_owned() }
}

/// The engine may index later; a commit gives it the occasion.
fn indexed(store: &dyn Store) {
    for _ in 0..3 {
        commit(store, Batch::new().put("t", Owner::SERVER, "k", value("v")));
    }
}

fn words_are_searched_in_ones_own_archive(store: &dyn Store) {
    let batch = Batch::new()
        .with(said(1, &[1, 2], "But soft, what light through yonder window breaks?"))
        .with(said(2, &[2, 1], "It is the East &amp; Juliet is the sun"))
        .with(said(3, &[2, 3], "Arise, fair sun"))
        .with(said(4, &[1], "Grüße, &#x4e2d; 12"))
        .with(awaited(5, &[], 1, "<message xmlns='jabber:client'><body>sun</body></message>"))
        .with(entry(6, &[1], "<presence xmlns='jabber:client'><status>sun</status></presence>"));
    commit(store, batch);
    commit(store, Batch::new().with(said(7, &[1, 3], "sun again")));
    indexed(store);
    let found = |owner, words| ids(&wait(store.search(looked_for(owner, words))).unwrap());
    assert_eq!((found(1, "sun"), found(2, "sun"), found(3, "sun")), (vec![2, 7], vec![2, 3], vec![3, 7]));
    assert_eq!(
        (found(1, "SUN"), found(1, "juliet sun"), found(1, "sun moon")),
        (vec![2, 7], vec![2], vec![])
    );
    assert_eq!(
        (found(1, "grüße"), found(1, "12"), found(1, "中"), found(1, "amp")),
        (vec![4], vec![4], vec![4], vec![])
    );
    assert_eq!((found(1, ""), found(1, "  "), found(4, "sun")), (vec![], vec![], vec![]));
    let page = wait(store.search(looked_for(3, "again"))).unwrap();
    let frame = "<message xmlns='jabber:client'><body>sun again</body></message>";
    assert_eq!(page, LogPage { entries: vec![(LogId(7), value(frame))], complete: true });
    // The numbers of owners are no words of the text, nor are words of the text owners.
    assert_eq!((found(1, "1"), found(12, "grüße")), (vec![], vec![]));
}

fn a_search_is_cut_like_a_page(store: &dyn Store) {
    for id in 1..=9 {
        let body = if id % 3 == 0 { "rare word" } else { "word" };
        commit(store, Batch::new().with(said(id, &[1, 2 + (id % 2) as i64], body)));
    }
    indexed(store);
    let found = |page, words: &str| {
        let page = wait(store.search(Search { page, words: words.to_owned() })).unwrap();
        (ids(&page), page.complete)
    };
    let back = LogQuery { order: Order::Descending, ..whole(1) };
    assert_eq!(found(LogQuery { limit: 2, ..whole(1) }, "rare"), (vec![3, 6], false));
    assert_eq!(found(LogQuery { limit: 2, ..back }, "rare"), (vec![9, 6], false));
    assert_eq!(found(LogQuery { limit: 2, before: Some(LogId(6)), ..back }, "rare"), (vec![3], true));
    assert_eq!(found(LogQuery { after: Some(LogId(6)), ..whole(1) }, "word"), (vec![7, 8, 9], true));
    assert_eq!(found(LogQuery { max_bytes: 1, ..whole(1) }, "word"), (vec![1], false));
    assert_eq!(found(LogQuery { peer: Some(peer(3)), ..whole(1) }, "rare"), (vec![3, 9], true));
    assert_eq!(found(LogQuery { peer: Some(peer(1)), ..whole(2) }, "rare"), (vec![6], true));
    assert_eq!(found(LogQuery { limit: 0, ..whole(1) }, "rare"), (vec![], false));
}

fn what_is_typed_is_no_query_language(store: &dyn Store) {
    commit(store, Batch::new().with(said(1, &[1], "alpha beta, OR gamma")).with(said(2, &[2], "alpha")));
    indexed(store);
    let found = |words: &str| ids(&wait(store.search(looked_for(1, words))).unwrap());
    assert_eq!((found("alpha"), found("alpha OR"), found("gamma beta")), (vec![1], vec![1], vec![1]));
    for nothing in
        ["alpha OR delta", "alpha NOT gamma", "NEAR(alpha", "delta*", "alp\" OR \"alpha", "owners:2 delta"]
    {
        assert_eq!(found(nothing), [0; 0], "{nothing}");
    }
    for odd in ["\"", "\"\"", "(", ")", "*", "^alpha", "-", "text:", "a:b:c", "\0", "\\", "';--", "{", "😀"]
    {
        wait(store.search(looked_for(1, odd))).unwrap();
    }
    wait(store.search(looked_for(1, &"x ".repeat(5_000)))).unwrap();
    wait(store.search(looked_for(1, &"x".repeat(50_000)))).unwrap();
    wait(store.search(looked_for(1, &"x-".repeat(20_000)))).unwrap();
}

fn what_left_the_archives_is_not_found(store: &dyn Store) {
    let text = "<message xmlns='jabber:client'><body>word</body></message>";
    commit(store, (1..=6).fold(Batch::new(), |batch, id| batch.with(awaited(id, &[1, 2], 1, text))));
    indexed(store);
    let found = |owner| ids(&wait(store.search(looked_for(owner, "word"))).unwrap());
    assert_eq!(wait(store.expire(LogId(3), 9)), Ok(2));
    assert_eq!((found(1), found(2), waiting(store, 1).len()), (vec![3, 4, 5, 6], vec![3, 4, 5, 6], 6));
    commit(store, Batch::new().with(Op::Erase { owner: ALICE }));
    assert_eq!((found(1), found(2)), (vec![], vec![3, 4, 5, 6]));
    // An id may come again when the frame is gone.
    commit(store, Batch::new().with(said(1, &[2], "another word")));
    indexed(store);
    assert_eq!(found(2), [1, 3, 4, 5, 6]);
    commit(store, Batch::new().with(Op::Erase { owner: BOB }));
    assert_eq!(found(2), [0; 0]);
}

fn the_newest_id_is_known(store: &dyn Store) {
    let newest = || wait(store.newest()).unwrap();
    assert_eq!(newest(), None);
    commit(store, Batch::new().with(entry(9, &[], "nobody's")));
    assert_eq!(newest(), None);
    ten(store);
    commit(store, Batch::new().with(awaited(105, &[], 1, "xyz")));
    commit(store, Batch::new().with(entry(7, &[1], "late")));
    assert_eq!(newest(), Some(LogId(105)));
    // It never goes back, whatever goes.
    commit(store, Batch::new().with(remove(1, &[105])));
    assert_eq!(newest(), Some(LogId(105)));
    commit(store, Batch::new().with(awaited(104, &[], 1, "x")));
    commit(store, Batch::new().with(awaited(106, &[], 1, "x")).with(remove(1, &[104, 106])));
    assert_eq!(newest(), Some(LogId(106)));
    commit(store, Batch::new().with(entry(107, &[1], "x")).with(entry(108, &[1], "x")));
    assert_eq!(wait(store.expire(LogId(200), 99)), Ok(13));
    assert_eq!(newest(), Some(LogId(108)));
}

fn a_message_to_oneself_is_listed_once(store: &dyn Store) {
    commit(store, Batch::new().with(awaited(1, &[1, 1], 1, "note")));
    assert_eq!((list(store, 1), waiting(store, 1)), (vec![1], vec![1]));
    assert_eq!(wait(store.expire(LogId(2), 9)), Ok(1));
    assert_eq!((list(store, 1), waiting(store, 1)), (vec![], vec![1]));
}

fn an_entry_without_owner_is_not_kept(store: &dyn Store) {
    commit(store, Batch::new().with(entry(1, &[], "nobody's")).with(entry(1, &[1], "alice's")));
    assert_eq!(wait(store.page(whole(1))).unwrap().entries, [(LogId(1), value("alice's"))]);
    let place = Archived { owner: ALICE, peer: peer(2) };
    let second = LogEntry { archives: [None, Some(place)], ..archived(2, &[], "second place") };
    commit(store, Batch::new().with(Op::Append(second)));
    assert_eq!(list(store, 1), [1, 2]);
    assert_eq!(wait(store.expire(LogId(9), 9)), Ok(2));
}

/// More than the engines take at a time.
fn many_entries_are_paged_in_order(store: &dyn Store) {
    let many: Vec<u64> = (1..=3_000).collect();
    for chunk in many.chunks(500) {
        commit(store, chunk.iter().fold(Batch::new(), |batch, id| batch.with(entry(*id, &[1], "m"))));
    }
    assert_eq!(list(store, 1), many);
    let mut back = wait(store.page(LogQuery { order: Order::Descending, ..whole(1) })).unwrap();
    back.entries.reverse();
    assert_eq!(ids(&back), many);
    assert_eq!(wait(store.expire(LogId(2_001), 2_500)), Ok(2_000));
    assert_eq!(list(store, 1), many[2_000..]);
    assert_eq!(wait(store.expire(LogId(2_001), 1)), Ok(0));
}

fn nonsense_is_refused_alone(store: &dyn Store) {
    let bad = store.submit(Batch::new().with(entry(u64::MAX, &[1], "x")));
    assert_eq!(bad.outcome(), Outcome::Failed);
    assert_eq!(store.submit(Batch::new().put("t", Owner(-1), "k", value("x"))).outcome(), Outcome::Failed);
    let far = Batch::new().put("t", Owner(i64::MAX), "k", value("x"));
    assert_eq!(store.submit(far).outcome(), Outcome::Failed);
    let third = store.submit(Batch::new().with(awaited(1, &[1, 2], 3, "x")));
    assert_eq!(third.outcome(), Outcome::Failed);
    let swap = Swap { collection: "t", owner: Owner(-2), key: String::new(), expected: None, new: None };
    assert_eq!(wait(store.swap(swap)), Err(StoreError::NotCommitted));
    let first = Batch::new().put("t", Owner(-2), "k", value("x"));
    assert_eq!(wait(store.create_owner("a", first)), Err(StoreError::NotCommitted));
    assert_eq!(wait(store.owner("a")), Ok(None));
    commit(store, Batch::new().put("t", ALICE, "k", value("x")));
}

fn bounds_beyond_all_ids_are_no_trouble(store: &dyn Store) {
    let last = (1 << 63) - 2;
    commit(store, Batch::new().with(entry(0, &[1], "x")).with(entry(last, &[1], "x")));
    assert_eq!(list(store, 1), [0, last]);
    let far = LogId(u64::MAX);
    assert_eq!(wait(store.page(LogQuery { after: Some(far), ..whole(1) })).unwrap().entries, []);
    assert_eq!(ids(&wait(store.page(LogQuery { before: Some(far), ..whole(1) })).unwrap()), [0, last]);
    assert_eq!(wait(store.expire(LogId(1), 9)), Ok(1));
    assert_eq!(list(store, 1), [last]);
    let beyond = LogQuery { owner: Owner(i64::MAX), ..whole(1) };
    assert_eq!(ids(&wait(store.page(beyond)).unwrap()), [0; 0]);
    assert_eq!(wait(store.expire(far, 9)), Ok(1));
    assert_eq!(wait(store.newest()), Ok(Some(LogId(last))));
}

fn the_backlog_is_empty_when_all_is_durable(store: &dyn Store) {
    commit(store, Batch::new().with(entry(1, &[1], "x")));
    wait(store.create_owner("a", Batch::new())).unwrap();
    assert_eq!(store.backlog(), 0);
}

fn journal(store: &dyn Store) -> Vec<Bytes> {
    wait(store.journal()).unwrap()
}

fn note(text: &'static str) -> Op {
    Op::Note(value(text))
}

fn notes_stand_in_order_in_the_journal(store: &dyn Store) {
    assert!(journal(store).is_empty());
    commit(store, Batch::new().with(note("a")).put("t", Owner::SERVER, "k", value("v")).with(note("")));
    store.submit(Batch::new().with(note("b")));
    commit(store, Batch::new().with(note("c")));
    assert_eq!(journal(store), ["a", "", "b", "c"]);
}

fn a_checkpoint_replaces_what_was_noted_before_it(store: &dyn Store) {
    commit(store, Batch::new().with(note("a")));
    store.submit(Batch::new().with(note("b")));
    store.submit(Batch::new().with(note("c")).with(Op::Checkpoint(value("a b c"))).with(note("d")));
    commit(store, Batch::new().with(note("e")));
    assert_eq!(journal(store), ["a b c", "d", "e"]);
    commit(store, Batch::new().with(Op::Checkpoint(value("all"))));
    assert_eq!(journal(store), ["all"]);
}
