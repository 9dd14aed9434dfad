//! Pages of the log.

use super::*;

pub(super) fn an_entry_is_on_each_owners_list(store: &dyn Store) {
    commit(store, Batch::new().with(entry(1, &[1, 2], "both")).with(entry(2, &[2], "bob")));
    let page = wait(store.page(whole(1))).unwrap();
    assert_eq!(page, LogPage { entries: vec![(LogId(1), value("both"))], complete: true });
    assert_eq!(list(store, 2), [1, 2]);
    assert_eq!(list(store, 3), [0; 0]);
}

pub(super) fn an_id_is_appended_once(store: &dyn Store) {
    commit(store, Batch::new().with(entry(1, &[1], "first")));
    commit(store, Batch::new().with(entry(1, &[2], "second")).with(entry(2, &[1], "x")));
    assert_eq!(wait(store.page(whole(1))).unwrap().entries[0].1, value("first"));
    assert_eq!(list(store, 1), [1, 2]);
    assert_eq!(list(store, 2), [0; 0]);
}

pub(super) fn entries_may_come_out_of_order(store: &dyn Store) {
    for id in [5, 3, 9, 1, 7, 2, 8] {
        commit(store, Batch::new().with(entry(id, &[1, 2], "x")));
    }
    commit(store, Batch::new().with(entry(6, &[1], "x")).with(entry(4, &[1], "x")));
    assert_eq!(list(store, 1), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(list(store, 2), [1, 2, 3, 5, 7, 8, 9]);
}

pub(super) fn a_page_is_cut_by_bounds_limit_and_bytes(store: &dyn Store) {
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

pub(super) fn a_page_runs_backwards(store: &dyn Store) {
    ten(store);
    let back = LogQuery { order: Order::Descending, ..whole(2) };
    let page = |query| ids(&wait(store.page(query)).unwrap());
    assert_eq!(page(LogQuery { limit: 3, ..back }), [100, 90, 80]);
    assert_eq!(page(LogQuery { limit: 3, before: Some(LogId(80)), ..back }), [70, 60, 50]);
    assert_eq!(page(LogQuery { after: Some(LogId(70)), before: Some(LogId(100)), ..back }), [90, 80]);
    assert_eq!(page(LogQuery { max_bytes: 10, ..back }), [100, 90]);
}

pub(super) fn a_page_knows_whether_it_is_complete(store: &dyn Store) {
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

pub(super) fn a_page_of_an_archive_can_be_of_one_address(store: &dyn Store) {
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

pub(super) fn a_message_to_oneself_is_listed_once(store: &dyn Store) {
    commit(store, Batch::new().with(awaited(1, &[1, 1], 1, "note")));
    assert_eq!((list(store, 1), waiting(store, 1)), (vec![1], vec![1]));
    assert_eq!(wait(store.expire(LogId(2), 9)), Ok(1));
    assert_eq!((list(store, 1), waiting(store, 1)), (vec![], vec![1]));
}

pub(super) fn an_entry_without_owner_is_not_kept(store: &dyn Store) {
    commit(store, Batch::new().with(entry(1, &[], "nobody's")).with(entry(1, &[1], "alice's")));
    assert_eq!(wait(store.page(whole(1))).unwrap().entries, [(LogId(1), value("alice's"))]);
    let place = Archived { owner: ALICE, peer: peer(2) };
    let second = LogEntry { archives: [None, Some(place)], ..archived(2, &[], "second place") };
    commit(store, Batch::new().with(Op::Append(second)));
    assert_eq!(list(store, 1), [1, 2]);
    assert_eq!(wait(store.expire(LogId(9), 9)), Ok(2));
}

/// More than the engines take at a time.
pub(super) fn many_entries_are_paged_in_order(store: &dyn Store) {
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

pub(super) fn bounds_beyond_all_ids_are_no_trouble(store: &dyn Store) {
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

pub(super) fn entries_are_found_by_their_ids(store: &dyn Store) {
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

pub(super) fn the_newest_id_is_known(store: &dyn Store) {
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
