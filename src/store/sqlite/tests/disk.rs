//! A disk that fails, and comes back.

use super::{Options, open};
use crate::contract::{awaited, backlog, commit, entry, ids, remove, wait, whole};
use bytes::Bytes;
use kernel::ports::{Batch, LogId, Outcome, Owner, Search, Store, StoreError, Swap};
use rusqlite::Connection;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn limit_pages(more: i64) -> impl FnMut(&Connection) + Send + 'static {
    move |connection| {
        let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        connection.query_row(&format!("PRAGMA max_page_count = {}", pages + more), [], |_| Ok(())).unwrap();
    }
}

#[test]
fn a_full_disk_fails_groups_until_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Options { tail_rows: 4, ..Options::default() });
    let big = || Bytes::from(vec![b'x'; 1 << 20]);
    assert_eq!(wait(store.create_owner("resident", Batch::new())), Ok(Some(Owner(1))));
    commit(&store, Batch::new().with(entry(1, &[1], "before")));
    wait(store.meddle(limit_pages(2)).committed()).unwrap();

    let full = store.submit(Batch::new().with(entry(2, &[1], "lost")).put("t", Owner(1), "k", big()));
    assert_eq!(wait(full.committed()), Err(StoreError::NotCommitted));
    let swap =
        || Swap { collection: "t", owner: Owner(1), key: "k".to_owned(), expected: None, new: Some(big()) };
    assert_eq!(wait(store.swap(swap())), Err(StoreError::NotCommitted));
    let first = Batch::new().put("t", Owner(-1), "k", big());
    assert_eq!(wait(store.create_owner("alice", first)), Err(StoreError::NotCommitted));
    assert_eq!(store.backlog(), 0);

    // Nothing of them took effect, and what fits is still taken.
    assert_eq!(wait(store.get("t", Owner(1), "k")), Ok(None));
    assert_eq!(wait(store.owner("alice")), Ok(None));
    commit(&store, Batch::new().with(entry(3, &[1], "small")));
    assert_eq!(ids(&wait(store.page(whole(1))).unwrap()), [1, 3]);

    wait(store.meddle(limit_pages(10_000)).committed()).unwrap();
    assert_eq!(wait(store.swap(swap())), Ok(true));
    commit(&store, (10..20).fold(Batch::new(), |batch, id| batch.with(entry(id, &[1], "after"))));
    assert_eq!(ids(&wait(store.page(whole(1))).unwrap()).len(), 12);
}

/// With a disk that fills up again and again: what was durable is found, by its place and by its words, and the rest
/// is not half there.
#[test]
fn what_could_not_be_written_is_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), super::hasty());
    let mut kept = Vec::new();
    for id in 1..=120 {
        if id % 20 == 1 {
            wait(store.meddle(limit_pages(i64::from(id as u32 % 7))).committed()).unwrap();
        }
        if id % 20 == 18 {
            wait(store.meddle(limit_pages(1_000)).committed()).unwrap();
        }
        let frame =
            format!("<message xmlns='jabber:client'><body>word{id} {}</body></message>", "x".repeat(2_000));
        let ticket = store.submit(Batch::new().with(awaited(id, &[1, 2], 2, &frame)));
        if wait(ticket.committed()).is_ok() {
            kept.push(id);
        }
    }
    assert!((20..115).contains(&kept.len()), "{} kept", kept.len());
    wait(store.meddle(limit_pages(10_000)).committed()).unwrap();
    let look = |store: &crate::Sqlite| {
        for query in [whole(1), whole(2), backlog(2)] {
            assert_eq!(ids(&wait(store.page(query)).unwrap()), kept);
        }
        let page = wait(store.page(whole(1))).unwrap();
        let bytes: usize = page.entries.iter().map(|(_, frame)| frame.len()).sum();
        assert_eq!(wait(store.extent()), Ok((bytes as u64, Some(LogId(kept[0])))));
    };
    look(&store);
    drop(store);
    let store = open(directory.path(), super::hasty());
    look(&store);
    super::texts_indexed(&store);
    for id in 1..=120 {
        let search = Search { page: whole(1), words: format!("word{id}") };
        let found = ids(&wait(store.search(search)).unwrap());
        assert_eq!(found, kept.iter().copied().filter(|kept| *kept == id).collect::<Vec<_>>());
    }
}

