//! Second step: options are taken out of the merged tree one by one, as the type each must have. An error is
//! noted and the default taken, so that one run finds all errors.

use super::diagnostic::Diagnostics;
use super::environment::{self, ENVIRONMENT, Shape};
use super::options::section;
use config::{Map, Value, ValueKind};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use wire::jid::BareJid;

/// What is wrong with a value; `place` if it is a part with a line of its own.
pub(super) struct Fault {
    place: Option<String>,
    message: String,
}

impl From<String> for Fault {
    fn from(message: String) -> Fault {
        Fault { place: None, message }
    }
}

/// A type that an option can have.
pub(super) trait Setting: Sized {
    /// How the text of an environment variable becomes its value.
    const SHAPE: Shape;
    fn read(value: &Value) -> Result<Self, Vec<Fault>>;
}

/// The merged tree.
pub(super) struct Reader<'a> {
    pub(super) root: Map<String, Value>,
    pub(super) out: &'a mut Diagnostics,
    /// Directory of the file: relative paths in it start there.
    pub(super) base: &'a Path,
}

impl Reader<'_> {
    /// The option, or its default if it is absent or wrong.
    pub(super) fn read<T: Setting>(&mut self, table: &str, name: &str) -> T {
        match self.read_optional(table, name) {
            Some((value, _)) => value,
            None => default(table, name),
        }
    }

    /// The default, whatever is set.
    pub(super) fn read_default<T: Setting>(&self, table: &str, name: &str) -> T {
        default(table, name)
    }

    /// True if the option is set, rightly or wrongly.
    pub(super) fn has(&self, table: &str, name: &str) -> bool {
        self.find(table, name).is_some()
    }

    /// Where the option is set.
    pub(super) fn place(&self, table: &str, name: &str) -> String {
        match self.find(table, name).and_then(Value::origin) {
            Some(ENVIRONMENT) => environment::variable(table, name),
            origin => origin.unwrap_or_default().to_owned(),
        }
    }

    /// What stands in a table of tables.
    pub(super) fn tables(&self, table: &str) -> Vec<(String, Value)> {
        match self.root.get(table).map(|value| &value.kind) {
            Some(ValueKind::Table(inner)) => {
                let mut inner: Vec<_> =
                    inner.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                inner.sort_by(|left, right| left.0.cmp(&right.0));
                inner
            }
            _ => Vec::new(),
        }
    }

    /// The option with its place, if it is there and right.
    pub(super) fn read_optional<T: Setting>(&mut self, table: &str, name: &str) -> Option<(T, String)> {
        let found = self.find(table, name)?.clone();
        self.parse(&found, &dotted(table, name), &environment::variable(table, name))
    }

    /// A number in bounds.
    pub(super) fn number(&mut self, table: &str, name: &str, bounds: RangeInclusive<u32>) -> u32 {
        let (lowest, highest) = (*bounds.start(), *bounds.end());
        self.bounded(
            table,
            name,
            |value: &u32| bounds.contains(value),
            &format!("from {lowest} to {highest}"),
        )
    }

    /// An option with further conditions, told as `allowed` when they do not hold.
    pub(super) fn bounded<T: Setting>(
        &mut self,
        table: &str,
        name: &str,
        holds: impl Fn(&T) -> bool,
        allowed: &str,
    ) -> T {
        match self.read_optional::<T>(table, name) {
            Some((value, _)) if holds(&value) => value,
            Some((_, place)) => {
                self.out
                    .error(place, format!("{} is out of range; allowed is {allowed}", dotted(table, name)));
                default(table, name)
            }
            None => default(table, name),
        }
    }

    /// A path, taken from the file's directory if it is relative and stands in the file.
    pub(super) fn path(&mut self, table: &str, name: &str) -> Option<(PathBuf, String)> {
        let (text, place) = self.read_optional::<String>(table, name)?;
        Some((self.anchor(&text, &place), place))
    }

    pub(super) fn anchor(&self, text: &str, place: &str) -> PathBuf {
        // A variable is set by who starts the server, and read from where it is started.
        if place.starts_with(environment::PREFIX) { PathBuf::from(text) } else { self.base.join(text) }
    }

    /// A value anywhere in the tree. `shown` is its name in messages.
    pub(super) fn parse<T: Setting>(
        &mut self,
        value: &Value,
        shown: &str,
        variable: &str,
    ) -> Option<(T, String)> {
        let place = match value.origin() {
            Some(ENVIRONMENT) => variable.to_owned(),
            Some(origin) => origin.to_owned(),
            None => String::new(),
        };
        let value = match value.origin() {
            Some(ENVIRONMENT) => environment::interpret(value, T::SHAPE),
            _ => value.clone(),
        };
        match T::read(&value) {
            Ok(read) => Some((read, place)),
            Err(faults) => {
                for fault in faults {
                    let inner = fault.place.filter(|inner| inner != ENVIRONMENT);
                    self.out
                        .error(inner.unwrap_or_else(|| place.clone()), format!("{shown}: {}", fault.message));
                }
                None
            }
        }
    }

    fn find(&self, table: &str, name: &str) -> Option<&Value> {
        if table.is_empty() {
            return self.root.get(name);
        }
        match self.root.get(table).map(|value| &value.kind) {
            Some(ValueKind::Table(table)) => table.get(name),
            _ => None,
        }
    }
}

