//! What is wrong with a configuration, and where. All that is wrong is collected and told at once.

use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The server starts all the same.
    Warning,
    /// The server refuses to start.
    Error,
}

/// One thing to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where: `stentor.toml:3`, the name of an environment variable, or empty if it has no place.
    pub place: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Diagnostic {
    /// A reason to refuse the start.
    pub fn error(place: impl Into<String>, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Error, place: place.into(), message: message.into() }
    }

    /// Something to tell the administrator.
    pub fn warning(place: impl Into<String>, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, place: place.into(), message: message.into() }
    }
}

impl Diagnostic {
    /// Place and message, where the severity is shown by other means.
    pub(crate) fn text(&self) -> String {
        if self.place.is_empty() { self.message.clone() } else { format!("{}: {}", self.place, self.message) }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        f.write_str(&self.message)
    }
}

/// The configuration cannot be used: at least one of the diagnostics is an error. One line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub Vec<Diagnostic>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl From<Diagnostic> for ConfigError {
    fn from(diagnostic: Diagnostic) -> ConfigError {
        ConfigError(vec![diagnostic])
    }
}

/// Collects diagnostics until there is nothing left to look at.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    pub(crate) fn error(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.0.push(Diagnostic::error(place, message));
    }

    pub(crate) fn warning(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.0.push(Diagnostic::warning(place, message));
    }

    pub(crate) fn extend(&mut self, more: Vec<Diagnostic>) {
        self.0.extend(more);
    }

    /// Errors first, in the order of the file, what has no line first.
    fn sort(&mut self) {
        self.0.sort_by_cached_key(|diagnostic| {
            let line = diagnostic.place.rsplit_once(':').map(|(_, line)| line.parse::<u64>().unwrap_or(0));
            (diagnostic.severity == Severity::Warning, line.unwrap_or(0))
        });
    }

    /// All that was found, when the reading cannot go on.
    pub(crate) fn into_error(mut self) -> ConfigError {
        self.sort();
        ConfigError(self.0)
    }

    /// The value with the warnings, or all diagnostics if one of them is an error.
    pub(crate) fn finish<T>(mut self, value: T) -> Result<(T, Vec<Diagnostic>), ConfigError> {
        self.sort();
        if self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
            return Err(ConfigError(self.0));
        }
        Ok((value, self.0))
    }
}

/// `; did you mean "c2s"?` if one of the names is close enough to be a slip of the fingers, otherwise the list of
/// what is allowed.
pub(crate) fn suggest<'a>(found: &str, allowed: impl IntoIterator<Item = &'a str>) -> String {
    let allowed: Vec<&str> = allowed.into_iter().collect();
    let slips = (found.chars().count() / 3).max(1);
    let near = allowed
        .iter()
        .map(|name| (strsim::osa_distance(found, name), *name))
        .filter(|(distance, _)| *distance <= slips)
        .min();
    match near {
        Some((_, name)) => format!("; did you mean \"{name}\"?"),
        None if allowed.is_empty() => "; there are none here".to_owned(),
        None => format!("; known are: {}", allowed.join(", ")),
    }
}
