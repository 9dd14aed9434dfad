use super::Hints;
use wire::frame::Frame;

const STORE: &str = "<store xmlns='urn:xmpp:hints'/>";
const NO_STORE: &str = "<no-store xmlns='urn:xmpp:hints'/>";
const NO_PERMANENT: &str = "<no-permanent-store xmlns='urn:xmpp:hints'/>";

#[track_caller]
fn check(attributes: &str, content: &str, waiting: Option<bool>, archiving: Option<bool>) {
    let message =
        Frame::parse(format!("<message to='juliet@capulet.lit'{attributes}>{content}</message>")).unwrap();
    let hints = Hints::of(&message);
    assert_eq!((hints.waiting(), hints.archiving()), (waiting, archiving), "{attributes} {content}");
}

#[test]
fn hints() {
    let no = Some(false);
    check("", "<body>hi</body>", None, None);
    check("", "", None, None);
    check("", STORE, Some(true), Some(true));
    check("", NO_STORE, no, no);
    check("", NO_PERMANENT, None, no);
    check("", "<no-copy xmlns='urn:xmpp:hints'/>", None, None);
    // What forbids wins.
    check("", &[STORE, NO_STORE].concat(), no, no);
    check("", &[NO_PERMANENT, STORE].concat(), Some(true), no);
    check("", &[NO_PERMANENT, NO_STORE].concat(), no, no);
}

#[test]
fn what_is_no_hint() {
    check(" type='error'", NO_STORE, None, None);
    check("", &format!("<forwarded xmlns='urn:xmpp:forward:0'>{NO_STORE}</forwarded>"), None, None);
    check("", "<body>urn:xmpp:hints</body>", None, None);
    check("", "<no-store xmlns='urn:example:hints'/>", None, None);
    check("", "<unknown xmlns='urn:xmpp:hints'/>", None, None);
}

#[test]
fn a_prefix_is_as_good_as_a_declaration() {
    check(" xmlns:h='urn:xmpp:hints'", "<h:no-store/>", Some(false), Some(false));
    check("", "<h:store xmlns:h='urn:xmpp:hints'/>", Some(true), Some(true));
}

#[test]
fn scenarios() {
    crate::testing::play("xep_0334_hints");
}
