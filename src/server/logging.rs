//! Log lines on standard error, as `[log]` says.

use crate::config::{Log, LogFormat};
use std::io::{self, IsTerminal};
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
