//! The life of a logged message on SQLite, in CPU time: archived, delivered, paged, searched, expired.
//!
//! `cargo bench -p store --bench log [-- MESSAGES [ACCOUNTS [TAIL_ROWS]]]`. The numbers that count for a large server
//! are those of `-- 10000000 100000`, which need 15 GB of disk and some ten minutes. CPU is that of all threads, user
//! and system (so with the kernel's share of fsync), as the system counts it, in steps of 10 ms.
//!
//! A sixteenth of the messages is one busy account's; a thousandth of those it exchanged with a rare contact.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use kernel::ports::{
    Archived, Batch, List, LogEntry, LogId, LogQuery, Op, Order, Outcome, Owner, Peer, Search, Store, Ticket,
};
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use store::{Options, Sqlite};

const FRAME: usize = 450;
const GROUP: u64 = 100;
const BUSY: u64 = 1;
const RARE: Peer = Peer(u64::MAX);
const READS: u64 = 2_000;

#[derive(Clone, Copy)]
struct Size {
    messages: u64,
    accounts: u64,
    tail_rows: usize,
}

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let number = |place: usize, default| numbers.get(place).copied().unwrap_or(default);
    let size = Size {
        messages: number(0, 200_000).next_multiple_of(GROUP),
        accounts: number(1, 1_000),
        // As the engine does it where that many accounts were made.
        tail_rows: usize::try_from(number(2, (8 * number(1, 1_000)).clamp(100_000, 1_000_000))).unwrap(),
    };
    let Size { messages, accounts, tail_rows } = size;
    println!(
        "{messages} messages of {FRAME} bytes, {GROUP} a commit, {accounts} accounts, tail of {tail_rows} rows"
    );

    // What it costs to make the messages up is not the store's.
    let (cpu, made) = (cpu_micros(), messages.min(200_000));
    let bytes: usize = (0..made).map(|id| entry(id, accounts).frame.len()).sum();
    assert!(bytes > 0);
    let making = (cpu_micros() - cpu) as f64 / made as f64;
    println!("making a message up: {making:.2} us, which is not counted");

    if messages <= 1_000_000 {
        println!("in two archives:");
        archived(size, making, false);
    }
    println!("in two archives, texts indexed:");
    archived(size, making, true);
    let size = Size { messages: messages.min(1_000_000), ..size };
    println!("waiting, removed right after (delivered while online), {} messages:", size.messages);
    live(size, making, false);
    println!("in two archives and waiting, removed right after, {} messages:", size.messages);
    live(size, making, true);
}

fn open(directory: &Path, size: Size, texts: bool) -> Sqlite {
    let text = texts.then_some(kernel::ports::text as store::Text);
    Sqlite::open(directory, Options { tail_rows: size.tail_rows, text, ..Options::default() }).unwrap()
}

fn archived(size: Size, making: f64, texts: bool) {
    let Size { messages, accounts, .. } = size;
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path(), size, texts);
    let mut commits = Vec::new();
    measure("append", messages, making, || {
        for first in (1..=messages).step_by(GROUP as usize) {
            let clock = Instant::now();
            let group = (first..first + GROUP).map(|id| Batch::new().with(Op::Append(entry(id, accounts))));
            durable(&group.map(|batch| store.submit(batch)).last().unwrap());
            commits.push(clock.elapsed());
        }
        // What is settled and indexed later counts, too.
        store.close();
    });
    spread("commits", commits);
    let database = directory.path().join(store::DATABASE).metadata().unwrap().len();
    println!("  {:16} {:8.0} bytes a message", "on disk", database as f64 / messages as f64);

    let clock = Instant::now();
    store = open(directory.path(), size, texts);
    println!("  {:16} {:8.2} ms", "opened again", clock.elapsed().as_secs_f64() * 1e3);

    let last = |owner: u64| LogQuery {
        owner: Owner(owner as i64),
        list: List::Archive,
        peer: None,
        after: None,
        before: None,
        order: Order::Descending,
        limit: 50,
        max_bytes: 1 << 20,
    };
    let some = |n: u64| 2 + mix(n) % (accounts - 1);
    reads("last page", |n| wait(store.page(last(some(n)))).unwrap().entries.len());
    reads("again", |n| wait(store.page(last(some(n)))).unwrap().entries.len());
    reads("busy's page", |n| {
        let before = Some(LogId(1 + mix(n) % messages));
        wait(store.page(LogQuery { before, ..last(BUSY) })).unwrap().entries.len()
    });
    reads("busy's rare", |_| {
        wait(store.page(LogQuery { peer: Some(RARE), ..last(BUSY) })).unwrap().entries.len()
    });
    reads("contact's page", |n| {
        let owner = some(n);
        wait(store.page(LogQuery { peer: Some(Peer(owner + 1)), ..last(owner) })).unwrap().entries.len()
    });
    if texts {
        let search = |owner, words: String| {
            wait(store.search(Search { page: last(owner), words })).unwrap().entries.len()
        };
        reads("search common", |n| search(some(n), word(n % 4)));
        reads("search two", |n| search(some(n), format!("{} {}", word(n % 50), word(1 + n % 300))));
        reads("search rare", |n| search(some(n), word(5_000 + n)));
        reads("busy's common", |n| search(BUSY, word(n % 4)));
        reads("busy's rare two", |n| search(BUSY, format!("{} {}", word(n % 4), word(5_000 + n))));
    }
    let old = (messages / 10).min(50_000);
    let mut steps = Vec::new();
    measure("expire", old, 0.0, || {
        for _ in 0..old.div_ceil(250) {
            let clock = Instant::now();
            wait(store.expire(LogId(old + 1), 250)).unwrap();
            steps.push(clock.elapsed());
        }
    });
    spread("steps of 250", steps);
    println!("  {:16} {:?}", "extent", wait(store.extent()).unwrap());
}

