//! The contextual rules (RFC 5892 appendix A), which PRECIS and IDNA2008 share.

use icu_properties::CodePointMapData;
use icu_properties::props::{CanonicalCombiningClass, JoiningType, Script};

/// True if the CONTEXTJ or CONTEXTO code point `c`, at byte `at` of `text`, may stand there.
pub(super) fn allowed(text: &str, at: usize, c: char) -> bool {
    let (before, after) = (&text[..at], &text[at + c.len_utf8()..]);
    let previous = before.chars().next_back();
    let next = after.chars().next();
    match c {
        // A.1 ZERO WIDTH NON-JOINER
        '\u{200C}' => previous.is_some_and(virama) || joins(before, after),
        // A.2 ZERO WIDTH JOINER
        '\u{200D}' => previous.is_some_and(virama),
        // A.3 MIDDLE DOT: Catalan l·l
        '\u{B7}' => previous == Some('l') && next == Some('l'),
        // A.4 GREEK LOWER NUMERAL SIGN
        '\u{375}' => next.is_some_and(|c| script(c) == Script::Greek),
        // A.5, A.6 HEBREW PUNCTUATION GERESH and GERSHAYIM
        '\u{5F3}' | '\u{5F4}' => previous.is_some_and(|c| script(c) == Script::Hebrew),
        // A.7 KATAKANA MIDDLE DOT
        '\u{30FB}' => {
            text.chars().any(|c| matches!(script(c), Script::Hiragana | Script::Katakana | Script::Han))
        }
        // A.8, A.9: the two sets of Arabic digits do not mix
        '\u{660}'..='\u{669}' => !text.chars().any(|c| ('\u{6F0}'..='\u{6F9}').contains(&c)),
        '\u{6F0}'..='\u{6F9}' => !text.chars().any(|c| ('\u{660}'..='\u{669}').contains(&c)),
        // No rule, so never allowed (RFC 8264 §8).
        _ => false,
    }
}

fn script(c: char) -> Script {
    CodePointMapData::<Script>::new().get(c)
}

fn virama(c: char) -> bool {
    CodePointMapData::<CanonicalCombiningClass>::new().get(c) == CanonicalCombiningClass::Virama
}

/// `(L|D) T* ZWNJ T* (R|D)` by Joining_Type.
fn joins(before: &str, after: &str) -> bool {
    let joining = CodePointMapData::<JoiningType>::new();
    let kind = |c| joining.get(c);
    let opaque = |t: &JoiningType| *t == JoiningType::Transparent;
    let left = before.chars().rev().map(kind).find(|t| !opaque(t));
    let right = after.chars().map(kind).find(|t| !opaque(t));
    matches!(left, Some(JoiningType::LeftJoining | JoiningType::DualJoining))
        && matches!(right, Some(JoiningType::RightJoining | JoiningType::DualJoining))
}
