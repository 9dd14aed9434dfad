//! Names, tables, swaps, the journal.

use super::*;

fn journal(store: &dyn Store) -> Vec<Bytes> {
    wait(store.journal()).unwrap()
}

fn note(text: &'static str) -> Op {
    Op::Note(value(text))
}

pub(super) fn a_value_is_put_replaced_and_deleted(store: &dyn Store) {
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

pub(super) fn values_are_apart_by_table_owner_and_key(store: &dyn Store) {
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

pub(super) fn a_list_is_in_key_order(store: &dyn Store) {
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

pub(super) fn open_takes_the_tables_asked_for(store: &dyn Store) {
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

pub(super) fn a_value_is_looked_up_by_its_owners_name(store: &dyn Store) {
    let owner = wait(store.create_owner("alice", Batch::new().put("t", Owner(-1), "k", value("a"))))
        .unwrap()
        .unwrap();
    commit(store, Batch::new().put("t", BOB, "k", value("b")).put("t", owner, "l", value("c")));
    assert_eq!(wait(store.look_up("alice", "t", "k")), Ok(Some(value("a"))));
    assert_eq!(wait(store.look_up("alice", "t", "none")), Ok(None));
    assert_eq!(wait(store.look_up("alice", "u", "k")), Ok(None));
    assert_eq!(wait(store.look_up("nobody", "t", "k")), Ok(None));
}

pub(super) fn a_batch_takes_effect_in_its_order(store: &dyn Store) {
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

pub(super) fn a_swap_puts_only_what_was_expected(store: &dyn Store) {
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

pub(super) fn swaps_and_batches_keep_their_order(store: &dyn Store) {
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

pub(super) fn an_owner_is_made_once_with_its_rows(store: &dyn Store) {
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

pub(super) fn owners_are_listed_by_name(store: &dyn Store) {
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

pub(super) fn an_erased_owner_leaves_nothing(store: &dyn Store) {
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

pub(super) fn what_is_put_for_nobody_is_not_kept(store: &dyn Store) {
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

pub(super) fn an_owners_number_is_never_given_out_again(store: &dyn Store) {
    let owner = wait(store.create_owner("alice", Batch::new())).unwrap().unwrap();
    commit(store, Batch::new().with(Op::Erase { owner }));
    let again = wait(store.create_owner("alice", Batch::new())).unwrap().unwrap();
    assert!(again > owner);
}

pub(super) fn nonsense_is_refused_alone(store: &dyn Store) {
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

pub(super) fn the_backlog_is_empty_when_all_is_durable(store: &dyn Store) {
    commit(store, Batch::new().with(entry(1, &[1], "x")));
    wait(store.create_owner("a", Batch::new())).unwrap();
    assert_eq!(store.backlog(), 0);
}

pub(super) fn notes_stand_in_order_in_the_journal(store: &dyn Store) {
    assert!(journal(store).is_empty());
    commit(store, Batch::new().with(note("a")).put("t", Owner::SERVER, "k", value("v")).with(note("")));
    store.submit(Batch::new().with(note("b")));
    commit(store, Batch::new().with(note("c")));
    assert_eq!(journal(store), ["a", "", "b", "c"]);
}

pub(super) fn a_checkpoint_replaces_what_was_noted_before_it(store: &dyn Store) {
    commit(store, Batch::new().with(note("a")));
    store.submit(Batch::new().with(note("b")));
    store.submit(Batch::new().with(note("c")).with(Op::Checkpoint(value("a b c"))).with(note("d")));
    commit(store, Batch::new().with(note("e")));
    assert_eq!(journal(store), ["a b c", "d", "e"]);
    commit(store, Batch::new().with(Op::Checkpoint(value("all"))));
    assert_eq!(journal(store), ["all"]);
}
