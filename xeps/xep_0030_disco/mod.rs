//! Service discovery: what the server and its accounts are, can do, and consist of. What they announce is the sum of
//! what all XEPs register; this one answers the questions.
//!
//! **Invariant:** who may not see an account's presence gets the same answers as for an account that doesn't exist.

#[cfg(test)]
mod tests;

use kernel::hooks::{Hooks, Identity, Inquiry, Item, Reply, Request, Scope, Target};
use kernel::{ConfigError, Directory, Env, OptionDoc, Xep};
use serde::Deserialize;
use std::sync::Arc;
use wire::error::StanzaCondition;
use wire::frame::{Frame, XmlWriter};
use wire::jid::{FullJid, Jid};
use wire::ns;

/// Options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    items: Vec<Service>,
}

/// A service that is no part of this server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    jid: String,
    name: Option<String>,
}

/// XEP-0030.
pub(crate) struct Disco {
    directory: Directory,
    /// The server's identity has this name.
    name: &'static str,
    /// Listed with every domain.
    items: Vec<Item>,
}

impl Xep for Disco {
    const NUMBER: u16 = 30;
    const NAME: &'static str = "disco";
    const TITLE: &'static str = "Service Discovery";
    const VERSION: &'static str = "2.5.0";
    const OPTIONS: &'static [OptionDoc] = &[OptionDoc {
        name: "items",
        default: "[]",
        doc: "Services elsewhere that are listed with those of this server, such as \
              { jid = \"irc.example.net\", name = \"IRC gateway\" }.",
    }];
    type Config = Config;

    fn new(config: Config, env: &mut Env) -> Result<Disco, ConfigError> {
        let item = |service: Service| {
            let jid = Jid::parse(&service.jid)
                .map_err(|error| ConfigError::new("items", format!("\"{}\": {error}", service.jid)))?;
            Ok(Item { jid: jid.as_str().to_owned(), node: None, name: service.name })
        };
        let items = config.items.into_iter().map(item).collect::<Result<_, _>>()?;
        Ok(Disco { directory: env.directory(), name: env.software().name, items })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        let everybody = Scope::SERVER | Scope::OWN | Scope::ACCOUNT;
        hooks.iq_get(everybody, ns::DISCO_INFO, &self, Self::info);
        hooks.iq_get(everybody, ns::DISCO_ITEMS, &self, Self::items);
        let server = Identity { category: "server", type_: "im", name: self.name.to_owned() };
        hooks.identity(Scope::SERVER, server);
        let account = Identity { category: "account", type_: "registered", name: String::new() };
        hooks.identity(Scope::OWN | Scope::ACCOUNT, account);
    }
}

impl Disco {
    async fn info(self: Arc<Self>, request: Request) -> Reply {
        if !request.may_see() {
            // XEP-0030 §8, the first rule.
            return Reply::error(StanzaCondition::ServiceUnavailable);
        }
        let Some(asked) = asked(&request.frame, ns::DISCO_INFO) else {
            return Reply::error(StanzaCondition::BadRequest);
        };
        let scope = request.scope();
        let inquiry = inquiry(request, &asked, true);
        let info = if inquiry.node.is_none() {
            self.directory.info(scope)
        } else {
            match self.directory.node(&inquiry).await {
                Some(node) => node.info,
                None => return Reply::error(StanzaCondition::ItemNotFound),
            }
        };
        Reply::Xml(info.to_xml(asked.node.as_deref()))
    }

    async fn items(self: Arc<Self>, request: Request) -> Reply {
        let trusted = request.may_see();
        let Some(asked) = asked(&request.frame, ns::DISCO_ITEMS) else {
            return if trusted {
                Reply::error(StanzaCondition::BadRequest)
            } else {
                // §8, the second rule: strangers learn nothing.
                Reply::Xml(items_xml(None, &[]))
            };
        };
        let inquiry = inquiry(request, &asked, trusted);
        let items = if inquiry.node.is_none() {
            let mut items = self.own_items(&inquiry);
            items.extend(self.directory.added_items(&inquiry).await);
            items
        } else {
            match self.directory.node(&inquiry).await {
                Some(node) => node.items,
                None if trusted => return Reply::error(StanzaCondition::ItemNotFound),
                // §8: "no matter if the request specifies a node or not".
                None => Vec::new(),
            }
        };
        Reply::Xml(items_xml(asked.node.as_deref(), &items))
    }

    /// The services of a domain; the available resources of an account, for those who may know of them.
    fn own_items(&self, inquiry: &Inquiry) -> Vec<Item> {
        match &inquiry.request.target {
            Target::Server(domain) | Target::Stream { domain, .. } => {
                let mut items = self.directory.items(domain);
                items.extend_from_slice(&self.items);
                items
            }
            Target::Account(account) if inquiry.trusted => {
                let resource = |jid: FullJid| Item { jid: jid.as_str().to_owned(), ..Item::default() };
                account.available().into_iter().map(resource).collect()
            }
            // §8, the second rule: nothing is all that strangers learn about an account, and about one that isn't there.
            Target::Account(_) | Target::Nobody => Vec::new(),
        }
    }
}

/// The `<query/>` of a request.
struct Asked {
    /// Its node, to be mirrored.
    node: Option<String>,
}

fn asked(frame: &Frame, namespace: &str) -> Option<Asked> {
    let query = frame.child("query", namespace)?;
    Some(Asked { node: query.attr("node").map(|node| node.into_owned()) })
}

fn inquiry(request: Request, asked: &Asked, trusted: bool) -> Inquiry {
    // COMPAT: some clients send an empty node where they mean none.
    let node = asked.node.clone().filter(|node| !node.is_empty());
    Inquiry { request: Arc::new(request), node, trusted }
}

fn items_xml(node: Option<&str>, items: &[Item]) -> String {
    let mut out = XmlWriter::new();
    out.start("query").attr("xmlns", ns::DISCO_ITEMS).attr_opt("node", node);
    for item in items {
        out.start("item").attr("jid", &item.jid);
        out.attr_opt("node", item.node.as_deref()).attr_opt("name", item.name.as_deref()).end();
    }
    out.into_string()
}
