//! The daemon: starts everything in order, serves until it is told to stop, and ends in order.

use crate::assemble;
use crate::check::check;
use crate::cli::admin::{self, AdminRequest};
use crate::cli::{Daemon, Password, Users, UsersError, answer};
use crate::config::{self, Config, ConfigError, Diagnostic, Loaded, XepOptions};
use crate::net::{self, Context, Tally, bind};
use crate::notify::{State, notify};
use crate::ports::ports;
use crate::tls::{Certificates, SelfMade};
use arc_swap::ArcSwap;
use kernel::lines::Lines;
use kernel::{Engine, Listed, UserError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::Sqlite;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use wire::jid::BareJid;

/// Time for streams to take their farewell; then the process ends anyway.
const FAREWELL: Duration = Duration::from_secs(5);
/// How often idle accounts are looked for, and log lines that were left out are counted.
const SWEEP: Duration = Duration::from_secs(60);

/// The program: a list of XEPs, and all that runs them.
pub struct Stentor {
    list: &'static [Listed],
    options: Vec<XepOptions>,
}

impl Stentor {
    /// With these XEPs.
    pub fn new(list: &'static [Listed]) -> Stentor {
        Stentor { list, options: assemble::options(list) }
    }
}

impl Daemon for Stentor {
    type Users = Accounts;

    fn xeps(&self) -> &[XepOptions] {
        &self.options
    }

    fn describe_xeps(&self) -> String {
        assemble::describe(self.list)
    }

    fn check(&self, loaded: &Loaded) -> Result<Vec<Diagnostic>, ConfigError> {
        check(&loaded.config, self.list)
    }

    fn run(self, loaded: Loaded) -> Result<(), String> {
        crate::logging::init(&loaded.config.log).map_err(|error| format!("cannot log: {error}"))?;
        crate::logging::panics();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("cannot start: {error}"))?;
        let result = runtime.block_on(serve(loaded, self.list, &self.options));
        runtime.shutdown_timeout(Duration::from_secs(1));
        result
    }

    async fn open_users(&self, config: &Config) -> Result<Accounts, String> {
        let store = Arc::new(open(config)?);
        let engine = assemble::engine(config, ports(store), self.list).await?;
        Ok(Accounts(kernel::Users::new(&engine)))
    }
}

fn open(config: &Config) -> Result<Sqlite, String> {
    let options = store::Options { text: Some(kernel::ports::text), ..store::Options::default() };
    // Whole, for messages: "data is in use" would be a riddle.
    Sqlite::open(&config.whole_data(), options).map_err(|error| error.to_string())
}

async fn serve(loaded: Loaded, list: &'static [Listed], options: &[XepOptions]) -> Result<(), String> {
    let Loaded { config, file, .. } = loaded;
    // The store first: its lock on the data directory keeps a second server out.
    let store = Arc::new(open(&config)?);
    let (certificates, warnings) =
        Certificates::load(&config, SelfMade::Keep).map_err(|error| error.to_string())?;
    for warning in warnings {
        tracing::warn!("{}", warning.text());
    }
    let engine = assemble::engine(&config, ports(store.clone()), list).await?;
    let listeners = bind(&config.listen.c2s, &config.listen.c2s_tls)?;
    let socket = config.admin_socket();
    let commands = admin::bind(&socket).map_err(|error| net::no_socket(&socket, &error))?;
    // Before anybody hears that it serves: a signal that finds no handler ends the process without a word.
    let signals = Signals::listen()?;
    greet(&engine, &config, file.as_deref()).await;

    let context = Arc::new(Context {
        engine: engine.clone(),
        certificates: Arc::new(certificates),
        config: ArcSwap::from_pointee(config),
        tally: Tally::default(),
        refusals: Lines::default(),
        closing: watch::Sender::new(false),
    });
    let serving = tokio::spawn(listeners.serve(context.clone()));
    let commanding = tokio::spawn(admin::serve(commands, {
        let context = context.clone();
        move |request: AdminRequest| {
            let context = context.clone();
            async move {
                let config = context.config.load_full();
                answer(&Accounts(kernel::Users::new(&context.engine)), &config, request).await
            }
        }
    }));
    let _ = notify(State::Ready);

    let why = signals.wait(&context, file.as_deref(), list, options).await;
    tracing::info!(signal = why, "shutting down");
    let _ = notify(State::Stopping);
    serving.abort();
    commanding.abort();
    // First those without a session: one that binds in between is among the sessions then.
    context.closing.send_replace(true);
    engine.shut_down();
    let _ = tokio::time::timeout(FAREWELL, context.tally.empty()).await;
    let _ = std::fs::remove_file(&socket);
    // What sessions left to be written is committed before the process ends.
    let closed = tokio::task::spawn_blocking(move || store.close()).await;
    closed.map_err(|error| format!("the database was not closed in order: {error}"))
}

