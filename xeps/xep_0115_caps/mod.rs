//! Entity capabilities: the server announces a hash of its service discovery, and knows what its clients can do by the
//! hashes in their presence.
//!
//! What a hash stands for is asked of a client that bears it, once, and believed only if it hashes to that value.

mod clients;
mod verification;

#[cfg(test)]
mod tests;

use clients::{Claim, Clients, NS};
use kernel::hooks::{Hooks, Inquiry, Node, Phase, Scope};
use kernel::ports::Clock;
use kernel::{Account, ConfigError, Directory, Env, Router, Xep};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use verification::Description;
use wire::frame::{Frame, StanzaType, XmlWriter};
use wire::jid::Jid;
use wire::ns;

/// What the hash of the server is qualified with.
const NODE: &str = "urn:stentor";
/// How long a client may take to describe itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// Options: none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {}

/// XEP-0115.
pub(crate) struct Caps {
    directory: Directory,
    router: Router,
    clock: Arc<dyn Clock>,
    clients: Arc<Clients>,
}

impl Xep for Caps {
    const NUMBER: u16 = 115;
    const NAME: &'static str = "caps";
    const TITLE: &'static str = "Entity Capabilities";
    const VERSION: &'static str = "1.6.0";
    type Config = Config;

    fn new(_: Config, env: &mut Env) -> Result<Caps, ConfigError> {
        Ok(Caps {
            directory: env.directory(),
            router: env.router(),
            clock: env.clock(),
            clients: env.shared(),
        })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        hooks.feature(Scope::SERVER, NS);
        hooks.late_stream_feature(Phase::AfterLogin, &self, Self::announcement);
        hooks.node(Scope::SERVER, &self, Self::describe);
        hooks.presence_sent(&self, Self::note);
    }
}

impl Caps {
    /// §6.3: the stream feature.
    fn announcement(&self) -> String {
        let mut out = XmlWriter::new();
        out.start("c").attr("xmlns", NS).attr("hash", "sha-1").attr("node", NODE).attr("ver", &self.ver());
        out.into_string()
    }

    /// The server's verification string.
    fn ver(&self) -> String {
        let query = self.directory.info(Scope::SERVER).to_xml(None).parse().ok();
        let description = query.and_then(|query| Description::parse(&query).ok());
        description.map(|description| description.ver()).unwrap_or_default()
    }

    /// §6.2: the node that goes with it.
    async fn describe(self: Arc<Self>, inquiry: Inquiry) -> Option<Node> {
        let ver = inquiry.node.as_deref()?.strip_prefix(NODE)?.strip_prefix('#')?;
        (ver == self.ver()).then(|| Node { info: self.directory.info(Scope::SERVER), items: Vec::new() })
    }

    /// One of our sessions broadcasts presence: its client is asked what it can do, unless that is known.
    fn note(&self, account: &Arc<Account>, presence: &Frame) {
        let Some(claim) = Claim::of(presence) else { return };
        let Some(from) = presence.from().and_then(|from| Jid::parse(&from).ok()) else { return };
        if !self.clients.begin(&claim, &from, self.clock.now()) {
            return;
        }
        let (clients, router) = (self.clients.clone(), self.router.clone());
        let domain = account.jid().domain().to_owned();
        self.router.spawn(Box::pin(async move {
            let mut query = XmlWriter::new();
            query.start("query").attr("xmlns", ns::DISCO_INFO);
            query.attr("node", &format!("{}#{}", claim.node, claim.ver));
            let answer = router.ask(&domain, &from, &query.into_string(), PATIENCE).await;
            match answer.filter(|answer| answer.type_() == StanzaType::Result) {
                Some(answer) => clients.learn(&claim, &from, &answer),
                // Gone, or it does not answer. Another client with this hash may.
                None => clients.give_up(&claim, &from),
            }
        }));
    }
}
