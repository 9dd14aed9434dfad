//! Private XML storage (XEP-0049): clients keep settings with their account. Old clients keep their bookmarks here
//! (XEP-0048).

mod request;
#[cfg(test)]
mod tests;

use kernel::hooks::{Ask, Hooks, Reply, Request, Scope};
use kernel::options::ByteSize;
use kernel::ports::Owner;
use kernel::{ConfigError, Env, OptionDoc, Table, Xep};
use request::{Part, wanted};
use serde::Deserialize;
use std::sync::Arc;
use wire::error::{StanzaCondition, StanzaError};
use wire::frame::XmlWriter;

const NS: &str = "jabber:iq:private";

/// `[xep.private]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Everything that one account keeps.
    pub(crate) bytes: ByteSize,
    /// Kinds of element that one account keeps.
    pub(crate) elements: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config { bytes: ByteSize::mib(1), elements: 200 }
    }
}

/// The XEP.
pub(crate) struct PrivateStorage {
    config: Config,
    /// By namespace and name: all elements of that kind, one after the other, as XML that stands by itself.
    table: Table<String>,
}

impl Xep for PrivateStorage {
    const NUMBER: u16 = 49;
    const NAME: &'static str = "private";
    const TITLE: &'static str = "Private XML Storage";
    const VERSION: &'static str = "1.2";
    const OPTIONS: &'static [OptionDoc] = &[
        OptionDoc { name: "bytes", default: "\"1 MiB\"", doc: "What one account may keep." },
        OptionDoc {
            name: "elements",
            default: "200",
            doc: "How many kinds of element (names in a namespace) one account may keep.",
        },
    ];
    type Config = Config;

    fn new(config: Config, env: &mut Env) -> Result<Self, ConfigError> {
        Ok(PrivateStorage { config, table: env.table("private") })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        // Somebody else's data: service-unavailable, "in common use by existing implementations".
        hooks.iq(Scope::OWN, NS, Ask::Both, &self, Self::serve);
    }
}

impl PrivateStorage {
    async fn serve(self: Arc<Self>, request: Request) -> Reply {
        let owner = match request.account() {
            Ok(account) => account.owner(),
            Err(error) => return error.into(),
        };
        let query = request.payload();
        if !query.is("query", NS) {
            return Reply::error(StanzaCondition::BadRequest);
        }
        match request.ask {
            Ask::Get => match wanted(&query) {
                Ok(parts) => self.read(owner, parts).await,
                Err(condition) => Reply::error(condition),
            },
            _ => match wanted(&query) {
                Ok(parts) => self.write(owner, parts).await,
                // §2.3: without an element in a namespace of its own, "Not Acceptable".
                Err(_) => Reply::error(StanzaCondition::NotAcceptable),
            },
        }
    }

    async fn read(&self, owner: Owner, parts: Vec<Part>) -> Reply {
        let mut out = XmlWriter::new();
        out.start("query").attr("xmlns", NS);
        for part in parts {
            match self.table.get(owner, &part.key).await {
                Ok(Some(xml)) => out.raw(&xml),
                // What is not there is answered as it was asked for.
                Ok(None) => out.start(&part.name).attr("xmlns", &part.ns).end(),
                Err(error) => return error.into(),
            };
        }
        Reply::Xml(out.into_string())
    }

    async fn write(&self, owner: Owner, parts: Vec<Part>) -> Reply {
        let kept = match self.table.list(owner).await {
            Ok(rows) => rows,
            Err(error) => return error.into(),
        };
        let others = || kept.iter().filter(|(key, _)| parts.iter().all(|part| part.key != *key));
        let added = || parts.iter().filter_map(|part| part.value().map(|xml| (&part.key, xml)));
        let bytes = others().map(|(key, xml)| key.len() + xml.len()).sum::<usize>()
            + added().map(|(key, xml)| key.len() + xml.len()).sum::<usize>();
        if bytes > self.config.bytes.bytes() || others().count() + added().count() > self.config.elements {
            return Reply::Error(
                StanzaError::new(StanzaCondition::PolicyViolation)
                    .with_text("There is no room for so much private data."),
            );
        }
        let rows = parts.into_iter().map(|part| {
            let value = part.value().map(str::to_owned);
            (part.key, value)
        });
        Reply::After(self.table.write(owner, rows), None)
    }
}
