//! Each rule at its edge.

use super::super::precis::{Derived, derived};
use super::super::{JidError, Part};
use super::{domain, local, parse, resource};

fn forbidden(part: Part, c: char) -> Result<String, JidError> {
    Err(JidError::Forbidden(part, c))
}

#[test]
fn splitting_comes_before_mapping() {
    assert_eq!(parse("a@b@c"), Err(JidError::Domain));
    assert_eq!(parse("a@b/c@d/e").as_deref(), Ok("a@b/c@d/e"));
    assert_eq!(parse("a/b@c").as_deref(), Ok("a/b@c"));
    assert_eq!(parse("a@b//").as_deref(), Ok("a@b//"));
    assert_eq!(parse(""), Err(JidError::Empty(Part::Domain)));
    assert_eq!(parse("/"), Err(JidError::Empty(Part::Domain)));
    assert_eq!(parse("a@b/"), Err(JidError::Empty(Part::Resource)));
    assert_eq!(parse("@b"), Err(JidError::Empty(Part::Local)));
    // Fullwidth `@` and `/` become the ASCII ones too late to separate anything.
    assert_eq!(local("a\u{FF20}b"), forbidden(Part::Local, '@'));
    assert_eq!(local("a\u{FF0F}b"), forbidden(Part::Local, '/'));
    assert_eq!(domain("a\u{FF0F}b"), Err(JidError::Domain));
    assert_eq!(domain("a\u{2100}b"), Err(JidError::Domain));
}

#[test]
fn localpart_excludes_what_quotes_and_separates() {
    for c in ['"', '&', '\'', '/', ':', '<', '>', '@'] {
        assert_eq!(local(&format!("a{c}b")), forbidden(Part::Local, c));
    }
    assert_eq!(local("!#$%()*+,-.;=?[\\]^_`{|}~").as_deref(), Ok("!#$%()*+,-.;=?[\\]^_`{|}~"));
    for c in ['\0', '\t', '\n', '\u{7F}', '\u{80}', '\u{A0}', '\u{AD}', '\u{200B}', '\u{202E}', '\u{FEFF}'] {
        assert_eq!(local(&format!("a{c}b")), forbidden(Part::Local, c));
    }
}

#[test]
fn localpart_is_mapped() {
    assert_eq!(local("JULIET").as_deref(), Ok("juliet"));
    assert_eq!(local("\u{FF2A}\u{FF35}\u{FF2C}").as_deref(), Ok("jul"));
    assert_eq!(local("\u{FF76}\u{FF9E}").as_deref(), Ok("\u{30AC}"), "halfwidth katakana, composed");
    assert_eq!(local("e\u{301}").as_deref(), Ok("\u{E9}"));
    assert_eq!(local("E\u{301}").as_deref(), Ok("\u{E9}"));
    assert_eq!(local("\u{1E9E}").as_deref(), Ok("\u{DF}"));
    assert_eq!(local("\u{130}").as_deref(), Ok("i\u{307}"));
}

/// Two strings that look alike must not be two accounts: what has a compatibility form is refused.
#[test]
fn localpart_refuses_compatibility_characters() {
    for c in ['\u{212A}', '\u{2126}', '\u{FB01}', '\u{1D400}', '\u{B2}', '\u{2460}', '\u{132}', '\u{1C5}'] {
        assert_eq!(local(&format!("a{c}")), forbidden(Part::Local, c));
    }
    // Halfwidth Hangul maps to a compatibility character, which is refused in turn.
    assert!(local("\u{FFA1}").is_err());
    assert!(local("\u{1100}\u{1161}").is_err(), "old Hangul jamo");
    assert_eq!(local("\u{AC00}").as_deref(), Ok("\u{AC00}"));
}

#[test]
fn unassigned_is_refused_everywhere() {
    for c in ['\u{378}', '\u{E0080}', '\u{3FFFD}'] {
        assert_eq!(local(&format!("a{c}")), forbidden(Part::Local, c));
        assert_eq!(resource(&format!("a{c}")), forbidden(Part::Resource, c));
        assert!(domain(&format!("a{c}")).is_err());
    }
    // Private use and noncharacters are assigned and disallowed.
    for c in ['\u{E000}', '\u{10FFFD}', '\u{FDD0}', '\u{FFFE}', '\u{10FFFF}'] {
        assert_eq!(derived(c), Derived::Disallowed);
    }
}

