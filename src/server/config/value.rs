//! Types of single options that cannot hold nonsense.

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

/// A number of bytes, written `"512 B"`, `"256 KiB"`, `"1 MiB"`, `"2 GiB"`, or decimally with kB, MB, GB. A bare
/// number is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// As a length in memory.
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

const SIZES: &[(&str, u64)] = &[
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl FromStr for ByteSize {
    type Err = String;
    fn from_str(text: &str) -> Result<ByteSize, String> {
        quantity(text, SIZES, "B", "a size such as \"256 KiB\" or \"10 MiB\"").map(ByteSize)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_quantity(f, self.0, SIZES)
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
        let bytes = quantity(size, SIZES, "B", hint)?;
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

/// A whole number with one of the units. `base` is the unit that a bare number is told to take.
fn quantity(text: &str, units: &[(&str, u64)], base: &str, hint: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'_').count();
    let (number, unit) = text.split_at(digits);
    let wrong = || format!("expected {hint}, found {text:?}");
    let number: u64 = number.replace('_', "").parse().map_err(|_| wrong())?;
    let unit = unit.trim();
    if unit.is_empty() {
        return Err(format!("{}; a number needs its unit: write \"{number} {base}\"", wrong()));
    }
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
        let meant = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
        return Err(match meant {
            Some((name, _)) => format!("unknown unit {unit:?}; did you mean \"{number} {name}\"?"),
            None => wrong(),
        });
    };
    number.checked_mul(*factor).ok_or_else(|| format!("{text:?} is too large"))
}

fn write_quantity(f: &mut fmt::Formatter<'_>, value: u64, units: &[(&str, u64)]) -> fmt::Result {
    let fitting = units.iter().find(|(_, factor)| value != 0 && value.is_multiple_of(*factor));
    match fitting.or(units.last()) {
        Some((unit, factor)) => write!(f, "{} {unit}", value / factor),
        None => write!(f, "{value}"),
    }
}
