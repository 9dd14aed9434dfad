//! The configuration: one TOML file, overridden by the environment, read-only to the daemon.
//!
//! The file is read in two steps: as TOML with line numbers, where unknown keys are found, and then merged with
//! the environment through the `config` crate. **Invariant:** all errors are collected and told at once, each
//! with its line; a [`Config`] that exists is consistent.

mod diagnostic;
mod document;
mod environment;
mod fill;
mod options;
mod reader;
mod types;
mod value;
mod xep;

#[cfg(test)]
mod tests;

pub use diagnostic::{ConfigError, Diagnostic, Severity};
pub use options::{SECTIONS, Section, annotated};
pub use types::{Auth, Config, KeyPair, Limits, Listen, Log, LogFormat, LogLevel, Tls};
pub use value::{ByteSize, Domain, Rate, Seconds};
pub use xep::{OptionDoc, XepOptions, XepSettings};

pub(crate) use diagnostic::Diagnostics;

use reader::Reader;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where the file is looked for when none is named; the first that is there is taken.
pub const DEFAULT_FILES: &[&str] = &["stentor.toml", "/etc/stentor/stentor.toml"];

/// A configuration that can be used, and what should be said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// What the administrator should know. Empty most of the time.
    pub warnings: Vec<Diagnostic>,
    /// The file that was read; `None` if there is none and the defaults hold.
    pub file: Option<PathBuf>,
}

/// Reads the configuration as the server does at start and at reload: `file` if it is given (and then it must be
/// there), otherwise the first of [`DEFAULT_FILES`], otherwise the defaults, which serve `localhost`.
/// Environment variables override it.
pub fn load(file: Option<&Path>, xeps: &[XepOptions]) -> Result<Loaded, ConfigError> {
    let found = match file {
        Some(file) => Some(file.to_owned()),
        None => DEFAULT_FILES.iter().map(PathBuf::from).find(|file| file.exists()),
    };
    let Some(path) = found else {
        let text = Text { name: "", text: None, base: Path::new("") };
        return load_text(&text, std::env::vars_os(), xeps);
    };
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let advice = match error.kind() {
            std::io::ErrorKind::NotFound => {
                "there is no such file; `stentor default-config` prints one to start from".to_owned()
            }
            std::io::ErrorKind::PermissionDenied => "this user may not read the file".to_owned(),
            std::io::ErrorKind::InvalidData => "the file is not UTF-8 text".to_owned(),
            _ => error.to_string(),
        };
        ConfigError::from(Diagnostic::error(
            shown.as_str(),
            format!("cannot read the configuration: {advice}"),
        ))
    })?;
    let base = path.parent().unwrap_or(Path::new(""));
    let text = Text { name: &shown, text: Some(&text), base };
    let mut loaded = load_text(&text, std::env::vars_os(), xeps)?;
    loaded.file = Some(path);
    Ok(loaded)
}

/// A configuration file in memory.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// Its name in messages.
    pub name: &'a str,
    /// What is in it; `None` if there is no file.
    pub text: Option<&'a str>,
    /// Where relative paths in it start.
    pub base: &'a Path,
}

/// [`load`] with everything from outside handed in, for tests.
pub fn load_text(
    text: &Text<'_>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    xeps: &[XepOptions],
) -> Result<Loaded, ConfigError> {
    let mut out = Diagnostics::default();
    let variables: Vec<_> = variables.into_iter().collect();
    let state = variables.iter().find(|(name, _)| name == "STATE_DIRECTORY").map(|(_, value)| value.clone());
    let Some(document) = document::parse(text.name, text.text.unwrap_or(""), xeps, &mut out) else {
        // Without a readable document all further errors would be about things that are in fact there.
        return Err(out.into_error());
    };
    let overrides = environment::source(variables, xeps, &mut out);
    let merged = config::Config::builder().add_source(document).add_source(overrides).build();
    let root = match merged.map(|merged| merged.cache.into_table()) {
        Ok(Ok(root)) => root,
        Ok(Err(error)) | Err(error) => {
            out.error(text.name, format!("merging with the environment failed: {error}"));
            config::Map::new()
        }
    };
    let mut reader = Reader { root, out: &mut out, base: text.base };
    let config = fill::read(&mut reader, text, xeps);
    if let Some(state) = state {
        fill::check_state_directory(&mut reader, &config.data, &state);
    }
    let (config, warnings) = out.finish(config)?;
    Ok(Loaded { config, warnings, file: None })
}
