//! Random operations on a store that settles all the time, reopens and loses its connection, against the memory
//! engine.

use super::{ask, hasty, open};
use crate::Memory;
use crate::contract::{commit, entry, wait};
use bytes::Bytes;
use kernel::ports::{Batch, LogId, LogQuery, Op, Order, Owner, Store};
use proptest::collection::vec;
use proptest::prelude::*;

const OWNERS: std::ops::Range<i64> = 1..5;
const IDS: std::ops::Range<u64> = 0..60;

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Op>),
    Reopen,
    /// Everything that is not on disk is forgotten, as in a crash.
    Copy,
    Page(LogQuery),
    Tally(i64, Option<u64>),
}

fn owner() -> impl Strategy<Value = i64> {
    OWNERS
}

fn op() -> impl Strategy<Value = Op> {
    let append = |id| {
        vec(owner(), 0..3).prop_map(move |owners| entry(id, &owners, &"x".repeat((id % 7 + 1) as usize)))
    };
    prop_oneof![
        10 => IDS.prop_flat_map(append),
        2 => (owner(), IDS).prop_map(|(owner, id)| Op::Trim { owner: Owner(owner), up_to: LogId(id) }),
        3 => (owner(), vec(IDS.prop_map(LogId), 0..5))
            .prop_map(|(owner, ids)| Op::Remove { owner: Owner(owner), ids }),
        1 => owner().prop_map(|owner| Op::Erase { owner: Owner(owner) }),
        1 => (owner(), "[ab]").prop_map(|(owner, key)| Op::Put {
            collection: "t",
            owner: Owner(owner),
            key,
            value: Bytes::from_static(b"v")
        }),
        1 => (owner(), "[ab]")
            .prop_map(|(owner, key)| Op::Delete { collection: "t", owner: Owner(owner), key }),
    ]
}

fn query() -> impl Strategy<Value = LogQuery> {
    let bound = || prop::option::of(IDS.prop_map(LogId));
    (owner(), bound(), bound(), any::<bool>(), 0..8_usize, 0..30_usize).prop_map(
        |(owner, after, before, ascending, limit, max_bytes)| LogQuery {
            owner: Owner(owner),
            after,
            before,
            order: if ascending { Order::Ascending } else { Order::Descending },
            limit,
            max_bytes,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => vec(op(), 0..6).prop_map(Step::Commit),
        1 => Just(Step::Reopen),
        1 => Just(Step::Copy),
        6 => query().prop_map(Step::Page),
        2 => (owner(), prop::option::of(IDS)).prop_map(|(owner, after)| Step::Tally(owner, after)),
    ]
}

fn check(steps: Vec<Step>) {
    let model = Memory::new();
    let mut directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path(), hasty());
    for owner in OWNERS {
        let made = |store: &dyn Store| wait(store.create_owner(&format!("owner {owner}"), Batch::new()));
        assert_eq!((made(&model), made(&store)), (Ok(Some(Owner(owner))), Ok(Some(Owner(owner)))));
    }
    for step in steps {
        match step {
            Step::Commit(ops) => {
                commit(&model, Batch { ops: ops.clone() });
                commit(&store, Batch { ops });
            }
            Step::Reopen => {
                drop(store);
                store = open(directory.path(), hasty());
            }
            Step::Copy => {
                let other = tempfile::tempdir().unwrap();
                // Inside a transaction nothing moves, and idle settling waits.
                let (from, to) = (directory.path().to_owned(), other.path().to_owned());
                let copied = store.meddle(move |_| {
                    for file in ["stentor.db", "stentor.db-wal", "stentor.id"] {
                        std::fs::copy(from.join(file), to.join(file)).unwrap();
                    }
                });
                wait(copied.committed()).unwrap();
                drop(store);
                (store, directory) = (open(other.path(), hasty()), other);
            }
            Step::Page(query) => {
                assert_eq!(wait(store.page(query)), wait(model.page(query)), "{query:?}");
            }
            Step::Tally(owner, after) => {
                let tally = |store: &dyn Store| wait(store.tally(Owner(owner), after.map(LogId)));
                assert_eq!(tally(&store), tally(&model));
            }
        }
    }
    let mut listed = 0;
    for owner in OWNERS.map(Owner) {
        let query = LogQuery { owner, ..crate::contract::whole(0) };
        let page = wait(store.page(query)).unwrap();
        assert_eq!(Ok(&page), wait(model.page(query)).as_ref());
        assert_eq!(wait(store.list("t", owner)), wait(model.list("t", owner)));
        listed += page.entries.len() as i64;
    }
    drop(store);
    // Nothing is left behind: each owner on a frame is an entry, each settled row has its frame.
    let places = "SELECT count(owner_a) + count(owner_b) FROM frame";
    assert_eq!(ask(directory.path(), places), [listed]);
    let unowned = "SELECT owner FROM kv WHERE owner NOT IN (SELECT id FROM owner)";
    assert_eq!(ask(directory.path(), unowned), [0; 0]);
    let orphans = "SELECT entry.id FROM entry LEFT JOIN frame ON frame.id = entry.id
                   WHERE owner NOT IN (ifnull(owner_a, -1), ifnull(owner_b, -1)) OR frame.id IS NULL";
    assert_eq!(ask(directory.path(), orphans), [0; 0]);
    let ownerless = "SELECT count(*) FROM frame WHERE owner_a IS NULL AND owner_b IS NULL";
    assert_eq!(ask(directory.path(), ownerless), [0]);
}

proptest! {
    // Its file of regressions would lie in src/, where every folder is taken for a package.
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_notices_the_tail(steps in vec(step(), 1..80)) {
        check(steps);
    }
}
