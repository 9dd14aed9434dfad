//! What every engine has to do, run against each of them.

#![allow(clippy::unwrap_used)]

use crate::{Memory, Options, Sqlite};
use bytes::Bytes;
use kernel::ports::{
    Batch, LogEntry, LogId, LogPage, LogQuery, Op, Order, Outcome, Owner, Store, StoreError, Swap,
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

pub(crate) fn entry(id: u64, owners: &[i64], frame: &str) -> Op {
    let owner = |place: usize| owners.get(place).copied().map(Owner);
    Op::Append(LogEntry {
        id: LogId(id),
        owners: [owner(0), owner(1)],
        frame: Bytes::copy_from_slice(frame.as_bytes()),
    })
}

pub(crate) fn whole(owner: i64) -> LogQuery {
    LogQuery {
        owner: Owner(owner),
        after: None,
        before: None,
        order: Order::Ascending,
        limit: usize::MAX,
        max_bytes: usize::MAX,
    }
}

pub(crate) fn ids(page: &LogPage) -> Vec<u64> {
    page.entries.iter().map(|(id, _)| id.0).collect()
}

fn list(store: &dyn Store, owner: i64) -> Vec<u64> {
    ids(&wait(store.page(whole(owner))).unwrap())
}

fn value(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
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
            $(#[test] fn $name() { super::on_sqlite(super::Options::default(), super::$name) })*
        }
        /// The same with a tail so short that nearly everything is settled at once.
        mod sqlite_settling {
            $(#[test] fn $name() {
                let options = super::Options { tail_rows: 1, settle_rows: 1, ..super::Options::default() };
                super::on_sqlite(options, super::$name)
            })*
        }
    };
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
    trimming_takes_a_prefix_off_one_list
    removing_takes_single_entries_off_one_list
    an_entry_taken_off_all_lists_may_come_again
    removing_what_is_not_there_changes_nothing
    a_tally_counts_entries_and_bytes
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
        .with(entry(1, &[owner.0], "one"))
        .with(entry(2, &[BOB.0, owner.0], "three"));
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
        .with(Op::Trim { owner: ALICE, up_to: LogId(5) })
        .with(entry(2, &[1], "two"))
        .with(entry(3, &[1], "three"))
        .with(Op::Remove { owner: ALICE, ids: vec![LogId(3)] });
    commit(store, batch);
    assert_eq!(wait(store.get("t", ALICE, "k")).unwrap(), Some(value("2")));
    assert_eq!(wait(store.get("t", ALICE, "gone")).unwrap(), None);
    assert_eq!(list(store, 1), [2]);
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
        .with(entry(1, &[owner.0, BOB.0], "shared"))
        .with(entry(2, &[owner.0], "own"));
    commit(store, batch);
    commit(store, Batch::new().with(entry(3, &[BOB.0, owner.0], "late")).with(Op::Erase { owner }));
    assert_eq!(wait(store.owner("alice")).unwrap(), None);
    assert_eq!(wait(store.owners("", 9)).unwrap(), [("bob".to_owned(), BOB)]);
    assert_eq!(wait(store.open("alice", &["a", "b"])), Ok(None));
    assert_eq!(wait(store.list("a", owner)).unwrap(), []);
    assert_eq!(list(store, owner.0), [0; 0]);
    assert_eq!(list(store, BOB.0), [1, 3]);
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

fn trimming_takes_a_prefix_off_one_list(store: &dyn Store) {
    ten(store);
    commit(store, Batch::new().with(Op::Trim { owner: ALICE, up_to: LogId(50) }));
    assert_eq!(list(store, 1), [60, 70, 80, 90, 100]);
    assert_eq!(list(store, 2).len(), 10);
    commit(store, Batch::new().with(Op::Trim { owner: BOB, up_to: LogId(u64::MAX) }));
    assert_eq!(list(store, 2), [0; 0]);
    assert_eq!(list(store, 1).len(), 5);
}

fn removing_takes_single_entries_off_one_list(store: &dyn Store) {
    ten(store);
    let gone = vec![LogId(100), LogId(20), LogId(25), LogId(u64::MAX)];
    commit(store, Batch::new().with(Op::Remove { owner: BOB, ids: gone }));
    assert_eq!(list(store, 2), [10, 30, 40, 50, 60, 70, 80, 90]);
    assert_eq!(list(store, 1).len(), 10);
}

