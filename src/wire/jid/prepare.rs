//! Preparation and enforcement of the parts of an address, and of passwords.
//!
//! Each function returns its argument unchanged, without allocation, if it is prepared already.

use super::precis::{self, Class};
use super::{JidError, MAX_PART, Part, bidi, domain};
use icu_properties::props::{ChangesWhenLowercased, EastAsianWidth, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// Preparation may shorten a string (`e` and an accent become one letter), hardly ever to less than a quarter.
/// Longer input is refused unread, so that a peer cannot make us normalise megabytes.
const MAX_INPUT: usize = 4 * MAX_PART;

/// RFC 8264 §7: applied once and up to three times more until the string is stable.
const ROUNDS: usize = 4;

/// Prepares a localpart (RFC 7622 §3.3): the UsernameCaseMapped profile of RFC 8265 §3.3, less the characters
/// that separate and quote in XMPP, 1 to 1023 bytes.
///
/// ```
/// assert_eq!(wire::jid::prepare_local("Juliet").unwrap(), "juliet");
/// assert!(wire::jid::prepare_local("foo bar").is_err());
/// ```
pub fn prepare_local(text: &str) -> Result<Cow<'_, str>, JidError> {
    // RFC 7622 §3.3.1
    const EXCLUDED: [char; 8] = ['"', '&', '\'', '/', ':', '<', '>', '@'];
    bounded(text, Part::Local, |text| {
        let mapped = settled(text, Part::Local, username_case_mapped)?;
        match mapped.chars().find(|c| EXCLUDED.contains(c)) {
            Some(c) => Err(JidError::Forbidden(Part::Local, c)),
            None => Ok(mapped),
        }
    })
}

/// Prepares a user name, as SASL carries it: the same rules as for a localpart.
pub fn prepare_username(text: &str) -> Result<Cow<'_, str>, JidError> {
    prepare_local(text)
}

/// Prepares a domainpart (RFC 7622 §3.2): lower-case LDH labels and U-labels by IDNA2008 without trailing dot,
/// an IPv4 address, or an IPv6 address in brackets; 1 to 1023 bytes, 63 a label.
///
/// ```
/// assert_eq!(wire::jid::prepare_domain("xn--Fiqs8S.Example.").unwrap(), "中国.example");
/// ```
pub fn prepare_domain(text: &str) -> Result<Cow<'_, str>, JidError> {
    bounded(text, Part::Domain, |text| settled(text, Part::Domain, domain::enforce))
}

/// Prepares a resourcepart (RFC 7622 §3.4): the OpaqueString profile of RFC 8265 §4.2, no space in front,
/// 1 to 1023 bytes. Case and emoji stay; what joins emoji (U+200D, U+FE0F) is refused, as the profile demands.
pub fn prepare_resource(text: &str) -> Result<Cow<'_, str>, JidError> {
    bounded(text, Part::Resource, |text| {
        let mapped = settled(text, Part::Resource, opaque_string)?;
        // RFC 7622 §3.5, example 18: not an address, although the profile would let it pass.
        if mapped.starts_with(' ') { Err(JidError::Forbidden(Part::Resource, ' ')) } else { Ok(mapped) }
    })
}

/// Prepares a password: the OpaqueString profile (RFC 8265 §4.2). The caller limits its length.
pub fn prepare_password(text: &str) -> Result<Cow<'_, str>, JidError> {
    let mapped = settled(text, Part::Password, opaque_string)?;
    if mapped.is_empty() { Err(JidError::Empty(Part::Password)) } else { Ok(mapped) }
}

/// Checks the length before and after.
fn bounded<'a>(
    text: &'a str,
    part: Part,
    prepare: impl FnOnce(&'a str) -> Result<Cow<'a, str>, JidError>,
) -> Result<Cow<'a, str>, JidError> {
    if text.len() > MAX_INPUT {
        return Err(JidError::TooLong(part));
    }
    let prepared = prepare(text)?;
    match prepared.len() {
        0 => Err(JidError::Empty(part)),
        1..=MAX_PART => Ok(prepared),
        _ => Err(JidError::TooLong(part)),
    }
}

/// Applies `profile` until it changes nothing, so that a prepared string always passes as it is.
fn settled(
    text: &str,
    part: Part,
    profile: impl Fn(&str, Part) -> Result<String, JidError>,
) -> Result<Cow<'_, str>, JidError> {
    let mut current = Cow::Borrowed(text);
    for _ in 0..ROUNDS {
        let next = profile(&current, part)?;
        if next == *current {
            return Ok(current);
        }
        current = Cow::Owned(next);
    }
    Err(JidError::Unstable(part))
}

/// UsernameCaseMapped (RFC 8265 §3.3.2 and §3.3.3), in that order.
fn username_case_mapped(text: &str, part: Part) -> Result<String, JidError> {
    let narrow = map_width(text);
    if let Some(c) = precis::offender(&narrow, Class::Identifier) {
        return Err(JidError::Forbidden(part, c));
    }
    let mut lower = String::with_capacity(narrow.len());
    for c in narrow.chars() {
        // By code point, not `str::to_lowercase`: PRECIS knows no special final sigma (RFC 7622 §3.5).
        let start = lower.len();
        lower.extend(c.to_lowercase());
        // The standard library may be of an older Unicode version than our tables, and not know the pair of a
        // new capital. Two spellings of one name must not be two accounts, so such a letter is refused.
        if lower[start..].chars().eq([c]) && CodePointSetData::new::<ChangesWhenLowercased>().contains(c) {
            return Err(JidError::Forbidden(part, c));
        }
    }
    let composed: String = lower.nfc().collect();
    if bidi::obeys_rule(&composed) { Ok(composed) } else { Err(JidError::Direction(part)) }
}

/// OpaqueString (RFC 8265 §4.2).
fn opaque_string(text: &str, part: Part) -> Result<String, JidError> {
    if let Some(c) = precis::offender(text, Class::Freeform) {
        return Err(JidError::Forbidden(part, c));
    }
    let category = CodePointMapData::<GeneralCategory>::new();
    let space = |c| if category.get(c) == GeneralCategory::SpaceSeparator { ' ' } else { c };
    Ok(text.chars().map(space).nfc().collect())
}

/// Maps fullwidth and halfwidth code points to their decompositions. Those of halfwidth Hangul decompose further
/// than one step here, which makes no difference: both forms are outside the IdentifierClass.
fn map_width(text: &str) -> String {
    let width = CodePointMapData::<EastAsianWidth>::new();
    let mut mapped = String::with_capacity(text.len());
    for c in text.chars() {
        // U+3000 is the one fullwidth code point outside its block; ASCII never is.
        match !c.is_ascii() && matches!(width.get(c), EastAsianWidth::Fullwidth | EastAsianWidth::Halfwidth) {
            true => mapped.extend(std::iter::once(c).nfkd()),
            false => mapped.push(c),
        }
    }
    mapped
}
