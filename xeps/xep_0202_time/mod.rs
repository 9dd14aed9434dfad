//! Entity time: the server's clock.

#[cfg(test)]
mod tests;

use kernel::hooks::{Hooks, Reply, Request, Scope};
use kernel::ports::Clock;
use kernel::{ConfigError, Env, Xep, time};
use serde::Deserialize;
use std::sync::Arc;
use wire::error::StanzaCondition;
use wire::frame::XmlWriter;

const NS: &str = "urn:xmpp:time";

/// Options: none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {}

/// XEP-0202.
pub(crate) struct Time {
    clock: Arc<dyn Clock>,
}

impl Xep for Time {
    const NUMBER: u16 = 202;
    const NAME: &'static str = "time";
    const TITLE: &'static str = "Entity Time";
    const VERSION: &'static str = "2.0";
    type Config = Config;

    fn new(_: Config, env: &mut Env) -> Result<Time, ConfigError> {
        Ok(Time { clock: env.clock() })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        hooks.iq_get(Scope::SERVER, NS, &self, Self::tell);
    }
}

impl Time {
    async fn tell(self: Arc<Self>, request: Request) -> Reply {
        if request.payload_name() != "time" {
            return Reply::error(StanzaCondition::BadRequest);
        }
        let mut out = XmlWriter::new();
        out.start("time").attr("xmlns", NS);
        // §6: an offset would tell where the server stands. It lives in UTC.
        out.text_element("tzo", "+00:00").text_element("utc", &time::stamp(self.clock.wall()));
        Reply::Xml(out.into_string())
    }
}
