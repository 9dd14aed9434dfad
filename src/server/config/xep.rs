//! The `[xep.<name>]` tables. The server checks the names of the options against what each XEP documents and
//! hands the table over; its values are the XEP's own business.

use super::diagnostic::Diagnostic;
pub use kernel::OptionDoc;
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

    /// An error about one option, with its place.
    pub fn error(&self, option: &str, message: &str) -> Diagnostic {
        let place = self.places.get(option).cloned().unwrap_or_default();
        Diagnostic::error(place, format!("xep.{}.{option}: {message}", self.name))
    }
}
