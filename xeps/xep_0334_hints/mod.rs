//! Message processing hints (XEP-0334): what the sender of a message says about keeping it. Read where messages are
//! kept: [`crate::xep_0160_msgoffline`], [`crate::xep_0313_mam`].
//!
//! **Invariant:** builds no tree. A message without hints costs one search through its bytes.

#[cfg(test)]
mod tests;

use kernel::hooks::Hooks;
use kernel::{ConfigError, Env, Xep};
use serde::Deserialize;
use std::sync::Arc;
use wire::frame::{Frame, StanzaType};

pub(crate) const NS: &str = "urn:xmpp:hints";

/// Options: none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {}

/// XEP-0334. Nothing to register: hints are no service and are not announced.
pub(crate) struct ProcessingHints;

impl Xep for ProcessingHints {
    const NUMBER: u16 = 334;
    const NAME: &'static str = "hints";
    const TITLE: &'static str = "Message Processing Hints";
    const VERSION: &'static str = "1.0.0";
    type Config = Config;

    fn new(_: Config, _: &mut Env) -> Result<ProcessingHints, ConfigError> {
        Ok(ProcessingHints)
    }

    fn register(self: Arc<Self>, _: &mut Hooks) {}
}

/// What a message says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hints {
    /// It is not to be archived.
    pub(crate) no_permanent_store: bool,
    /// It is not to be kept at all.
    pub(crate) no_store: bool,
    /// It is to be kept although it does not look worth it.
    pub(crate) store: bool,
}

impl Hints {
    /// The hints of a message.
    pub(crate) fn of(message: &Frame) -> Hints {
        let mut hints = Hints::default();
        // §5: those in an error SHOULD be ignored, for it often repeats the stanza that it is about.
        if message.type_() == StanzaType::Error || !message.as_str().contains(NS) {
            return hints;
        }
        for child in message.elements().filter(|child| child.ns == NS) {
            match child.name {
                "no-permanent-store" => hints.no_permanent_store = true,
                "no-store" => hints.no_store = true,
                "store" => hints.store = true,
                // no-copy says nothing about keeping it.
                _ => {}
            }
        }
        hints
    }

    /// Whether it may wait for its recipient; `None` leaves that to its content. What forbids wins.
    pub(crate) fn waiting(self) -> Option<bool> {
        // §4.1: without a permanent store it still may be kept "temporarily as a normal part of delivery" (§3.3).
        if self.no_store { Some(false) } else { self.store.then_some(true) }
    }

    /// Whether it may be archived; `None` leaves that to its content. What forbids wins.
    pub(crate) fn archiving(self) -> Option<bool> {
        if self.no_store || self.no_permanent_store { Some(false) } else { self.store.then_some(true) }
    }
}
