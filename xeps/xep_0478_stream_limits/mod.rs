//! Stream limits: the client is told how large a stanza may be, and how long it may be silent, so that it need not find
//! out by losing its connection.

#[cfg(test)]
mod tests;

use kernel::hooks::{Feature, Hooks, Phase};
use kernel::{ConfigError, Env, StreamLimits, Xep};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use wire::frame::XmlWriter;

/// Options: none. The limits themselves are in `[limits]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {}

/// XEP-0478.
pub(crate) struct Advertisement {
    limits: StreamLimits,
}

impl Xep for Advertisement {
    const NUMBER: u16 = 478;
    const NAME: &'static str = "stream_limits";
    const TITLE: &'static str = "Stream Limits Advertisement";
    const VERSION: &'static str = "0.2.0";
    type Config = Config;

    fn new(_: Config, env: &mut Env) -> Result<Advertisement, ConfigError> {
        Ok(Advertisement { limits: env.stream_limits() })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        let StreamLimits { before_login, after_login, idle } = self.limits;
        hooks.stream_feature(Feature { phase: Phase::BeforeLogin, xml: limits(before_login, idle) });
        hooks.stream_feature(Feature { phase: Phase::AfterLogin, xml: limits(after_login, idle) });
    }
}

fn limits(bytes: usize, idle: Duration) -> String {
    let mut out = XmlWriter::new();
    out.start("limits").attr("xmlns", "urn:xmpp:stream-limits:0");
    // The schema has both as xs:unsignedInt.
    out.text_element("max-bytes", &u32::try_from(bytes).unwrap_or(u32::MAX).to_string());
    out.text_element("idle-seconds", &u32::try_from(idle.as_secs()).unwrap_or(u32::MAX).to_string());
    out.into_string()
}
