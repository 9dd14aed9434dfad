//! Log lines on standard error, as `[log]` says.

use crate::config::{Log, LogFormat};
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicU64, Ordering};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// Installs the process-wide subscriber. A second call changes nothing and is an error.
///
/// Under systemd lines carry no time of their own: the journal has one.
pub fn init(log: &Log) -> io::Result<()> {
    let filter = EnvFilter::try_new(log.level.as_str()).map_err(io::Error::other)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let installed = match log.format {
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
        LogFormat::Text if std::env::var_os("JOURNAL_STREAM").is_some() => {
            builder.without_time().finish().try_init()
        }
        LogFormat::Text => builder.finish().try_init(),
    };
    installed.map_err(io::Error::other)
}

/// Has every panic of the process counted and logged with its place, wherever it is caught. What a panic says is not
/// shown: it may quote what a peer sent. `RUST_BACKTRACE=1` adds how it came there.
pub fn panics() {
    let count = AtomicU64::new(0);
    std::panic::set_hook(Box::new(move |panic| {
        let count = count.fetch_add(1, Ordering::Relaxed) + 1;
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, count, "a mistake in the program; please report this place");
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            eprintln!("{backtrace}");
        }
    }));
}
