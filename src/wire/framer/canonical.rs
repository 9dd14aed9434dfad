//! Rewriting a frame that leans on its stream so that it stands by itself.
//!
//! Rare: a prefixed stanza, a prefix bound on the stream root, a stream without the content namespace as default, a
//! namespace declaration with references in it. Elements lose their prefixes and declare a default namespace where it
//! changes ("prefix-free canonicalization", RFC 6120 §4.8.2); attributes keep theirs. Everything else is copied as
//! written, so references to tabs and line ends survive.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Content, unescape_value};
use crate::frame::escape_value;
use crate::ns;

/// What an open element of the original has become.
struct Written {
    /// Local name, for the end tag.
    local: String,
    /// Bindings outside of it.
    bindings: usize,
    /// Default namespace inside of it, in the result.
    default: String,
    /// It was moved from the stream's content namespace to `jabber:client`.
    rescoped: bool,
}

/// Declared in the original; an empty prefix is the default.
struct Binding {
    prefix: String,
    namespace: String,
    /// The result declares it in the same place.
    kept: bool,
}

struct Rewriter {
    content: Content,
    bindings: Vec<Binding>,
    open: Vec<Written>,
    result: String,
}

/// The frame rewritten. `inherited` is the stream's default namespace, `outside` are the prefixes of its root.
pub(super) fn rewrite(
    bytes: &[u8],
    content: Content,
    inherited: &str,
    outside: &[(Box<str>, Box<str>)],
) -> String {
    let source = std::str::from_utf8(bytes).unwrap_or_default();
    let binding = |prefix: &str, namespace: &str| Binding {
        prefix: prefix.to_owned(),
        namespace: namespace.to_owned(),
        kept: false,
    };
    let mut bindings = vec![binding("", inherited)];
    bindings.extend(outside.iter().map(|(prefix, namespace)| binding(prefix, namespace)));
    let mut rewriter =
        Rewriter { content, bindings, open: Vec::new(), result: String::with_capacity(source.len() + 64) };

    let mut reader = Reader::from_str(source);
    reader.config_mut().check_end_names = false;
    let mut before = 0;
    loop {
        let event = reader.read_event();
        let after = reader.buffer_position() as usize;
        match event {
            Ok(Event::Start(tag)) => rewriter.start(&tag, false),
            Ok(Event::Empty(tag)) => rewriter.start(&tag, true),
            Ok(Event::End(_)) => rewriter.end(),
            // The framer has accepted these bytes, so an error cannot happen.
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => rewriter.result.push_str(source.get(before..after).unwrap_or_default()),
        }
        before = after;
    }
    rewriter.result
}

impl Rewriter {
    fn resolve(&self, prefix: &str) -> (&str, bool) {
        match self.bindings.iter().rev().find(|binding| binding.prefix == prefix) {
            Some(binding) => (&binding.namespace, binding.kept),
            None => ("", true),
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, empty: bool) {
        let bound_outside = self.bindings.len();
        let attributes: Vec<(&str, &str)> = attributes(tag).collect();
        for (name, value) in &attributes {
            let prefix = match name.strip_prefix("xmlns") {
                Some("") => "",
                Some(rest) if rest.starts_with(':') => &rest[1..],
                _ => continue,
            };
            let namespace = unescape_value(value).into_owned();
            let kept = !prefix.is_empty() && namespace != self.content.namespace() && namespace != ns::CLIENT;
            self.bindings.push(Binding { prefix: prefix.to_owned(), namespace, kept });
        }

        let whole = tag.name().into_inner();
        let (prefix, local) = whole.split_once(':').unwrap_or(("", whole));
        let (mut namespace, _) = if prefix == "xml" { (ns::XML, true) } else { self.resolve(prefix) };
        let (outer_default, in_scope) = match self.open.last() {
            Some(parent) => (parent.default.as_str(), parent.rescoped),
            None => (ns::CLIENT, true),
        };
        let rescoped = in_scope && namespace == self.content.namespace();
        if rescoped {
            namespace = ns::CLIENT;
        }
        let default = namespace.to_owned();
        let mut out = std::mem::take(&mut self.result);
        out.push('<');
        // The prefix `xml` cannot be declared away: its namespace is bound to no other and never is a default.
        let local = if prefix == "xml" { whole } else { local };
        out.push_str(local);
        let default = if prefix == "xml" {
            outer_default.to_owned()
        } else {
            if default != outer_default {
                declare(&mut out, "", &default);
            }
            default
        };
        for binding in self.bindings[bound_outside..].iter().filter(|binding| binding.kept) {
            declare(&mut out, &binding.prefix, &binding.namespace);
        }
        let mut declared: Vec<&str> = Vec::new();
        for (name, value) in &attributes {
            if *name == "xmlns" || name.starts_with("xmlns:") {
                continue;
            }
            if let Some((prefix, _)) = name.split_once(':')
                && prefix != "xml"
                && !declared.contains(&prefix)
            {
                let (namespace, kept) = self.resolve(prefix);
                if !kept {
                    declare(&mut out, prefix, namespace);
                    declared.push(prefix);
                }
            }
            out.push(' ');
            out.push_str(name);
            let quote = if value.contains('\'') { '"' } else { '\'' };
            out.push('=');
            out.push(quote);
            out.push_str(value);
            out.push(quote);
        }
        if empty {
            out.push_str("/>");
            self.bindings.truncate(bound_outside);
        } else {
            out.push('>');
            self.open.push(Written { local: local.to_owned(), bindings: bound_outside, default, rescoped });
        }
        self.result = out;
    }

    fn end(&mut self) {
        if let Some(written) = self.open.pop() {
            self.bindings.truncate(written.bindings);
            self.result.push_str("</");
            self.result.push_str(&written.local);
            self.result.push('>');
        }
    }
}

fn declare(out: &mut String, prefix: &str, namespace: &str) {
    out.push_str(" xmlns");
    if !prefix.is_empty() {
        out.push(':');
        out.push_str(prefix);
    }
    out.push_str("='");
    escape_value(namespace, out);
    out.push('\'');
}

/// Names and values as written.
fn attributes<'t>(tag: &'t BytesStart<'_>) -> impl Iterator<Item = (&'t str, &'t str)> {
    let raw = tag.attributes_raw();
    crate::frame::Attributes::new(raw.as_bytes(), 0, raw.len())
        .map(|attribute| (attribute.name.text(raw.as_bytes()), attribute.value.text(raw.as_bytes())))
}
