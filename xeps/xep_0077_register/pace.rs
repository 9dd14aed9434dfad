//! How fast one address may register.

use kernel::options::Limit;
use kernel::ports::Millis;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
/// Addresses remembered before those whose hour is over are looked for.
const SWEEP: usize = 1024;

/// Counts by address, in hours that begin with the first attempt.
#[derive(Debug)]
pub(super) struct Pace {
    limit: Limit,
    counts: HashMap<Option<IpAddr>, (Millis, u32)>,
    sweep_at: usize,
}

impl Pace {
    pub(super) fn new(limit: Limit) -> Pace {
        Pace { limit, counts: HashMap::new(), sweep_at: SWEEP }
    }

    /// Counts an attempt. `false` if it is one too many. Peers without an address share one count.
    pub(super) fn allows(&mut self, address: Option<IpAddr>, now: Millis) -> bool {
        if self.limit == Limit::Unlimited {
            return true;
        }
        if self.counts.len() >= self.sweep_at {
            self.counts.retain(|_, (since, _)| now - *since < HOUR);
            // What is left is needed; sweeping again at every attempt would cost more than it frees.
            self.sweep_at = SWEEP.max(2 * self.counts.len());
        }
        let (since, count) = self.counts.entry(address.map(network)).or_insert((now, 0));
        if now - *since >= HOUR {
            (*since, *count) = (now, 0);
        }
        let allowed = self.limit.allows(*count);
        *count = count.saturating_add(1);
        allowed
    }
}

/// Who has one IPv6 address has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn minute(minute: u64) -> Millis {
        Millis(minute * 60_000)
    }

    #[test]
    fn an_hour_begins_with_the_first_attempt() {
        let mut pace = Pace::new(Limit::AtMost(2));
        assert!(pace.allows(ip("192.0.2.1"), minute(5)));
        assert!(pace.allows(ip("192.0.2.1"), minute(30)));
        assert!(!pace.allows(ip("192.0.2.1"), minute(64)));
        assert!(pace.allows(ip("192.0.2.2"), minute(64)), "another address");
        assert!(pace.allows(ip("192.0.2.1"), minute(65)), "the next hour");
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let mut pace = Pace::new(Limit::AtMost(1));
        assert!(pace.allows(ip("2001:db8:0:1::1"), minute(0)));
        assert!(!pace.allows(ip("2001:db8:0:1:ffff::2"), minute(0)));
        assert!(pace.allows(ip("2001:db8:0:2::1"), minute(0)));
        assert!(pace.allows(ip("::ffff:192.0.2.1"), minute(0)));
        assert!(!pace.allows(ip("192.0.2.1"), minute(0)), "the same in IPv4");
    }

    #[test]
    fn unlimited_counts_nothing() {
        let mut pace = Pace::new(Limit::Unlimited);
        assert!((0..10_000).all(|_| pace.allows(ip("192.0.2.1"), minute(0))));
        assert!(pace.counts.is_empty());
        assert!(!Pace::new(Limit::AtMost(0)).allows(None, minute(0)));
    }

    #[test]
    fn addresses_are_forgotten() {
        let mut pace = Pace::new(Limit::AtMost(1));
        for number in 0..SWEEP as u32 {
            assert!(pace.allows(Some(IpAddr::from(number.to_be_bytes())), minute(0)));
        }
        assert!(pace.allows(ip("192.0.2.1"), minute(61)));
        assert_eq!(pace.counts.len(), 1);
    }
}
