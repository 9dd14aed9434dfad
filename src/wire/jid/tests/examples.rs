//! The tables of RFC 7622 §3.5 and RFC 8265 §3.6 and §4.3, complete and in order.

use super::super::{Jid, JidError, Part, prepare_password};
use super::{local, parse};

#[test]
fn rfc_7622_table_1_is_accepted() {
    type Parts = (Option<&'static str>, &'static str, Option<&'static str>);
    let table: [(&str, Parts); 15] = [
        ("juliet@example.com", (Some("juliet"), "example.com", None)),
        ("juliet@example.com/foo", (Some("juliet"), "example.com", Some("foo"))),
        ("juliet@example.com/foo bar", (Some("juliet"), "example.com", Some("foo bar"))),
        ("juliet@example.com/foo@bar", (Some("juliet"), "example.com", Some("foo@bar"))),
        ("foo\\20bar@example.com", (Some("foo\\20bar"), "example.com", None)),
        ("fussball@example.com", (Some("fussball"), "example.com", None)),
        ("fu\u{DF}ball@example.com", (Some("fu\u{DF}ball"), "example.com", None)),
        ("\u{3C0}@example.com", (Some("\u{3C0}"), "example.com", None)),
        ("\u{3A3}@example.com/foo", (Some("\u{3C3}"), "example.com", Some("foo"))),
        ("\u{3C3}@example.com/foo", (Some("\u{3C3}"), "example.com", Some("foo"))),
        ("\u{3C2}@example.com/foo", (Some("\u{3C2}"), "example.com", Some("foo"))),
        ("king@example.com/\u{265A}", (Some("king"), "example.com", Some("\u{265A}"))),
        ("example.com", (None, "example.com", None)),
        ("example.com/foobar", (None, "example.com", Some("foobar"))),
        ("a.example.com/b@example.net", (None, "a.example.com", Some("b@example.net"))),
    ];
    for (text, parts) in table {
        let jid = Jid::parse(text);
        let found = jid.as_ref().map(|jid| (jid.local(), jid.domain(), jid.resource()));
        assert_eq!(found, Ok(parts), "{text}");
    }
}

#[test]
fn rfc_7622_table_2_is_refused() {
    let table = [
        ("\"juliet\"@example.com", JidError::Forbidden(Part::Local, '"')),
        ("foo bar@example.com", JidError::Forbidden(Part::Local, ' ')),
        ("juliet@example.com/ foo", JidError::Forbidden(Part::Resource, ' ')),
        ("@example.com/", JidError::Empty(Part::Local)),
        ("henry\u{2163}@example.com", JidError::Forbidden(Part::Local, '\u{2163}')),
        ("\u{265A}@example.com", JidError::Forbidden(Part::Local, '\u{265A}')),
        ("juliet@", JidError::Empty(Part::Domain)),
        ("/foobar", JidError::Empty(Part::Domain)),
    ];
    for (text, error) in table {
        assert_eq!(parse(text), Err(error), "{text}");
    }
}

/// The notes below the tables of RFC 7622 §3.5.
#[test]
fn rfc_7622_notes_hold() {
    assert_eq!(parse("\u{3A3}@example.com"), parse("\u{3C3}@example.com"));
    assert_ne!(parse("\u{3A3}@example.com"), parse("\u{3C2}@example.com"));
    assert_ne!(parse("fussball@example.com"), parse("fu\u{DF}ball@example.com"));
    // Lower-casing a whole word at once would end it in a final sigma.
    assert_eq!(local("\u{39F}\u{394}\u{39F}\u{3A3}").as_deref(), Ok("\u{3BF}\u{3B4}\u{3BF}\u{3C3}"));
    assert_eq!(parse("king@example.com/\u{2163}").as_deref(), Ok("king@example.com/\u{2163}"));
}

#[test]
fn rfc_8265_userparts() {
    // Number 1 holds an `@`, which RFC 7622 §3.3.1 takes out.
    for text in ["fussball", "fu\u{DF}ball", "\u{3C0}", "\u{3C3}", "\u{3C2}"] {
        assert_eq!(local(text).as_deref(), Ok(text));
    }
    assert_eq!(local("\u{3A3}").as_deref(), Ok("\u{3C3}"));
    assert_eq!(local("foo bar"), Err(JidError::Forbidden(Part::Local, ' ')));
    assert_eq!(local(""), Err(JidError::Empty(Part::Local)));
    assert_eq!(local("henry\u{2163}"), Err(JidError::Forbidden(Part::Local, '\u{2163}')));
    assert_eq!(local("\u{221E}"), Err(JidError::Forbidden(Part::Local, '\u{221E}')));
}

#[test]
fn rfc_8265_passwords() {
    for text in [
        "correct horse battery staple",
        "Correct Horse Battery Staple",
        "\u{3C0}\u{DF}\u{E5}",
        "Jack of \u{2666}s",
    ] {
        assert_eq!(prepare_password(text).as_deref(), Ok(text));
    }
    assert_eq!(prepare_password("foo\u{1680}bar").as_deref(), Ok("foo bar"));
    assert_eq!(prepare_password(""), Err(JidError::Empty(Part::Password)));
    assert_eq!(prepare_password("my cat is a \tby"), Err(JidError::Forbidden(Part::Password, '\t')));
    // A space in front is part of the secret; only addresses refuse it.
    assert_eq!(prepare_password(" x").as_deref(), Ok(" x"));
}
