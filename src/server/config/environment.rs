//! Overrides from the environment: `STENTOR_LISTEN__C2S` for `c2s` in `[listen]`.
//!
//! A value is a TOML number, boolean or list where it can be read as one, and otherwise plain text, so no
//! quotes are needed. Lists may also be separated by commas. Empty variables count as unset.

use super::diagnostic::{Diagnostics, suggest};
use super::options::SECTIONS;
use super::xep::XepOptions;
use config::{Environment, Map, Value, ValueKind};
use std::ffi::OsString;
use toml::de::DeValue;

/// What the names of all variables start with.
pub(super) const PREFIX: &str = "STENTOR_";

/// How the `config` crate calls the origin of a value from the environment.
pub(super) const ENVIRONMENT: &str = "the environment";

/// The variable that overrides an option.
pub(super) fn variable(table: &str, name: &str) -> String {
    let path =
        if table.is_empty() { name.to_owned() } else { format!("{}__{name}", table.replace('.', "__")) };
    format!("{PREFIX}{}", path.to_uppercase())
}

/// The variables that name an option, as a source for the `config` crate.
///
/// An unknown variable is a warning, not an error: orchestrators put `STENTOR_PORT` and the like into the
/// environment of everything that runs near a service called "stentor".
pub(super) fn source(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    xeps: &[XepOptions],
    out: &mut Diagnostics,
) -> Environment {
    let known: Vec<String> = SECTIONS
        .iter()
        .flat_map(|section| section.options.iter().map(|option| variable(section.name, option.name)))
        .chain(xeps.iter().flat_map(|xep| {
            let names = xep.options.iter().map(|option| option.name).chain(["enabled"]);
            names.map(|name| variable(&format!("xep.{}", xep.name), name))
        }))
        .collect();
    let mut taken = Map::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        if !known.iter().any(|known| known == name) {
            let near = suggest(name, known.iter().map(String::as_str));
            let near = if near.contains("did you mean") { near } else { String::new() };
            out.warning(name, format!("this variable is no option of Stentor and does nothing{near}"));
            continue;
        }
        match value.into_string() {
            Ok(value) => {
                taken.insert(name.to_owned(), value);
            }
            Err(_) => out.error(name, "the value is not valid UTF-8"),
        }
    }
    Environment::with_prefix("STENTOR")
        .prefix_separator("_")
        .separator("__")
        .ignore_empty(true)
        .source(Some(taken))
}

/// How the text of a variable is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// As it is.
    Text,
    /// As TOML, or else as it is.
    Toml,
    /// As a TOML list, or else split at commas.
    List,
}

/// The text of a variable as a value.
pub(super) fn interpret(value: &Value, shape: Shape) -> Value {
    let ValueKind::String(text) = &value.kind else { return value.clone() };
    let place = ENVIRONMENT.to_owned();
    let own = |kind: ValueKind| Value::new(Some(&place), kind);
    let toml = toml_value(text).map(|value| value.kind);
    match (shape, toml) {
        (Shape::Text, _) | (Shape::Toml, None) => value.clone(),
        (Shape::Toml, Some(kind)) => own(kind),
        (Shape::List, Some(ValueKind::Array(items))) => {
            own(ValueKind::Array(items.into_iter().map(|item| own(item.kind)).collect()))
        }
        (Shape::List, _) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            own(ValueKind::Array(parts.map(|part| own(ValueKind::String(part.to_owned()))).collect()))
        }
    }
}

/// A TOML value without an origin; `None` if the text is not TOML.
pub(super) fn toml_value(text: &str) -> Option<Value> {
    fn convert(value: &DeValue<'_>) -> Option<Value> {
        let kind = match value {
            DeValue::String(text) => ValueKind::String(text.clone().into_owned()),
            DeValue::Boolean(yes) => ValueKind::Boolean(*yes),
            DeValue::Integer(number) => {
                ValueKind::I64(i64::from_str_radix(number.as_str(), number.radix()).ok()?)
            }
            DeValue::Array(items) => {
                ValueKind::Array(items.iter().map(|item| convert(item.get_ref())).collect::<Option<_>>()?)
            }
            _ => return None,
        };
        Some(Value::new(None, kind))
    }
    convert(DeValue::parse(text).ok()?.get_ref())
}