#[test]
fn resource_is_opaque() {
    for text in
        ["Foo", "\u{FF26}oo", "x ", "a/b@c", "\u{1F980}", "\u{1FAE8}", "\u{1F44D}\u{1F3FD}", "\u{2163}"]
    {
        assert_eq!(resource(text).as_deref(), Ok(text));
    }
    assert_eq!(resource("a\u{A0}b\u{3000}c").as_deref(), Ok("a b c"));
    assert_eq!(resource("e\u{301}").as_deref(), Ok("\u{E9}"));
    assert_eq!(resource("\u{2126}").as_deref(), Ok("\u{3A9}"), "OHM SIGN composes to omega");
    assert_eq!(resource("\u{5D0}a1\u{660}").as_deref(), Ok("\u{5D0}a1\u{660}"), "no rule for directions");
    assert_eq!(resource("\u{A0}a"), forbidden(Part::Resource, ' '));
    for c in ['\0', '\n', '\u{85}', '\u{200B}', '\u{FE0F}', '\u{2028}', '\u{E000}'] {
        assert_eq!(resource(&format!("a{c}")), forbidden(Part::Resource, c));
    }
    // Emoji joined by U+200D lack the virama that its rule wants.
    assert_eq!(resource("\u{1F468}\u{200D}\u{1F4BB}"), forbidden(Part::Resource, '\u{200D}'));
}

#[test]
fn lengths_are_counted_in_prepared_bytes() {
    let (fits, long) = ("x".repeat(1023), "x".repeat(1024));
    assert_eq!(local(&fits).as_deref(), Ok(&*fits));
    assert_eq!(local(&long), Err(JidError::TooLong(Part::Local)));
    assert_eq!(resource(&fits).as_deref(), Ok(&*fits));
    assert_eq!(resource(&long), Err(JidError::TooLong(Part::Resource)));
    // 1023 letters of three bytes that become one each.
    assert_eq!(local(&"\u{FF38}".repeat(1023)).as_deref(), Ok(&*fits));
    assert_eq!(local(&"\u{E9}".repeat(512)), Err(JidError::TooLong(Part::Local)));

    let label = "x".repeat(63);
    let name = [&*label; 16].join(".");
    assert_eq!(name.len(), 1023);
    assert_eq!(domain(&name).as_deref(), Ok(&*name));
    assert_eq!(domain(&format!("{name}.")).as_deref(), Ok(&*name));
    assert_eq!(domain(&format!("{name}.x")), Err(JidError::TooLong(Part::Domain)));
    assert_eq!(domain(&"x".repeat(64)), Err(JidError::TooLong(Part::Domain)));
    let longest = format!("{fits}@{name}/{fits}");
    assert_eq!(longest.len(), 3071);
    assert_eq!(parse(&longest).as_deref(), Ok(&*longest));
    assert_eq!(local(&"x".repeat(1 << 20)), Err(JidError::TooLong(Part::Local)));
}

#[test]
fn domain_names() {
    for text in
        ["example.com", "localhost", "a-b.c", "r3---sn-x.example", "127.0.0.1", "1.example", "\u{E9}.example"]
    {
        assert_eq!(domain(text).as_deref(), Ok(text));
    }
    assert_eq!(domain("EXAMPLE.com").as_deref(), Ok("example.com"));
    assert_eq!(domain("example.com.").as_deref(), Ok("example.com"));
    assert_eq!(domain("example\u{3002}com\u{FF0E}").as_deref(), Ok("example.com"));
    assert_eq!(domain("XN--caf-dma.example").as_deref(), Ok("caf\u{E9}.example"));
    assert_eq!(domain("Cafe\u{301}.example").as_deref(), Ok("caf\u{E9}.example"));
    assert_eq!(domain("\u{FF25}xample").as_deref(), Ok("example"));
    assert_eq!(domain("fa\u{DF}.example").as_deref(), Ok("fa\u{DF}.example"), "not transitional");
    assert_eq!(domain("\u{5D0}\u{5D1}.example").as_deref(), Ok("\u{5D0}\u{5D1}.example"));
    for text in [
        "a..b",
        ".a",
        "a..",
        "-a",
        "a-",
        "a_b",
        "a b",
        "a@b",
        "a%b",
        "a:5222",
        "xn--",
        "xn--a",
        "xn--abc-",
        "a\0",
        "a\u{200D}b",
        "\u{301}a",
        "\u{5D0}a",
        "a/b",
    ] {
        assert!(domain(text).is_err(), "{text:?}");
    }
    assert_eq!(domain("."), Err(JidError::Empty(Part::Domain)));
    assert_eq!(domain("i\u{2764}.example"), forbidden(Part::Domain, '\u{2764}'), "no symbols in IDNA2008");
    assert_eq!(domain("xn--i-7iq.example"), forbidden(Part::Domain, '\u{2764}'));
    assert_eq!(domain("a\u{20D0}.example"), forbidden(Part::Domain, '\u{20D0}'));
    assert_eq!(domain("a\u{B7}b.example"), forbidden(Part::Domain, '\u{B7}'));
}

