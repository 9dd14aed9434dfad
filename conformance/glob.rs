//! Names with stars.

/// Whether a pattern fits a whole text; `*` stands for any characters, also for none.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    let ends = (0..=rest.len()).filter(|end| rest.is_char_boundary(*end));
    ends.into_iter().any(|end| fits(after, &rest[end..]))
}

#[test]
fn stars() {
    for (pattern, text) in
        [("a", "a"), ("*", ""), ("a*c", "abbc"), ("*.b*", "a.bc"), ("a*a", "aa"), ("*", "ü")]
    {
        assert!(fits(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in [("a", "ab"), ("a*a", "a"), ("b*", "ab"), ("", "a")] {
        assert!(!fits(pattern, text), "{pattern} {text}");
    }
}
