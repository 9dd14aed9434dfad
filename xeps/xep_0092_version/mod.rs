//! Software version: what the server calls itself.

#[cfg(test)]
mod tests;

use kernel::hooks::{Hooks, Reply, Request, Scope};
use kernel::{ConfigError, Env, OptionDoc, Software, Xep};
use serde::Deserialize;
use std::sync::Arc;
use wire::error::StanzaCondition;
use wire::frame::XmlWriter;

const NS: &str = "jabber:iq:version";

/// Options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    os: bool,
}

/// XEP-0092.
pub(crate) struct Version {
    software: Software,
    /// The operating system is told.
    os: bool,
}

impl Xep for Version {
    const NUMBER: u16 = 92;
    const NAME: &'static str = "version";
    const TITLE: &'static str = "Software Version";
    const VERSION: &'static str = "1.1";
    const OPTIONS: &'static [OptionDoc] =
        &[OptionDoc { name: "os", default: "false", doc: "Also tell the operating system's name." }];
    type Config = Config;

    fn new(config: Config, env: &mut Env) -> Result<Version, ConfigError> {
        Ok(Version { software: env.software(), os: config.os })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        hooks.iq_get(Scope::SERVER, NS, &self, Self::tell);
    }
}

impl Version {
    async fn tell(self: Arc<Self>, request: Request) -> Reply {
        if request.payload_name() != "query" {
            return Reply::error(StanzaCondition::BadRequest);
        }
        let mut out = XmlWriter::new();
        out.start("query").attr("xmlns", NS);
        out.text_element("name", self.software.name).text_element("version", self.software.version);
        if self.os {
            out.text_element("os", std::env::consts::OS);
        }
        Reply::Xml(out.into_string())
    }
}
