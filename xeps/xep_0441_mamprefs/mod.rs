//! Preferences for the archive (XEP-0441): what each account wants to have archived. The requests are in the archive's
//! namespace and come in through [`crate::xep_0313_mam`], which asks here what is wanted.

mod prefs;
#[cfg(test)]
mod tests;

use crate::xep_0313_mam::Extensions;
use kernel::hooks::Hooks;
use kernel::{ConfigError, Env, Xep};
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(crate) use prefs::{COLLECTION, Preferences, Prefs, Wanted};

/// Options: none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {}

/// XEP-0441.
pub(crate) struct ArchivePreferences;

impl Xep for ArchivePreferences {
    const NUMBER: u16 = 441;
    const NAME: &'static str = "mam_prefs";
    const TITLE: &'static str = "Message Archive Management Preferences";
    const VERSION: &'static str = "0.2.0";
    type Config = Config;

    fn new(_: Config, env: &mut Env) -> Result<ArchivePreferences, ConfigError> {
        env.shared::<Extensions>().preferences.store(true, Ordering::Relaxed);
        Ok(ArchivePreferences)
    }

    fn register(self: Arc<Self>, _: &mut Hooks) {}
}
