//! Types of single options that cannot hold nonsense.

use kernel::options::quantity;
pub use kernel::options::{ByteSize, Seconds};
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

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
