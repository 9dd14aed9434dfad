//! Client state indication: a client says that nobody looks, and is spared what can wait.
//!
//! Holding back is the kernel's: this reads what the client says, and decides what can wait.

#[cfg(test)]
mod tests;
mod urgency;

use kernel::hooks::{Feature, Hooks, Phase};
use kernel::stream::StreamHandle;
use kernel::{ConfigError, Env, Xep};
use minidom::Element;
use serde::Deserialize;
use std::sync::Arc;
use wire::error::{StreamCondition, StreamError};

const NS: &str = "urn:xmpp:csi:0";

/// Options: none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {}

/// XEP-0352.
pub(crate) struct ClientState;

impl Xep for ClientState {
    const NUMBER: u16 = 352;
    const NAME: &'static str = "csi";
    const TITLE: &'static str = "Client State Indication";
    const VERSION: &'static str = "1.0.0";
    type Config = Config;

    fn new(_: Config, _: &mut Env) -> Result<ClientState, ConfigError> {
        Ok(ClientState)
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        hooks.stream_feature(Feature { phase: Phase::AfterLogin, xml: format!("<csi xmlns='{NS}'/>") });
        hooks.nonza(NS, &self, Self::indication);
        hooks.urgency(urgency::urgency);
    }
}

impl ClientState {
    /// §4.2: there is no reply. Without a session nothing is sent that could be spared; one that comes is active (§5).
    fn indication(&self, element: &Element, stream: &mut StreamHandle<'_>) -> Result<(), StreamError> {
        let active = match element.name() {
            "active" => true,
            "inactive" => false,
            _ => return Err(StreamError::new(StreamCondition::UnsupportedStanzaType)),
        };
        stream.set_active(active);
        Ok(())
    }
}
