//! Connections per address. An IPv6 client owns at least a /64, so that counts as one address.

use kernel::lines::network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The count. Cheap to clone.
#[derive(Clone, Default)]
pub struct Tally(Arc<Mutex<HashMap<IpAddr, u32>>>);

/// One connection, counted while this lives.
pub struct Counted {
    tally: Tally,
    key: IpAddr,
}

impl Tally {
    /// Counts a connection, unless the address has `limit` already.
    pub fn count(&self, address: IpAddr, limit: u32) -> Option<Counted> {
        let key = network(address);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key).or_insert(0);
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Counted { tally: self.clone(), key })
    }
}

impl Tally {
    /// Completes when no connection is left.
    pub async fn empty(&self) {
        // At shutdown only, and for seconds at most.
        while !self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.tally.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_network_and_forgets() {
        let tally = Tally::default();
        let a = tally.count("2001:db8::1".parse().unwrap(), 2).unwrap();
        let _b = tally.count("2001:db8::2".parse().unwrap(), 2).unwrap();
        assert!(tally.count("2001:db8::3".parse().unwrap(), 2).is_none());
        assert!(tally.count("2001:db8:0:1::3".parse().unwrap(), 2).is_some());
        drop(a);
        assert!(tally.count("2001:db8::3".parse().unwrap(), 2).is_some());
        let _mapped = tally.count("::ffff:192.0.2.1".parse().unwrap(), 1).unwrap();
        assert!(tally.count("192.0.2.1".parse().unwrap(), 1).is_none());
    }
}
