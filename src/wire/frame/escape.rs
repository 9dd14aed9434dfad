//! Escaping, and the small reader of a start tag's attributes.

use super::head::Span;
use crate::framer::is_xml_char;

/// Appends the value of an attribute so that it reads back the same in either kind of quotes. A character that XML
/// does not allow becomes U+FFFD: it cannot be written at all.
pub(crate) fn escape_value(value: &str, out: &mut String) {
    escape(value, out, true);
}

/// Appends text so that it reads back the same.
pub(crate) fn escape_text(text: &str, out: &mut String) {
    escape(text, out, false);
}

fn escape(text: &str, out: &mut String, is_value: bool) {
    let mut plain = 0;
    for (at, char) in text.char_indices() {
        let replacement = match char {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '\'' if is_value => "&apos;",
            '"' if is_value => "&quot;",
            '\t' if is_value => "&#9;",
            '\n' if is_value => "&#10;",
            // Line ends are normalised in text as well. XML 1.0 §2.11
            '\r' => "&#13;",
            char if is_xml_char(char) => continue,
            _ => "\u{FFFD}",
        };
        out.push_str(&text[plain..at]);
        out.push_str(replacement);
        plain = at + char.len_utf8();
    }
    out.push_str(&text[plain..]);
}

/// Whether the value needs no escaping: plain ASCII, as nearly all addresses are.
#[inline]
pub(crate) fn is_plain_value(value: &str) -> bool {
    // Without an early end, so that the compiler makes vector code of it.
    value.bytes().fold(true, |plain, b| {
        plain
            & (b.wrapping_sub(b' ') < 0x5F)
            & (b != b'&')
            & (b != b'<')
            & (b != b'>')
            & (b != b'\'')
            & (b != b'"')
    })
}

/// An attribute as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawAttribute {
    pub(crate) name: Span,
    pub(crate) value: Span,
}

/// The attributes between two places of a checked start tag.
#[derive(Debug, Clone)]
pub(crate) struct Attributes<'a> {
    bytes: &'a [u8],
    pos: usize,
    end: usize,
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(bytes: &'a [u8], pos: usize, end: usize) -> Attributes<'a> {
        Attributes { bytes, pos, end }
    }
}

impl Iterator for Attributes<'_> {
    type Item = RawAttribute;

    #[inline]
    fn next(&mut self) -> Option<RawAttribute> {
        let bytes = self.bytes.get(..self.end)?;
        let start = self.pos + bytes.get(self.pos..)?.iter().position(|b| !b.is_ascii_whitespace())?;
        // The tag's end, where the place to stop at was not given.
        if matches!(bytes[start], b'>' | b'/') {
            return None;
        }
        let name_end = start + bytes[start..].iter().position(|&b| b == b'=' || b.is_ascii_whitespace())?;
        let quote_at = name_end + bytes[name_end..].iter().position(|&b| b == b'\'' || b == b'"')?;
        let value = quote_at + 1;
        let value_end = value + bytes[value..].iter().position(|&b| b == bytes[quote_at])?;
        self.pos = value_end + 1;
        Some(RawAttribute { name: Span::new(start, name_end), value: Span::new(value, value_end) })
    }
}
