//! Seeded random histories of accounts and devices, with crashes at any moment: what was acknowledged arrives once, in
//! order, and is archived once; every session that should resume does; every request is answered.
//!
//! The store holds every commit back until the history says that the disk has done it; a crash loses the rest. A seed
//! replays exactly:
//!
//! ```text
//! SIMULATE=4711 cargo test -p xeps simulation -- --nocapture    # that seed alone, with its history
//! SEEDS=10000 cargo test -p xeps simulation --release -- --nocapture
//! ```

mod device;
mod ledger;
mod play;
mod random;

use play::Play;

/// What an ordinary run of the tests has time for.
const SEEDS: u64 = 200;

#[test]
fn whatever_happens_nothing_acknowledged_is_lost_or_doubled() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let first = number("SIMULATE");
    let seeds = number("SEEDS").unwrap_or(if first.is_some() { 1 } else { SEEDS });
    let mut totals = ledger::Totals::default();
    for seed in (first.unwrap_or(1)..).take(usize::try_from(seeds).unwrap()) {
        let mut play = Play::new(seed, seeds == 1);
        play.run();
        let violations = play.end(&mut totals);
        assert!(
            violations.is_empty(),
            "seed {seed}: replay it with SIMULATE={seed}\n{}",
            violations.join("\n")
        );
    }
    println!("{totals:?}");
    let some = totals.resumed > 0 && totals.crashes > 0 && totals.repeated > 0;
    assert!(some || seeds < 10, "{totals:?}");
}
