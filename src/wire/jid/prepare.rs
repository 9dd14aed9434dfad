//! Preparation of the three parts (RFC 7622 §3) and of passwords (RFC 8265 §4), with a fast path for ASCII.

use super::Parts;
use super::class::{Class, is_allowed, lower, narrow};
use super::context;
use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Longest part, in bytes after preparation (RFC 7622 §3.2 to §3.4).
const MAX: usize = 1023;

/// Why a text is no address or part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JidError {
    /// A part is empty.
    Empty,
    /// A part is longer than 1,023 bytes.
    TooLong,
    /// A character that this part may not have, or not there.
    BadCharacter(char),
    /// Left-to-right and right-to-left characters are mixed against the Bidi Rule (RFC 5893 §2).
    BadDirection,
    /// The domainpart is no domain name and no IP address.
    BadDomain,
    /// A resourcepart where there must be none.
    UnexpectedResource,
    /// No resourcepart where there must be one.
    MissingResource,
}

impl fmt::Display for JidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JidError::Empty => f.write_str("a part of the address is empty"),
            JidError::TooLong => f.write_str("a part of the address is longer than 1023 bytes"),
            JidError::BadCharacter(c) => {
                write!(f, "the character {c:?} (U+{:04X}) is not allowed there", u32::from(*c))
            }
            JidError::BadDirection => f.write_str("left-to-right and right-to-left characters are mixed"),
            JidError::BadDomain => f.write_str("not a domain name"),
            JidError::UnexpectedResource => f.write_str("a resource is not allowed here"),
            JidError::MissingResource => f.write_str("a resource is missing"),
        }
    }
}

impl std::error::Error for JidError {}

const LOCAL: u8 = 1;
const DOMAIN: u8 = 2;
const RESOURCE: u8 = 4;

/// Which prepared part an ASCII character may stand in without a closer look.
static ASCII: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0x20;
    while byte < 0x7f {
        let character = byte as u8;
        table[byte] = RESOURCE;
        let upper = character.is_ascii_uppercase();
        // RFC 7622 §3.3.1: excluded from the localpart; the space is in no identifier.
        if !upper && !matches!(character, b'"' | b'&' | b'\'' | b'/' | b':' | b'<' | b'>' | b'@' | b' ') {
            table[byte] |= LOCAL;
        }
        if character.is_ascii_lowercase()
            || character.is_ascii_digit()
            || character == b'-'
            || character == b'.'
        {
            table[byte] |= DOMAIN;
        }
        byte += 1;
    }
    table
};

/// The parts of an address that is prepared ASCII already. `None` sends it the long way.
pub(super) fn ascii_parts(text: &[u8]) -> Option<Parts> {
    if text.len() > MAX {
        return None;
    }
    let run = |from: usize, class: u8| {
        text[from..]
            .iter()
            .position(|byte| ASCII[usize::from(*byte)] & class == 0)
            .map_or(text.len(), |length| from + length)
    };
    let mut local = run(0, LOCAL);
    let start = match text.get(local) {
        Some(b'@') if local > 0 => local + 1,
        _ => {
            local = 0;
            0
        }
    };
    let bare = run(start, DOMAIN);
    if !plain_domain(&text[start..bare]) {
        return None;
    }
    match text.get(bare) {
        None => {}
        Some(b'/') if bare + 1 < text.len() && run(bare + 1, RESOURCE) == text.len() => {}
        Some(_) => return None,
    }
    Some(Parts { local: u16::try_from(local).ok()?, bare: u16::try_from(bare).ok()? })
}

/// A domain name of plain labels: no empty or long ones, no hyphens at their ends, nothing that looks like
/// Punycode or a number as the last label, which are for the long way.
fn plain_domain(domain: &[u8]) -> bool {
    if domain.is_empty() || domain.len() > 253 {
        return false;
    }
    let mut last = &domain[..0];
    for label in domain.split(|byte| *byte == b'.') {
        let plain = !label.is_empty()
            && label.len() <= 63
            && label[0] != b'-'
            && label[label.len() - 1] != b'-'
            && label.get(2..4) != Some(b"--");
        if !plain {
            return false;
        }
        last = label;
    }
    last.iter().any(u8::is_ascii_lowercase)
}

/// An address, part by part (RFC 7622 §3.1: the first `/` ends the domain, the first `@` before that the localpart).
pub(super) fn address(text: &str) -> Result<(String, Parts), JidError> {
    let (bare, resource) = match text.split_once('/') {
        Some((bare, resource)) => (bare, Some(resource)),
        None => (text, None),
    };
    let (local, domain) = match bare.split_once('@') {
        Some((local, domain)) => (Some(local), domain),
        None => (None, bare),
    };
    let mut out = String::with_capacity(text.len());
    let mut parts = Parts { local: 0, bare: 0 };
    if let Some(local) = local {
        out.push_str(&prepare_local(local)?);
        parts.local = length(out.len())?;
        out.push('@');
    }
    out.push_str(&prepare_domain(domain)?);
    parts.bare = length(out.len())?;
    if let Some(resource) = resource {
        out.push('/');
        out.push_str(&prepare_resource(resource)?);
    }
    Ok((out, parts))
}

fn length(bytes: usize) -> Result<u16, JidError> {
    u16::try_from(bytes).map_err(|_| JidError::TooLong)
}

