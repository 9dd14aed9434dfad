//! Character classes of XML 1.0 (fifth edition) and strict UTF-8.

use super::FramerError;
use super::error::{BAD_UTF8, FORBIDDEN_CHARACTER};

/// May begin a name (ASCII, without the colon).
pub(super) const NAME_START: u8 = 1;
/// May be inside a name (ASCII, without the colon).
pub(super) const NAME: u8 = 2;
/// Needs no look inside an attribute value: not a quote, `<`, `&`, white space other than blank, or control.
pub(super) const VALUE: u8 = 4;
/// Needs no look inside text: not `<`, `&`, `>` or a control.
pub(super) const TEXT: u8 = 8;
/// White space.
pub(super) const SPACE: u8 = 16;

/// The classes of each byte. Bytes from 0x80 are in none: they are decoded.
pub(super) static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x80 {
        let b = byte as u8;
        let mut class = 0;
        if b.is_ascii_alphabetic() || b == b'_' {
            class |= NAME_START | NAME;
        }
        if b.is_ascii_digit() || b == b'-' || b == b'.' {
            class |= NAME;
        }
        if b >= 0x20 && b != b'<' && b != b'&' && b != b'\'' && b != b'"' {
            class |= VALUE;
        }
        let space = b == b' ' || b == b'\t' || b == b'\r' || b == b'\n';
        if (b >= 0x20 || space) && b != b'<' && b != b'&' && b != b'>' {
            class |= TEXT;
        }
        if space {
            class |= SPACE;
        }
        table[byte] = class;
        byte += 1;
    }
    table
}

/// How many bytes at the front are all in the class.
#[inline(always)]
pub(super) fn run(bytes: &[u8], class: u8) -> usize {
    bytes.iter().position(|&byte| CLASS[usize::from(byte)] & class == 0).unwrap_or(bytes.len())
}

/// How many bytes at the front are plain text, as [`run`] with [`TEXT`] finds; sixteen at a time, which the compiler makes
/// vector code of. A message with 4 KB of text costs 1.1 instead of 1.5 µs, a short one the same.
#[inline(always)]
pub(super) fn text_run(bytes: &[u8]) -> usize {
    let mut at = 0;
    for chunk in bytes.chunks_exact(16) {
        // Stricter than TEXT about line ends and tabs: those are looked at one by one.
        let special = chunk.iter().fold(false, |special, &b| {
            special | (b.wrapping_sub(0x20) >= 0x60) | (b == b'<') | (b == b'&') | (b == b'>')
        });
        if special {
            break;
        }
        at += 16;
    }
    at + run(&bytes[at..], TEXT)
}

/// The same for [`VALUE`].
#[inline(always)]
pub(super) fn value_run(bytes: &[u8]) -> usize {
    let mut at = 0;
    for chunk in bytes.chunks_exact(16) {
        let special = chunk.iter().fold(false, |special, &b| {
            special | (b.wrapping_sub(0x20) >= 0x60) | (b == b'<') | (b == b'&') | (b == b'\'') | (b == b'"')
        });
        if special {
            break;
        }
        at += 16;
    }
    at + run(&bytes[at..], VALUE)
}

/// Whether the byte is in the class.
#[inline(always)]
pub(super) fn is(byte: u8, class: u8) -> bool {
    CLASS[usize::from(byte)] & class != 0
}

/// The character at the front, `None` if it is not complete, an error as soon as it cannot become one.
pub(super) fn decode(bytes: &[u8]) -> Result<Option<(char, usize)>, FramerError> {
    let width = match bytes.first() {
        None => return Ok(None),
        Some(0..=0x7F) => 1,
        Some(0xC2..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..=0xF4) => 4,
        Some(_) => return Err(BAD_UTF8),
    };
    match std::str::from_utf8(&bytes[..width.min(bytes.len())]) {
        Ok(text) => match text.chars().next() {
            Some(char) if is_xml_char(char) => Ok(Some((char, width))),
            _ => Err(FORBIDDEN_CHARACTER),
        },
        Err(error) if error.error_len().is_none() => Ok(None),
        Err(_) => Err(BAD_UTF8),
    }
}

/// Production Char of XML 1.0 §2.2.
pub(crate) const fn is_xml_char(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

/// Production NameStartChar of XML 1.0 §2.3 beyond ASCII.
pub(super) const fn is_name_start(char: char) -> bool {
    matches!(char,
        '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

/// Production NameChar of XML 1.0 §2.3 beyond ASCII.
pub(super) const fn is_name_char(char: char) -> bool {
    is_name_start(char) || matches!(char, '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Whether the whole text is an NCName (a name without colon), as a name that is written must be.
pub(crate) fn is_ncname(text: &str) -> bool {
    let start = |char: char| if char.is_ascii() { is(char as u8, NAME_START) } else { is_name_start(char) };
    let inside = |char: char| if char.is_ascii() { is(char as u8, NAME) } else { is_name_char(char) };
    text.chars().next().is_some_and(start) && text.chars().all(inside)
}