/// Says on the terminal what a newcomer does next.
async fn greet(engine: &Arc<Engine>, config: &Config, file: Option<&Path>) {
    let listeners = |list: &[std::net::SocketAddr], how: &str| {
        let addresses: Vec<_> = list.iter().map(ToString::to_string).collect();
        (!list.is_empty()).then(|| format!("{} ({how})", addresses.join(", ")))
    };
    let listeners: Vec<_> =
        [listeners(&config.listen.c2s, "STARTTLS"), listeners(&config.listen.c2s_tls, "direct TLS")]
            .into_iter()
            .flatten()
            .collect();
    let domains: Vec<&str> = config.domains.iter().map(|domain| domain.as_str()).collect();
    eprintln!(
        "Stentor {} serves {} on {}; data in {}",
        env!("CARGO_PKG_VERSION"),
        domains.join(", "),
        if listeners.is_empty() { "no address at all".to_owned() } else { listeners.join(" and ") },
        config.whole_data().display()
    );
    let nobody = kernel::Users::new(engine).list("", 1).await.is_ok_and(|list| list.is_empty());
    if nobody {
        eprintln!("There are no accounts yet. To make the first one, in another terminal in this directory:");
        eprintln!("    {}{} user add me@{}", program(), with_file(file), config.main_domain());
    }
}

/// How the program was called, so that the line above can be copied.
fn program() -> String {
    let path = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    if path.as_os_str().is_empty() { "stentor".to_owned() } else { path.display().to_string() }
}

/// The option without which a command would not find this server's data.
fn with_file(file: Option<&Path>) -> String {
    let found_by_itself =
        |file: &&Path| config::DEFAULT_FILES.iter().any(|default| *file == Path::new(default));
    match file.filter(|file| !found_by_itself(file)) {
        Some(file) => format!(" --config {}", file.display()),
        None => String::new(),
    }
}

/// What an administrator says to the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Signals, String> {
        let listen = |kind| signal(kind).map_err(|error| format!("cannot wait for signals: {error}"));
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Works until one of them ends it.
    async fn wait(
        mut self,
        context: &Context,
        file: Option<&Path>,
        list: &'static [Listed],
        options: &[XepOptions],
    ) -> &'static str {
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hangup.recv() => {
                    let _ = notify(State::Reloading);
                    reload(context, file, list, options);
                    let _ = notify(State::Ready);
                }
                _ = sweep.tick() => {
                    context.engine.every_minute();
                    let count = context.refusals.turn();
                    if count > 0 {
                        tracing::warn!(count, "more connections were refused in the last minute");
                    }
                }
            }
        }
    }
}

/// Takes over what can be taken over and says what can't. On an error everything stays as it was.
fn reload(context: &Context, file: Option<&Path>, list: &'static [Listed], options: &[XepOptions]) {
    let running = context.config.load_full();
    let result = config::load(file, options).and_then(|loaded| {
        let kept = running.needs_restart(&loaded.config);
        let config = loaded.config.without_restart(&running);
        // The certificates change last: nothing may have changed if anything is refused.
        let (certificates, more) = Certificates::load(&config, SelfMade::Keep)?;
        assemble::install(&context.engine, &config, list)?;
        context.certificates.replace(certificates);
        context.config.store(Arc::new(config));
        Ok((kept, loaded.warnings, more))
    });
    match result {
        Ok((kept, warnings, more)) => {
            for warning in warnings.iter().chain(&more) {
                tracing::warn!("{}", warning.text());
            }
            if !kept.is_empty() {
                tracing::warn!(settings = kept.join(", "), "changed, but take effect at the next start only");
            }
            tracing::info!("configuration and certificates reloaded");
        }
        Err(error) => tracing::error!("reload refused, everything stays as it was:\n{error}"),
    }
}

/// Accounts, for the commands.
pub struct Accounts(kernel::Users);

fn failed(error: UserError) -> UsersError {
    match error {
        UserError::Exists => UsersError::Exists,
        UserError::NotFound => UsersError::Unknown,
        UserError::BadPassword => {
            UsersError::Password("it is empty or has characters that are not allowed".to_owned())
        }
        UserError::ForeignDomain | UserError::Store(_) => UsersError::Failed(error.to_string()),
    }
}

impl Users for Accounts {
    async fn add(&self, jid: &BareJid, password: &Password) -> Result<(), UsersError> {
        self.0.create(jid, &password.0).await.map_err(failed)
    }

    async fn set_password(&self, jid: &BareJid, password: &Password) -> Result<(), UsersError> {
        self.0.set_password(jid, &password.0).await.map_err(failed)
    }

    async fn list(&self, domain: Option<&str>) -> Result<Vec<BareJid>, UsersError> {
        const PAGE: usize = 1000;
        let mut all: Vec<BareJid> = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.0.list(&after, PAGE).await.map_err(failed)?;
            let Some(last) = page.last() else { return Ok(all) };
            after = last.as_str().to_owned();
            all.extend(page.into_iter().filter(|jid| domain.is_none_or(|domain| jid.domain() == domain)));
        }
    }

    async fn delete(&self, jid: &BareJid) -> Result<(), UsersError> {
        self.0.delete(jid).await.map_err(failed)
    }
}

#[cfg(test)]
#[path = "daemon_tests.rs"]
mod tests;
