//! Archives and what waits: what comes onto a list, what goes, what expires.

use super::*;

pub(super) fn what_waits_is_a_list_of_its_own(store: &dyn Store) {
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

pub(super) fn what_is_archived_can_wait_later(store: &dyn Store) {
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

pub(super) fn removing_takes_single_entries_off_the_waiting_list(store: &dyn Store) {
    for id in 1..=10 {
        commit(store, Batch::new().with(awaited(10 * id, &[1, 2], 2, "0123456789")));
    }
    commit(store, Batch::new().with(remove(2, &[100, 20, 25, u64::MAX])));
    assert_eq!(waiting(store, 2), [10, 30, 40, 50, 60, 70, 80, 90]);
    assert_eq!((list(store, 1).len(), list(store, 2).len()), (10, 10));
}

pub(super) fn a_frame_stays_as_long_as_it_is_on_a_list(store: &dyn Store) {
    commit(store, Batch::new().with(awaited(1, &[1, 2], 2, "first")).with(awaited(2, &[], 2, "second")));
    commit(store, Batch::new().with(remove(2, &[1, 2])));
    assert_eq!((waiting(store, 2), list(store, 2)), (vec![], vec![1]));
    assert_eq!(wait(store.entries(BOB, vec![LogId(1), LogId(2)])).unwrap(), [(LogId(1), value("first"))]);
    commit(store, Batch::new().with(entry(2, &[1], "may come again")));
    assert_eq!(list(store, 1), [1, 2]);
}

pub(super) fn an_entry_taken_off_all_lists_may_come_again(store: &dyn Store) {
    commit(store, Batch::new().with(awaited(1, &[2], 1, "first")));
    commit(store, Batch::new().with(remove(1, &[1])));
    commit(store, Batch::new().with(entry(1, &[1], "ignored, bob still has it")));
    assert_eq!(list(store, 1), [0; 0]);
    let again = Batch::new().with(Op::Erase { owner: BOB }).with(entry(1, &[1], "second"));
    commit(store, again);
    assert_eq!(wait(store.page(whole(1))).unwrap().entries, [(LogId(1), value("second"))]);
    assert_eq!(list(store, 2), [0; 0]);
}

pub(super) fn removing_what_is_not_there_changes_nothing(store: &dyn Store) {
    commit(store, Batch::new().with(awaited(1, &[1], 1, "x")));
    commit(store, Batch::new().with(remove(2, &[1, 2])).with(Op::Erase { owner: BOB }));
    assert_eq!((list(store, 1), waiting(store, 1)), (vec![1], vec![1]));
}

/// The recipient did not get it, nor did another client of the sender.
pub(super) fn both_may_wait_for_one_frame(store: &dyn Store) {
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

pub(super) fn expiry_takes_the_oldest_out_of_all_archives(store: &dyn Store) {
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

pub(super) fn what_waits_does_not_expire(store: &dyn Store) {
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

pub(super) fn what_comes_late_expires_too(store: &dyn Store) {
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
pub(super) fn the_extent_is_that_of_all_archives(store: &dyn Store) {
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
