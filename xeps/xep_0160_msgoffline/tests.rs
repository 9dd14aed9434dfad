use super::worth::keeping;
use wire::frame::Frame;

fn message(attributes: &str, content: &str) -> Frame {
    Frame::parse(format!("<message to='juliet@capulet.lit' {attributes}>{content}</message>")).unwrap()
}

#[track_caller]
fn check(expected: bool, attributes: &str, content: &str) {
    assert_eq!(keeping(&message(attributes, content)), expected, "{attributes} {content}");
}

const ACTIVE: &str = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
const NO_STORE: &str = "<no-store xmlns='urn:xmpp:hints'/>";

#[test]
fn types() {
    let body = "<body>hi</body>";
    check(true, "", body);
    check(true, "type='normal'", body);
    check(true, "type='chat'", body);
    check(false, "type='groupchat'", body);
    check(false, "type='headline'", body);
    check(false, "type='error'", body);
}

#[test]
fn what_passes_with_the_moment_is_not_kept() {
    check(false, "type='chat'", "");
    check(false, "type='chat'", ACTIVE);
    check(
        false,
        "type='chat'",
        &format!("<thread>t</thread>{ACTIVE}<origin-id xmlns='urn:xmpp:sid:0' id='1'/>"),
    );
    check(false, "type='chat'", "<x xmlns='jabber:x:event'><composing/><id>1</id></x>");
    check(true, "type='chat'", &format!("{ACTIVE}<body>hi</body>"));
    check(true, "type='chat'", &format!("<thread>t</thread><body>hi</body>{ACTIVE}"));
}

#[test]
fn content_needs_no_body() {
    for content in [
        "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted>",
        "<received xmlns='urn:xmpp:receipts' id='1'/>",
        "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>",
        "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>x</reaction></reactions>",
        "<x xmlns='jabber:x:conference' jid='room@rooms.lit'/>",
        "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x>",
        "<subject>s</subject>",
        "<p:received xmlns:p='urn:xmpp:receipts' id='1'/>",
    ] {
        check(true, "", content);
        check(true, "type='chat'", &format!("{ACTIVE}{content}"));
    }
}

#[test]
fn hints() {
    check(false, "type='chat'", &format!("<body>psst</body>{NO_STORE}"));
    check(false, "type='chat'", &format!("{NO_STORE}<store xmlns='urn:xmpp:hints'/><body>psst</body>"));
    check(true, "type='chat'", &format!("{ACTIVE}<store xmlns='urn:xmpp:hints'/>"));
    check(true, "", "<body>off the record</body><no-permanent-store xmlns='urn:xmpp:hints'/>");
    check(false, "", "<no-copy xmlns='urn:xmpp:hints'/>");
    // Said inside of something else, it is not said about this message.
    check(true, "", &format!("<forwarded xmlns='urn:xmpp:forward:0'>{NO_STORE}</forwarded>"));
    check(true, "", "<body>urn:xmpp:hints</body>");
    check(true, "", "<body>hi</body><no-store xmlns='urn:example:hints'/>");
    // A prefix is as good as a declaration.
    check(false, "xmlns:h='urn:xmpp:hints'", "<body>psst</body><h:no-store/>");
}

#[test]
fn delay() {
    assert_eq!(
        super::delay(kernel::ports::WallMillis(0), "capulet.lit"),
        "<delay xmlns='urn:xmpp:delay' from='capulet.lit' stamp='1970-01-01T00:00:00.000Z'/>"
    );
}

#[test]
fn documented_defaults_are_the_defaults() {
    let documented: String = <super::MsgOffline as kernel::Xep>::OPTIONS
        .iter()
        .map(|option| format!("{} = {}\n", option.name, option.default))
        .collect();
    let config: super::Config = toml::from_str(&documented).unwrap();
    let default = super::Config::default();
    assert_eq!((config.messages, config.bytes), (default.messages, default.bytes));
}
