//! What goes into the index table, when, and what never does.

use super::{Options, ask, hasty, open};
use crate::contract::{commit, entry, ids, wait, whole};
use kernel::ports::{Batch, LogId, Op, Owner, Store};

const ENTRIES: &str = "SELECT id FROM entry ORDER BY id";
const MARK: &str = "SELECT value FROM meta WHERE key = 'mark'";

#[test]
fn a_short_tail_stays_in_memory_and_is_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Options::default());
    for id in 1..=20 {
        commit(&store, Batch::new().with(entry(id, &[1, 2], "x")));
    }
    drop(store);
    assert_eq!(ask(directory.path(), ENTRIES), [0; 0]);
    let store = open(directory.path(), Options::default());
    assert_eq!(ids(&wait(store.page(whole(2))).unwrap()), (1..=20).collect::<Vec<_>>());
}

#[test]
fn what_is_trimmed_in_time_never_reaches_the_index() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Options::default());
    // SQLite keeps no record of what was inserted and deleted again; a trigger does.
    let watch = "CREATE TABLE seen (id); CREATE TRIGGER watch AFTER INSERT ON entry
                 BEGIN INSERT INTO seen VALUES (NEW.id); END";
    wait(store.meddle(move |connection| connection.execute_batch(watch).unwrap()).committed()).unwrap();
    for id in 1..=50 {
        commit(&store, Batch::new().with(entry(id, &[1], "x")));
        commit(&store, Batch::new().with(Op::Trim { owner: Owner(1), up_to: LogId(id) }));
    }
    drop(store);
    // A sweep with little in the tail, after a restart that found nothing.
    let store = open(directory.path(), hasty());
    for id in 51..=53 {
        commit(&store, Batch::new().with(entry(id, &[1], "x")));
    }
    drop(store);
    assert_eq!(ask(directory.path(), "SELECT id FROM seen"), [0; 0]);
    assert_eq!(ask(directory.path(), "SELECT count(*) FROM frame"), [3]);
}

#[test]
fn a_long_tail_is_settled_and_the_mark_follows() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), hasty());
    for id in 1..=100 {
        commit(&store, Batch::new().with(entry(id, &[1, 2], "x")));
    }
    drop(store);
    let mark = ask(directory.path(), MARK)[0];
    assert!(mark > 50, "{mark}");
    // All at or below the mark is in the table.
    let settled = ask(directory.path(), "SELECT count(*) FROM entry WHERE id <= (SELECT value FROM meta)");
    assert_eq!(settled, [2 * mark]);
}

/// The trap of ids that commit late: neither the mark nor a sweep under way may pass over them.
#[test]
fn an_id_below_the_mark_is_indexed_directly() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), hasty());
    for id in 1..=100 {
        commit(&store, Batch::new().with(entry(id * 10, &[1, 2], "x")));
        if id % 5 == 0 {
            commit(&store, Batch::new().with(entry(id * 10 - 35, &[2, 3], "late")));
        }
    }
    commit(&store, Batch::new().with(entry(1, &[3, 1], "very late")));
    let before = wait(store.page(whole(2))).unwrap();
    assert_eq!(before.entries.len(), 120);
    assert_eq!(wait(store.tally(Owner(3), None)).unwrap().0, 21);
    drop(store);
    assert_eq!(ask(directory.path(), "SELECT owner FROM entry WHERE id = 1"), [1, 3]);
    let store = open(directory.path(), hasty());
    assert_eq!(wait(store.page(whole(2))).unwrap(), before);
    assert_eq!(ids(&wait(store.page(whole(3))).unwrap())[0], 1);
}

/// Reads run all the time while rows move from the tail into the table: no read misses a durable entry.
#[test]
fn no_read_misses_an_entry_on_its_way_to_the_table() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), hasty());
    let durable = std::sync::atomic::AtomicU64::new(0);
    let done = std::sync::atomic::AtomicBool::new(false);
    use std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        for owner in [1, 2] {
            let (store, durable, done) = (&store, &durable, &done);
            scope.spawn(move || {
                while !done.load(SeqCst) {
                    let asked = durable.load(SeqCst);
                    let seen = ids(&wait(store.page(whole(owner))).unwrap());
                    assert!(seen.len() as u64 >= asked, "{asked} were durable, seen: {seen:?}");
                    assert!(seen.iter().copied().eq(1..=seen.len() as u64), "{seen:?}");
                    assert!(wait(store.tally(Owner(owner), None)).unwrap().0 >= asked);
                }
            });
        }
        for id in 1..=400 {
            commit(&store, Batch::new().with(entry(id, &[1, 2], "x")));
            durable.store(id, SeqCst);
        }
        done.store(true, SeqCst);
    });
}
