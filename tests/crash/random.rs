//! Chance that can be repeated: each who needs it has its own, from the seed of the run.

use std::time::Duration;

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// `who` keeps those apart that share a seed.
    pub(crate) fn new(seed: u64, who: &str) -> Chance {
        // FNV-1a.
        let hash = who.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Chance(seed ^ hash)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than that.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("less than a usize")
    }

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// From the one to the other.
    pub(crate) fn time(&mut self, from_ms: u64, to_ms: u64) -> Duration {
        Duration::from_micros(from_ms * 1000 + self.next() % ((to_ms - from_ms) * 1000 + 1))
    }
}

#[test]
fn chance_repeats_itself_and_nobody_else() {
    let draw = |seed, who| {
        let mut chance = Chance::new(seed, who);
        [(); 8].map(|()| chance.time(500, 2500))
    };
    assert_eq!(draw(1, "killer"), draw(1, "killer"));
    assert_ne!(draw(1, "killer"), draw(2, "killer"));
    assert_ne!(draw(1, "killer"), draw(1, "sender1"));
    assert!(
        draw(1, "killer").iter().all(|time| (500..=2500).contains(&u64::try_from(time.as_millis()).unwrap()))
    );
}