/// A change that SQLite does not take fails its group, and what comes next is not held up.
#[test]
fn a_change_that_cannot_be_made_fails_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Options::default());
    assert_eq!(wait(store.create_owner("resident", Batch::new())), Ok(Some(Owner(1))));
    let forbid = "CREATE TRIGGER poison BEFORE INSERT ON kv WHEN NEW.key = 'poison'
                  BEGIN SELECT raise(ABORT, 'poison'); END";
    wait(store.meddle(move |connection| connection.execute_batch(forbid).unwrap()).committed()).unwrap();
    let poison = || store.submit(Batch::new().put("t", Owner(1), "poison", Bytes::new()));
    assert!(wait(poison().committed()).is_err());

    // From now on each batch is a group of its own.
    let tickets: Vec<_> = (0..20)
        .map(|n| {
            let batch = Batch::new().put("t", Owner(1), n.to_string(), Bytes::new());
            (poison(), store.submit(batch))
        })
        .collect();
    for (poisoned, harmless) in tickets {
        assert!(wait(poisoned.committed()).is_err());
        assert_eq!(wait(harmless.committed()), Ok(()));
    }
    assert_eq!(wait(store.list("t", Owner(1))).unwrap().len(), 20);
}

#[test]
fn a_panic_in_a_transaction_costs_that_group_only() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), super::hasty());
    for id in 1..=10 {
        commit(&store, Batch::new().with(entry(id, &[1, 2], "x")));
    }
    let panicked = store.meddle(|_| panic!("a test's panic"));
    assert_eq!(wait(panicked.committed()), Err(StoreError::NotCommitted));
    // The connection was replaced, and the tail read again.
    for id in 11..=20 {
        commit(&store, Batch::new().with(entry(id, &[1, 2], "x")));
    }
    assert_eq!(ids(&wait(store.page(whole(2))).unwrap()), (1..=20).collect::<Vec<_>>());
}

/// While a transaction is under way, all that is submitted shares one ticket, in order.
#[test]
fn what_is_queued_meanwhile_is_one_group() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Options { group_bytes: 1_000, ..Options::default() });
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().unwrap();
    let (entered, wait_for_it) = std::sync::mpsc::channel();
    let held = {
        let gate = gate.clone();
        store.meddle(move |_| {
            entered.send(()).unwrap();
            drop(gate.lock().unwrap());
        })
    };
    wait_for_it.recv().unwrap();
    let first = store.submit(Batch::new().with(entry(1, &[1], "x")));
    let second = store.submit(Batch::new().with(entry(2, &[1], &"x".repeat(1_000))));
    let third = store.submit(Batch::new().with(entry(3, &[1], "x")));
    assert!(!held.same_group(&first));
    assert!(first.same_group(&second));
    assert!(!second.same_group(&third), "the group was full");
    assert_eq!(first.outcome(), Outcome::Pending);
    assert!(store.backlog() > 1_000);
    drop(closed);
    wait(third.committed()).unwrap();
    assert_eq!((held.outcome(), first.outcome()), (Outcome::Durable, Outcome::Durable));
    assert_eq!(store.backlog(), 0);
}

#[test]
fn removals_wait_for_company() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Options { leisure: Duration::from_secs(3600), ..Options::default() });
    commit(&store, Batch::new().with(awaited(1, &[], 1, "x")).with(awaited(2, &[], 1, "x")));
    let remove = |id| Batch::new().with(remove(1, &[id]));
    let first = store.submit(remove(1));
    let second = store.submit(remove(2));
    assert_eq!((first.outcome(), second.outcome()), (Outcome::Pending, Outcome::Pending));
    let urgent = store.submit(Batch::new().with(awaited(3, &[], 1, "x")));
    wait(urgent.committed()).unwrap();
    assert!(first.same_group(&urgent) && second.same_group(&urgent));
    // The next ones are not held up by what those waited for, and closing waits for nobody.
    let alone = store.submit(remove(3));
    store.close();
    assert_eq!(alone.outcome(), Outcome::Durable);
}

#[test]
fn removals_do_not_wait_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Options { leisure: Duration::from_millis(1), ..Options::default() });
    commit(&store, Batch::new().with(awaited(1, &[], 1, "x")));
    wait(store.submit(Batch::new().with(remove(1, &[1]))).committed()).unwrap();
    assert!(ids(&wait(store.page(backlog(1))).unwrap()).is_empty());
}

#[test]
fn closing_commits_what_is_queued() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Options::default());
    let tickets: Vec<_> = (1..=100).map(|id| store.submit(Batch::new().with(entry(id, &[1], "x")))).collect();
    store.close();
    store.close();
    assert!(tickets.iter().all(|ticket| ticket.outcome() == Outcome::Durable));
    assert_eq!(store.submit(Batch::new()).outcome(), Outcome::Failed);
    assert_eq!(wait(store.owner("a")), Err(StoreError::Closed));
    assert_eq!(wait(store.create_owner("a", Batch::new())), Err(StoreError::Closed));
    assert_eq!(wait(store.expire(LogId(9), 9)), Err(StoreError::Closed));
    // The directory is free, and the log was folded into the database.
    let again = open(directory.path(), Options::default());
    assert_eq!(ids(&wait(again.page(whole(1))).unwrap()).len(), 100);
}
