//! `kill -9` in the middle of writing: what was said to be durable is there.

use super::{hasty, open, texts_indexed};
use crate::contract::{awaited, backlog, ids, peer, put_off, remove, wait, whole};
use kernel::ports::{Batch, LogId, LogQuery, Search, Store};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const DIRECTORY: &str = "STENTOR_TEST_STORE";

/// Not a test: the process that is killed. Prints each id once it is durable.
#[test]
#[ignore = "run by the test below"]
fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let store = open(Path::new(&directory), hasty());
    let start = wait(store.newest()).unwrap().map_or(1, |newest| newest.0 / 2);
    // The last pair may be half there: it is sent again, as a client would.
    for id in start.max(1).. {
        // Several in flight, so that groups hold more than one.
        let frame = format!("<message xmlns='jabber:client'><body>word{id}</body></message>");
        let mut first = Batch::new().with(awaited(2 * id, &[1, 2], 2, &frame));
        if id % 3 == 0 {
            first = first.with(put_off(1, &[2 * id]));
        }
        let first = store.submit(first);
        let taken = remove(2, &[2 * id]);
        let second = store.submit(Batch::new().with(awaited(2 * id + 1, &[], 2, "another")).with(taken));
        wait(second.committed()).unwrap();
        wait(first.committed()).unwrap();
        if id % 10 == 0 {
            wait(store.expire(LogId(id), 15)).unwrap();
        }
        println!("durable {id}");
    }
}

#[test]
fn what_was_durable_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut durable = 0;
    for round in 1..=4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite::tests::crash::child", "--ignored", "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut said = |line: String| line.split_once("durable ").map(|(_, id)| id.parse().unwrap());
        durable = lines.by_ref().filter_map(&mut said).nth(20 * round).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had said before the signal came.
        durable = lines.filter_map(&mut said).last().unwrap_or(durable);

        let store = open(directory.path(), hasty());
        let kept: Vec<u64> = ids(&wait(store.page(whole(1))).unwrap());
        let (oldest, last) = (kept[0] / 2, kept[kept.len() - 1] / 2);
        assert_eq!(kept, (oldest..=last).map(|id| 2 * id).collect::<Vec<_>>());
        assert!(last >= durable && oldest > durable / 4, "{oldest} to {last} kept, {durable} durable");
        let put_off: Vec<u64> = (1..=last).filter(|id| id % 3 == 0).map(|id| 2 * id).collect();
        assert_eq!(ids(&wait(store.page(backlog(1))).unwrap()), put_off);
        // The second of a pair takes the first off list 2, in the step that adds itself. Only of the last pair may
        // the first be there without the second.
        let mut pairs: Vec<u64> = (1..=last).map(|id| 2 * id + 1).collect();
        let other = ids(&wait(store.page(backlog(2))).unwrap());
        if other.last().is_some_and(|id| id % 2 == 0) {
            *pairs.last_mut().unwrap() -= 1;
        }
        assert_eq!(other, pairs);
        let with = LogQuery { peer: Some(peer(1)), ..whole(2) };
        assert_eq!(ids(&wait(store.page(with)).unwrap()), kept);
        let bytes: usize =
            wait(store.page(whole(2))).unwrap().entries.iter().map(|(_, frame)| frame.len()).sum();
        assert_eq!(wait(store.extent()), Ok((bytes as u64, Some(LogId(2 * oldest)))));
        texts_indexed(&store);
        for id in oldest..=last {
            let search = Search { page: whole(2), words: format!("word{id}") };
            assert_eq!(ids(&wait(store.search(search)).unwrap()), [2 * id]);
        }
    }
    assert!(durable > 0);
}
