//! What goes into the index table, when, and what never does.

use super::{Options, Sqlite, ask, hasty, open, texts_indexed};
use crate::contract::{awaited, backlog, commit, entry, ids, peer, put_off, remove, wait, whole};
use kernel::ports::{Batch, LogId, LogQuery, Op, Owner, Search, Store};

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
fn what_is_removed_in_time_never_reaches_the_index() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Options::default());
    // SQLite keeps no record of what was inserted and deleted again; a trigger does.
    let watch = "CREATE TABLE seen (id); CREATE TRIGGER watch AFTER INSERT ON entry
                 BEGIN INSERT INTO seen VALUES (NEW.id); END";
    wait(store.meddle(move |connection| connection.execute_batch(watch).unwrap()).committed()).unwrap();
    for id in 1..=50 {
        commit(&store, Batch::new().with(awaited(id, &[], 1, "x")));
        commit(&store, Batch::new().with(remove(1, &[id])));
    }
    drop(store);
    // A sweep with little in the tail, after a restart that found nothing.
    let store = open(directory.path(), hasty());
    for id in 51..=53 {
        commit(&store, Batch::new().with(awaited(id, &[], 1, "x")));
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
    let settled = format!("SELECT count(*) FROM entry WHERE id <= ({MARK})");
    let settled = ask(directory.path(), &settled);
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
    assert_eq!(wait(store.page(whole(3))).unwrap().entries.len(), 21);
    drop(store);
    assert_eq!(ask(directory.path(), "SELECT list / 2 FROM entry WHERE id = 1"), [1, 3]);
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
                    let with = LogQuery { peer: Some(peer(3 - owner)), ..whole(owner) };
                    assert!(wait(store.page(with)).unwrap().entries.len() as u64 >= asked);
                    assert!(wait(store.page(backlog(owner))).unwrap().entries.len() as u64 >= asked / 2);
                }
            });
        }
        for id in 1..=400 {
            commit(&store, Batch::new().with(awaited(id, &[1, 2], 1 + (id % 2) as i64, "x")));
            durable.store(id, SeqCst);
        }
        done.store(true, SeqCst);
    });
}

/// What waits later than it was archived: below the mark straight into the table, above it into the tail.
#[test]
fn what_waits_later_is_listed_wherever_its_frame_is() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path(), hasty());
    for id in 1..=100 {
        commit(&store, Batch::new().with(entry(id, &[1, 2], "x")));
    }
    let late = [1, 2, 50, 98, 99, 100];
    commit(&store, Batch::new().with(put_off(2, &late)));
    for _ in 0..3 {
        assert_eq!(ids(&wait(store.page(backlog(2))).unwrap()), late);
        drop(store);
        assert_eq!(ask(directory.path(), "SELECT id FROM entry WHERE list = 5 AND id < 50"), [1, 2]);
        assert_eq!(ask(directory.path(), "SELECT id FROM entry WHERE list = 5 AND id = 100"), [0; 0]);
        store = open(directory.path(), Options::default());
    }
    commit(&store, Batch::new().with(remove(2, &[2, 98])));
    drop(store);
    store = open(directory.path(), Options::default());
    assert_eq!(ids(&wait(store.page(backlog(2))).unwrap()), [1, 50, 99, 100]);
    assert_eq!(ids(&wait(store.page(whole(2))).unwrap()).len(), 100);
}

/// The extent is known again after a restart, wherever the mark is.
#[test]
fn the_sums_survive() {
    let directory = tempfile::tempdir().unwrap();
    for (round, options) in (1..).zip([Options::default(), hasty(), hasty(), Options::default()]) {
        let store = open(directory.path(), options);
        for id in 100 * round..100 * round + 20 {
            commit(&store, Batch::new().with(entry(id, &[1, 2], "0123456789")));
        }
        commit(&store, Batch::new().with(entry(100 * round - 50, &[1], "late")));
        assert_eq!(wait(store.extent()), Ok((204 * round, Some(LogId(50)))));
        commit(&store, Batch::new().with(awaited(u64::from(u32::MAX) + round, &[], 1, "x")));
        commit(&store, Batch::new().with(remove(1, &[u64::from(u32::MAX) + round])));
        drop(store);
        let store = open(directory.path(), hasty());
        assert_eq!(wait(store.extent()), Ok((204 * round, Some(LogId(50)))));
        assert_eq!(wait(store.newest()), Ok(Some(LogId(u64::from(u32::MAX) + round))));
    }
    let store = open(directory.path(), hasty());
    assert_eq!(wait(store.expire(LogId(250), 1_000)), Ok(42));
    drop(store);
    assert_eq!(wait(open(directory.path(), hasty()).extent()), Ok((816 - 408, Some(LogId(250)))));
}

