//! How fast passwords may be guessed (RFC 6120 §13.9: retries must be limited).
//!
//! Three counts of failures, each with its own free allowance and longest wait:
//!
//! | counted per | free failures | then wait 1 s, doubling up to | who is held back |
//! |---|---|---|---|
//! | account at one address | 10 | 1 minute | everybody there, for that account |
//! | account, over all addresses | 20 | 5 minutes | addresses from which it never logged in |
//! | address, over all accounts | 40 | 15 minutes | accounts that never logged in from there |
//!
//! An address from which an account logged in (in the last 30 days, the 8 latest for each account) is *familiar*
//! to it. There only the first line counts, so nobody else, at another address or with other accounts, can lock
//! the owner out; and sessions that exist never ask. A count is forgotten an hour after its last failure, and a
//! success takes back what that account failed at that address. An IPv6 address is its /64, which is what one
//! customer gets.
//!
//! An attempt counts from [`Throttle::allow`] on for the first two lines, so that a thousand at once are not a
//! thousand free ones. The third does not: an office behind one address comes back all at once after a restart.
//!
//! Memory is bounded: at most 65,536 counts in each line and as many accounts with familiar addresses, some 20 MB
//! under the worst attack. The oldest go first. Only a success makes an address familiar, so failing, however
//! often, pushes none out.

use crate::ports::Millis;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// May an attempt be made?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes. Then one of [`Throttle::failed`], [`Throttle::succeeded`] and [`Throttle::abandoned`] must follow.
    Allow,
    /// Not before this time has passed. To be answered temporary-auth-failure (the owner's client must not take
    /// it for a wrong password) without looking at it; nothing is to be reported back.
    Wait(Duration),
}

struct Line {
    free: u32,
    longest: Duration,
}

const PAIR: Line = Line { free: 10, longest: Duration::from_secs(60) };
const ACCOUNT: Line = Line { free: 20, longest: Duration::from_secs(5 * 60) };
const ADDRESS: Line = Line { free: 40, longest: Duration::from_secs(15 * 60) };

const FORGET: Duration = Duration::from_secs(60 * 60);
const FAMILIAR: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const FAMILIAR_ADDRESSES: usize = 8;
const CAPACITY: usize = 65_536;

/// The failures of late, and who is familiar. Belongs behind one lock; every call is short and none waits.
pub struct Throttle {
    names: RandomState,
    pairs: Counts<(Account, Address)>,
    accounts: Counts<Account>,
    addresses: Counts<Address>,
    familiar: Recent<Account, Vec<(Address, Millis)>>,
}

/// A keyed hash of a name: names can be long, and an attacker chooses them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Account(u64);

/// An IPv4 address, or the upper half of an IPv6 address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Address(u64);

impl Default for Throttle {
    fn default() -> Throttle {
        Throttle::with_capacity(CAPACITY)
    }
}

impl Throttle {
    /// Nothing known.
    pub fn new() -> Throttle {
        Throttle::default()
    }

    fn with_capacity(capacity: usize) -> Throttle {
        Throttle {
            names: RandomState::new(),
            pairs: Recent::new(capacity),
            accounts: Recent::new(capacity),
            addresses: Recent::new(capacity),
            familiar: Recent::new(capacity),
        }
    }

    /// Asks for an attempt to authenticate as `account` (a bare JID; whether it exists does not matter).
    pub fn allow(&mut self, now: Millis, address: IpAddr, account: &str) -> Verdict {
        let (account, address) = self.keys(account, address);
        let mut until = self.pairs.look(&(account, address)).blocked_until(now, &PAIR);
        if !self.is_familiar(now, account, address) {
            until = until.max(self.accounts.look(&account).blocked_until(now, &ACCOUNT));
            until = until.max(self.addresses.look(&address).blocked_until(now, &ADDRESS));
        }
        if until > now {
            return Verdict::Wait(until - now);
        }
        self.pairs.touch((account, address)).renew(now).pending += 1;
        self.accounts.touch(account).renew(now).pending += 1;
        Verdict::Allow
    }

    /// The attempt failed for want of the right password ([`super::SaslFailure::is_guess`]). Other failures, such
    /// as bad syntax, are reported as [`Throttle::abandoned`].
    pub fn failed(&mut self, now: Millis, address: IpAddr, account: &str) {
        let (account, address) = self.keys(account, address);
        self.pairs.touch((account, address)).renew(now).settle().fail(now);
        let familiar = self.is_familiar(now, account, address);
        let count = self.accounts.touch(account).renew(now).settle();
        // The owner's slips at home must not add up to a wait elsewhere.
        if !familiar {
            count.fail(now);
            self.addresses.touch(address).renew(now).fail(now);
        }
    }

