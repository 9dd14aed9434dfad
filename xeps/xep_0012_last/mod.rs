//! Last activity: when an account was last available and what it said on leaving; how long the server has been up.
//!
//! **Invariant:** who may not see an account's presence is told `forbidden`, whether or not there is such an account.

#[cfg(test)]
mod tests;

use kernel::hooks::{
    Direction, Effects, Flow, Hooks, Interest, Kinds, Passing, Reply, Request, Scope, Stage, Target,
};
use kernel::ports::{Clock, WallMillis};
use kernel::{Account, ConfigError, Env, Table, Xep};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wire::error::{StanzaCondition, StanzaError};
use wire::frame::{Frame, StanzaType, XmlWriter};
use wire::jid::JidView;
use wire::ns;

const NS: &str = "jabber:iq:last";
/// The one row of an account.
const ROW: &str = "left";
/// Longest status that is kept, in bytes.
const STATUS: usize = 1024;

/// Options: none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {}

/// How an account left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Left {
    /// Milliseconds since 1970.
    at: i64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    status: String,
}

/// XEP-0012.
pub(crate) struct Last {
    clock: Arc<dyn Clock>,
    left: Table<Left>,
}

impl Xep for Last {
    const NUMBER: u16 = 12;
    const NAME: &'static str = "last";
    const TITLE: &'static str = "Last Activity";
    const VERSION: &'static str = "2.0";
    type Config = Config;

    fn new(_: Config, env: &mut Env) -> Result<Last, ConfigError> {
        Ok(Last { clock: env.clock(), left: env.table("last") })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        hooks.iq_get(Scope::SERVER | Scope::OWN | Scope::ACCOUNT, NS, &self, Self::tell);
        hooks.no_such_resource(NS, StanzaCondition::Forbidden);
        let interest =
            Interest { kinds: Kinds::IQ, direction: Some(Direction::In), children: &[NS], flag: None };
        hooks.filter(Stage::Check, interest, &self, Self::guard);
        hooks.went_unavailable(&self, Self::note);
    }
}

impl Last {
    async fn tell(self: Arc<Self>, request: Request) -> Reply {
        if !request.may_see() {
            // XEP-0012 §3
            return Reply::error(StanzaCondition::Forbidden);
        }
        if request.payload_name() != "query" {
            return Reply::error(StanzaCondition::BadRequest);
        }
        let Target::Account(account) = &request.target else {
            // §5: the server's own time up. The clock began with the process.
            return Reply::Xml(answer(self.clock.now().0 / 1000, ""));
        };
        // §3 wants 0 for a connected resource, too. But a contact must not learn here what presence hides from it.
        if !account.available().is_empty() || request.is_own() {
            return Reply::Xml(answer(0, ""));
        }
        match self.left.get(account.owner(), ROW).await {
            Ok(Some(left)) => {
                let millis = self.clock.wall().0.saturating_sub(left.at);
                Reply::Xml(answer(u64::try_from(millis / 1000).unwrap_or(0), &left.status))
            }
            // It never was here.
            Ok(None) => Reply::error(StanzaCondition::ItemNotFound),
            Err(error) => {
                tracing::error!(account = %account.jid(), %error, "last activity can't be read");
                error.into()
            }
        }
    }

    /// §4: a request to a resource is delivered only if its sender may see the account's presence. Requests to the
    /// account itself come to [`Last::tell`].
    fn guard(&self, passing: &Passing<'_>, _: &mut Effects) -> Flow {
        let frame = passing.frame;
        // The interest is a hint: this looks.
        let asks =
            frame.type_() == StanzaType::Get && frame.payload().is_some_and(|payload| payload.ns == NS);
        if !asks {
            return Flow::Pass;
        }
        let from = frame.from().unwrap_or_default();
        let allowed = match (JidView::parse(&from), frame.to().as_deref().map(JidView::parse)) {
            (_, None) => true,
            (_, Some(Ok(to))) if to.resource().is_none() => true,
            (Ok(from), Some(Ok(to))) => {
                from.bare_str() == to.bare_str() || passing.account.may_be_seen_by(&from.to_bare())
            }
            _ => false,
        };
        if allowed { Flow::Pass } else { Flow::Bounce(StanzaError::new(StanzaCondition::Forbidden)) }
    }

    /// The last available session of an account went away.
    fn note(&self, account: &Arc<Account>, presence: &Frame) {
        let left = Left::of(presence, self.clock.wall());
        // Nobody waits for this to be durable. What fails to be written is logged by the store.
        let _ = self.left.put(account.owner(), ROW, &left);
    }
}

impl Left {
    fn of(presence: &Frame, at: WallMillis) -> Left {
        let mut status = presence.child("status", ns::CLIENT).map(|child| child.text()).unwrap_or_default();
        let mut end = status.len().min(STATUS);
        while !status.is_char_boundary(end) {
            end -= 1;
        }
        status.truncate(end);
        Left { at: at.0, status }
    }
}

fn answer(seconds: u64, status: &str) -> String {
    let mut out = XmlWriter::new();
    out.start("query").attr("xmlns", NS).attr("seconds", &seconds.to_string()).text(status);
    out.into_string()
}
