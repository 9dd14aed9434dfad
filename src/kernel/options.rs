//! Types of options that can't hold nonsense, read from the config file's text.

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A size in bytes, written `"512 B"`, `"256 KiB"`, `"1 MiB"`, `"2 GiB"`, or decimally with kB, MB, GB. A bare number is
/// refused: nobody can tell its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// Its units with their bytes.
    pub const UNITS: &[(&str, u64)] = &[
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1 << 10),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("kB", 1_000),
        ("B", 1),
    ];

    /// So many KiB.
    pub const fn kib(kib: u64) -> ByteSize {
        ByteSize(kib << 10)
    }

    /// So many MiB.
    pub const fn mib(mib: u64) -> ByteSize {
        ByteSize(mib << 20)
    }

    /// As a length in memory.
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<ByteSize, String> {
        quantity(text, ByteSize::UNITS, "B", "a size such as \"256 KiB\" or \"10 MiB\"").map(ByteSize)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_quantity(f, self.0, ByteSize::UNITS)
    }
}

/// A length of time in whole seconds, written `"30 s"`, `"10 m"`, `"12 h"` or `"7 d"`. A bare number is refused:
/// nobody can tell its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(pub u64);

impl Seconds {
    /// So many minutes.
    pub const fn minutes(minutes: u64) -> Seconds {
        Seconds(minutes * 60)
    }

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

/// Reads a type from a string of the file.
macro_rules! from_text {
    ($type:ty, $expected:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_str<E: Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_any(Text)
            }
        }
    };
}

from_text!(ByteSize, "a size such as \"256 KiB\"");
from_text!(Seconds, "a duration such as \"10 m\"");

/// How many of something: a number, or `"unlimited"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// As many as there are.
    Unlimited,
    /// No more than this.
    AtMost(u32),
}

impl Limit {
    /// Whether one more is allowed where there are `count`.
    pub fn allows(self, count: u32) -> bool {
        match self {
            Limit::Unlimited => true,
            Limit::AtMost(most) => count < most,
        }
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Limit, D::Error> {
        struct NumberOrWord;
        impl Visitor<'_> for NumberOrWord {
            type Value = Limit;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or \"unlimited\"")
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Limit, E> {
                u32::try_from(number).map(Limit::AtMost).map_err(|_| {
                    E::custom(format!("expected a number from 0 to {}, found {number}", u32::MAX))
                })
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Limit, E> {
                self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Limit, E> {
                match text.trim() {
                    "unlimited" => Ok(Limit::Unlimited),
                    // From an environment variable, everything is text.
                    other => match other.parse() {
                        Ok(number) => Ok(Limit::AtMost(number)),
                        Err(_) => {
                            Err(E::custom(format!("expected a number or \"unlimited\", found {text:?}")))
                        }
                    },
                }
            }
        }
        deserializer.deserialize_any(NumberOrWord)
    }
}

/// Reads a whole number with one of the units, each with its factor. `base` is the unit that a bare number is told to
/// take, `hint` an example of what is expected.
///
/// # Errors
/// What is wrong, in words for who wrote it.
pub fn quantity(text: &str, units: &[(&str, u64)], base: &str, hint: &str) -> Result<u64, String> {
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

/// Writes a number with the first unit that divides it, else with the last.
///
/// # Errors
/// Those of `f`.
pub fn write_quantity(f: &mut fmt::Formatter<'_>, value: u64, units: &[(&str, u64)]) -> fmt::Result {
    let fitting = units.iter().find(|(_, factor)| value != 0 && value.is_multiple_of(*factor));
    match fitting.or(units.last()) {
        Some((unit, factor)) => write!(f, "{} {unit}", value / factor),
        None => write!(f, "{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Options {
        size: ByteSize,
        limit: Limit,
    }

    fn read(toml: &str) -> Result<(ByteSize, Limit), String> {
        let options: Result<Options, _> = toml::from_str(toml);
        options.map(|options| (options.size, options.limit)).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn sizes_and_limits() {
        assert_eq!(read("size = '32 MiB'\nlimit = 5"), Ok((ByteSize::mib(32), Limit::AtMost(5))));
        assert_eq!(read("size = '1kB'\nlimit = 'unlimited'"), Ok((ByteSize(1000), Limit::Unlimited)));
        assert!(read("size = 5\nlimit = 5").is_err());
        assert!(read("size = '5'\nlimit = 5").unwrap_err().contains("256 KiB"));
        assert!(read("size = '5 B'\nlimit = -1").unwrap_err().contains("from 0"));
        assert!(read("size = '5 B'\nlimit = 'many'").unwrap_err().contains("unlimited"));
        assert!(read("size = '99999999999 GiB'\nlimit = 1").unwrap_err().contains("too large"));
    }

    #[test]
    fn a_size_is_shown_as_it_is_written() {
        for text in ["32 MiB", "1 kB", "0 B", "7 B", "3 GiB"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_limit_counts() {
        assert!(Limit::AtMost(1).allows(0) && !Limit::AtMost(1).allows(1) && !Limit::AtMost(0).allows(0));
        assert!(Limit::Unlimited.allows(u32::MAX));
    }
}
