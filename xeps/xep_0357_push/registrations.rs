//! The nodes that one account has enabled.

use kernel::AccountCache;
use kernel::ports::{StoreError, Value, WallMillis};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wire::jid::{FullJid, Jid};

/// One row a node, keyed by service and node.
pub(super) const COLLECTION: &str = "push";

/// What is stored of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Registration {
    /// The form of publish options, as XML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) options: Option<String>,
    /// When the client has enabled it last, in milliseconds since 1970.
    pub(super) enabled: i64,
    /// The resource of the session that did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resource: Option<String>,
    /// The last failure, unless a notification was accepted since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trouble: Option<Trouble>,
}

/// Why notifications fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trouble {
    /// The error's condition, or that there was no answer.
    pub(super) reason: String,
    /// When, in milliseconds since 1970.
    pub(super) at: i64,
    /// The server publishes no more: the node is disabled until the client enables it again.
    #[serde(default)]
    pub(super) over: bool,
}

impl Registration {
    /// Whether notifications are published there.
    pub(super) fn is_enabled(&self) -> bool {
        self.trouble.as_ref().is_none_or(|trouble| !trouble.over)
    }

    /// What there is to store or to change after a notification. `None` if nothing.
    pub(super) fn after(&self, trouble: Option<(&str, bool)>, now: WallMillis) -> Option<Registration> {
        let trouble = trouble.map(|(reason, over)| Trouble { reason: reason.to_owned(), at: now.0, over });
        // Of what goes well nothing need be stored.
        (trouble.is_some() || self.trouble.is_some()).then(|| Registration { trouble, ..self.clone() })
    }
}

/// Addresses contain no control characters.
pub(super) fn key(service: &Jid, node: &str) -> String {
    format!("{service}\n{node}")
}

/// They, by service and node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Registrations(BTreeMap<(Jid, String), Registration>);

impl AccountCache for Registrations {
    const COLLECTION: &'static str = COLLECTION;

    fn load(rows: Vec<(String, Value)>) -> Result<Registrations, StoreError> {
        let read = |(key, value): (String, Value)| {
            let damaged = || StoreError::Damaged(format!("{COLLECTION}/{key}: no service and node"));
            let (service, node) = key.split_once('\n').ok_or_else(damaged)?;
            let service = Jid::parse(service).map_err(|_| damaged())?;
            let registration = kernel::decode(COLLECTION, &key, &value)?;
            Ok(((service, node.to_owned()), registration))
        };
        rows.into_iter().map(read).collect::<Result<_, _>>().map(Registrations)
    }

    fn weight(&self) -> usize {
        let options = |one: &Registration| one.options.as_ref().map_or(0, String::len);
        self.0.iter().map(|((_, node), one)| 192 + node.len() + options(one)).sum()
    }

    fn notable(&self) -> bool {
        self.0.values().any(Registration::is_enabled)
    }
}

impl Registrations {
    pub(super) fn get(&self, service: &Jid, node: &str) -> Option<&Registration> {
        self.0.get(&(service.clone(), node.to_owned()))
    }

    /// Those to which notifications are published, unless one of these sessions has enabled them.
    pub(super) fn enabled(&self, but: &[FullJid]) -> impl Iterator<Item = (&Jid, &str)> {
        let here = |registration: &Registration| {
            let resource = registration.resource.as_deref();
            but.iter().any(|session| Some(session.resource()) == resource)
        };
        let all = self.0.iter();
        let enabled = all.filter(move |(_, registration)| registration.is_enabled() && !here(registration));
        enabled.map(|((service, node), _)| (service, node.as_str()))
    }

    /// Adds or replaces one. If there are more than `most` then, the one that was not enabled for longest goes, and is
    /// returned: clients enable theirs whenever they connect, so its device is probably no more.
    pub(super) fn enable(
        &mut self,
        service: &Jid,
        node: &str,
        registration: Registration,
        most: usize,
    ) -> Option<(Jid, String)> {
        let new = (service.clone(), node.to_owned());
        self.0.insert(new.clone(), registration);
        if self.0.len() <= most {
            return None;
        }
        let others = self.0.iter().filter(|(key, _)| **key != new);
        let oldest = others.min_by_key(|(_, registration)| registration.enabled)?.0.clone();
        self.0.remove(&oldest);
        Some(oldest)
    }

    /// Replaces one that is there. False if there is none.
    pub(super) fn update(&mut self, service: &Jid, node: &str, registration: Registration) -> bool {
        let slot = self.0.get_mut(&(service.clone(), node.to_owned()));
        slot.map(|slot| *slot = registration).is_some()
    }

