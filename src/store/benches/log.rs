//! The life of a logged message on SQLite, in CPU time: appended, paged, trimmed.
//!
//! `cargo bench -p store --bench log [-- MESSAGES [OWNERS [TAIL_ROWS]]]`. CPU is that of all threads, user and
//! system (so with the kernel's share of fsync), as the system counts it, in steps of 10 ms.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use kernel::ports::{Batch, LogEntry, LogId, LogQuery, Op, Order, Outcome, Owner, Store, Ticket};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;
use store::{Options, Sqlite};

const FRAME: usize = 450;
const GROUP: u64 = 100;

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let number = |place: usize, default| numbers.get(place).copied().unwrap_or(default);
    let messages = number(0, 200_000).next_multiple_of(GROUP);
    let owners = number(1, 50);
    let tail_rows = usize::try_from(number(2, Options::default().tail_rows as u64)).unwrap();
    let options = || Options { tail_rows, ..Options::default() };
    println!(
        "{messages} messages of {FRAME} bytes, {GROUP} a commit, {owners} owners, tail of {tail_rows} rows"
    );

    println!("one owner a message, all appended, then paged and trimmed owner by owner:");
    let directory = tempfile::tempdir().unwrap();
    let store = Sqlite::open(directory.path(), options()).unwrap();
    append(&store, messages, owners, false);
    page(&store, messages, owners);
    trim(&store, messages, owners);
    drop(store);

    println!("two owners a message, archived for good:");
    let directory = tempfile::tempdir().unwrap();
    let store = Sqlite::open(directory.path(), options()).unwrap();
    append(&store, messages, owners, true);
    page(&store, messages, owners);
    drop(store);
    let clock = Instant::now();
    drop(Sqlite::open(directory.path(), options()).unwrap());
    println!("  opened again in  {:6.2} ms", clock.elapsed().as_secs_f64() * 1e3);

    println!("one owner a message, trimmed right after (delivered while online):");
    let directory = tempfile::tempdir().unwrap();
    let store = Sqlite::open(directory.path(), options()).unwrap();
    live(&store, messages, owners);
}

fn owner(number: u64, owners: u64) -> Owner {
    // Spread, so that neighbours in time are not neighbours in the table.
    Owner(1 + (number.wrapping_mul(7_919) % owners) as i64)
}

fn entry(id: u64, owners: u64, two: bool) -> Op {
    let second = two.then(|| owner(id + 1, owners));
    let frame = Bytes::from(vec![b'a' + (id % 26) as u8; FRAME]);
    Op::Append(LogEntry { id: LogId(id), owners: [Some(owner(id, owners)), second], frame })
}

fn append(store: &Sqlite, messages: u64, owners: u64, two: bool) {
    measure("append", messages, || {
        for first in (1..=messages).step_by(GROUP as usize) {
            let group = (first..first + GROUP).map(|id| Batch::new().with(entry(id, owners, two)));
            durable(&group.map(|batch| store.submit(batch)).last().unwrap());
        }
    });
}

fn page(store: &Sqlite, messages: u64, owners: u64) {
    let mut seen = 0;
    measure("page of 50", messages, || {
        for owner in 1..=owners {
            let mut after = None;
            loop {
                let query = LogQuery {
                    owner: Owner(owner as i64),
                    after,
                    before: None,
                    order: Order::Ascending,
                    limit: 50,
                    max_bytes: 1 << 20,
                };
                let page = wait(store.page(query)).unwrap();
                seen += page.entries.len() as u64;
                after = page.entries.last().map(|(id, _)| *id);
                if page.complete {
                    break;
                }
            }
        }
    });
    assert!(seen >= messages);
}

/// Fifty at a time, as acknowledgements come; a hundred owners' worth of it a commit at most.
fn trim(store: &Sqlite, messages: u64, owners: u64) {
    measure("trim", messages, || {
        let step = 50 * owners;
        let mut tickets = Vec::new();
        for up_to in (step..=messages + step).step_by(step as usize) {
            for owner in 1..=owners {
                let trim = Op::Trim { owner: Owner(owner as i64), up_to: LogId(up_to) };
                tickets.push(store.submit(Batch::new().with(trim)));
                if tickets.len() >= 100 {
                    tickets.drain(..).for_each(|ticket| durable(&ticket));
                }
            }
        }
        tickets.drain(..).for_each(|ticket| durable(&ticket));
    });
}

fn live(store: &Sqlite, messages: u64, owners: u64) {
    measure("append and trim", messages, || {
        let mut delivered: Vec<(Owner, LogId)> = Vec::new();
        for first in (1..=messages).step_by(GROUP as usize) {
            let mut last = None;
            for (owner, up_to) in delivered.drain(..) {
                store.submit(Batch::new().with(Op::Trim { owner, up_to }));
            }
            for id in first..first + GROUP {
                last = Some(store.submit(Batch::new().with(entry(id, owners, false))));
                delivered.push((owner(id, owners), LogId(id)));
            }
            durable(&last.unwrap());
        }
    });
}

fn measure(what: &str, messages: u64, work: impl FnOnce()) {
    let (cpu, clock) = (cpu_micros(), Instant::now());
    work();
    let (cpu, clock) = (cpu_micros() - cpu, clock.elapsed());
    println!(
        "  {what:16} {:6.2} us CPU a message, {:8.0} messages/s",
        cpu as f64 / messages as f64,
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
