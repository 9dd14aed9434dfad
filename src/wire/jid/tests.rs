use super::*;
use proptest::prelude::*;

/// RFC 7622 §3.5, table 1.
#[test]
fn valid_examples() {
    for text in [
        "juliet@example.com",
        "juliet@example.com/foo",
        "juliet@example.com/foo bar",
        "juliet@example.com/foo@bar",
        "foo\\20bar@example.com",
        "fussball@example.com",
        "fu\u{df}ball@example.com",
        "\u{3c0}@example.com",
        "\u{3c3}@example.com/foo",
        "\u{3c2}@example.com/foo",
        "king@example.com/\u{265a}",
        "example.com",
        "example.com/foobar",
        "a.example.com/b@example.net",
    ] {
        let jid = Jid::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(jid.as_str(), text);
    }
    assert_eq!(Jid::parse("\u{3a3}@example.com/foo").unwrap().as_str(), "\u{3c3}@example.com/foo");
}

/// RFC 7622 §3.5, table 2.
#[test]
fn invalid_examples() {
    for text in [
        "\"juliet\"@example.com",
        "foo bar@example.com",
        "juliet@example.com/",
        "@example.com/",
        "henry\u{2163}@example.com",
        "\u{265a}@example.com",
        "juliet@",
        "/foobar",
        "",
        "@",
        "a@b@c",
        "a@.b",
        "a@b..c",
        "a@-b.example",
        "a@exa mple.com",
        "a@example.com/\u{0}",
        "a@example.com/\u{7}",
        "a\u{ad}b@example.com",
        "a\u{200d}b@example.com",
        "\u{378}@example.com",
        "a@example.com/\u{378}",
        "a\u{5d0}@example.com",
    ] {
        assert!(Jid::parse(text).is_err(), "{text:?} was taken");
    }
}

#[test]
fn parts_are_split_at_the_first_marks() {
    let jid = Jid::parse("a@b.example/c@d/e").unwrap();
    assert_eq!((jid.local(), jid.domain(), jid.resource()), (Some("a"), "b.example", Some("c@d/e")));
    assert_eq!(jid.bare().as_str(), "a@b.example");
    assert!(jid.bare().as_str() == BareJid::parse("a@b.example").unwrap().as_str());
    let domain = Jid::parse("b.example").unwrap();
    assert_eq!((domain.local(), domain.resource(), domain.is_bare()), (None, None, true));
}

#[test]
fn case_width_and_form_are_mapped() {
    for (from, to) in [
        ("Juliet@Example.COM/Foo", "juliet@example.com/Foo"),
        ("\u{ff4a}uliet@example.com", "juliet@example.com"),
        ("e\u{301}@example.com", "\u{e9}@example.com"),
        ("a@xn--bcher-kva.example", "a@b\u{fc}cher.example"),
        ("a@B\u{dc}CHER.example", "a@b\u{fc}cher.example"),
        ("a@example.com.", "a@example.com"),
        ("a@example.com/\u{a0}x", "a@example.com/ x"),
        ("a@127.0.0.1", "a@127.0.0.1"),
        ("a@[::0:1]", "a@[::1]"),
        ("\u{5d0}\u{5d1}1@example.com", "\u{5d0}\u{5d1}1@example.com"),
        ("a@example.com/\u{1f600}", "a@example.com/\u{1f600}"),
        ("a@example.com/\u{1fae8}", "a@example.com/\u{1fae8}"),
        ("l\u{b7}l@example.com", "l\u{b7}l@example.com"),
    ] {
        assert_eq!(Jid::parse(from).map(|jid| jid.to_string()), Ok(to.to_owned()), "{from}");
    }
}

#[test]
fn parts_have_a_greatest_length() {
    let at = |length: usize| format!("{}@example.com", "a".repeat(length));
    assert!(Jid::parse(&at(1023)).is_ok());
    assert_eq!(Jid::parse(&at(1024)).unwrap_err(), JidError::TooLong);
    assert!(Jid::parse(&format!("a@example.com/{}", "r".repeat(1023))).is_ok());
    assert_eq!(Jid::parse(&format!("a@example.com/{}", "r".repeat(1024))).unwrap_err(), JidError::TooLong);
    assert!(Jid::parse(&format!("a@{}", "b.".repeat(600))).is_err());
}

#[test]
fn passwords_keep_case_and_spaces() {
    assert_eq!(prepare_password("Correct Horse").unwrap(), "Correct Horse");
    assert_eq!(prepare_password("\u{3c0}\u{df}\u{e5}").unwrap(), "\u{3c0}\u{df}\u{e5}");
    assert_eq!(prepare_password("Jack of \u{2666}s").unwrap(), "Jack of \u{2666}s");
    assert!(prepare_password("").is_err());
    assert!(prepare_password("my cat is a \u{9}by").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn preparing_twice_changes_nothing(text in "\\PC{0,12}(@\\PC{0,8})?(/\\PC{0,8})?") {
        if let Ok(jid) = Jid::parse(&text) {
            let again = Jid::parse(jid.as_str());
            prop_assert_eq!(again.as_ref().map(Jid::as_str), Ok(jid.as_str()), "{:?}", text);
        }
    }

    #[test]
    fn the_fast_path_agrees_with_the_long_way(text in "[ -~]{0,6}@?[-a-z0-9.A-Z]{0,12}/?[ -~]{0,6}") {
        if let Some(parts) = super::prepare::ascii_parts(text.as_bytes()) {
            prop_assert_eq!(super::prepare::address(&text), Ok((text.clone(), parts)));
        }
    }
}
