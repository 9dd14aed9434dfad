//! Entity and character references: checking them, and undoing them.

use std::borrow::Cow;

use super::FramerError;
use super::chars::{decode, is_name_char, is_name_start, is_xml_char};
use super::error::{BAD_REFERENCE, FORBIDDEN_CHARACTER, REFERENCE_TOO_LONG, UNKNOWN_ENTITY};

/// Longest reference, from `&` to `;`. XML knows no limit (leading zeros), but nobody writes longer ones.
const LONGEST: usize = 32;

/// What stands at a `&`.
pub(super) enum Reference {
    /// Needs more bytes.
    Incomplete,
    /// A good one of that many bytes.
    Complete(usize),
}

/// Checks the reference that the bytes start with.
pub(super) fn reference(bytes: &[u8]) -> Result<Reference, FramerError> {
    let visible = &bytes[..bytes.len().min(LONGEST)];
    match visible.get(1) {
        None => Ok(Reference::Incomplete),
        Some(b'#') => numeric(visible),
        Some(_) => named(visible),
    }
}

fn numeric(bytes: &[u8]) -> Result<Reference, FramerError> {
    let (radix, start) = match bytes.get(2) {
        None => return Ok(Reference::Incomplete),
        Some(b'x') => (16, 3),
        Some(_) => (10, 2),
    };
    let mut value: u32 = 0;
    for (at, &byte) in bytes.iter().enumerate().skip(start) {
        if byte == b';' {
            if at == start {
                return Err(BAD_REFERENCE);
            }
            // XML 1.0 §4.1, Legal Character.
            return match char::from_u32(value) {
                Some(char) if is_xml_char(char) => Ok(Reference::Complete(at + 1)),
                _ => Err(FORBIDDEN_CHARACTER),
            };
        }
        let digit = char::from(byte).to_digit(radix).ok_or(BAD_REFERENCE)?;
        value = value.saturating_mul(radix).saturating_add(digit);
    }
    if bytes.len() == LONGEST { Err(REFERENCE_TOO_LONG) } else { Ok(Reference::Incomplete) }
}

fn named(bytes: &[u8]) -> Result<Reference, FramerError> {
    let mut at = 1;
    while at < bytes.len() {
        if bytes[at] == b';' {
            return match &bytes[1..at] {
                b"amp" | b"lt" | b"gt" | b"quot" | b"apos" => Ok(Reference::Complete(at + 1)),
                b"" => Err(BAD_REFERENCE),
                // RFC 6120 §11.1: well-formed, but not for XMPP.
                _ => Err(UNKNOWN_ENTITY),
            };
        }
        let Some((char, width)) = decode(&bytes[at..])? else { break };
        let fits = match char {
            'a'..='z' | 'A'..='Z' | '_' | ':' => true,
            '0'..='9' | '-' | '.' => at > 1,
            _ if at == 1 => is_name_start(char),
            _ => is_name_char(char),
        };
        if !fits {
            return Err(BAD_REFERENCE);
        }
        at += width;
    }
    if bytes.len() == LONGEST { Err(UNKNOWN_ENTITY) } else { Ok(Reference::Incomplete) }
}

/// The character a checked reference (`&…;`) stands for.
fn referenced(reference: &str) -> Option<char> {
    Some(match reference {
        "&amp;" => '&',
        "&lt;" => '<',
        "&gt;" => '>',
        "&quot;" => '"',
        "&apos;" => '\'',
        _ => {
            let number = reference.strip_prefix("&#")?.strip_suffix(';')?;
            let value = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(value.ok()?)?
        }
    })
}

/// The value of an attribute as written: references undone, white space made blanks. XML 1.0 §3.3.3
pub(crate) fn unescape_value(raw: &str) -> Cow<'_, str> {
    undo(raw, true)
}

/// Text as written, without tags: references undone, line ends made `\n`. XML 1.0 §2.11
pub(crate) fn unescape_text(raw: &str) -> Cow<'_, str> {
    undo(raw, false)
}

/// Character data of a CDATA section: only line ends change. XML 1.0 §2.11
pub(crate) fn normalise_line_ends(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\r') {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n"))
}

fn undo(raw: &str, is_value: bool) -> Cow<'_, str> {
    let special = |char: char| char == '&' || char == '\r' || (is_value && (char == '\n' || char == '\t'));
    let Some(first) = raw.find(special) else { return Cow::Borrowed(raw) };
    let mut result = String::with_capacity(raw.len());
    let mut rest = raw;
    let mut at = first;
    loop {
        result.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match rest.as_bytes().first() {
            Some(b'&') => {
                let len = rest.find(';').map_or(rest.len(), |end| end + 1);
                match referenced(&rest[..len]) {
                    Some(char) => result.push(char),
                    // Cannot happen in checked bytes.
                    None => result.push_str(&rest[..len]),
                }
                len
            }
            first => {
                result.push(if is_value { ' ' } else { '\n' });
                if first == Some(&b'\r') && rest.as_bytes().get(1) == Some(&b'\n') { 2 } else { 1 }
            }
        };
        rest = &rest[taken..];
        match rest.find(special) {
            Some(next) => at = next,
            None => break,
        }
    }
    result.push_str(rest);
    Cow::Owned(result)
}
