//! A set of addresses that others can make grow, bounded by its size in memory.

use std::collections::BTreeSet;
use wire::jid::Jid;

/// Bytes of one set: a few thousand addresses of usual length. One address may have 3 KiB.
const LIMIT: usize = 256 * 1024;
/// What counts towards an address's size besides its text: the bookkeeping it costs.
const ENTRY_COST: usize = 32;

/// Addresses, as many as fit.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    set: BTreeSet<Jid>,
    bytes: usize,
}

impl Addresses {
    /// Adds an address. `false` if there is no room for it.
    pub(super) fn insert(&mut self, address: &Jid) -> bool {
        if self.set.contains(address) {
            return true;
        }
        let bytes = self.bytes + cost(address);
        if bytes > LIMIT {
            return false;
        }
        self.bytes = bytes;
        self.set.insert(address.clone())
    }

    pub(super) fn remove(&mut self, address: &Jid) {
        if self.set.remove(address) {
            self.bytes -= cost(address);
        }
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Jid) -> bool) {
        self.set.retain(keep);
        self.bytes = self.set.iter().map(cost).sum();
    }

    pub(super) fn contains(&self, address: &Jid) -> bool {
        self.set.contains(address)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Jid> {
        self.set.iter()
    }
}

fn cost(address: &Jid) -> usize {
    address.as_str().len() + ENTRY_COST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_addresses_are_fewer() {
        let mut addresses = Addresses::default();
        let long = |n: usize| Jid::parse(&format!("{n}@example.org/{}", "x".repeat(1000))).unwrap();
        let added = (0..1000).take_while(|n| addresses.insert(&long(*n))).count();
        assert!((200..300).contains(&added), "{added}");
        assert!(addresses.insert(&long(0)), "it is there already");
        addresses.remove(&long(0));
        addresses.remove(&long(0));
        assert!(addresses.insert(&long(5000)));
        assert!(!addresses.insert(&long(5001)));
        addresses.retain(|_| false);
        assert_eq!((addresses.iter().count(), addresses.bytes), (0, 0));
    }
}
