//! Log lines that strangers can cause without end: a few a minute are written, of the rest only the number, so that
//! nobody can fill the disk with them.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;

/// Lines a minute from one address.
const EACH: u32 = 5;
/// Lines a minute in all.
const ALL: u32 = 100;

/// The count of the current minute. What a minute is, its owner says.
#[derive(Debug, Default)]
pub struct Lines(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    /// At most as many addresses as lines.
    written: HashMap<IpAddr, u32>,
    sum: u32,
    left_out: u64,
}

impl Lines {
    /// May a line about this address be written now?
    pub fn allow(&self, address: IpAddr) -> bool {
        let mut minute = self.0.lock();
        if minute.sum < ALL {
            let written = minute.written.entry(network(address)).or_default();
            if *written < EACH {
                *written += 1;
                minute.sum += 1;
                return true;
            }
        }
        minute.left_out += 1;
        false
    }

    /// The minute is over. Returns how many lines were left out in it.
    pub fn turn(&self) -> u64 {
        std::mem::take(&mut *self.0.lock()).left_out
    }
}

/// What counts as one address: of IPv6 a /64, which is what one customer has at least.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    #[test]
    fn a_few_for_each_address_and_the_number_of_the_rest() {
        let lines = Lines::default();
        let allowed = |address: &str, times: u32| {
            let address = address.parse().unwrap();
            (0..times).filter(|_| lines.allow(address)).count()
        };
        assert_eq!(allowed("2001:db8::1", 3), 3);
        assert_eq!(allowed("2001:db8::2", 10), 2);
        assert_eq!(allowed("192.0.2.1", 10), 5);
        assert_eq!(lines.turn(), 13);
        assert_eq!(lines.turn(), 0);
        assert!(lines.allow("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn many_addresses_get_no_more_in_all() {
        let lines = Lines::default();
        let address = |host: u128| IpAddr::V6(Ipv6Addr::from_bits(host << 64));
        assert_eq!((0..10_000).filter(|host| lines.allow(address(*host))).count(), 100);
        assert_eq!(lines.turn(), 9_900);
    }
}