fn live(size: Size, making: f64, archived: bool) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), size, false);
    measure("append, remove", size.messages, making, || {
        let mut delivered: Vec<(Owner, LogId)> = Vec::new();
        for first in (1..=size.messages).step_by(GROUP as usize) {
            let mut last = None;
            for (owner, id) in delivered.drain(..) {
                store.submit(Batch::new().with(Op::Remove { owner, ids: vec![id] }));
            }
            for id in first..first + GROUP {
                let mut entry = entry(id, size.accounts);
                let owner = entry.archives[1].unwrap().owner;
                entry.waiting = Some(owner);
                if !archived {
                    entry.archives = [None, None];
                }
                last = Some(store.submit(Batch::new().with(Op::Append(entry))));
                delivered.push((owner, LogId(id)));
            }
            durable(&last.unwrap());
        }
        store.close();
    });
}

/// Spreads numbers, so that neighbours in time are not neighbours in a table.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^= mixed >> 32;
    mixed.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 16
}

fn entry(id: u64, accounts: u64) -> LogEntry {
    let busy = id.is_multiple_of(16);
    let a = if busy { BUSY } else { 2 + mix(id) % (accounts - 1) };
    // One of ten contacts.
    let b = 1 + (a + mix(id + 1) % 10) % accounts;
    let peer = if busy && id.is_multiple_of(16_000) { RARE } else { Peer(b) };
    let archives = [
        Some(Archived { owner: Owner(a as i64), peer }),
        Some(Archived { owner: Owner(b as i64), peer: Peer(a) }),
    ];
    LogEntry { id: LogId(id), archives, waiting: None, frame: frame(id, a, b) }
}

/// Some ten words, the first ones more often than the last of 20,000; the rest of a frame is attributes.
fn frame(id: u64, a: u64, b: u64) -> Bytes {
    let mut frame = format!(
        "<message from='account-{a}@example.org/client' to='account-{b}@example.org' type='chat' id='{:x}'><body>",
        mix(id)
    );
    for place in 0..5 + mix(id + 2) % 10 {
        let chance = (mix(id * 16 + place) % 100_000) as f64 / 100_000.0;
        frame.push_str(&word((20_000.0 * chance.powi(4)) as u64));
        frame.push(' ');
    }
    frame.push_str("</body><x xmlns='urn:example:padding'>");
    let end = "</x></message>";
    frame.extend(std::iter::repeat_n('x', FRAME.saturating_sub(frame.len() + end.len())));
    frame.push_str(end);
    Bytes::from(frame)
}

fn word(number: u64) -> String {
    let letters = mix(number + 7_000);
    (0..2 + u64::from(number.max(1).ilog2()) / 2)
        .map(|place| (b'a' + (letters >> (place * 5) & 31) as u8 % 26) as char)
        .collect()
}

fn reads(what: &str, mut read: impl FnMut(u64) -> usize) {
    let (mut times, mut found) = (Vec::new(), 0);
    let cpu = cpu_micros();
    for n in 0..READS {
        let clock = Instant::now();
        found += read(n);
        times.push(clock.elapsed());
    }
    let cpu = (cpu_micros() - cpu) as f64 / READS as f64;
    spread(&format!("{what} ({:.1})", found as f64 / READS as f64), times);
    println!("  {:24} {cpu:8.1} us CPU each", "");
}

/// Median, 99th percentile and maximum.
fn spread(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!("  {what:24} median {:7.3} ms, p99 {:7.3} ms, longest {:7.3} ms", at(0.5), at(0.99), at(1.0));
}

fn measure(what: &str, messages: u64, making: f64, work: impl FnOnce()) {
    let (cpu, clock) = (cpu_micros(), Instant::now());
    work();
    let (cpu, clock) = (cpu_micros() - cpu, clock.elapsed());
    println!(
        "  {what:16} {:6.2} us CPU a message, {:8.0} messages/s",
        cpu as f64 / messages as f64 - making,
        messages as f64 / clock.as_secs_f64()
    );
}

/// User and system time of the process so far: fields 14 and 15 of its `stat`, in ticks of 10 ms.
fn cpu_micros() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap() * 10_000).sum()
}

fn durable(ticket: &Ticket) {
    assert_eq!(wait(ticket.committed()), Ok(()));
    assert_eq!(ticket.outcome(), Outcome::Durable);
}

fn wait<T>(future: impl Future<Output = T>) -> T {
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
