//! Characters that are allowed only beside certain others (RFC 5892 appendix A), and the Bidi Rule (RFC 5893 §2).

use icu_properties::CodePointMapData;
use icu_properties::props::{BidiClass, CanonicalCombiningClass, JoiningType, Script};

/// Whether `c`, which stands at `index` of `text`, may stand there.
pub(super) fn is_allowed(text: &str, index: usize, c: char) -> bool {
    let before = text[..index].chars().next_back();
    let after = text[index + c.len_utf8()..].chars().next();
    match c {
        // A.1 and A.2: joiners after a virama; the non-joiner also between letters that would join.
        '\u{200C}' => after_virama(before) || between_joining(text, index, c),
        '\u{200D}' => after_virama(before),
        // A.3: the middle dot of Catalan.
        '\u{B7}' => before == Some('l') && after == Some('l'),
        // A.4: the keraia before Greek.
        '\u{375}' => is_script(after, Script::Greek),
        // A.5 and A.6: geresh and gershayim after Hebrew.
        '\u{5F3}' | '\u{5F4}' => is_script(before, Script::Hebrew),
        // A.7: the katakana middle dot in Japanese.
        '\u{30FB}' => text.chars().any(|c| {
            matches!(
                CodePointMapData::<Script>::new().get(c),
                Script::Hiragana | Script::Katakana | Script::Han
            )
        }),
        // A.8 and A.9: one kind of Arabic digits.
        '\u{660}'..='\u{669}' => !text.chars().any(|c| matches!(c, '\u{6F0}'..='\u{6F9}')),
        '\u{6F0}'..='\u{6F9}' => !text.chars().any(|c| matches!(c, '\u{660}'..='\u{669}')),
        _ => false,
    }
}

fn after_virama(before: Option<char>) -> bool {
    before.is_some_and(|c| {
        CodePointMapData::<CanonicalCombiningClass>::new().get(c) == CanonicalCombiningClass::Virama
    })
}

fn is_script(c: Option<char>, script: Script) -> bool {
    c.is_some_and(|c| CodePointMapData::<Script>::new().get(c) == script)
}

fn between_joining(text: &str, index: usize, c: char) -> bool {
    let joining = CodePointMapData::<JoiningType>::new();
    let visible = |c: &char| joining.get(*c) != JoiningType::Transparent;
    let before = text[..index].chars().rev().find(visible).map(|c| joining.get(c));
    let after = text[index + c.len_utf8()..].chars().find(visible).map(|c| joining.get(c));
    matches!(before, Some(JoiningType::LeftJoining | JoiningType::DualJoining))
        && matches!(after, Some(JoiningType::RightJoining | JoiningType::DualJoining))
}

/// Text without right-to-left characters always obeys; other text must obey RFC 5893 §2.
pub(super) fn obeys_bidi_rule(text: &str) -> bool {
    use BidiClass as B;
    let class = |c: char| CodePointMapData::<BidiClass>::new().get(c);
    if !text.chars().any(|c| matches!(class(c), B::RightToLeft | B::ArabicLetter | B::ArabicNumber)) {
        return true;
    }
    let last = text.chars().map(class).rfind(|class| *class != B::NonspacingMark);
    match text.chars().next().map(class) {
        Some(B::RightToLeft | B::ArabicLetter) => {
            let allowed = text.chars().all(|c| {
                matches!(
                    class(c),
                    B::RightToLeft
                        | B::ArabicLetter
                        | B::ArabicNumber
                        | B::EuropeanNumber
                        | B::EuropeanSeparator
                        | B::CommonSeparator
                        | B::EuropeanTerminator
                        | B::OtherNeutral
                        | B::BoundaryNeutral
                        | B::NonspacingMark
                )
            });
            let has = |wanted| text.chars().any(|c| class(c) == wanted);
            allowed
                && matches!(
                    last,
                    Some(B::RightToLeft | B::ArabicLetter | B::EuropeanNumber | B::ArabicNumber)
                )
                && !(has(B::EuropeanNumber) && has(B::ArabicNumber))
        }
        // Rule 1 wants L, R or AL first; rule 5 forbids right-to-left characters after L.
        _ => false,
    }
}