fn dotted(table: &str, name: &str) -> String {
    if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") }
}

/// The default from the option table.
#[allow(clippy::expect_used, reason = "the table is a constant, and a test reads every default in it")]
fn default<T: Setting>(table: &str, name: &str) -> T {
    let known = section(table).and_then(|section| section.options.iter().find(|option| option.name == name));
    let text = known.expect("every option that is read is in the table").default;
    let value = environment::toml_value(text).expect("a default in the table is TOML");
    T::read(&value).map_err(|_| ()).expect("a default in the table has its option's type")
}

/// How a value is called in messages.
fn describe(value: &Value) -> String {
    match &value.kind {
        ValueKind::Nil => "nothing".to_owned(),
        ValueKind::Boolean(yes) => yes.to_string(),
        ValueKind::I64(number) => format!("the number {number}"),
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::Table(_) => "a table".to_owned(),
        other => format!("{other}"),
    }
}

impl Setting for bool {
    const SHAPE: Shape = Shape::Toml;

    fn read(value: &Value) -> Result<bool, Vec<Fault>> {
        match &value.kind {
            ValueKind::Boolean(yes) => Ok(*yes),
            _ => Err(vec![format!("expected true or false, found {}", describe(value)).into()]),
        }
    }
}

impl Setting for u32 {
    const SHAPE: Shape = Shape::Toml;

    fn read(value: &Value) -> Result<u32, Vec<Fault>> {
        match &value.kind {
            ValueKind::I64(number) => u32::try_from(*number)
                .map_err(|_| vec![format!("{number} is out of range; allowed is 0 to {}", u32::MAX).into()]),
            _ => Err(vec![format!("expected a whole number, found {}", describe(value)).into()]),
        }
    }
}

impl Setting for String {
    const SHAPE: Shape = Shape::Text;

    fn read(value: &Value) -> Result<String, Vec<Fault>> {
        match &value.kind {
            ValueKind::String(text) => Ok(text.clone()),
            _ => Err(vec![format!("expected a text in quotes, found {}", describe(value)).into()]),
        }
    }
}

impl<T: Setting> Setting for Vec<T> {
    const SHAPE: Shape = Shape::List;

    fn read(value: &Value) -> Result<Vec<T>, Vec<Fault>> {
        let ValueKind::Array(items) = &value.kind else {
            let advice = match &value.kind {
                ValueKind::String(text) => format!("; write [{text:?}]"),
                _ => String::new(),
            };
            return Err(vec![format!("expected a list, found {}{advice}", describe(value)).into()]);
        };
        let mut list = Vec::with_capacity(items.len());
        let mut faults = Vec::new();
        for item in items {
            match T::read(item) {
                Ok(read) => list.push(read),
                Err(more) => faults.extend(more.into_iter().map(|fault| Fault {
                    place: fault.place.or_else(|| item.origin().map(str::to_owned)),
                    message: fault.message,
                })),
            }
        }
        if faults.is_empty() { Ok(list) } else { Err(faults) }
    }
}

/// Types that are written as text in quotes.
macro_rules! from_text {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            const SHAPE: Shape = Shape::Text;

            fn read(value: &Value) -> Result<$type, Vec<Fault>> {
                match &value.kind {
                    ValueKind::String(text) => text.parse().map_err(|why: String| vec![why.into()]),
                    // Its own parser knows best what to suggest for a bare number.
                    ValueKind::I64(number) => {
                        number.to_string().parse().map_err(|why: String| vec![why.into()])
                    }
                    _ => Err(vec![format!("expected a text in quotes, found {}", describe(value)).into()]),
                }
            }
        }
    )+};
}

from_text!(super::Seconds, super::ByteSize, super::Rate, super::Domain, super::LogLevel, super::LogFormat);

impl Setting for SocketAddr {
    const SHAPE: Shape = Shape::Text;

    fn read(value: &Value) -> Result<SocketAddr, Vec<Fault>> {
        let wrong =
            || format!("expected an address and port such as \"[::]:5222\", found {}", describe(value));
        let message = match &value.kind {
            ValueKind::String(text) => match text.parse() {
                Ok(address) => return Ok(address),
                Err(_) => {
                    let port = text.trim_start_matches(['*', ':']);
                    match port.parse::<u16>() {
                        Ok(port) => format!("{}; write \"[::]:{port}\" for all addresses", wrong()),
                        Err(_) if text.starts_with(|first: char| first.is_alphabetic()) => {
                            format!("{}; names are not looked up, write the number", wrong())
                        }
                        Err(_) => wrong(),
                    }
                }
            },
            ValueKind::I64(port) => format!("{}; write \"[::]:{port}\"", wrong()),
            _ => wrong(),
        };
        Err(vec![message.into()])
    }
}

impl Setting for BareJid {
    const SHAPE: Shape = Shape::Text;

    fn read(value: &Value) -> Result<BareJid, Vec<Fault>> {
        let text = String::read(value)?;
        match BareJid::parse(&text) {
            Ok(address) if address.local().is_some() => Ok(address),
            Ok(_) => {
                Err(vec![format!("expected an account such as \"me@example.org\", found {text:?}").into()])
            }
            Err(why) => {
                let message =
                    format!("expected an account such as \"me@example.org\", found {text:?}: {why}");
                Err(vec![message.into()])
            }
        }
    }
}