    /// The attempt succeeded.
    pub fn succeeded(&mut self, now: Millis, address: IpAddr, account: &str) {
        let (account, address) = self.keys(account, address);
        let pair = self.pairs.touch((account, address)).renew(now).settle();
        let slips = std::mem::take(&mut pair.failures);
        let familiar = self.is_familiar(now, account, address);
        let count = self.accounts.touch(account).renew(now).settle();
        if !familiar {
            // Only what this account failed here is taken back: an own account does not wash off guesses at others.
            count.failures = count.failures.saturating_sub(slips);
            let count = self.addresses.touch(address).renew(now);
            count.failures = count.failures.saturating_sub(slips);
        }

        let known = self.familiar.touch(account);
        known.retain(|(known, at)| *known != address && now - *at < FAMILIAR);
        if known.len() >= FAMILIAR_ADDRESSES {
            known.remove(0);
        }
        known.push((address, now));
    }

    /// The attempt ended without telling the peer anything about the password.
    pub fn abandoned(&mut self, now: Millis, address: IpAddr, account: &str) {
        let (account, address) = self.keys(account, address);
        self.pairs.touch((account, address)).renew(now).settle();
        self.accounts.touch(account).renew(now).settle();
    }

    fn keys(&self, account: &str, address: IpAddr) -> (Account, Address) {
        let address = match address.to_canonical() {
            IpAddr::V4(address) => u64::from(u32::from(address)),
            IpAddr::V6(address) => upper_half(address),
        };
        (Account(self.names.hash_one(account)), Address(address))
    }

    fn is_familiar(&self, now: Millis, account: Account, address: Address) -> bool {
        let known = self.familiar.look(&account);
        known.iter().any(|(known, at)| *known == address && now - *at < FAMILIAR)
    }
}

/// Never below 2^32 for an address that is in use, so that it differs from any IPv4 address.
fn upper_half(address: Ipv6Addr) -> u64 {
    (u128::from(address) >> 64) as u64 | 1 << 63
}

type Counts<K> = Recent<K, Count>;

#[derive(Clone, Default)]
struct Count {
    failures: u32,
    /// Allowed, outcome not known yet.
    pending: u32,
    last: Millis,
}

impl Count {
    /// Starts from zero if the last failure is long ago.
    fn renew(&mut self, now: Millis) -> &mut Count {
        if now - self.last >= FORGET {
            // Attempts that never came back go with it.
            *self = Count { last: now, ..Count::default() };
        }
        self
    }

    fn settle(&mut self) -> &mut Count {
        self.pending = self.pending.saturating_sub(1);
        self
    }

    fn fail(&mut self, now: Millis) {
        self.failures = self.failures.saturating_add(1);
        self.last = now;
    }

    fn blocked_until(&self, now: Millis, line: &Line) -> Millis {
        let failures = self.failures.saturating_add(self.pending);
        let Some(over) = failures.checked_sub(line.free) else { return Millis(0) };
        if now - self.last >= FORGET {
            return Millis(0);
        }
        // While attempts are under way that may use up the allowance, the wait runs from now on: theirs has not
        // begun.
        let begin = if self.failures < line.free { now } else { self.last };
        begin + Duration::from_secs(1 << over.min(20)).min(line.longest)
    }
}

/// A map that forgets what was not touched for long: at most `capacity` entries, in two generations. When the
/// young one is full, the old one goes.
struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    generation: usize,
    none: V,
}

impl<K: Eq + Hash, V: Default> Recent<K, V> {
    fn new(capacity: usize) -> Recent<K, V> {
        Recent {
            young: HashMap::new(),
            old: HashMap::new(),
            generation: (capacity / 2).max(1),
            none: V::default(),
        }
    }

    fn look(&self, key: &K) -> &V {
        self.young.get(key).or_else(|| self.old.get(key)).unwrap_or(&self.none)
    }

    fn touch(&mut self, key: K) -> &mut V {
        if !self.young.contains_key(&key) && self.young.len() >= self.generation {
            self.old = std::mem::take(&mut self.young);
        }
        let old = &mut self.old;
        let kept = |key: &K| old.remove(key).unwrap_or_default();
        self.young.entry(key).or_insert_with_key(kept)
    }
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