#[test]
fn ip_literals() {
    assert_eq!(domain("[::1]").as_deref(), Ok("[::1]"));
    assert_eq!(domain("[2001:DB8:0:0::1]").as_deref(), Ok("[2001:db8::1]"));
    assert_eq!(domain("[fe80::1%25eth0]").as_deref(), Ok("[fe80::1%25eth0]"));
    assert_eq!(parse("juliet@[::1]/x").as_deref(), Ok("juliet@[::1]/x"));
    for text in
        ["[", "[]", "[::1", "::1", "[::1]:5222", "[127.0.0.1]", "[v1.x]", "[fe80::1%eth0]", "[fe80::1%25]"]
    {
        assert_eq!(domain(text), Err(JidError::Domain), "{text}");
    }
}

#[test]
fn contextual_rules() {
    let allowed = [
        "l\u{B7}l",
        "\u{375}\u{3B1}",
        "\u{5D0}\u{5F3}",
        "\u{5D0}\u{5F4}",
        "\u{30FB}\u{30A2}",
        "\u{30FB}\u{3042}",
        "\u{4E2D}\u{30FB}",
        "\u{FF65}\u{FF71}",
        "\u{628}\u{661}",
        "\u{628}\u{6F1}",
        // Virama before a joiner
        "\u{915}\u{94D}\u{200D}\u{937}",
        "\u{915}\u{94D}\u{200C}\u{937}",
        // D T* ZWNJ T* R, as in Persian
        "\u{628}\u{64E}\u{200C}\u{64E}\u{627}",
    ];
    for text in allowed {
        assert!(local(text).is_ok(), "{text:?}: {:?}", local(text));
        assert!(resource(text).is_ok(), "{text:?}");
    }
    let refused = [
        ("l\u{B7}", '\u{B7}'),
        ("\u{B7}l", '\u{B7}'),
        ("a\u{B7}l", '\u{B7}'),
        ("\u{375}", '\u{375}'),
        ("\u{375}a", '\u{375}'),
        ("\u{5F3}\u{5D0}", '\u{5F3}'),
        ("a\u{5F4}", '\u{5F4}'),
        ("\u{30FB}a", '\u{30FB}'),
        ("\u{628}\u{661}\u{6F1}", '\u{661}'),
        ("\u{628}\u{6F1}\u{661}", '\u{6F1}'),
        ("a\u{200D}b", '\u{200D}'),
        ("\u{200D}", '\u{200D}'),
        ("a\u{200C}b", '\u{200C}'),
        // Alef joins to the right only, so it cannot stand before the non-joiner.
        ("\u{627}\u{200C}\u{628}", '\u{200C}'),
        ("\u{628}\u{200C}", '\u{200C}'),
    ];
    for (text, c) in refused {
        assert_eq!(local(text), forbidden(Part::Local, c), "{text:?}");
        assert_eq!(resource(text), forbidden(Part::Resource, c), "{text:?}");
    }
}

#[test]
fn bidi_rule() {
    for text in [
        "\u{5D0}\u{5D1}",
        "\u{5D0}1",
        "\u{627}\u{661}",
        "\u{5D0}-\u{5D1}",
        "\u{5D0}\u{5B0}",
        "\u{5D0}1\u{5B0}",
        "a1-",
    ] {
        assert!(local(text).is_ok(), "{text:?}: {:?}", local(text));
    }
    for text in [
        "1\u{5D0}",        // 1: starts with neither R nor AL
        "a\u{5D0}",        // 1 and 5
        "\u{5D0}a",        // 2: L inside
        "\u{5D0}-",        // 3: ends with ES
        "\u{627}1\u{661}", // 4: EN and AN
        "\u{661}",         // 1: AN is right-to-left, too, and may not start
    ] {
        assert_eq!(local(text), Err(JidError::Direction(Part::Local)), "{text:?}");
    }
}

#[test]
fn derived_properties() {
    let table = [
        ('a', Derived::Valid),
        ('@', Derived::Valid),
        (' ', Derived::FreeformOnly),
        ('\u{1F600}', Derived::FreeformOnly),
        ('\u{20AC}', Derived::FreeformOnly),
        ('\u{2014}', Derived::FreeformOnly),
        ('\u{1C5}', Derived::FreeformOnly),
        ('\u{2160}', Derived::FreeformOnly),
        ('\u{20DD}', Derived::FreeformOnly),
        ('\u{FF21}', Derived::FreeformOnly),
        ('\u{DF}', Derived::Valid),
        ('\u{3007}', Derived::Valid),
        ('\u{F0B}', Derived::Valid),
        ('\u{660}', Derived::Context),
        ('\u{200C}', Derived::Context),
        ('\u{640}', Derived::Disallowed),
        ('\u{303B}', Derived::Disallowed),
        ('\u{1100}', Derived::Disallowed),
        ('\u{AD}', Derived::Disallowed),
        ('\u{2029}', Derived::Disallowed),
        ('\u{378}', Derived::Unassigned),
    ];
    for (c, property) in table {
        assert_eq!(derived(c), property, "U+{:04X}", u32::from(c));
    }
}
