//! What deserves a notification, what it says (§7), and what the service says to it (§7.1).

use super::outbox::{News, Outcome};
use super::{FORMS, NS, PUBSUB};
use crate::content::{Content, copied};
use std::borrow::Cow;
use wire::error::{ErrorType, StanzaCondition};
use wire::frame::{Frame, Kind, StanzaType, XmlWriter};
use wire::jid::JidView;
use wire::ns;

const SUMMARY: &str = "urn:xmpp:push:summary";
/// More of a body than this is shown nowhere.
const LONGEST_BODY: usize = 1024;

/// What may be told of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Discretion {
    pub(super) sender: bool,
    pub(super) body: bool,
    /// Stands for a body.
    pub(super) placeholder: String,
}

/// What there is to tell of a message, and whether it is a call, which does not wait. `None` if nobody is to be woken for
/// it: chat states, receipts, markers, headlines, errors, and what the user has done elsewhere.
pub(super) fn news(message: &Frame, discretion: &Discretion) -> Option<(News, bool)> {
    let mut message = Cow::Borrowed(message);
    let mut content = Content::of(&message);
    if content.has(Content::COPY) {
        let (inside, sent) = copied(&message)?;
        if sent {
            return None;
        }
        content = Content::of(&inside);
        message = Cow::Owned(inside);
    }
    let speaks = matches!(message.type_(), StanzaType::Chat | StanzaType::Normal | StanzaType::Groupchat);
    if message.kind() != Kind::Message || !speaks || is_own(&message) {
        return None;
    }
    let body = content.has(Content::BODY).then(|| message.child("body", ns::CLIENT)).flatten();
    let body = body.map(|body| body.text()).filter(|body| !body.is_empty());
    let urgent = content.has(Content::RING);
    if body.is_none() && !content.has(Content::ENCRYPTED.and(Content::RING).and(Content::INVITATION)) {
        return None;
    }
    let news = News {
        count: 1,
        sender: discretion.sender.then(|| message.from().unwrap_or_default().into_owned()),
        // Beside something encrypted stands a hint for old clients.
        body: body
            .filter(|_| discretion.body && !content.has(Content::ENCRYPTED))
            .map(|body| shortened(&body)),
    };
    Some((news, urgent))
}

/// A note to oneself wakes nobody.
fn is_own(message: &Frame) -> bool {
    let (from, to) = (message.from().unwrap_or_default(), message.to().unwrap_or_default());
    match (JidView::parse(&from), JidView::parse(&to)) {
        (Ok(from), Ok(to)) => from.bare_str() == to.bare_str(),
        _ => false,
    }
}

fn shortened(body: &str) -> String {
    body.get(..body.floor_char_boundary(LONGEST_BODY)).unwrap_or_default().to_owned()
}

/// §7: the payload of the IQ.
pub(super) fn payload(node: &str, news: &News, discretion: &Discretion, options: Option<&str>) -> String {
    let mut out = XmlWriter::new();
    out.start("pubsub").attr("xmlns", PUBSUB);
    out.start("publish").attr_opt("node", Some(node).filter(|node| !node.is_empty()));
    out.start("item").start("notification").attr("xmlns", NS);
    out.start("x").attr("xmlns", FORMS).attr("type", "submit");
    let mut field = |name: &str, value: &str| {
        out.start("field").attr("var", name).text_element("value", value).end();
    };
    field("FORM_TYPE", SUMMARY);
    field("message-count", &news.count.max(1).to_string());
    if let Some(sender) = news.sender.as_ref().filter(|_| discretion.sender) {
        field("last-message-sender", sender);
    }
    let body = news.body.as_deref().filter(|_| discretion.body).unwrap_or(&discretion.placeholder);
    if !body.is_empty() {
        field("last-message-body", body);
    }
    // The form, the notification, the item and what is published.
    out.end().end().end().end();
    if let Some(options) = options {
        out.start("publish-options").raw(options).end();
    }
    out.into_string()
}

/// What has become of a publication, and why, in one word.
pub(super) fn outcome(answer: Option<&Frame>) -> (Outcome, Cow<'static, str>) {
    match answer {
        None => (Outcome::Unreachable, "no answer".into()),
        Some(answer) if !answer.is_error() => (Outcome::Accepted, "accepted".into()),
        Some(answer) => failure(answer),
    }
}

