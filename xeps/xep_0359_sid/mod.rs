//! Unique and stable stanza ids (XEP-0359): nobody but the server says under which id a message is in an account's
//! archive. The ids themselves are the log's, and added on delivery.
//!
//! **Invariant:** a `<stanza-id/>` that a client sees with its account or its server as `by` is the server's own.

#[cfg(test)]
mod tests;

use crate::strip::{is_domain, own_bare, strip};
use kernel::hooks::{Effects, Flow, Hooks, Interest, Kinds, Passing, Scope, Stage};
use kernel::{ConfigError, Env, Xep};
use serde::Deserialize;
use std::sync::Arc;
use wire::jid::JidView;
use wire::ns;

/// Options: none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {}

/// XEP-0359.
pub(crate) struct StanzaIds {
    domains: Arc<[String]>,
}

impl Xep for StanzaIds {
    const NUMBER: u16 = 359;
    const NAME: &'static str = "stanza_ids";
    const TITLE: &'static str = "Unique and Stable Stanza IDs";
    const VERSION: &'static str = "0.7.0";
    type Config = Config;

    fn new(_: Config, env: &mut Env) -> Result<StanzaIds, ConfigError> {
        Ok(StanzaIds { domains: env.domains() })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        hooks.feature(Scope::SERVER | Scope::OWN, ns::STANZA_ID);
        let interest =
            Interest { kinds: Kinds::MESSAGE, direction: None, children: &[ns::STANZA_ID], flag: None };
        hooks.filter(Stage::Rewrite, interest, &self, Self::strip_forged);
    }
}

impl StanzaIds {
    /// §3: an element whose `by` is what we would set MUST be deleted, and no other one should be.
    fn strip_forged(&self, passing: &Passing<'_>, _: &mut Effects) -> Flow {
        let Some(own) = own_bare(passing) else { return Flow::Pass };
        strip(passing.frame, |child| {
            if !child.is("stanza-id", ns::STANZA_ID) {
                return false;
            }
            let by = child.attr("by").unwrap_or_default();
            let by = JidView::parse(&by);
            by.is_ok_and(|by| by.as_str() == own || is_domain(&by, &self.domains))
        })
    }
}
