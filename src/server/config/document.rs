//! First step of reading: the file as TOML with line numbers. Every key is checked against what is known, and
//! every value keeps its line as its origin through the merge that follows.

use super::diagnostic::{Diagnostics, suggest};
use super::options::{SECTIONS, section};
use super::xep::{ENABLED, XepOptions};
use config::{Map, Source, Value, ValueKind};
use toml::de::{DeTable, DeValue};

/// A file as a source for the `config` crate.
#[derive(Clone, Debug, Default)]
pub(super) struct Document {
    root: Map<String, Value>,
}

impl Source for Document {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.root.clone())
    }
}

/// Reads `text`; what is unknown is reported and left out. `name` is how the file is called in messages. `None` if it is
/// not TOML at all.
pub(super) fn parse(name: &str, text: &str, xeps: &[XepOptions], out: &mut Diagnostics) -> Option<Document> {
    let lines = Lines { name, text };
    let (table, errors) = DeTable::parse_recoverable(text);
    let broken = !errors.is_empty();
    for error in errors {
        let place = error.span().map_or_else(|| name.to_owned(), |span| lines.place(span.start));
        out.error(place, format!("not valid TOML: {}", error.message().replace('\n', ", ")));
    }
    if broken {
        return None;
    }
    let mut root = Map::new();
    for (key, value) in table.get_ref() {
        let place = lines.place(key.span().start);
        let key = key.get_ref().as_ref();
        match (key, value.get_ref()) {
            ("xep", DeValue::Table(table)) => {
                check_xeps(table, xeps, &lines, out);
            }
            ("domain", DeValue::Table(table)) => check_domains(table, &lines, out),
            (_, DeValue::Table(table)) if !key.is_empty() && section(key).is_some() => {
                let known = section(key).map(|section| section.options).unwrap_or_default();
                let known: Vec<&str> = known.iter().map(|option| option.name).collect();
                check_keys(table, &known, &format!("[{key}]"), &lines, out);
            }
            (_, value) => {
                // A value for "domain" is the likeliest slip of all: "domains" was meant.
                if is_table_name(key) && key != "domain" {
                    out.error(place, format!("\"{key}\" is a table: write [{key}] on a line of its own"));
                    continue;
                }
                let options = section("").map(|section| section.options).unwrap_or_default();
                if !options.iter().any(|option| option.name == key) {
                    let names = options.iter().map(|option| option.name).chain(tables());
                    let names = names.filter(|name| *name != key);
                    let kind = if matches!(value, DeValue::Table(_)) { "table" } else { "key" };
                    let shown = if kind == "table" { format!("[{key}]") } else { format!("\"{key}\"") };
                    let homes = homes_of(key);
                    out.error(place, format!("unknown {kind} {shown}{}{homes}", suggest(key, names)));
                    continue;
                }
            }
        }
        root.insert(key.to_owned(), lines.value(value.get_ref(), value.span().start, out));
    }
    Some(Document { root })
}

fn tables() -> impl Iterator<Item = &'static str> {
    SECTIONS.iter().map(|section| section.name).filter(|name| !name.is_empty()).chain(["domain", "xep"])
}

fn is_table_name(key: &str) -> bool {
    tables().any(|name| name == key)
}

/// An option that stands outside its table is the commonest slip in TOML.
fn homes_of(key: &str) -> String {
    let home = SECTIONS
        .iter()
        .find(|section| !section.name.is_empty() && section.options.iter().any(|option| option.name == key));
    home.map(|home| format!(" (\"{key}\" belongs under [{}])", home.name)).unwrap_or_default()
}

fn check_keys(table: &DeTable<'_>, known: &[&str], shown: &str, lines: &Lines<'_>, out: &mut Diagnostics) {
    for key in table.keys() {
        let name = key.get_ref().as_ref();
        if known.contains(&name) {
            continue;
        }
        // A root option below a [table] line belongs to that table, as TOML has it.
        let root = section("").is_some_and(|root| root.options.iter().any(|option| option.name == name));
        let advice = match root {
            true => format!("; \"{name}\" must stand above the first [table] line"),
            false => suggest(name, known.iter().copied()),
        };
        out.error(lines.place(key.span().start), format!("unknown key \"{name}\" in {shown}{advice}"));
    }
}

fn check_xeps(table: &DeTable<'_>, xeps: &[XepOptions], lines: &Lines<'_>, out: &mut Diagnostics) {
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let place = lines.place(key.span().start);
        let Some(xep) = xeps.iter().find(|xep| xep.name == name) else {
            let advice = suggest(name, xeps.iter().map(|xep| xep.name));
            out.error(place, format!("unknown XEP [xep.{name}]{advice}"));
            continue;
        };
        let DeValue::Table(options) = value.get_ref() else {
            out.error(place, format!("\"xep.{name}\" is a table: write [xep.{name}] on a line of its own"));
            continue;
        };
        let known: Vec<&str> = [ENABLED].iter().chain(xep.options).map(|option| option.name).collect();
        check_keys(options, &known, &format!("[xep.{name}]"), lines, out);
    }
}

fn check_domains(table: &DeTable<'_>, lines: &Lines<'_>, out: &mut Diagnostics) {
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let place = lines.place(key.span().start);
        let DeValue::Table(inner) = value.get_ref() else {
            out.error(place, format!("expected a table [domain.\"{name}\".tls]"));
            continue;
        };
        if !name.contains('.') && inner.keys().any(|key| key.get_ref().as_ref() != "tls") {
            out.error(
                place,
                format!(
                    "unknown table under [domain.{name}]; a domain with dots needs quotes: \
                 [domain.\"example.org\".tls]"
                ),
            );
            continue;
        }
        check_keys(inner, &["tls"], &format!("[domain.\"{name}\"]"), lines, out);
        for (key, value) in inner {
            if key.get_ref().as_ref() == "tls" {
                let shown = format!("[domain.\"{name}\".tls]");
                match value.get_ref() {
                    DeValue::Table(tls) => check_keys(tls, &["certificate", "key"], &shown, lines, out),
                    _ => out.error(lines.place(key.span().start), format!("expected a table {shown}")),
                }
            }
        }
    }
}

struct Lines<'a> {
    name: &'a str,
    text: &'a str,
}

impl Lines<'_> {
    fn place(&self, offset: usize) -> String {
        let before = self.text.as_bytes().iter().take(offset);
        format!("{}:{}", self.name, before.filter(|byte| **byte == b'\n').count() + 1)
    }

    /// The value with its line as origin.
    fn value(&self, value: &DeValue<'_>, offset: usize, out: &mut Diagnostics) -> Value {
        let place = self.place(offset);
        let kind = match value {
            DeValue::String(text) => ValueKind::String(text.clone().into_owned()),
            DeValue::Boolean(yes) => ValueKind::Boolean(*yes),
            DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
                Ok(number) => ValueKind::I64(number),
                Err(_) => {
                    out.error(place.clone(), format!("the number {} is too large", integer.as_str()));
                    ValueKind::I64(0)
                }
            },
            DeValue::Float(float) => ValueKind::Float(float.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Datetime(time) => ValueKind::String(time.to_string()),
            DeValue::Array(items) => ValueKind::Array(
                items.iter().map(|item| self.value(item.get_ref(), item.span().start, out)).collect(),
            ),
            DeValue::Table(table) => ValueKind::Table(
                table
                    .iter()
                    .map(|(key, value)| {
                        let inner = self.value(value.get_ref(), value.span().start, out);
                        (key.get_ref().clone().into_owned(), inner)
                    })
                    .collect(),
            ),
        };
        Value::new(Some(&place), kind)
    }
}
