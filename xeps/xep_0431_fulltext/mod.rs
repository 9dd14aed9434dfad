//! Full text search (XEP-0431): one more field in the archive's form. The search is the store's, the form that of
//! [`crate::xep_0313_mam`], which asks here whether there is such a field.

#[cfg(test)]
mod tests;

use crate::xep_0313_mam::Extensions;
use kernel::hooks::{Hooks, Scope};
use kernel::{ConfigError, Env, Xep};
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const NS: &str = "urn:xmpp:fulltext:0";
/// §4.1: the field of the form.
pub(crate) const FIELD: &str = "{urn:xmpp:fulltext:0}fulltext";

/// Options: none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {}

/// XEP-0431.
pub(crate) struct FullText {
    extensions: Arc<Extensions>,
}

impl Xep for FullText {
    const NUMBER: u16 = 431;
    const NAME: &'static str = "fulltext";
    const TITLE: &'static str = "Full Text Search in MAM";
    const VERSION: &'static str = "0.3.0";
    type Config = Config;

    fn new(_: Config, env: &mut Env) -> Result<FullText, ConfigError> {
        Ok(FullText { extensions: env.shared() })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        // Without an archive there is nothing to be searched. It comes before this in the list.
        if self.extensions.archive.load(Ordering::Relaxed) {
            self.extensions.fulltext.store(true, Ordering::Relaxed);
            hooks.feature(Scope::OWN | Scope::ACCOUNT, NS);
        }
    }
}