fn bounded(part: Cow<'_, str>) -> Result<Cow<'_, str>, JidError> {
    match part.len() {
        0 => Err(JidError::Empty),
        1..=MAX => Ok(part),
        _ => Err(JidError::TooLong),
    }
}

/// The localpart: profile UsernameCaseMapped (RFC 8265 §3.3) less some ASCII characters (RFC 7622 §3.3.1).
///
/// # Errors
/// See [`JidError`].
pub fn prepare_local(text: &str) -> Result<Cow<'_, str>, JidError> {
    if text.len() > 4 * MAX {
        return Err(JidError::TooLong);
    }
    if text.bytes().all(|byte| ASCII[usize::from(byte)] & LOCAL != 0) {
        return bounded(Cow::Borrowed(text));
    }
    // RFC 8265 §3.3.2: width, case, normalisation, then the direction.
    let mapped: String = text.chars().map(narrow).flat_map(lower).nfc().collect();
    if let Some(bad) = mapped.chars().find(|c| matches!(c, '"' | '&' | '\'' | '/' | ':' | '<' | '>' | '@')) {
        return Err(JidError::BadCharacter(bad));
    }
    check(&mapped, Class::Identifier)?;
    if !context::obeys_bidi_rule(&mapped) {
        return Err(JidError::BadDirection);
    }
    // RFC 8264 §7: applying the rules once must be enough; where it is not, the input is refused.
    let again: String = mapped.chars().map(narrow).flat_map(lower).nfc().collect();
    if again != mapped {
        return Err(JidError::BadCharacter(mapped.chars().next().unwrap_or(' ')));
    }
    bounded(Cow::Owned(mapped))
}

/// A user name in SASL: prepared like a localpart.
///
/// # Errors
/// See [`JidError`].
pub fn prepare_username(text: &str) -> Result<Cow<'_, str>, JidError> {
    prepare_local(text)
}

/// The resourcepart: profile OpaqueString (RFC 7622 §3.4).
///
/// # Errors
/// See [`JidError`].
pub fn prepare_resource(text: &str) -> Result<Cow<'_, str>, JidError> {
    if text.len() > 4 * MAX {
        return Err(JidError::TooLong);
    }
    bounded(opaque(text)?)
}

/// A password: profile OpaqueString (RFC 8265 §4.2), without a bound of its own.
///
/// # Errors
/// See [`JidError`].
pub fn prepare_password(text: &str) -> Result<Cow<'_, str>, JidError> {
    let prepared = opaque(text)?;
    if prepared.is_empty() { Err(JidError::Empty) } else { Ok(prepared) }
}

fn opaque(text: &str) -> Result<Cow<'_, str>, JidError> {
    if text.bytes().all(|byte| ASCII[usize::from(byte)] & RESOURCE != 0) {
        return Ok(Cow::Borrowed(text));
    }
    // RFC 8265 §4.2.2: other spaces become the ASCII one; no change of case or width.
    let spaced = text.chars().map(|c| if super::class::is_space(c) { ' ' } else { c });
    let prepared: Cow<'_, str> =
        if spaced.clone().eq(text.chars()) && is_nfc_quick(text.chars()) == IsNormalized::Yes {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(spaced.nfc().collect())
        };
    check(&prepared, Class::Freeform)?;
    Ok(prepared)
}

/// Every character must be allowed in the class, those that depend on their neighbours by those.
fn check(text: &str, class: Class) -> Result<(), JidError> {
    for (index, c) in text.char_indices() {
        let allowed = is_allowed(c, class).unwrap_or_else(|| context::is_allowed(text, index, c));
        if !allowed {
            return Err(JidError::BadCharacter(c));
        }
    }
    Ok(())
}

/// The domainpart (RFC 7622 §3.2): a domain name with U-labels, or an IP address.
///
/// # Errors
/// See [`JidError`].
pub fn prepare_domain(text: &str) -> Result<Cow<'_, str>, JidError> {
    if text.len() > 4 * MAX {
        return Err(JidError::TooLong);
    }
    if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| JidError::BadDomain)?;
        return Ok(Cow::Owned(format!("[{address}]")));
    }
    if text.parse::<Ipv4Addr>().is_ok() {
        return Ok(Cow::Borrowed(text));
    }
    // §3.2: a final dot is stripped before anything else.
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.is_empty() {
        return Err(JidError::Empty);
    }
    if plain_domain(text.as_bytes()) && text.bytes().all(|byte| ASCII[usize::from(byte)] & DOMAIN != 0) {
        return Ok(Cow::Borrowed(text));
    }
    let uts46 = idna::uts46::Uts46::new();
    let (unicode, result) =
        uts46.to_unicode(text.as_bytes(), idna::AsciiDenyList::STD3, idna::uts46::Hyphens::Check);
    let (_, ascii_ok) = match uts46.to_ascii(
        text.as_bytes(),
        idna::AsciiDenyList::STD3,
        idna::uts46::Hyphens::Check,
        idna::uts46::DnsLength::Verify,
    ) {
        Ok(ascii) => (ascii, true),
        Err(_) => (Cow::Borrowed(""), false),
    };
    if result.is_err() || !ascii_ok {
        return Err(JidError::BadDomain);
    }
    // UTS 46 maps more than IDNA 2008 allows; what it let through must be of an identifier (RFC 5890 §2.3.2.1).
    for label in unicode.split('.') {
        check(label, Class::Identifier)?;
    }
    bounded(Cow::Owned(unicode.into_owned()))
}
