//! Messages for an account that is away wait in its log and are delivered when it comes back, stamped with the time
//! of their receipt (XEP-0160, XEP-0203). The log itself is the kernel's: this decides what is worth keeping, how
//! much, and how the delay is told.

#[cfg(test)]
mod tests;
mod worth;

use kernel::hooks::{Hooks, Offline, Scope};
use kernel::options::ByteSize;
use kernel::ports::WallMillis;
use kernel::{ConfigError, Env, OptionDoc, Xep};
use serde::Deserialize;
use std::sync::Arc;

/// `[xep.offline]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Messages per account.
    pub(crate) messages: u64,
    /// Bytes per account.
    pub(crate) bytes: ByteSize,
}

impl Default for Config {
    fn default() -> Config {
        Config { messages: 10_000, bytes: ByteSize::mib(32) }
    }
}

/// The XEP.
pub(crate) struct MsgOffline {
    config: Config,
}

impl Xep for MsgOffline {
    const NUMBER: u16 = 160;
    const NAME: &'static str = "offline";
    const TITLE: &'static str = "Best Practices for Handling Offline Messages";
    const VERSION: &'static str = "1.0.1";
    const OPTIONS: &'static [OptionDoc] = &[
        OptionDoc {
            name: "messages",
            default: "10000",
            doc: "Messages kept for an account that is away. Further ones come back to their senders as errors.",
        },
        OptionDoc { name: "bytes", default: "\"32 MiB\"", doc: "The same in bytes." },
    ];
    type Config = Config;

    fn new(config: Config, _: &mut Env) -> Result<Self, ConfigError> {
        Ok(MsgOffline { config })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        hooks.offline(Offline {
            messages: self.config.messages,
            bytes: self.config.bytes.0,
            worth: worth::keeping,
            delay,
        });
        hooks.feature(Scope::SERVER, "msgoffline");
    }
}

/// XEP-0203: the domain delayed it. No reason is given: `from` says it all, and clients show the text to nobody.
fn delay(received: WallMillis, domain: &str) -> String {
    kernel::time::delay(received, domain, None)
}