/// §7.1: an error disables the node, unless it is "deemed recoverable or transient".
fn failure(answer: &Frame) -> (Outcome, Cow<'static, str>) {
    let stanza = answer.element();
    let error = stanza.get_child("error", ns::CLIENT);
    let condition = error
        .and_then(|error| error.children().find(|child| child.ns() == ns::STANZAS && child.name() != "text"));
    let name = condition.map_or("undefined-condition", |condition| condition.name());
    let passing =
        error.and_then(|error| error.attr("type")).and_then(ErrorType::parse) == Some(ErrorType::Wait);
    let known = StanzaCondition::parse(name);
    let outcome = match known {
        // Said by a server on the way.
        Some(StanzaCondition::RemoteServerNotFound | StanzaCondition::RemoteServerTimeout) => {
            Outcome::Unreachable
        }
        _ if passing => Outcome::Trouble,
        // A service that is just being started, or that has a mistake in it.
        Some(
            StanzaCondition::ServiceUnavailable
            | StanzaCondition::InternalServerError
            | StanzaCondition::ResourceConstraint
            | StanzaCondition::UndefinedCondition,
        )
        | None => Outcome::Trouble,
        _ => Outcome::Refused,
    };
    // Only names of the specification get into storage and logs.
    (outcome, known.map_or("undefined-condition", |known| known.name()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use minidom::Element;

    fn silent() -> Discretion {
        Discretion { sender: false, body: false, placeholder: "New message".to_owned() }
    }

    fn open() -> Discretion {
        Discretion { sender: true, body: true, placeholder: "New message".to_owned() }
    }

    fn frame(type_: &str, children: &str) -> Frame {
        let type_ = if type_.is_empty() { String::new() } else { format!(" type='{type_}'") };
        let from = "from='juliet@capulet.lit/balcony' to='romeo@montague.lit'";
        Frame::parse(format!("<message {from}{type_}>{children}</message>")).unwrap()
    }

    #[test]
    fn what_deserves_a_notification() {
        let call = "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>";
        for (type_, children, expected) in [
            ("chat", "<body>Hist!</body>", Some(false)),
            ("", "<body>Hist!</body>", Some(false)),
            ("groupchat", "<body>Hist!</body>", Some(false)),
            ("chat", "<encryption xmlns='urn:xmpp:eme:0' namespace='x'/>", Some(false)),
            ("chat", "<encrypted xmlns='urn:xmpp:omemo:2'><payload>x</payload></encrypted>", Some(false)),
            ("", "<x xmlns='jabber:x:conference' jid='room@chat.lit'/>", Some(false)),
            ("", "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x>", Some(false)),
            ("chat", call, Some(true)),
            ("", call, Some(true)),
            ("chat", "<invite xmlns='urn:xmpp:call-invites:0'/>", Some(true)),
            ("chat", "<body/>", None),
            ("chat", "<retract xmlns='urn:xmpp:jingle-message:0' id='1'/>", None),
            ("chat", "<proceed xmlns='urn:xmpp:jingle-message:0' id='1'/>", None),
            ("chat", "<composing xmlns='http://jabber.org/protocol/chatstates'/>", None),
            ("chat", "<received xmlns='urn:xmpp:receipts' id='1'/>", None),
            ("chat", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", None),
            ("chat", "<encrypted xmlns='urn:xmpp:omemo:2'><header/></encrypted>", None),
            ("groupchat", "<subject>Verona</subject>", None),
            ("headline", "<body>News</body>", None),
            ("headline", "<event xmlns='http://jabber.org/protocol/pubsub#event'/>", None),
            ("error", "<body>Hist!</body><error type='cancel'/>", None),
            ("chat", "", None),
        ] {
            let urgent = news(&frame(type_, children), &silent()).map(|(news, urgent)| {
                assert_eq!(news, News { count: 1, ..News::default() }, "no contents");
                urgent
            });
            assert_eq!(urgent, expected, "{type_} {children}");
        }
        let presence =
            Frame::parse("<presence from='a@b' to='c@d'><body xmlns='jabber:client'/></presence>").unwrap();
        assert_eq!(news(&presence, &silent()), None);
    }

    #[test]
    fn copies_and_notes_to_oneself() {
        let copy = |name: &str, inside: &str| {
            let inside = inside.replacen("<message", "<message xmlns='jabber:client'", 1);
            frame(
                "chat",
                &format!(
                    "<{name} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>{inside}</forwarded></{name}>"
                ),
            )
        };
        let said = frame("chat", "<body>Hist!</body>");
        assert_eq!(news(&copy("received", said.as_str()), &open()), news(&said, &open()));
        assert_eq!(news(&copy("sent", said.as_str()), &open()), None);
        let state = frame("chat", "<active xmlns='http://jabber.org/protocol/chatstates'/>");
        assert_eq!(news(&copy("received", state.as_str()), &open()), None);
        let own = "<message from='romeo@montague.lit/a' to='romeo@montague.lit'><body>milk</body></message>";
        assert_eq!(news(&Frame::parse(own).unwrap(), &open()), None);
    }

    #[test]
    fn contents_only_where_they_may_be_told() {
        let (told, _) = news(&frame("chat", "<body>&lt;Hist&gt;</body>"), &open()).unwrap();
        assert_eq!(told.sender.as_deref(), Some("juliet@capulet.lit/balcony"));
        assert_eq!(told.body.as_deref(), Some("<Hist>"));
        let long = format!("<body>{}</body>", "ä".repeat(600));
        let (told, _) = news(&frame("chat", &long), &open()).unwrap();
        assert_eq!(told.body.unwrap(), "ä".repeat(512));
        let encrypted = "<body>cannot be read</body><encryption xmlns='urn:xmpp:eme:0' namespace='x'/>";
        assert_eq!(news(&frame("chat", encrypted), &open()).unwrap().0.body, None);
    }

    fn fields(payload: &str) -> Vec<(String, String)> {
        let pubsub: Element = payload.parse().unwrap();
        let item = pubsub.get_child("publish", PUBSUB).unwrap().get_child("item", PUBSUB).unwrap();
        let form = item.get_child("notification", NS).unwrap().get_child("x", FORMS).unwrap();
        assert_eq!(form.attr("type"), Some("submit"));
        let text = |field: &Element| field.get_child("value", FORMS).unwrap().text();
        form.children().map(|field| (field.attr("var").unwrap().to_owned(), text(field))).collect()
    }

    fn names(fields: &[(String, String)]) -> Vec<(&str, &str)> {
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    #[test]
    fn the_payload() {
        let news = News { count: 3, sender: Some("a@b/c".to_owned()), body: Some("<Hist!>".to_owned()) };
        let said = fields(&payload("n'o&de", &news, &silent(), None));
        let form_type = ("FORM_TYPE", SUMMARY);
        assert_eq!(names(&said), [form_type, ("message-count", "3"), ("last-message-body", "New message")]);
        let said = fields(&payload("n", &news, &Discretion { placeholder: String::new(), ..silent() }, None));
        assert_eq!(names(&said), [form_type, ("message-count", "3")]);
        let said = fields(&payload("n", &news, &open(), None));
        let contents = [("last-message-sender", "a@b/c"), ("last-message-body", "<Hist!>")];
        assert_eq!(names(&said), [&[form_type, ("message-count", "3")][..], &contents].concat());
    }

    #[test]
    fn node_and_options_are_passed_on() {
        let options =
            "<x xmlns='jabber:x:data' type='submit'><field var='secret'><value>s</value></field></x>";
        let pubsub: Element = payload("n'o&de", &News::default(), &silent(), Some(options)).parse().unwrap();
        assert!(pubsub.is("pubsub", PUBSUB));
        assert_eq!(pubsub.get_child("publish", PUBSUB).unwrap().attr("node"), Some("n'o&de"));
        let form = pubsub.get_child("publish-options", PUBSUB).unwrap().get_child("x", FORMS).unwrap();
        assert_eq!(*form, options.parse::<Element>().unwrap());
        let pubsub: Element = payload("", &News::default(), &silent(), None).parse().unwrap();
        assert_eq!(pubsub.get_child("publish", PUBSUB).unwrap().attr("node"), None);
        assert!(!pubsub.has_child("publish-options", PUBSUB));
    }

    #[test]
    fn answers() {
        let error = |type_: &str, condition: &str| {
            let xml = format!(
                "<iq type='error' id='1' from='push.lit'><error type='{type_}'>\
                 <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            );
            outcome(Some(&Frame::parse(xml).unwrap()))
        };
        for (type_, condition, expected) in [
            ("cancel", "item-not-found", Outcome::Refused),
            ("auth", "forbidden", Outcome::Refused),
            ("auth", "not-authorized", Outcome::Refused),
            ("cancel", "gone", Outcome::Refused),
            ("cancel", "not-allowed", Outcome::Refused),
            ("modify", "not-acceptable", Outcome::Refused),
            ("cancel", "conflict", Outcome::Refused),
            ("modify", "bad-request", Outcome::Refused),
            ("cancel", "feature-not-implemented", Outcome::Refused),
            ("wait", "resource-constraint", Outcome::Trouble),
            ("wait", "item-not-found", Outcome::Trouble),
            ("wait", "policy-violation", Outcome::Trouble),
            ("cancel", "internal-server-error", Outcome::Trouble),
            ("cancel", "service-unavailable", Outcome::Trouble),
            ("cancel", "undefined-condition", Outcome::Trouble),
            ("cancel", "remote-server-not-found", Outcome::Unreachable),
            ("wait", "remote-server-timeout", Outcome::Unreachable),
        ] {
            assert_eq!(error(type_, condition), (expected, condition.into()), "{type_} {condition}");
        }
        assert_eq!(error("cancel", "nonsense"), (Outcome::Trouble, "undefined-condition".into()));
        let answer = |xml: &'static str| outcome(Some(&Frame::parse(xml).unwrap())).0;
        assert_eq!(answer("<iq type='result' id='1'/>"), Outcome::Accepted);
        assert_eq!(answer("<iq type='error' id='1'/>"), Outcome::Trouble);
        assert_eq!(outcome(None).0, Outcome::Unreachable);
    }
}
