//! vcard-temp (XEP-0054): one vCard per account, written by its user, read by everybody.

#[cfg(test)]
mod tests;

use kernel::hooks::{Hooks, Reply, Request, Scope};
use kernel::options::ByteSize;
use kernel::{ConfigError, Env, OptionDoc, Table, Xep};
use serde::Deserialize;
use std::sync::Arc;
use wire::error::{StanzaCondition, StanzaError};

const NS: &str = "vcard-temp";
/// Instead of a vCard of one's own that was never written.
const NONE: &str = "<vCard xmlns='vcard-temp'/>";
/// An account has one row.
const KEY: &str = "vcard";

/// `[xep.vcard]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Of one vCard, its picture included.
    pub(crate) bytes: ByteSize,
}

impl Default for Config {
    fn default() -> Config {
        Config { bytes: ByteSize::kib(256) }
    }
}

/// The XEP.
pub(crate) struct VCard {
    config: Config,
    /// XML that stands by itself.
    table: Table<String>,
}

impl Xep for VCard {
    const NUMBER: u16 = 54;
    const NAME: &'static str = "vcard";
    const TITLE: &'static str = "vcard-temp";
    const VERSION: &'static str = "1.3";
    const OPTIONS: &'static [OptionDoc] =
        &[OptionDoc { name: "bytes", default: "\"256 KiB\"", doc: "Size of a vCard, its picture included." }];
    type Config = Config;

    fn new(config: Config, env: &mut Env) -> Result<Self, ConfigError> {
        Ok(VCard { config, table: env.table("vcard") })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        hooks.iq_get(Scope::OWN | Scope::ACCOUNT, NS, &self, Self::show);
        hooks.iq_set(Scope::OWN | Scope::ACCOUNT, NS, &self, Self::update);
        // §4: clients look for it at the server.
        hooks.feature(Scope::SERVER, NS);
    }
}

impl VCard {
    async fn show(self: Arc<Self>, request: Request) -> Reply {
        if request.payload_name() != "vCard" {
            return Reply::error(StanzaCondition::BadRequest);
        }
        let account = match request.account() {
            Ok(account) => account,
            Err(error) => return error.into(),
        };
        match self.table.get(account.owner(), KEY).await {
            Ok(Some(vcard)) => Reply::Xml(vcard),
            // §3.1 allows this or an error. Clients fetch what is there, change it and store it: nothing is easy to change.
            Ok(None) if request.is_own() => Reply::Xml(NONE.to_owned()),
            // §3.3: the same as for an account that does not exist, so that nobody finds out which do.
            Ok(None) => Reply::error(StanzaCondition::ServiceUnavailable),
            Err(error) => error.into(),
        }
    }

    async fn update(self: Arc<Self>, request: Request) -> Reply {
        if !request.is_own() {
            // §3.2
            return Reply::error(StanzaCondition::Forbidden);
        }
        let account = match request.account() {
            Ok(account) => account,
            Err(error) => return error.into(),
        };
        let vcard = request.payload();
        if !vcard.is("vCard", NS) {
            return Reply::error(StanzaCondition::BadRequest);
        }
        let vcard = String::from(&vcard);
        if vcard.len() > self.config.bytes.bytes() {
            let text = format!("A vCard may have {}; a smaller picture helps.", self.config.bytes);
            return Reply::Error(StanzaError::new(StanzaCondition::PolicyViolation).with_text(text));
        }
        Reply::After(self.table.put(account.owner(), KEY, &vcard), None)
    }
}
