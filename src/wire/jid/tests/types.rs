//! The owned types and the view.

use super::super::{
    BareJid, FullJid, Jid, JidError, JidView, prepare_domain, prepare_local, prepare_resource,
};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

type Outcome = Result<(), JidError>;

#[test]
fn parts_survive_every_conversion() -> Outcome {
    let full = FullJid::parse("Juliet@Example.com/Balcony")?;
    assert_eq!(full, "juliet@example.com/Balcony");
    assert_eq!((full.local(), full.domain(), full.resource()), (Some("juliet"), "example.com", "Balcony"));
    assert_eq!(full.bare_str(), "juliet@example.com");
    assert_eq!(full.bare().as_str(), full.bare_str());
    let jid = Jid::from(full.clone());
    assert!(!jid.is_bare());
    assert_eq!(jid.to_full(), Some(full.clone()));
    assert_eq!(jid.bare(), full.bare());
    let bare = Jid::from(full.bare());
    assert!(bare.is_bare());
    assert_eq!((bare.resource(), bare.to_full()), (None, None));
    assert_eq!(bare.bare(), full.bare());
    assert_eq!(bare.with_resource("Balcony")?, full);
    assert_eq!(jid.with_resource("x")?, "juliet@example.com/x");
    assert_eq!(full.bare().with_resource("e\u{301}")?, "juliet@example.com/\u{E9}");
    assert_eq!(full.with_resource(""), Err(JidError::Empty(super::super::Part::Resource)));
    Ok(())
}

#[test]
fn bare_and_full_refuse_each_other() {
    assert_eq!(BareJid::parse("a@b/c"), Err(JidError::HasResource));
    assert_eq!(FullJid::parse("a@b"), Err(JidError::NoResource));
}

#[test]
fn bare_from_parts() -> Outcome {
    assert_eq!(BareJid::new(Some("Juliet"), "Example.com.")?, BareJid::parse("juliet@example.com")?);
    assert_eq!(BareJid::new(None, "example.com")?.local(), None);
    assert!(BareJid::new(Some(""), "example.com").is_err());
    assert!(BareJid::new(Some("a@b"), "example.com").is_err());
    assert!(BareJid::new(None, "a@b").is_err());
    assert!(BareJid::new(None, "a/b").is_err());
    Ok(())
}

#[test]
fn maps_are_searched_by_text() -> Outcome {
    let mut accounts = HashMap::new();
    accounts.insert(BareJid::parse("juliet@example.com")?, 1);
    assert_eq!(accounts.get(JidView::parse("Juliet@example.com/balcony")?.bare_str()), Some(&1));
    let mut sessions = HashMap::new();
    sessions.insert(FullJid::parse("juliet@example.com/balcony")?, 2);
    assert_eq!(sessions.get("juliet@example.com/balcony"), Some(&2));
    let mut sorted = BTreeMap::new();
    for text in ["b@a", "a@b", "a"] {
        sorted.insert(Jid::parse(text)?, ());
    }
    assert!(sorted.contains_key("a@b"));
    assert!(sorted.keys().map(Jid::as_str).eq(["a", "a@b", "b@a"]));
    Ok(())
}

#[test]
fn serde_as_strings() {
    let read = |json: &str| serde_json::from_str::<BareJid>(json);
    let bare = read("\"Juliet@example.com\"");
    assert!(bare.as_ref().is_ok_and(|jid| *jid == "juliet@example.com"));
    assert!(bare.is_ok_and(|jid| serde_json::to_string(&jid).is_ok_and(|s| s == "\"juliet@example.com\"")));
    assert!(read("\"a@b/c\"").is_err());
    assert!(serde_json::from_str::<FullJid>("\"a@b\\u002fc\"").is_ok());
    assert!(serde_json::from_str::<Jid>("7").is_err());
}

#[test]
fn what_is_prepared_is_borrowed() {
    for text in ["juliet", "\u{E9}", "\u{5D0}"] {
        assert!(matches!(prepare_local(text), Ok(Cow::Borrowed(_))));
        assert!(matches!(prepare_domain(text), Ok(Cow::Borrowed(_))));
        assert!(matches!(prepare_resource(text), Ok(Cow::Borrowed(_))));
    }
    assert!(matches!(prepare_local("Juliet"), Ok(Cow::Owned(_))));
}
