//! String classes of RFC 8264: which code points may be in identifiers and in free-form text, by the properties
//! that the current version of Unicode gives them.

use icu_properties::props::{
    DefaultIgnorableCodePoint, GeneralCategory, HangulSyllableType, JoinControl, NoncharacterCodePoint,
};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::UnicodeNormalization;

/// RFC 8264 §4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Letters, digits and printable ASCII.
    Identifier,
    /// Those, and symbols, punctuation, spaces and compatibility characters.
    Freeform,
}

/// The derived property (RFC 8264 §8). `None`: it depends on the context.
pub(super) fn is_allowed(c: char, class: Class) -> Option<bool> {
    let free = Some(class == Class::Freeform);
    match exception(c) {
        Exception::Valid => return Some(true),
        Exception::Disallowed => return Some(false),
        Exception::Contextual => return None,
        Exception::None => {}
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    if category == GeneralCategory::Unassigned
        && !CodePointSetData::new::<NoncharacterCodePoint>().contains(c)
    {
        return Some(false);
    }
    if ('!'..='~').contains(&c) {
        return Some(true);
    }
    if CodePointSetData::new::<JoinControl>().contains(c) {
        return None;
    }
    if is_old_hangul(c) || is_ignorable(c) || category == GeneralCategory::Control {
        return Some(false);
    }
    if has_compatibility_mapping(c) {
        return free;
    }
    use GeneralCategory as G;
    match category {
        // LetterDigits
        G::LowercaseLetter
        | G::UppercaseLetter
        | G::OtherLetter
        | G::DecimalNumber
        | G::ModifierLetter
        | G::NonspacingMark
        | G::SpacingMark => Some(true),
        // OtherLetterDigits
        G::TitlecaseLetter | G::LetterNumber | G::OtherNumber | G::EnclosingMark => free,
        // Spaces, Symbols, Punctuation
        G::SpaceSeparator
        | G::MathSymbol
        | G::CurrencySymbol
        | G::ModifierSymbol
        | G::OtherSymbol
        | G::ConnectorPunctuation
        | G::DashPunctuation
        | G::OpenPunctuation
        | G::ClosePunctuation
        | G::InitialPunctuation
        | G::FinalPunctuation
        | G::OtherPunctuation => free,
        _ => Some(false),
    }
}

enum Exception {
    None,
    Valid,
    Disallowed,
    Contextual,
}

/// RFC 8264 §9.6, by RFC 5892 §2.6.
fn exception(c: char) -> Exception {
    match u32::from(c) {
        0x00DF | 0x03C2 | 0x06FD | 0x06FE | 0x0F0B | 0x3007 => Exception::Valid,
        0x00B7 | 0x0375 | 0x05F3 | 0x05F4 | 0x30FB | 0x0660..=0x0669 | 0x06F0..=0x06F9 => {
            Exception::Contextual
        }
        0x0640 | 0x07FA | 0x302E | 0x302F | 0x3031..=0x3035 | 0x303B => Exception::Disallowed,
        _ => Exception::None,
    }
}

/// RFC 8264 §9.9.
fn is_old_hangul(c: char) -> bool {
    matches!(
        CodePointMapData::<HangulSyllableType>::new().get(c),
        HangulSyllableType::LeadingJamo | HangulSyllableType::VowelJamo | HangulSyllableType::TrailingJamo
    )
}

/// RFC 8264 §9.13.
fn is_ignorable(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || CodePointSetData::new::<NoncharacterCodePoint>().contains(c)
}

/// RFC 8264 §9.17.
fn has_compatibility_mapping(c: char) -> bool {
    !std::iter::once(c).nfkc().eq(std::iter::once(c))
}

/// Category Zs.
pub(super) fn is_space(c: char) -> bool {
    !c.is_ascii() && CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::SpaceSeparator
}

/// RFC 8265 §3.3.2 rule 1: full-width and half-width characters become their ordinary forms.
pub(super) fn narrow(c: char) -> char {
    if !matches!(u32::from(c), 0x3000 | 0xFF01..=0xFFEE) {
        return c;
    }
    let mut mapped = std::iter::once(c).nfkc();
    match (mapped.next(), mapped.next()) {
        (Some(mapped), None) => mapped,
        _ => c,
    }
}

/// RFC 8265 §3.3.2 rule 3: Unicode's toLowerCase.
pub(super) fn lower(c: char) -> std::char::ToLowercase {
    c.to_lowercase()
}