fn an_entry_taken_off_all_lists_may_come_again(store: &dyn Store) {
    commit(store, Batch::new().with(entry(1, &[1, 2], "first")));
    commit(store, Batch::new().with(Op::Remove { owner: ALICE, ids: vec![LogId(1)] }));
    commit(store, Batch::new().with(entry(1, &[1], "ignored, bob still has it")));
    assert_eq!(list(store, 1), [0; 0]);
    let again = Batch::new().with(Op::Trim { owner: BOB, up_to: LogId(1) }).with(entry(1, &[1], "second"));
    commit(store, again);
    assert_eq!(wait(store.page(whole(1))).unwrap().entries, [(LogId(1), value("second"))]);
    assert_eq!(list(store, 2), [0; 0]);
}

fn removing_what_is_not_there_changes_nothing(store: &dyn Store) {
    commit(store, Batch::new().with(entry(1, &[1], "x")));
    let batch = Batch::new()
        .with(Op::Remove { owner: BOB, ids: vec![LogId(1), LogId(2)] })
        .with(Op::Trim { owner: BOB, up_to: LogId(9) })
        .with(Op::Erase { owner: BOB });
    commit(store, batch);
    assert_eq!(list(store, 1), [1]);
}

fn the_newest_id_is_known(store: &dyn Store) {
    assert_eq!(wait(store.newest()), Ok(None));
    ten(store);
    commit(store, Batch::new().with(entry(105, &[1], "xyz")));
    let newest = wait(store.newest());
    commit(store, Batch::new().with(entry(7, &[1], "late")));
    assert_eq!(newest, Ok(Some(LogId(105))));
    assert_eq!(wait(store.newest()), newest);
}

fn a_tally_counts_entries_and_bytes(store: &dyn Store) {
    ten(store);
    commit(store, Batch::new().with(entry(105, &[1], "xyz")));
    assert_eq!(wait(store.tally(ALICE, None)), Ok((11, 103)));
    assert_eq!(wait(store.tally(ALICE, Some(LogId(90)))), Ok((2, 13)));
    assert_eq!(wait(store.tally(BOB, Some(LogId(100)))), Ok((0, 0)));
    assert_eq!(wait(store.tally(ALICE, Some(LogId(u64::MAX)))), Ok((0, 0)));
}

fn a_message_to_oneself_is_listed_once(store: &dyn Store) {
    commit(store, Batch::new().with(entry(1, &[1, 1], "note")));
    assert_eq!(list(store, 1), [1]);
    assert_eq!(wait(store.tally(ALICE, None)), Ok((1, 4)));
    commit(store, Batch::new().with(Op::Trim { owner: ALICE, up_to: LogId(1) }));
    assert_eq!(list(store, 1), [0; 0]);
}

fn an_entry_without_owner_is_not_kept(store: &dyn Store) {
    commit(store, Batch::new().with(entry(1, &[], "nobody's")).with(entry(1, &[1], "alice's")));
    assert_eq!(wait(store.page(whole(1))).unwrap().entries, [(LogId(1), value("alice's"))]);
    let second = LogEntry { id: LogId(2), owners: [None, Some(ALICE)], frame: value("second place") };
    commit(store, Batch::new().with(Op::Append(second)));
    assert_eq!(list(store, 1), [1, 2]);
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
    assert_eq!(wait(store.tally(ALICE, None)), Ok((3_000, 3_000)));
    commit(store, Batch::new().with(Op::Trim { owner: ALICE, up_to: LogId(2_000) }));
    assert_eq!(list(store, 1), many[2_000..]);
}

fn nonsense_is_refused_alone(store: &dyn Store) {
    let bad = store.submit(Batch::new().with(entry(u64::MAX, &[1], "x")));
    assert_eq!(bad.outcome(), Outcome::Failed);
    assert_eq!(store.submit(Batch::new().put("t", Owner(-1), "k", value("x"))).outcome(), Outcome::Failed);
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
    commit(store, Batch::new().with(Op::Trim { owner: ALICE, up_to: LogId(0) }));
    assert_eq!(list(store, 1), [last]);
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
