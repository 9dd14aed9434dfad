//! From the configuration to an engine with its XEPs. `stentor check` and the start take the same way.

use crate::config::{Config, ConfigError, Diagnostic, XepOptions};
use kernel::sasl::{Iterations, Plain, Policy};
use kernel::{Engine, Listed, Ports, Settings, Software};
use std::sync::Arc;
use wire::framer::Limits;

/// All XEPs as the configuration knows them.
pub fn options(list: &[Listed]) -> Vec<XepOptions> {
    list.iter().map(|xep| XepOptions { name: xep.name, options: xep.options }).collect()
}

/// One line per XEP: number, title, version, name of its table.
pub fn describe(list: &[Listed]) -> String {
    let line = |xep: &Listed| {
        format!("{:04}  {:<40} {:<8} [xep.{}]\n", xep.number, xep.title, xep.version, xep.name)
    };
    list.iter().map(line).collect()
}

/// What the engine needs to know of the configuration.
pub fn settings(config: &Config) -> Settings {
    let limits = &config.limits;
    let required = config.tls.required;
    let plain = match (config.auth.plain, required) {
        (false, _) => Plain::Never,
        (true, true) => Plain::UnderTls,
        // TLS is optional in tests only; PLAIN then is, too.
        (true, false) => Plain::InTheClear,
    };
    let roster = kernel::roster::RosterLimits { items: limits.roster_items as usize, ..Default::default() };
    Settings {
        domains: config.domains.iter().map(|domain| domain.as_str().to_owned()).collect(),
        admins: config.admins.iter().cloned().collect(),
        software: Software { name: "Stentor", version: env!("CARGO_PKG_VERSION") },
        roster,
        sessions: limits.sessions_per_account as usize,
        outbox: limits.session_queue.bytes(),
        before_login: Limits {
            stanza_bytes: limits.max_stanza_before_login.bytes(),
            ..Limits::before_login()
        },
        after_login: Limits { stanza_bytes: limits.max_stanza.bytes(), ..Limits::after_login() },
        negotiation: limits.negotiation_timeout.duration(),
        require_tls: required,
        sasl: Policy {
            plain,
            anonymous: config.auth.anonymous,
            external: config.auth.external.is_some(),
            ..Policy::default()
        },
        iterations: Iterations::new(config.auth.scram_iterations).unwrap_or_default(),
        idle_accounts: limits.idle_accounts.bytes(),
        idle: limits.idle_timeout.duration(),
    }
}

/// Installs the XEPs that the configuration leaves switched on, and takes over its other settings.
///
/// # Errors
/// Every option that can't be used.
pub fn install(engine: &Arc<Engine>, config: &Config, list: &[Listed]) -> Result<(), ConfigError> {
    let chosen = list.iter().filter_map(|xep| {
        let settings = config.xep(xep.name);
        let told = config.xeps.contains_key(xep.name);
        let enabled = settings.enabled && (told || !xep.optional);
        enabled.then_some((*xep, settings.table))
    });
    engine.reload(self::settings(config), chosen.collect()).map_err(|errors| {
        let diagnostic = |(name, error): (&str, kernel::ConfigError)| match &error.key {
            Some(key) => config.xep(name).error(key, &error.message),
            None if name.is_empty() => Diagnostic::error("", error.message),
            None => Diagnostic::error("", format!("[xep.{name}]: {}", error.message)),
        };
        ConfigError(errors.into_iter().map(diagnostic).collect())
    })
}

/// Starts an engine with its XEPs.
///
/// # Errors
/// Text for the administrator.
pub async fn engine(config: &Config, ports: Ports, list: &[Listed]) -> Result<Arc<Engine>, String> {
    let engine = Engine::new(settings(config), ports)
        .await
        .map_err(|error| format!("the database can't be read: {error}"))?;
    install(&engine, config, list).map_err(|error| error.to_string())?;
    let users = kernel::Users::new(&engine);
    users.dismiss_visitors().await.map_err(|error| format!("the database can't be read: {error}"))?;
    Ok(engine)
}
