//! Message carbons: all devices of an account see both sides of its conversations.
//!
//! Delivery of the copies is the kernel's: this decides which messages are copied and what a copy looks like, and keeps
//! others from making some.

mod eligible;
mod forged;
#[cfg(test)]
mod tests;
mod wrap;

use crate::content::{ARCHIVE, CARBONS as NS};
use kernel::hooks::{
    Ask, Copying, Effects, Flow, Hooks, Interest, Kinds, Passing, Reply, Request, Scope, Stage,
};
use kernel::{ConfigError, Env, Mark, Xep};
use serde::Deserialize;
use std::sync::Arc;
use wire::error::StanzaCondition;

/// §6.2: all the rules of §6.1 hold.
const RULES: &str = "urn:xmpp:carbons:rules:0";

/// Options: none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {}

/// XEP-0280.
pub(crate) struct Carbons {
    /// Sessions that asked for copies.
    enabled: Mark,
}

impl Xep for Carbons {
    const NUMBER: u16 = 280;
    const NAME: &'static str = "carbons";
    const TITLE: &'static str = "Message Carbons";
    const VERSION: &'static str = "1.0.1";
    type Config = Config;

    fn new(_: Config, env: &mut Env) -> Result<Carbons, ConfigError> {
        Ok(Carbons { enabled: env.mark() })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        hooks.iq(Scope::OWN | Scope::ACCOUNT, NS, Ask::Both, &self, Self::serve);
        // §3: clients look for it at the server.
        for feature in [NS, RULES] {
            hooks.feature(Scope::SERVER | Scope::OWN, feature);
        }
        let interest =
            Interest { kinds: Kinds::MESSAGE, direction: None, children: &[NS, ARCHIVE], flag: None };
        hooks.filter(Stage::Rewrite, interest, &self, Self::stop_forged);
        hooks.copies(Copying { mark: self.enabled, eligible: eligible::eligible, wrap: wrap::wrap });
    }
}

impl Carbons {
    async fn serve(self: Arc<Self>, request: Request) -> Reply {
        // §4.1, §5.1: not for others. They are told the same whether or not there is such an account.
        let (Some(session), Ok(account), true) = (&request.session, request.account(), request.is_own())
        else {
            return Reply::error(StanzaCondition::NotAllowed);
        };
        let on = match (request.ask, request.payload_name()) {
            (Ask::Set, "enable") => true,
            (Ask::Set, "disable") => false,
            _ => return Reply::error(StanzaCondition::BadRequest),
        };
        // §10.1: as often as the client likes.
        account.mark(session, self.enabled, on);
        Reply::Done
    }

    fn stop_forged(&self, passing: &Passing<'_>, _: &mut Effects) -> Flow {
        forged::stop_forged(passing.frame, passing.direction)
    }
}
