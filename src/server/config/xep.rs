//! The `[xep.<name>]` tables. The server checks the names of the options against what each XEP documents and
//! hands the table over; its values are the XEP's own business.

use super::diagnostic::Diagnostic;
pub use kernel::OptionDoc;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// What a XEP may be told in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XepOptions {
    /// `mam` in `[xep.mam]`.
    pub name: &'static str,
    /// Its options. `enabled` is everybody's and not listed.
    pub options: &'static [OptionDoc],
}

/// Doc of the one option that every XEP has.
pub(super) const ENABLED: OptionDoc =
    OptionDoc { name: "enabled", default: "true", doc: "Set to false to switch this XEP off." };

/// What the file and the environment say about one XEP.
#[derive(Clone, Debug, PartialEq)]
pub struct XepSettings {
    /// Its name.
    pub name: String,
    /// False if it is switched off.
    pub enabled: bool,
    /// Its options without `enabled`.
    pub table: toml::Table,
    /// Where each option was set: `stentor.toml:12` or an environment variable.
    pub places: BTreeMap<String, String>,
}

impl XepSettings {
    /// Settings of a XEP that nothing is said about.
    pub fn silent(name: &str) -> XepSettings {
        XepSettings {
            name: name.to_owned(),
            enabled: true,
            table: toml::Table::new(),
            places: BTreeMap::new(),
        }
    }

    /// The table as the XEP's own type. An error names the option at fault and its line.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        self.table.clone().try_into().map_err(|error: toml::de::Error| {
            let key = self.culprit::<T>();
            match key {
                Some(key) => self.error(&key, error.message()),
                None => Diagnostic::error("", format!("[xep.{}]: {}", self.name, error.message())),
            }
        })
    }

    /// An error about one option, with its place.
    pub fn error(&self, option: &str, message: &str) -> Diagnostic {
        let place = self.places.get(option).cloned().unwrap_or_default();
        Diagnostic::error(place, format!("xep.{}.{option}: {message}", self.name))
    }

    /// The option without which the table would deserialise. A table that was read from a tree has no spans, so
    /// this is found by leaving out one option after the other.
    fn culprit<T: DeserializeOwned>(&self) -> Option<String> {
        if let [only] = self.table.keys().collect::<Vec<_>>()[..] {
            return Some(only.clone());
        }
        let blamed = self.table.keys().find(|key| {
            let mut rest = self.table.clone();
            rest.remove(key.as_str());
            rest.try_into::<T>().is_ok()
        });
        // With several at fault none can be left out alone: the first that fails by itself.
        let alone = || {
            self.table.iter().find(|(key, value)| {
                let one = toml::Table::from_iter([((*key).clone(), (*value).clone())]);
                one.try_into::<T>().is_err()
            })
        };
        blamed.or_else(|| alone().map(|(key, _)| key)).cloned()
    }
}
