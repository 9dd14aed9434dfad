//! Ping: "are you there?" to the server or to an account. Pings to a full address go to that client, and the pings by
//! which the server tests silent clients are the engine's.

#[cfg(test)]
mod tests;

use kernel::hooks::{Hooks, Reply, Request, Scope};
use kernel::{ConfigError, Env, Xep};
use serde::Deserialize;
use std::sync::Arc;
use wire::error::StanzaCondition;
use wire::ns;

/// Options: none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {}

/// XEP-0199.
pub(crate) struct Ping;

impl Xep for Ping {
    const NUMBER: u16 = 199;
    const NAME: &'static str = "ping";
    const TITLE: &'static str = "XMPP Ping";
    const VERSION: &'static str = "2.0.1";
    type Config = Config;

    fn new(_: Config, _: &mut Env) -> Result<Ping, ConfigError> {
        Ok(Ping)
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        hooks.iq_get(Scope::SERVER | Scope::OWN | Scope::ACCOUNT, ns::PING, &self, Self::pong);
    }
}

impl Ping {
    async fn pong(self: Arc<Self>, request: Request) -> Reply {
        if !request.may_see() {
            // XEP-0199 §7: no presence leaks. An account that doesn't exist gives the same answer.
            return Reply::error(StanzaCondition::ServiceUnavailable);
        }
        if request.payload_name() != "ping" {
            return Reply::error(StanzaCondition::BadRequest);
        }
        Reply::Done
    }
}
