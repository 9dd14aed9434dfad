//! Writing the few elements that a roster sends.

use std::fmt::Write;

/// The namespace of roster queries (RFC 6121 §2.1).
pub const NS_ROSTER: &str = "jabber:iq:roster";

/// Appends ` name='value'`.
pub(super) fn push_attr(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("='");
    push_escaped(out, value, true);
    out.push('\'');
}

/// Appends `<name>text</name>`, in its own namespace if one is given.
pub(super) fn push_text_element(out: &mut String, name: &str, ns: Option<&str>, text: &str) {
    out.push('<');
    out.push_str(name);
    if let Some(ns) = ns {
        push_attr(out, "xmlns", ns);
    }
    out.push('>');
    push_escaped(out, text, false);
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Appends `<query xmlns='jabber:iq:roster' ver='…'`, its start tag still open.
pub(super) fn push_query_start(out: &mut String, version: u64) {
    // Writing to a String does not fail.
    let _ = write!(out, "<query xmlns='{NS_ROSTER}' ver='{version}'");
}

/// Escapes so that a parser gives back exactly `value`: it would turn tabs and line ends in attributes into spaces
/// and carriage returns everywhere into line feeds (XML 1.0 §2.11, §3.3.3), but not if they are references.
fn push_escaped(out: &mut String, value: &str, attribute: bool) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' if attribute => out.push_str("&apos;"),
            '"' if attribute => out.push_str("&quot;"),
            '\t' if attribute => out.push_str("&#9;"),
            '\n' if attribute => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            _ => out.push(c),
        }
    }
}
