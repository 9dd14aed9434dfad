//! The Bidi Rule (RFC 5893 §2).

use icu_properties::CodePointMapData;
use icu_properties::props::BidiClass as B;

/// True if `text` has no right-to-left code points, or has them and obeys all six conditions.
pub(super) fn obeys_rule(text: &str) -> bool {
    let classes = CodePointMapData::<B>::new();
    let of = |c| classes.get(c);
    let right_to_left = |b: B| matches!(b, B::RightToLeft | B::ArabicLetter | B::ArabicNumber);
    if text.is_ascii() || !text.chars().map(of).any(right_to_left) {
        return true;
    }
    let neutral = |b: B| {
        matches!(
            b,
            B::EuropeanNumber
                | B::EuropeanSeparator
                | B::CommonSeparator
                | B::EuropeanTerminator
                | B::OtherNeutral
                | B::BoundaryNeutral
                | B::NonspacingMark
        )
    };
    // The last code point before any trailing marks.
    let last = text.chars().rev().map(of).find(|&b| b != B::NonspacingMark);
    // Condition 1. A string that holds right-to-left code points and starts with L fails condition 5, so only R
    // and AL are left.
    if !matches!(text.chars().next().map(of), Some(B::RightToLeft | B::ArabicLetter)) {
        return false;
    }
    // Condition 2
    let all = text.chars().map(of).all(|b| right_to_left(b) || neutral(b));
    // Condition 3
    let end = last.is_some_and(|b| right_to_left(b) || b == B::EuropeanNumber);
    // Condition 4
    let has = |wanted| text.chars().map(of).any(|b| b == wanted);
    all && end && !(has(B::EuropeanNumber) && has(B::ArabicNumber))
}
