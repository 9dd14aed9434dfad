//! What must hold for every input.

use super::super::{
    Jid, JidError, JidView, prepare_domain, prepare_local, prepare_password, prepare_resource,
};
use proptest::prelude::*;
use std::borrow::Cow;

type Prepare = fn(&str) -> Result<Cow<'_, str>, JidError>;
const ALL: [Prepare; 4] = [prepare_local, prepare_domain, prepare_resource, prepare_password];

/// Code points from where the rules differ, besides any at all.
fn code_point() -> impl Strategy<Value = char> {
    prop_oneof![
        4 => proptest::char::range(' ', '~'),
        1 => any::<char>(),
        2 => proptest::char::range('\u{80}', '\u{6FF}'),
        1 => proptest::char::range('\u{900}', '\u{9FF}'),
        1 => proptest::char::range('\u{1E00}', '\u{1FFF}'),
        1 => proptest::char::range('\u{2000}', '\u{215F}'),
        1 => proptest::char::range('\u{3000}', '\u{30FF}'),
        1 => proptest::char::range('\u{FF00}', '\u{FFEF}'),
        1 => prop_oneof![Just('\u{200C}'), Just('\u{200D}'), Just('\u{B7}'), Just('\u{301}'), Just('\u{3002}')],
    ]
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(code_point(), 0..12).prop_map(String::from_iter)
}

/// Letters of one script or another with marks, so that many strings are valid.
fn plausible() -> impl Strategy<Value = String> {
    let marks = || proptest::char::range('\u{300}', '\u{36F}');
    prop_oneof![
        proptest::collection::vec(
            prop_oneof![proptest::char::range('A', 'z'), marks(), proptest::char::range('\u{C0}', '\u{24F}')],
            1..8
        ),
        proptest::collection::vec(prop_oneof![proptest::char::range('\u{370}', '\u{3FF}'), marks()], 1..8),
        proptest::collection::vec(proptest::char::range('\u{5D0}', '\u{6D3}'), 1..6),
        proptest::collection::vec(proptest::char::range('\u{FF01}', '\u{FF9F}'), 1..6),
    ]
    .prop_map(String::from_iter)
}

/// Addresses as they come, one or two bytes away from valid.
fn address() -> impl Strategy<Value = String> {
    "([a-zA-Z0-9._~!+-]{0,6}[@/:'\" ]?@)?([a-zA-Z0-9-]{0,4}\\.){0,3}(xn--[a-z0-9]{0,6}|[a-z0-9_-]{0,4})[.]?(/[ -~]{0,6}[\\x00-\\x7f]?)?"
}

fn assert_idempotent(prepare: Prepare, text: &str) {
    if let Ok(once) = prepare(text) {
        assert_eq!(prepare(&once), Ok(Cow::Borrowed(&*once)), "{text:?}");
    }
}

fn assert_paths_agree(text: &str) {
    let parts = |view: JidView<'_>| {
        let own = |part: Option<&str>| part.map(str::to_owned);
        (view.as_str().to_owned(), own(view.local()), view.domain().to_owned(), own(view.resource()))
    };
    assert_eq!(JidView::parse(text).map(parts), JidView::parse_slowly(text).map(parts), "{text:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn preparing_is_idempotent(text in prop_oneof![text(), plausible()]) {
        for prepare in ALL {
            assert_idempotent(prepare, &text);
        }
    }

    #[test]
    fn an_address_parses_to_itself(local in plausible(), domain in plausible(), resource in text()) {
        if let Ok(jid) = Jid::parse(&format!("{local}@{domain}/{resource}")) {
            let again = Jid::parse(jid.as_str());
            prop_assert_eq!(again.as_ref(), Ok(&jid));
            prop_assert_eq!(jid.resource().map(|r| format!("{}/{r}", jid.bare())), Some(jid.to_string()));
            prop_assert_eq!(jid.local().map(|l| format!("{l}@{}", jid.domain())), Some(jid.bare().to_string()));
        }
    }

    #[test]
    fn fast_and_slow_paths_agree(text in prop_oneof![
        address(),
        text(),
        "[ -~]{0,24}",
        text().prop_map(|resource| format!("a@b/{resource}")),
    ]) {
        assert_paths_agree(&text);
    }
}

/// Every code point that has rules of its own, alone and behind a letter. Left out: most Han and Hangul, planes
/// without letters.
#[test]
fn every_code_point_is_idempotent() {
    for c in ('\0'..'\u{4E10}').chain('\u{9FF0}'..'\u{AC10}').chain('\u{D790}'..'\u{20010}') {
        for prepare in &ALL[..3] {
            assert_idempotent(*prepare, c.encode_utf8(&mut [0; 4]));
        }
        assert_idempotent(prepare_local, &format!("a{c}"));
    }
}

/// All short strings over the bytes that steer the fast path.
#[test]
fn fast_and_slow_paths_agree_on_all_short_strings() {
    const BYTES: &[u8] = b"a0-.@/ A_:\x7f[";
    let mut strings = vec![String::new()];
    for _ in 0..5 {
        let mut longer = Vec::with_capacity(strings.len() * BYTES.len());
        for text in &strings {
            assert_paths_agree(text);
            longer.extend(BYTES.iter().map(|&b| format!("{text}{}", char::from(b))));
        }
        strings = longer;
    }
}

/// And at the lengths where they change their minds.
#[test]
fn fast_and_slow_paths_agree_on_lengths() {
    for len in [1, 62, 63, 64, 1022, 1023, 1024] {
        let long = "x".repeat(len);
        for text in [format!("{long}@b/c"), format!("a@{long}"), format!("a@b/{long}"), long.clone()] {
            assert_paths_agree(&text);
        }
        let labels = vec!["x".repeat(63); 16].join(".");
        assert_paths_agree(&labels[..len.min(1023)]);
        assert_paths_agree(&format!("{labels}{}", &long[1..]));
    }
}
