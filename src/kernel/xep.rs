//! What a XEP is to the engine: a number, a name, options, and what it registers.

use crate::account::{Cache, Mark};
use crate::hooks::Hooks;
use crate::ports::{Clock, Random};
use crate::{Archive, Directory, Router, Table};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use wire::jid::BareJid;

/// One extension of the protocol. It lives in one folder of the `xeps` package and one line of its list.
pub trait Xep: Sized + Send + Sync + 'static {
    /// The number: 191 for XEP-0191.
    const NUMBER: u16;
    /// Name of its table in the config file: `[xep.blocking]`.
    const NAME: &'static str;
    /// Its title, for listings.
    const TITLE: &'static str;
    /// The version of the specification that was implemented.
    const VERSION: &'static str;
    /// Off unless the config says `enabled = true`.
    const OPTIONAL: bool = false;
    /// Documentation of every option in [`Xep::Config`].
    const OPTIONS: &'static [OptionDoc] = &[];
    /// Options; `#[serde(default, deny_unknown_fields)]`.
    type Config: DeserializeOwned;

    /// Checks the options and takes the capabilities it needs.
    ///
    /// # Errors
    /// Options that contradict each other or name what does not exist.
    fn new(config: Self::Config, env: &mut Env) -> Result<Self, ConfigError>;

    /// The table of contents: everything that this XEP does is registered here.
    fn register(self: Arc<Self>, hooks: &mut Hooks);
}

/// One option of a XEP, for the annotated default config and the option reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionDoc {
    /// Key in `[xep.<name>]`.
    pub name: &'static str,
    /// Default value as TOML text.
    pub default: &'static str,
    /// What it means, in one or two sentences.
    pub doc: &'static str,
}

/// An option that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The key, if one is to blame.
    pub key: Option<String>,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl ConfigError {
    /// An error about one key.
    pub fn new(key: &str, message: impl Into<String>) -> ConfigError {
        ConfigError { key: Some(key.to_owned()), message: message.into() }
    }
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{key}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for ConfigError {}

/// What a XEP may be handed while it is built. Each capability is narrow; the struct that keeps them lists
/// all its powers.
pub struct Env {
    pub(crate) domains: Arc<[String]>,
    pub(crate) admins: Arc<[BareJid]>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) router: Router,
    pub(crate) directory: Directory,
    pub(crate) software: Software,
    pub(crate) stream_limits: StreamLimits,
    pub(crate) caches: crate::account::CacheKinds,
    /// The XEP that is being built.
    pub(crate) xep: &'static str,
    /// Names of marks, by their bits: the same after a restart, whatever XEPs there are then.
    pub(crate) marks: Vec<String>,
}

/// Name and version of the daemon, as it tells who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Software {
    /// Product name.
    pub name: &'static str,
    /// Version text.
    pub version: &'static str,
}

/// What a client's stream may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Bytes of one element before login.
    pub before_login: usize,
    /// Bytes of one element after login.
    pub after_login: usize,
    /// Silence after which a client is asked for a sign of life.
    pub idle: Duration,
}

impl Env {
    /// The domains served, prepared.
    pub fn domains(&self) -> Arc<[String]> {
        self.domains.clone()
    }

    /// Accounts that may administer.
    pub fn admins(&self) -> Arc<[BareJid]> {
        self.admins.clone()
    }

    /// Both clocks.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Unpredictable numbers.
    pub fn random(&self) -> Arc<dyn Random> {
        self.random.clone()
    }

    /// Sending stanzas, looking up accounts and their sessions.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// What all XEPs together announce: complete once the server runs.
    pub fn directory(&self) -> Directory {
        self.directory.clone()
    }

    /// What this server calls itself.
    pub fn software(&self) -> Software {
        self.software.clone()
    }

    /// What clients' streams may carry.
    pub fn stream_limits(&self) -> StreamLimits {
        self.stream_limits
    }

    /// State that several XEPs share, one of each type; made on first use, and kept when options are reloaded. The
    /// XEP that the type belongs to fills it, others read.
    pub fn shared<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.router.shared()
    }

    /// A typed table of its own. `name` is the collection's name in storage: never change it.
    pub fn table<T: serde::Serialize + DeserializeOwned>(&self, name: &'static str) -> Table<T> {
        Table::new(name, self.router.store())
    }

    /// Reading archives.
    pub fn archive(&self) -> Archive {
        Archive::new(self.router.store(), self.clock.clone())
    }

    /// Per-account state that is loaded with the account and read by filters without waiting.
    pub fn cache<T: crate::account::AccountCache>(&mut self) -> Cache<T> {
        self.caches.add::<T>()
    }

    /// A mark for sessions, to push changes to those that want them.
    pub fn mark(&mut self) -> Mark {
        let mark = Mark(1 << self.marks.len());
        let earlier = self.marks.iter().filter(|name| name.starts_with(self.xep)).count();
        self.marks.push(format!("{}-{earlier}", self.xep));
        mark
    }
}

/// A XEP in the list, with its types erased.
#[derive(Clone, Copy)]
pub struct Listed {
    /// See [`Xep::NUMBER`].
    pub number: u16,
    /// See [`Xep::NAME`].
    pub name: &'static str,
    /// See [`Xep::TITLE`].
    pub title: &'static str,
    /// See [`Xep::VERSION`].
    pub version: &'static str,
    /// See [`Xep::OPTIONAL`].
    pub optional: bool,
    /// See [`Xep::OPTIONS`].
    pub options: &'static [OptionDoc],
    /// Builds it from its table (without `enabled`) and registers it.
    pub install: fn(toml::Table, &mut Env, &mut Hooks) -> Result<(), ConfigError>,
}

impl Listed {
    /// The entry for `X`.
    pub const fn of<X: Xep>() -> Listed {
        Listed {
            number: X::NUMBER,
            name: X::NAME,
            title: X::TITLE,
            version: X::VERSION,
            optional: X::OPTIONAL,
            options: X::OPTIONS,
            install: install::<X>,
        }
    }
}

fn install<X: Xep>(options: toml::Table, env: &mut Env, hooks: &mut Hooks) -> Result<(), ConfigError> {
    let config = options.clone().try_into::<X::Config>().map_err(|error| ConfigError {
        key: culprit::<X::Config>(&options),
        message: error.message().to_owned(),
    })?;
    env.xep = X::NAME;
    Arc::new(X::new(config, env)?).register(hooks);
    Ok(())
}

/// The option without which the table would deserialise. A table that was merged from several sources has no spans,
/// so this is found by leaving out one option after the other.
fn culprit<T: DeserializeOwned>(options: &toml::Table) -> Option<String> {
    let blamed = options.keys().find(|key| {
        let mut rest = options.clone();
        rest.remove(key.as_str());
        rest.try_into::<T>().is_ok()
    });
    // With several at fault none can be left out alone: the first that fails by itself.
    let alone = || {
        options.iter().find(|(key, value)| {
            toml::Table::from_iter([((*key).clone(), (*value).clone())]).try_into::<T>().is_err()
        })
    };
    blamed.or_else(|| alone().map(|(key, _)| key)).cloned()
}