    /// Removes those of the service: one of them, or all. Returns their nodes.
    pub(super) fn disable(&mut self, service: &Jid, node: Option<&str>) -> Vec<String> {
        let gone = |key: &(Jid, String)| key.0 == *service && node.is_none_or(|node| key.1 == node);
        let nodes = self.0.keys().filter(|key| gone(key)).map(|(_, node)| node.clone()).collect();
        self.0.retain(|key, _| !gone(key));
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jid(text: &str) -> Jid {
        Jid::parse(text).unwrap()
    }

    fn at(enabled: i64) -> Registration {
        Registration { enabled, ..Registration::default() }
    }

    fn nodes(list: &Registrations) -> Vec<String> {
        list.enabled(&[]).map(|(service, node)| format!("{service} {node}")).collect()
    }

    #[test]
    fn enabled_replaced_and_disabled() {
        let mut list = Registrations::default();
        assert!(!list.notable());
        for (service, node) in [("a.lit", "1"), ("a.lit", "2"), ("b.lit", "1"), ("a.lit", "")] {
            assert_eq!(list.enable(&jid(service), node, at(1), 9), None);
        }
        list.enable(&jid("a.lit"), "1", Registration { options: Some("<x/>".to_owned()), ..at(2) }, 9);
        assert_eq!(nodes(&list), ["a.lit ", "a.lit 1", "a.lit 2", "b.lit 1"]);
        assert_eq!(list.get(&jid("a.lit"), "1").unwrap().options.as_deref(), Some("<x/>"));
        assert_eq!(list.disable(&jid("a.lit"), Some("1")), ["1"]);
        assert_eq!(list.disable(&jid("a.lit"), Some("3")), Vec::<String>::new());
        assert_eq!(list.disable(&jid("a.lit"), None), ["", "2"]);
        assert_eq!(nodes(&list), ["b.lit 1"]);
        assert!(list.notable());
    }

    #[test]
    fn a_new_one_takes_the_place_of_the_oldest() {
        let mut list = Registrations::default();
        for (node, time) in [("1", 5), ("2", 3), ("3", 4)] {
            assert_eq!(list.enable(&jid("a.lit"), node, at(time), 3), None);
        }
        assert_eq!(list.enable(&jid("a.lit"), "2", at(6), 3), None, "replaced");
        assert_eq!(list.enable(&jid("a.lit"), "4", at(0), 3), Some((jid("a.lit"), "3".to_owned())));
        assert_eq!(nodes(&list), ["a.lit 1", "a.lit 2", "a.lit 4"]);
    }

    #[test]
    fn what_failed_for_good_is_kept_but_not_served() {
        let mut list = Registrations::default();
        list.enable(&jid("a.lit"), "1", at(1), 3);
        let before = list.get(&jid("a.lit"), "1").unwrap().clone();
        assert_eq!(before.after(None, WallMillis(5)), None);
        let failing = before.after(Some(("no answer", false)), WallMillis(5)).unwrap();
        assert!(failing.is_enabled());
        assert_eq!(failing.after(None, WallMillis(6)), Some(before.clone()), "forgiven");
        let over = failing.after(Some(("item-not-found", true)), WallMillis(7)).unwrap();
        let trouble = Trouble { reason: "item-not-found".to_owned(), at: 7, over: true };
        assert_eq!(over.trouble, Some(trouble));
        assert!(list.update(&jid("a.lit"), "1", over));
        assert!(!list.notable() && nodes(&list).is_empty() && list.get(&jid("a.lit"), "1").is_some());
        assert!(!list.update(&jid("a.lit"), "2", at(1)));
        list.enable(&jid("a.lit"), "1", at(8), 3);
        assert_eq!(nodes(&list), ["a.lit 1"]);
    }

    #[test]
    fn rows() {
        let registration = Registration {
            options: Some("<x xmlns='jabber:x:data'/>".to_owned()),
            enabled: 5,
            resource: Some("garden".to_owned()),
            trouble: Some(Trouble { reason: "gone".to_owned(), at: 6, over: false }),
        };
        let mut list = Registrations::default();
        list.enable(&jid("a@b.lit/c d"), "n\nm", registration.clone(), 9);
        let row = (key(&jid("a@b.lit/c d"), "n\nm"), kernel::encode(&registration));
        assert_eq!(Registrations::load(vec![row]), Ok(list));
        assert_eq!(
            Registrations::load(vec![(key(&jid("a.lit"), ""), Value::from("{\"enabled\":1}"))])
                .map(|list| nodes(&list)),
            Ok(vec!["a.lit ".to_owned()])
        );
        for (key, value) in [("a.lit", "{\"enabled\":1}"), ("@\n1", "{\"enabled\":1}"), ("a.lit\n1", "{}")] {
            let loaded = Registrations::load(vec![(key.to_owned(), Value::from(value))]);
            assert!(matches!(loaded, Err(StoreError::Damaged(_))), "{key}");
        }
    }
}
