//! Elements compared with what a text says of them. Under which id a message is archived (XEP-0359) counts where the text
//! names one.

use super::template::{self, Variables};
use super::{Incoming, parse::ParseError};
use minidom::{Element, Node};
use std::collections::BTreeMap;
use wire::ns;

/// Stands in the tree for `...` within a tag.
const MORE: &str = "and-more";
/// Stands in the tree for `</stream:stream>`.
const END: &str = "end";
const WRAP: &str = "urn:stentor:scenario";

/// One element as it is expected.
#[derive(Clone, Debug)]
pub struct Pattern {
    tree: Element,
}

impl Pattern {
    /// Reads one element.
    ///
    /// # Errors
    /// It is no XML, or not exactly one element.
    pub fn parse(xml: &str) -> Result<Pattern, ParseError> {
        let mut patterns = Pattern::parse_all(xml)?;
        match (patterns.pop(), patterns.is_empty()) {
            (Some(pattern), true) => Ok(pattern),
            _ => Err(ParseError::new(format!("exactly one element is wanted: {xml}"))),
        }
    }

    /// Reads elements one after the other.
    ///
    /// # Errors
    /// It is no XML.
    pub fn parse_all(xml: &str) -> Result<Vec<Pattern>, ParseError> {
        let wrapped = format!(
            "<w:all xmlns:w='{WRAP}' xmlns='{}' xmlns:stream='{}'>{}</w:all>",
            ns::CLIENT,
            ns::STREAMS,
            prepare(xml)
        );
        let all = Element::from_reader(wrapped.as_bytes())
            .map_err(|error| ParseError::new(format!("not XML ({error}): {xml}")))?;
        if let Some(text) = all.texts().find(|text| !text.trim().is_empty()) {
            return Err(ParseError::new(format!("text between elements: {}", text.trim())));
        }
        Ok(all.children().map(|tree| Pattern { tree: tree.clone() }).collect())
    }

    /// Compares. New names get their values on success, and only then.
    ///
    /// # Errors
    /// The first difference in words.
    pub fn compare(&self, incoming: &Incoming, variables: &mut Variables) -> Result<(), String> {
        let mut found = variables.clone();
        match incoming {
            Incoming::Close if self.tree.is(END, WRAP) => return Ok(()),
            Incoming::Close => return Err("the stream was closed".to_owned()),
            Incoming::Element(_) if self.tree.is(END, WRAP) => {
                return Err("the stream was not closed".to_owned());
            }
            Incoming::Element(element) => compare(&self.tree, element, &mut found)?,
        }
        *variables = found;
        Ok(())
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.tree.is(END, WRAP) {
            return f.write_str("</stream:stream>");
        }
        f.write_str(&String::from(&self.tree).replace(&format!("{MORE}=\"yes\""), "..."))
    }
}

