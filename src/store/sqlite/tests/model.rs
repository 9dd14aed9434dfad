//! Random operations on a store that settles all the time, reopens and loses its connection, against the memory
//! engine.

use super::{ask, hasty, open, texts_indexed};
use crate::Memory;
use crate::contract::{archived, backlog, commit, peer, wait, whole};
use bytes::Bytes;
use kernel::ports::{Batch, List, LogEntry, LogId, LogQuery, Op, Order, Owner, Search, Store};
use proptest::collection::vec;
use proptest::prelude::*;

const OWNERS: std::ops::Range<i64> = 1..5;
const IDS: std::ops::Range<u64> = 0..60;

const WORDS: [&str; 3] = ["alpha", "beta", "gamma"];

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Op>),
    Reopen,
    /// Everything that is not on disk is forgotten, as in a crash.
    Copy,
    Expire(u64, usize),
    Page(LogQuery),
    Search(Search),
    Entries(i64, Vec<LogId>),
    Sums(i64),
}

fn owner() -> impl Strategy<Value = i64> {
    OWNERS
}

fn ids() -> impl Strategy<Value = Vec<LogId>> {
    vec(IDS.prop_map(LogId), 0..5)
}

fn append() -> impl Strategy<Value = Op> {
    (IDS, vec(owner(), 0..3), prop::option::of((owner(), 0..2_usize))).prop_map(|(id, owners, waiting)| {
        let words = (1..=id as usize % 4).map(|n| WORDS[(n + id as usize) % 3]).collect::<Vec<_>>().join(" ");
        let frame = format!("<message xmlns='jabber:client'><body>{words}</body></message>");
        // Nobody but those two can wait for what is in two archives.
        let waiting =
            waiting.map(|(other, place)| Owner(if owners.len() < 2 { other } else { owners[place] }));
        Op::Append(LogEntry { waiting, ..archived(id, &owners, &frame) })
    })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => append(),
        3 => (owner(), ids()).prop_map(|(owner, ids)| Op::Wait { owner: Owner(owner), ids }),
        3 => (owner(), ids()).prop_map(|(owner, ids)| Op::Remove { owner: Owner(owner), ids }),
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
    let (list, with) = (prop::sample::select(vec![List::Archive, List::Waiting]), prop::option::of(owner()));
    (owner(), list, with, bound(), bound(), any::<bool>(), 0..8_usize, 0..300_usize).prop_map(
        |(owner, list, with, after, before, ascending, limit, max_bytes)| LogQuery {
            owner: Owner(owner),
            list,
            peer: with.map(peer),
            after,
            before,
            order: if ascending { Order::Ascending } else { Order::Descending },
            limit,
            max_bytes,
        },
    )
}

fn search() -> impl Strategy<Value = Search> {
    let words = vec(prop::sample::select(WORDS.to_vec()), 0..3).prop_map(|words| words.join(" "));
    (query(), words)
        .prop_map(|(page, words)| Search { page: LogQuery { list: List::Archive, ..page }, words })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => vec(op(), 0..6).prop_map(Step::Commit),
        1 => Just(Step::Reopen),
        1 => Just(Step::Copy),
        1 => (IDS, 0..9_usize).prop_map(|(below, limit)| Step::Expire(below, limit)),
        6 => query().prop_map(Step::Page),
        2 => search().prop_map(Step::Search),
        2 => (owner(), ids()).prop_map(|(owner, ids)| Step::Entries(owner, ids)),
        2 => owner().prop_map(Step::Sums),
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
            Step::Expire(below, limit) => {
                assert_eq!(wait(store.expire(LogId(below), limit)), wait(model.expire(LogId(below), limit)));
            }
            Step::Search(search) => {
                texts_indexed(&store);
                let found = |store: &dyn Store| wait(store.search(search.clone()));
                assert_eq!(found(&store), found(&model), "{search:?}");
            }
            Step::Entries(owner, ids) => {
                let entries = |store: &dyn Store| wait(store.entries(Owner(owner), ids.clone()));
                assert_eq!(entries(&store), entries(&model));
            }
            Step::Sums(owner) => {
                let sums = |store: &dyn Store| {
                    let opened = wait(store.open(&format!("owner {owner}"), &["t"]));
                    (opened, wait(store.extent()), wait(store.newest()))
                };
                assert_eq!(sums(&store), sums(&model));
            }
        }
    }
    texts_indexed(&store);
    let (mut archived, mut waiting, mut texts) = (0, 0, std::collections::BTreeSet::new());
    for owner in OWNERS {
        let page = wait(store.page(whole(owner))).unwrap();
        let backlog = wait(store.page(backlog(owner))).unwrap();
        assert_eq!(Ok(&page), wait(model.page(whole(owner))).as_ref());
        assert_eq!(Ok(&backlog), wait(model.page(crate::contract::backlog(owner))).as_ref());
        assert_eq!(wait(store.list("t", Owner(owner))), wait(model.list("t", Owner(owner))));
        archived += page.entries.len() as i64;
        waiting += backlog.entries.len() as i64;
        texts.extend(page.entries.iter().filter(|(id, _)| id.0 % 4 > 0).map(|(id, _)| id.0 as i64));
    }
    drop(store);
    let ask = |sql| ask(directory.path(), sql);
    // Nothing is left behind: each place of a frame is an entry, each settled row has its frame, and each text its.
    assert_eq!(ask("SELECT count(owner_a) + count(owner_b) FROM frame"), [archived]);
    assert_eq!(ask("SELECT count(wait_a) + count(wait_b) FROM frame"), [waiting]);
    assert_eq!(ask("SELECT owner FROM kv WHERE owner NOT IN (SELECT id FROM owner)"), [0; 0]);
    let orphans = "SELECT entry.id FROM entry LEFT JOIN frame ON frame.id = entry.id WHERE frame.id IS NULL
                   OR (list % 2 = 0 AND list / 2 NOT IN (ifnull(owner_a, -1), ifnull(owner_b, -1)))
                   OR (list % 2 = 1 AND list / 2 NOT IN (ifnull(wait_a, -1), ifnull(wait_b, -1)))
                   OR peer IS NOT iif(list % 2 = 1, NULL, iif(list / 2 = owner_a, peer_a, peer_b))";
    assert_eq!(ask(orphans), [0; 0]);
    let disordered = "SELECT id FROM frame WHERE (owner_a IS NULL AND wait_a IS NULL)
                      OR (owner_a IS NULL AND owner_b IS NOT NULL) OR (wait_a IS NULL AND wait_b IS NOT NULL)
                      OR owner_a = owner_b OR wait_a = wait_b";
    assert_eq!(ask(disordered), [0; 0]);
    assert_eq!(ask("SELECT rowid FROM search ORDER BY rowid"), texts.into_iter().collect::<Vec<_>>());
    assert_eq!(ask("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), [0]);
}

proptest! {
    // Its file of regressions would lie in src/, where every folder is taken for a package.
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_notices_the_tail(steps in vec(step(), 1..80)) {
        check(steps);
    }
}
