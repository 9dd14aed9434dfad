//! Texts with names in braces.

use std::collections::BTreeMap;

/// What the names in braces stand for.
pub type Variables = BTreeMap<String, String>;

#[derive(Debug, PartialEq, Eq)]
enum Part<'t> {
    Text(&'t str),
    Name(&'t str),
    Repeat(&'t str, usize),
}

/// Cuts a template at its names. Braces around anything else than a name are text.
fn parts(template: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut rest, mut from) = (template, 0);
    while let Some(start) = rest[from..].find('{').map(|at| at + from) {
        let inside = rest[start + 1..].split_once('}').map(|(inside, _)| inside);
        let Some((inside, part)) = inside.and_then(|inside| Some((inside, braced(inside)?))) else {
            from = start + 1;
            continue;
        };
        if start > 0 {
            parts.push(Part::Text(&rest[..start]));
        }
        parts.push(part);
        rest = &rest[start + inside.len() + 2..];
        from = 0;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

fn braced(inside: &str) -> Option<Part<'_>> {
    if is_name(inside) {
        return Some(Part::Name(inside));
    }
    let (text, times) = inside.split_once('*')?;
    Some(Part::Repeat(text, times.parse().ok()?))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-'))
}

/// Replaces the names by what they stand for.
///
/// # Errors
/// The name that stands for nothing.
pub(super) fn fill_in(template: &str, variables: &Variables) -> Result<String, String> {
    let mut filled = String::new();
    for part in parts(template) {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Repeat(text, times) => filled.push_str(&text.repeat(times)),
            Part::Name(name) => {
                filled.push_str(variables.get(name).ok_or_else(|| format!("{{{name}}} stands for nothing"))?);
            }
        }
    }
    Ok(filled)
}

/// Compares a text with a template. New names keep what they match.
pub(super) fn matches(template: &str, actual: &str, variables: &mut Variables) -> bool {
    let mut found = variables.clone();
    let fits = fits(&parts(template), actual, &mut found);
    if fits {
        *variables = found;
    }
    fits
}

fn fits(parts: &[Part<'_>], actual: &str, variables: &mut Variables) -> bool {
    let Some((first, rest)) = parts.split_first() else { return actual.is_empty() };
    let repeated;
    let known = match first {
        Part::Text(text) => Some(*text),
        Part::Repeat(text, times) => {
            repeated = text.repeat(*times);
            Some(repeated.as_str())
        }
        Part::Name(name) => variables.get(*name).map(String::as_str),
    };
    if let Some(known) = known {
        let Some(remains) = actual.strip_prefix(known) else { return false };
        let remains = remains.to_owned();
        return fits(rest, &remains, variables);
    }
    let Part::Name(name) = first else { return false };
    // The longest match first; a name stands for at least one character.
    let ends = actual.char_indices().map(|(at, c)| at + c.len_utf8());
    ends.rev().any(|end| {
        let mut found = variables.clone();
        if *name != "any" {
            found.insert((*name).to_owned(), actual[..end].to_owned());
        }
        let fits = fits(rest, &actual[end..], &mut found);
        if fits {
            *variables = found;
        }
        fits
    })
}