/// What was archived while nothing could be searched is found when it can.
#[test]
fn texts_are_caught_up_with() {
    let directory = tempfile::tempdir().unwrap();
    let text = |id| format!("<message xmlns='jabber:client'><body>word{id}</body></message>");
    let store = open(directory.path(), Options { text: None, ..hasty() });
    for id in 1..=40 {
        commit(&store, Batch::new().with(entry(id, &[1, 2], &text(id))));
    }
    let found = |store: &dyn Store, id: u64| {
        let search = Search { page: whole(2), words: format!("word{id}") };
        ids(&wait(store.search(search)).unwrap())
    };
    assert_eq!(found(&store, 7), [0; 0]);
    assert_eq!(wait(store.expire(LogId(6), 9)), Ok(5));
    drop(store);
    let store = open(directory.path(), hasty());
    texts_indexed(&store);
    for id in 1..=40 {
        assert_eq!(found(&store, id), if id < 6 { vec![] } else { vec![id] });
    }
    drop(store);
    // Found again without being indexed again, and what comes in a quiet moment is found without company.
    let store = open(directory.path(), hasty());
    assert_eq!(found(&store, 7), [7]);
    commit(&store, Batch::new().with(entry(41, &[1, 2], &text(41))));
    texts_indexed(&store);
    assert_eq!(found(&store, 41), [41]);
}

/// A long archive goes bit by bit, and is out of sight at once.
#[test]
fn a_long_archive_is_erased_bit_by_bit() {
    let directory = tempfile::tempdir().unwrap();
    let options = || Options { erase_rows: 10, ..hasty() };
    let store = open(directory.path(), options());
    let text = "<message xmlns='jabber:client'><body>word</body></message>";
    for first in (1..=3_000).step_by(100) {
        let owners: &[i64] = if first % 200 == 1 { &[1, 2] } else { &[1] };
        let ids = first..first + 100;
        commit(&store, ids.fold(Batch::new(), |batch, id| batch.with(awaited(id, owners, 1, text))));
    }
    texts_indexed(&store);
    let erase = Op::Erase { owner: Owner(1) };
    store.submit(Batch::new().with(erase).with(put_off(1, &[3_000])).with(entry(3_001, &[2], text)));
    drop(store);
    assert_eq!(ask(directory.path(), "SELECT list FROM erased"), [2]);
    let store = open(directory.path(), options());
    let search = |owner| Search { page: whole(owner), words: "word".to_owned() };
    let unseen = |store: &Sqlite| {
        assert_eq!(wait(store.page(whole(1))).unwrap().entries, []);
        assert_eq!(wait(store.page(LogQuery { peer: Some(peer(2)), ..whole(1) })).unwrap().entries, []);
        assert_eq!(wait(store.page(backlog(1))).unwrap().entries, []);
        assert_eq!(wait(store.search(search(1))).unwrap().entries, []);
        assert_eq!(wait(store.entries(Owner(1), vec![LogId(3_000)])), Ok(vec![]));
        assert_eq!(ids(&wait(store.page(whole(2))).unwrap()).len(), 1_501);
    };
    unseen(&store);
    commit(&store, Batch::new().with(put_off(1, &[2_999])));
    unseen(&store);
    while wait(store.extent()).unwrap().0 > 1_501 * text.len() as u64 {
        unseen(&store);
    }
    texts_indexed(&store);
    assert_eq!(wait(store.search(search(2))).unwrap().entries.len(), 1_501);
    drop(store);
    assert_eq!(ask(directory.path(), "SELECT count(*) FROM frame"), [1_501]);
    assert_eq!(ask(directory.path(), "SELECT count(*) FROM entry WHERE list IN (2, 3)"), [0]);
    assert_eq!(ask(directory.path(), "SELECT count(*) FROM search"), [1_501]);
    assert_eq!(ask(directory.path(), "SELECT list FROM erased"), [0; 0]);
}

/// What comes late goes into the table even where the sweep that it is late for could not begin.
#[test]
fn what_is_late_for_a_sweep_that_failed_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), hasty());
    let forbid = "CREATE TRIGGER poison BEFORE INSERT ON entry WHEN NEW.id = 20
                  BEGIN SELECT raise(ABORT, 'poison'); END";
    wait(store.meddle(move |connection| connection.execute_batch(forbid).unwrap()).committed()).unwrap();
    let ids = (1..=7).map(|id| 10 * id);
    commit(&store, ids.fold(Batch::new(), |batch, id| batch.with(awaited(id, &[], 1, "x"))));
    commit(&store, Batch::new().with(awaited(35, &[], 1, "late")));
    commit(&store, Batch::new().with(remove(1, &[35])));
    drop(store);
    assert_eq!(ask(directory.path(), "SELECT id FROM entry WHERE id = 35"), [0; 0]);
}
