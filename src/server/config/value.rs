//! Types of single options that cannot hold nonsense.

pub use kernel::options::ByteSize;
use kernel::options::{quantity, write_quantity};
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

/// A length of time in whole seconds, written `"30 s"`, `"10 m"`, `"12 h"` or `"7 d"`. A bare number is refused:
/// nobody can tell its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(pub u64);

impl Seconds {
    /// As the standard library counts it.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

const DURATIONS: &[(&str, u64)] = &[("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

impl FromStr for Seconds {
    type Err = String;
    fn from_str(text: &str) -> Result<Seconds, String> {
        let hint = "a duration such as \"30 s\", \"10 m\", \"12 h\" or \"7 d\"";
        quantity(text, DURATIONS, "s", hint).map(Seconds)
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_quantity(f, self.0, DURATIONS)
    }
}

/// Bytes per second, written `"64 KiB/s"`, or `"unlimited"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rate {
    /// No limit.
    Unlimited,
    /// So many bytes in a second.
    BytesPerSecond(NonZeroU64),
}

impl FromStr for Rate {
    type Err = String;
    fn from_str(text: &str) -> Result<Rate, String> {
        if text.trim() == "unlimited" {
            return Ok(Rate::Unlimited);
        }
        let hint = "a rate such as \"64 KiB/s\", or \"unlimited\"";
        let Some(size) = text.trim().strip_suffix("/s") else {
            return Err(match text.trim().parse::<ByteSize>() {
                Ok(_) => format!("expected {hint}, found {text:?}; write \"{}/s\"", text.trim()),
                Err(_) => format!("expected {hint}, found {text:?}"),
            });
        };
        let bytes = quantity(size, ByteSize::UNITS, "B", hint)?;
        match NonZeroU64::new(bytes) {
            Some(bytes) => Ok(Rate::BytesPerSecond(bytes)),
            None => Err("a rate of 0 would let nothing through; write \"unlimited\" for no limit".to_owned()),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rate::Unlimited => f.write_str("unlimited"),
            Rate::BytesPerSecond(bytes) => write!(f, "{}/s", ByteSize(bytes.get())),
        }
    }
}

/// A domain that this server serves, prepared as RFC 7622 §3.2 demands (U-labels, lower case).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

impl Domain {
    /// The prepared name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it stands in certificates and in TLS: A-labels (`xn--…`).
    pub fn ascii(&self) -> String {
        idna::domain_to_ascii(&self.0).unwrap_or_else(|_| self.0.clone())
    }
}

impl FromStr for Domain {
    type Err = String;
    fn from_str(text: &str) -> Result<Domain, String> {
        if text.contains(['@', '/']) {
            return Err(format!("expected a domain such as \"example.org\", found the address {text:?}"));
        }
        match wire::jid::prepare_domain(text) {
            Ok(domain) => Ok(Domain(domain.into_owned())),
            Err(why) => Err(format!("expected a domain such as \"example.org\", found {text:?}: {why}")),
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
