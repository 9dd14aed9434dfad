//! The PRECIS string classes (RFC 8264): which code points may stand in an identifier and in free text.
//!
//! Computed from the properties of the current Unicode version instead of copied tables, so new scripts and
//! emoji are allowed as soon as the data crates know them. The result was compared with IANA's registry, which
//! stopped at Unicode 6.3: it agrees on every code point assigned by then.

use super::context;
use icu_properties::props::{
    DefaultIgnorableCodePoint, GeneralCategory, HangulSyllableType, JoinControl, NoncharacterCodePoint,
};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::UnicodeNormalization;

/// A base string class (RFC 8264 §4).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Letters, digits and printable ASCII.
    Identifier,
    /// Also spaces, symbols, punctuation and compatibility characters.
    Freeform,
}

/// The derived property of a code point (RFC 8264 §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Derived {
    /// PVALID: valid in both classes.
    Valid,
    /// "ID_DIS or FREE_PVAL": valid in free text only.
    FreeformOnly,
    /// CONTEXTJ or CONTEXTO: valid where a rule says so.
    Context,
    /// DISALLOWED.
    Disallowed,
    /// UNASSIGNED: treated as disallowed.
    Unassigned,
}

/// The first code point of `text` that `class` does not allow where it stands, if any.
pub(super) fn offender(text: &str, class: Class) -> Option<char> {
    text.char_indices()
        .filter(|(_, c)| !c.is_ascii_graphic()) // always valid, spares the look-ups
        .find(|&(at, c)| match derived(c) {
            Derived::Valid => false,
            Derived::FreeformOnly => class == Class::Identifier,
            Derived::Context => !context::allowed(text, at, c),
            Derived::Disallowed | Derived::Unassigned => true,
        })
        .map(|(_, c)| c)
}

/// RFC 8264 §8. The order of the steps is part of the definition.
pub(super) fn derived(c: char) -> Derived {
    if let Some(exception) = exception(c) {
        return exception;
    }
    // BackwardCompatible (§9.7) is the empty set.
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    let nonchar = CodePointSetData::new::<NoncharacterCodePoint>().contains(c);
    if category == GeneralCategory::Unassigned && !nonchar {
        Derived::Unassigned
    } else if ('!'..='~').contains(&c) {
        Derived::Valid
    } else if CodePointSetData::new::<JoinControl>().contains(c) {
        Derived::Context
    } else if old_hangul_jamo(c)
        || nonchar
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || category == GeneralCategory::Control
    {
        Derived::Disallowed
    } else if has_compat(c) {
        Derived::FreeformOnly
    } else {
        by_category(category)
    }
}

/// LetterDigits, OtherLetterDigits, Spaces, Symbols and Punctuation (RFC 8264 §9.1, §9.14 to §9.16, §9.18).
fn by_category(category: GeneralCategory) -> Derived {
    use GeneralCategory as Gc;
    match category {
        Gc::UppercaseLetter
        | Gc::LowercaseLetter
        | Gc::OtherLetter
        | Gc::DecimalNumber
        | Gc::ModifierLetter
        | Gc::NonspacingMark
        | Gc::SpacingMark => Derived::Valid,
        Gc::TitlecaseLetter | Gc::LetterNumber | Gc::OtherNumber | Gc::EnclosingMark => Derived::FreeformOnly,
        Gc::SpaceSeparator => Derived::FreeformOnly,
        Gc::MathSymbol | Gc::CurrencySymbol | Gc::ModifierSymbol | Gc::OtherSymbol => Derived::FreeformOnly,
        Gc::ConnectorPunctuation
        | Gc::DashPunctuation
        | Gc::OpenPunctuation
        | Gc::ClosePunctuation
        | Gc::InitialPunctuation
        | Gc::FinalPunctuation
        | Gc::OtherPunctuation => Derived::FreeformOnly,
        _ => Derived::Disallowed,
    }
}

/// Exceptions (RFC 5892 §2.6).
fn exception(c: char) -> Option<Derived> {
    Some(match c {
        '\u{DF}' | '\u{3C2}' | '\u{6FD}' | '\u{6FE}' | '\u{F0B}' | '\u{3007}' => Derived::Valid,
        '\u{B7}' | '\u{375}' | '\u{5F3}' | '\u{5F4}' | '\u{30FB}' => Derived::Context,
        '\u{660}'..='\u{669}' | '\u{6F0}'..='\u{6F9}' => Derived::Context,
        '\u{640}' | '\u{7FA}' | '\u{302E}' | '\u{302F}' | '\u{3031}'..='\u{3035}' | '\u{303B}' => {
            Derived::Disallowed
        }
        _ => return None,
    })
}

/// OldHangulJamo (RFC 5892 §2.9).
fn old_hangul_jamo(c: char) -> bool {
    matches!(
        CodePointMapData::<HangulSyllableType>::new().get(c),
        HangulSyllableType::LeadingJamo | HangulSyllableType::VowelJamo | HangulSyllableType::TrailingJamo
    )
}

/// HasCompat (RFC 8264 §9.17): normalisation form KC changes it.
fn has_compat(c: char) -> bool {
    let mut composed = std::iter::once(c).nfkc();
    composed.next() != Some(c) || composed.next().is_some()
}
