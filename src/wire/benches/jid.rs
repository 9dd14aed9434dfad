//! How long it takes to parse an address on the stanza path: `cargo bench -p wire --bench jid`.

#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::hint::black_box;
use std::time::Instant;
use wire::jid::{Jid, JidView};

fn main() {
    let cases = [
        ("prepared, 40 bytes", "juliet.capulet@chat.example.com/a1b2c3d4"),
        ("prepared, bare", "juliet.capulet@chat.example.com"),
        ("domain only", "chat.example.com"),
        ("capitals (slow path)", "Juliet.Capulet@chat.example.com/a1b2c3d4"),
        ("emoji resource (slow path)", "juliet.capulet@chat.example.com/🦀🦀"),
        ("Arabic localpart (slow path)", "ليلى@chat.example.com/a1b2c3d4"),
    ];
    for (name, text) in cases {
        let view = nanoseconds(|| drop(black_box(JidView::parse(black_box(text)))));
        let owned = nanoseconds(|| drop(black_box(Jid::parse(black_box(text)))));
        println!("{name:30} {:3} bytes   view {view:7.1} ns   owned {owned:7.1} ns", text.len());
    }
}

/// The best of several rounds: the machine is shared, and only disturbance makes a round slower.
fn nanoseconds(mut work: impl FnMut()) -> f64 {
    const CALLS: u32 = 20_000;
    let round = |_| {
        let start = Instant::now();
        for _ in 0..CALLS {
            work();
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    };
    (0..30).map(round).fold(f64::INFINITY, f64::min)
}