/// Turns what is no XML into some: `...` in tags, and the two halves of a stream.
fn prepare(xml: &str) -> String {
    let xml = xml.replace("<?xml version='1.0'?>", "");
    let xml = xml.replace("</stream:stream>", &format!("<end xmlns='{WRAP}'/>"));
    let mut out = String::with_capacity(xml.len());
    let (mut tag_start, mut quote) = (None, None);
    let mut rest = xml.as_str();
    while let Some(c) = rest.chars().next() {
        if quote.is_some() {
            quote = quote.filter(|quote| *quote != c);
        } else if tag_start.is_some() && rest.starts_with("...") {
            out.push_str(&format!(" {MORE}='yes'"));
            rest = &rest[3..];
            continue;
        } else if let (Some(start), true) = (tag_start, c == '>') {
            if out[start..].starts_with("<stream:stream") && !out.ends_with('/') {
                out.push('/');
            }
            tag_start = None;
        } else if tag_start.is_some() && matches!(c, '\'' | '"') {
            quote = Some(c);
        } else if c == '<' {
            tag_start = Some(out.len());
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

fn compare(pattern: &Element, actual: &Element, variables: &mut Variables) -> Result<(), String> {
    if !actual.is(pattern.name(), pattern.ns().as_str()) {
        return Err(format!(
            "<{}> in '{}' instead of <{}> in '{}'",
            actual.name(),
            actual.ns(),
            pattern.name(),
            pattern.ns()
        ));
    }
    compare_attributes(pattern, actual, variables)?;
    let more = pattern.texts().any(|text| text.trim() == "...");
    let text = text_of(pattern);
    if !more && !template::matches(&text, &text_of(actual), variables) {
        return Err(format!("<{}> has the text '{}' instead of '{text}'", actual.name(), text_of(actual)));
    }
    let wanted: Vec<&Element> = pattern.children().collect();
    let present: Vec<&Element> = actual.children().collect();
    let used = compare_children(&wanted, &present, &mut vec![false; present.len()], variables)
        .map_err(|reason| format!("in <{}>: {reason}", actual.name()))?;
    let identified = wanted.iter().any(|child| child.is("stanza-id", ns::STANZA_ID));
    let id = |child: &Element| child.is("stanza-id", ns::STANZA_ID) && !identified;
    let extra = present
        .iter()
        .zip(used)
        .find(|(child, used)| !used && !more && !ignored(actual, child) && !id(child));
    match extra {
        Some((child, _)) => Err(format!("<{}> has one more child: {}", actual.name(), String::from(*child))),
        None => Ok(()),
    }
}

type Attributes = BTreeMap<(String, String), String>;

fn attributes(element: &Element) -> Attributes {
    let attributes = element.attrs().iter();
    attributes.map(|((ns, name), value)| ((ns.to_string(), name.to_string()), value.clone())).collect()
}

fn compare_attributes(pattern: &Element, actual: &Element, variables: &mut Variables) -> Result<(), String> {
    let (mut wanted, mut present) = (attributes(pattern), attributes(actual));
    let more = wanted.remove(&(String::new(), MORE.to_owned())).is_some();
    for ((ns, name), template) in wanted {
        let Some(value) = present.remove(&(ns, name.clone())) else {
            return Err(format!("<{}> has no {name}", actual.name()));
        };
        if !template::matches(&template, &value, variables) {
            return Err(format!("<{}> has {name}='{value}' instead of '{template}'", actual.name()));
        }
    }
    // RFC 6120 §8.3.1 and §8.1.5: every server may add these.
    present.retain(|(ns, name), _| ns != ns::XML && !(name == "by" && actual.is("error", ns::CLIENT)));
    match present.into_iter().next() {
        Some(((_, name), value)) if !more => Err(format!("<{}> also has {name}='{value}'", actual.name())),
        _ => Ok(()),
    }
}

/// Finds a different child for each pattern, starting with the earliest.
fn compare_children(
    wanted: &[&Element],
    present: &[&Element],
    used: &mut Vec<bool>,
    variables: &mut Variables,
) -> Result<Vec<bool>, String> {
    let Some((first, rest)) = wanted.split_first() else { return Ok(used.clone()) };
    let mut reason = None;
    for (index, child) in present.iter().enumerate() {
        if used[index] {
            continue;
        }
        let mut found = variables.clone();
        let compared = compare(first, child, &mut found).and_then(|()| {
            used[index] = true;
            let compared = compare_children(rest, present, used, &mut found);
            used[index] = false;
            compared
        });
        match compared {
            Ok(used) => {
                *variables = found;
                return Ok(used);
            }
            Err(why) if child.name() == first.name() => reason = reason.or(Some(why)),
            Err(_) => {}
        }
    }
    Err(reason.unwrap_or_else(|| format!("no <{}> in '{}'", first.name(), first.ns())))
}

/// What a server may add to an error: an explanation, the stanza that failed.
fn ignored(parent: &Element, child: &Element) -> bool {
    let explains = [ns::STANZAS, ns::STREAM_ERRORS, ns::SASL].iter().any(|ns| child.is("text", *ns));
    let stanza = ["message", "presence", "iq"].iter().any(|kind| parent.is(*kind, ns::CLIENT));
    explains || (stanza && parent.attr("type") == Some("error"))
}

fn text_of(element: &Element) -> String {
    let texts = element.nodes().filter_map(|node| match node {
        Node::Text(text) => Some(text.as_str()),
        Node::Element(_) => None,
    });
    texts.collect::<String>().trim().to_owned()
}
