//! One account's block list, and who is on it.

use kernel::AccountCache;
use kernel::ports::{StoreError, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use wire::jid::{Jid, JidView};

/// One row an address, keyed by it.
pub(super) const COLLECTION: &str = "blocking";

/// What is stored beside the address: nothing yet.
#[derive(Serialize, Deserialize)]
pub(super) struct Row {}

/// Blocked addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Blocklist(BTreeSet<Jid>);

impl AccountCache for Blocklist {
    const COLLECTION: &'static str = COLLECTION;

    fn load(rows: Vec<(String, Value)>) -> Result<Blocklist, StoreError> {
        let parse = |key: &str| {
            Jid::parse(key).map_err(|error| StoreError::Damaged(format!("{COLLECTION}/{key}: {error}")))
        };
        rows.iter().map(|(key, _)| parse(key)).collect::<Result<_, _>>().map(Blocklist)
    }

    fn weight(&self) -> usize {
        self.0.len() * 64
    }

    fn notable(&self) -> bool {
        !self.0.is_empty()
    }
}

impl Blocklist {
    pub(super) fn of(addresses: &[Jid]) -> Blocklist {
        Blocklist(addresses.iter().cloned().collect())
    }

    /// In alphabetical order.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &Jid> {
        self.0.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// `false` if it was there.
    pub(super) fn add(&mut self, address: Jid) -> bool {
        self.0.insert(address)
    }

    /// `false` if it was not there.
    pub(super) fn remove(&mut self, address: &Jid) -> bool {
        self.0.remove(address)
    }

    /// Empties the list.
    pub(super) fn take_all(&mut self) -> Vec<Jid> {
        std::mem::take(&mut self.0).into_iter().collect()
    }

    /// §6: an entry blocks its own address; without a resource also all resources of it, without a localpart also
    /// everybody there. There are no exceptions to entries, so the order of the looks does not matter.
    pub(super) fn blocks(&self, address: &JidView<'_>) -> bool {
        self.has(address.as_str()) || self.has(address.bare_str()) || self.has(address.domain())
    }

    /// The same for an address at hand.
    pub(super) fn blocks_jid(&self, address: &Jid) -> bool {
        self.has(address.as_str()) || self.has(address.bare_str()) || self.has(address.domain())
    }

    fn has(&self, address: &str) -> bool {
        self.0.contains(address)
    }

    /// Whose presence is touched when these entries are added to `others`, or taken away and `others` are left: the
    /// contacts that they block and `others` do not, and single resources of contacts.
    pub(super) fn touched(&self, contacts: &[Jid], others: &Blocklist) -> Vec<Jid> {
        let mut touched = Vec::new();
        for contact in contacts.iter().filter(|contact| !others.blocks_jid(contact)) {
            if self.blocks_jid(contact) {
                touched.push(contact.clone());
                continue;
            }
            let resources = self.0.iter().filter(|address| {
                !address.is_bare() && address.bare_str() == contact.as_str() && !others.blocks_jid(address)
            });
            touched.extend(resources.cloned());
        }
        touched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jids(texts: &[&str]) -> Vec<Jid> {
        texts.iter().map(|text| Jid::parse(text).unwrap()).collect()
    }

    fn list(texts: &[&str]) -> Blocklist {
        Blocklist::of(&jids(texts))
    }

    #[test]
    fn matching() {
        // Entry, and what it blocks out of these.
        let all = ["a@x/r", "a@x/s", "a@x", "b@x", "x/r", "x/s", "x", "a@y/r", "a@sub.x", "y"];
        for (entry, blocked) in [
            ("a@x/r", &["a@x/r"][..]),
            ("a@x", &["a@x/r", "a@x/s", "a@x"]),
            ("x/r", &["x/r"]),
            ("x", &["a@x/r", "a@x/s", "a@x", "b@x", "x/r", "x/s", "x"]),
        ] {
            let list = list(&[entry]);
            let found: Vec<&str> =
                all.iter().copied().filter(|jid| list.blocks(&JidView::parse(jid).unwrap())).collect();
            assert_eq!(found, blocked, "{entry}");
            assert!(all.iter().all(|jid| {
                list.blocks_jid(&Jid::parse(jid).unwrap()) == list.blocks(&JidView::parse(jid).unwrap())
            }));
        }
    }

    #[test]
    fn addresses_match_as_addresses() {
        assert!(list(&["Romeo@Montague.LIT"]).blocks(&JidView::parse("romeo@montague.lit/Orchard").unwrap()));
    }

    #[test]
    fn touched_contacts() {
        let contacts = jids(&["a@x", "b@x", "a@y", "gateway"]);
        let none = Blocklist::default();
        let touched = |new: &[&str], others: &Blocklist| {
            list(new).touched(&contacts, others).iter().map(|jid| jid.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(touched(&["a@x", "c@x"], &none), ["a@x"]);
        assert_eq!(touched(&["x"], &none), ["a@x", "b@x"]);
        assert_eq!(touched(&["x"], &list(&["a@x"])), ["b@x"], "a was blocked already");
        assert!(touched(&["a@x", "a@x/r"], &list(&["x"])).is_empty());
        assert_eq!(touched(&["a@x/r", "c@x/r", "gateway/r"], &none), ["a@x/r", "gateway/r"]);
        assert!(touched(&["a@x/r"], &list(&["a@x/r"])).is_empty());
    }

    #[test]
    fn rows() {
        let row = |key: &str| (key.to_owned(), kernel::encode(&Row {}));
        let loaded = Blocklist::load(vec![row("a@x"), row("x")]).unwrap();
        assert_eq!(loaded, list(&["x", "a@x"]));
        assert!(loaded.notable() && !Blocklist::load(Vec::new()).unwrap().notable());
        assert!(matches!(Blocklist::load(vec![row("@x")]), Err(StoreError::Damaged(_))));
    }
}
