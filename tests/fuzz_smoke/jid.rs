//! Addresses from any text.

use wire::jid::{self, BareJid, FullJid, Jid, JidView, MAX_PART};

/// What is accepted is stable and bounded, all types agree, and its parts make it up.
///
/// # Panics
/// If one of these does not hold.
pub fn jid(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let view = JidView::parse(text);
    let parsed = Jid::parse(text);
    assert_eq!(
        view.as_ref().map(|view| view.as_str().to_owned()).ok(),
        parsed.as_ref().map(|jid| jid.as_str().to_owned()).ok()
    );
    if let (Ok(view), Ok(jid)) = (&view, &parsed) {
        assert_eq!(view.to_jid(), *jid);
        assert_eq!(view.to_bare(), jid.bare());
        assert_eq!(
            (view.local(), view.domain(), view.resource()),
            (jid.local(), jid.domain(), jid.resource())
        );
        accepted(jid);
    }
    for prepare in [jid::prepare_local, jid::prepare_domain, jid::prepare_resource, jid::prepare_password] {
        if let Ok(prepared) = prepare(text) {
            assert_eq!(prepare(&prepared).as_deref(), Ok(&*prepared), "prepared again, {text:?} is another");
        }
    }
}

fn accepted(jid: &Jid) {
    let text = jid.as_str();
    assert_eq!(Jid::parse(text).as_ref(), Ok(jid), "read again, it is another");
    for part in [jid.local(), Some(jid.domain()), jid.resource()].into_iter().flatten() {
        assert!(!part.is_empty() && part.len() <= MAX_PART, "{text:?}");
        assert!(!part.contains('\0'), "{text:?}");
    }
    let local = jid.local().unwrap_or_default();
    assert!(!local.contains(['"', '&', '\'', '/', ':', '<', '>', '@', ' ']), "{text:?}");
    assert!(!jid.domain().contains(['/', '@', ' ', '<', '&']), "{text:?}");

    let bare = jid.bare();
    let composed = format!("{}{}{}", local, if local.is_empty() { "" } else { "@" }, jid.domain());
    assert_eq!(bare.as_str(), composed);
    assert_eq!(BareJid::new(jid.local(), jid.domain()).as_ref(), Ok(&bare));
    assert_eq!(BareJid::parse(text).is_ok(), jid.is_bare());
    assert_eq!(FullJid::parse(text).is_ok(), !jid.is_bare());
    match (jid.to_full(), jid.resource()) {
        (None, None) => assert!(jid.is_bare()),
        (Some(full), Some(resource)) => {
            assert_eq!(bare.with_resource(resource).as_ref(), Ok(&full));
            assert_eq!((full.as_str(), full.bare(), full.resource()), (text, bare, resource));
        }
        mixed => panic!("{mixed:?} of {text:?}"),
    }
}
