//! Delayed delivery (XEP-0203): what a stanza says about its delay in the name of this server is this server's own. The
//! elements themselves are made where things are delayed (`kernel::time::delay`).
//!
//! **Invariant:** a delay that a client sees with its own server, or its own account, as `from` was not written by
//! somebody else.

#[cfg(test)]
mod tests;

use crate::strip::{bare, is_domain, own_bare, strip};
use kernel::hooks::{Direction, Effects, Flow, Hooks, Interest, Kinds, Passing, Scope, Stage};
use kernel::{ConfigError, Env, Xep};
use serde::Deserialize;
use std::sync::Arc;
use wire::frame::Kind;
use wire::jid::JidView;
use wire::ns;

/// XEP-0091, what there was before.
const LEGACY: &str = "jabber:x:delay";

/// Options: none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {}

/// XEP-0203.
pub(crate) struct Delay {
    domains: Arc<[String]>,
}

impl Xep for Delay {
    const NUMBER: u16 = 203;
    const NAME: &'static str = "delay";
    const TITLE: &'static str = "Delayed Delivery";
    const VERSION: &'static str = "2.0";
    type Config = Config;

    fn new(_: Config, env: &mut Env) -> Result<Delay, ConfigError> {
        Ok(Delay { domains: env.domains() })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        hooks.feature(Scope::SERVER, ns::DELAY);
        let interest =
            Interest { kinds: Kinds::ALL, direction: None, children: &[ns::DELAY, LEGACY], flag: None };
        hooks.filter(Stage::Rewrite, interest, &self, Self::strip_forged);
    }
}

impl Delay {
    /// §5: "the recipient's server SHOULD discard a delayed delivery notation whose 'from' attribute matches the
    /// server's JabberID". The same holds for its accounts, for which it speaks.
    ///
    /// What the sender says of itself stays: a client that was offline tells when a message was written, in its own
    /// name or without any, and rooms and other servers tell when they got it.
    fn strip_forged(&self, passing: &Passing<'_>, _: &mut Effects) -> Flow {
        if passing.frame.kind() == Kind::Iq {
            return Flow::Pass;
        }
        let own = own_bare(passing);
        let sender = passing.frame.from().and_then(|from| bare(&from));
        // On its way out, or to another session of the account: the account is the sender.
        let others = own.filter(|own| passing.direction == Direction::In && sender.as_ref() != Some(own));
        strip(passing.frame, |child| {
            if !child.is("delay", ns::DELAY) && !child.is("x", LEGACY) {
                return false;
            }
            let from = child.attr("from").unwrap_or_default();
            let from = JidView::parse(&from);
            from.is_ok_and(|from| {
                is_domain(&from, &self.domains) || others.as_deref() == Some(from.bare_str())
            })
        })
    }
}
