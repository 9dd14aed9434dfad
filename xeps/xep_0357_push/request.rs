//! What a request in `urn:xmpp:push:0` asks for (§5, §6).

use super::{FORMS, PUBLISH_OPTIONS, PUBSUB};
use kernel::hooks::Ask;
use minidom::Element;
use wire::error::{StanzaCondition, StanzaError};
use wire::jid::Jid;

/// Longest name of a node, in bytes. They are tokens.
const NODE: usize = 1024;
/// Largest form, in bytes as XML. It holds a secret or two.
const OPTIONS: usize = 4096;

/// It.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// To publish to that node, with that form of options.
    Enable {
        service: Jid,
        /// Empty if there is none.
        node: String,
        options: Option<String>,
    },
    /// To publish no more: to that node, or to all of the service.
    Disable { service: Jid, node: Option<String> },
}

impl Command {
    pub(super) fn read(ask: Ask, payload: &Element) -> Result<Command, StanzaError> {
        match (ask, payload.name()) {
            (Ask::Set, "enable") => Ok(Command::Enable {
                service: service(payload)?,
                node: node(payload)?.unwrap_or_default(),
                options: options(payload)?,
            }),
            (Ask::Set, "disable") => {
                Ok(Command::Disable { service: service(payload)?, node: node(payload)? })
            }
            _ => Err(bad("Only <enable/> and <disable/> in an IQ of type set are understood.")),
        }
    }
}

fn bad(text: &'static str) -> StanzaError {
    StanzaError::new(StanzaCondition::BadRequest).with_text(text)
}

fn too_long(text: &'static str) -> StanzaError {
    StanzaError::new(StanzaCondition::PolicyViolation).with_text(text)
}

/// §5: it "MUST contain a 'jid' attribute"; §6: the same.
fn service(payload: &Element) -> Result<Jid, StanzaError> {
    let jid = payload.attr("jid").filter(|jid| !jid.is_empty());
    let jid = jid.ok_or_else(|| bad("The attribute 'jid' is missing: the address of the push service."))?;
    Jid::parse(jid).map_err(|_| StanzaError::new(StanzaCondition::JidMalformed))
}

fn node(payload: &Element) -> Result<Option<String>, StanzaError> {
    match payload.attr("node") {
        Some(node) if node.len() > NODE => Err(too_long("The node's name is too long: 1024 bytes at most.")),
        node => Ok(node.map(str::to_owned)),
    }
}

/// The form as it was sent. Other forms may mean something to somebody else.
fn options(enable: &Element) -> Result<Option<String>, StanzaError> {
    let mut found = None;
    for form in enable.children().filter(|child| child.is("x", FORMS)) {
        let type_ = form_type(form).ok_or_else(|| bad("A form says in its field FORM_TYPE what it is."))?;
        if type_ != PUBLISH_OPTIONS {
            continue;
        }
        // XEP-0004 §3.1
        if form.attr("type") != Some("submit") {
            return Err(bad("The publish options are a form of type submit."));
        }
        if found.replace(String::from(form)).is_some() {
            return Err(bad("There are two forms of publish options."));
        }
    }
    if found.as_ref().is_some_and(|form: &String| form.len() > OPTIONS) {
        return Err(too_long("The publish options are too long: 4096 bytes at most."));
    }
    Ok(found)
}

fn form_type(form: &Element) -> Option<String> {
    let field =
        form.children().find(|child| child.is("field", FORMS) && child.attr("var") == Some("FORM_TYPE"))?;
    field.get_child("value", FORMS).map(Element::text)
}

/// §8: the service says that the account may publish to that node no more.
pub(super) fn revoked(message: &Element, account: &str) -> Option<String> {
    let pubsub = message.get_child("pubsub", PUBSUB)?;
    let none = |child: &Element| {
        child.is("affiliation", PUBSUB)
            && child.attr("jid") == Some(account)
            && matches!(child.attr("affiliation"), Some("none" | "outcast"))
    };
    pubsub.children().any(none).then(|| pubsub.attr("node").unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::NS;
    use super::*;

    fn read(ask: Ask, xml: &str) -> Result<Command, StanzaCondition> {
        let payload = xml.replacen(' ', &format!(" xmlns='{NS}' "), 1).parse().unwrap();
        Command::read(ask, &payload).map_err(|error| error.condition)
    }

    fn form(attributes: &str, form_type: &str, more: &str) -> String {
        format!(
            "<x xmlns='jabber:x:data'{attributes}><field var='FORM_TYPE'><value>{form_type}</value></field>{more}</x>"
        )
    }

    #[test]
    fn commands() {
        let service = Jid::parse("push-5.client.example").unwrap();
        let enable = |node: &str, options| {
            Ok(Command::Enable { service: service.clone(), node: node.to_owned(), options })
        };
        assert_eq!(read(Ask::Set, "<enable jid='push-5.client.example' node='yxs'/>"), enable("yxs", None));
        assert_eq!(read(Ask::Set, "<enable jid='Push-5.Client.Example'/>"), enable("", None));
        let other = form(" type='submit'", "urn:x", "");
        let xml = format!("<enable jid='push-5.client.example' node='y'>{other}<x xmlns='urn:x'/></enable>");
        assert_eq!(read(Ask::Set, &xml), enable("y", None), "what is not understood");
        let secret = "<field var='secret'><value>s&lt;</value></field>";
        let options = form(" type='submit'", PUBLISH_OPTIONS, secret);
        let xml = format!("<enable jid='push-5.client.example' node='y'>{other}{options}</enable>");
        let Ok(Command::Enable { options: Some(kept), .. }) = read(Ask::Set, &xml) else { panic!() };
        assert_eq!(kept.parse::<Element>().unwrap(), options.parse::<Element>().unwrap());
        let disable = |node: Option<&str>| {
            Ok(Command::Disable { service: service.clone(), node: node.map(str::to_owned) })
        };
        assert_eq!(read(Ask::Set, "<disable jid='push-5.client.example'/>"), disable(None));
        assert_eq!(read(Ask::Set, "<disable jid='push-5.client.example' node='y'/>"), disable(Some("y")));
    }

    #[test]
    fn what_is_no_command() {
        let bad = Err(StanzaCondition::BadRequest);
        assert_eq!(read(Ask::Get, "<enable jid='push.lit' node='y'/>"), bad);
        assert_eq!(read(Ask::Get, "<disable jid='push.lit'/>"), bad);
        assert_eq!(read(Ask::Set, "<push jid='push.lit'/>"), bad);
        for name in ["enable", "disable"] {
            assert_eq!(read(Ask::Set, &format!("<{name} node='y'/>")), bad);
            assert_eq!(read(Ask::Set, &format!("<{name} jid='' node='y'/>")), bad);
            let malformed = read(Ask::Set, &format!("<{name} jid='@push.lit' node='y'/>"));
            assert_eq!(malformed, Err(StanzaCondition::JidMalformed));
            let long = read(Ask::Set, &format!("<{name} jid='push.lit' node='{}'/>", "y".repeat(1025)));
            assert_eq!(long, Err(StanzaCondition::PolicyViolation));
        }
    }

    #[test]
    fn forms_that_are_none() {
        let enable =
            |forms: &str| read(Ask::Set, &format!("<enable jid='push.lit' node='y'>{forms}</enable>"));
        let bad = Err(StanzaCondition::BadRequest);
        assert_eq!(enable("<x xmlns='jabber:x:data' type='submit'/>"), bad);
        assert_eq!(enable("<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'/></x>"), bad);
        assert_eq!(enable(&form("", PUBLISH_OPTIONS, "")), bad);
        assert_eq!(enable(&form(" type='form'", PUBLISH_OPTIONS, "")), bad);
        assert_eq!(enable(&form(" type='submit'", PUBLISH_OPTIONS, "").repeat(2)), bad);
        let long = format!("<field var='secret'><value>{}</value></field>", "s".repeat(4096));
        let long = form(" type='submit'", PUBLISH_OPTIONS, &long);
        assert_eq!(enable(&long), Err(StanzaCondition::PolicyViolation));
    }

    #[test]
    fn revocations() {
        let message = |pubsub: &str| {
            let xml = format!("<message xmlns='jabber:client'>{pubsub}</message>");
            revoked(&xml.parse().unwrap(), "romeo@montague.lit")
        };
        let pubsub = |node: &str, jid: &str, affiliation: &str| {
            format!(
                "<pubsub xmlns='http://jabber.org/protocol/pubsub'{node}>\
                 <affiliation jid='{jid}' affiliation='{affiliation}'/></pubsub>"
            )
        };
        assert_eq!(message(&pubsub(" node='y'", "romeo@montague.lit", "none")).as_deref(), Some("y"));
        assert_eq!(message(&pubsub("", "romeo@montague.lit", "none")).as_deref(), Some(""));
        assert_eq!(message(&pubsub(" node='y'", "juliet@capulet.lit", "none")), None);
        assert_eq!(message(&pubsub(" node='y'", "romeo@montague.lit", "publish-only")), None);
        assert_eq!(message("<body/>"), None);
    }
}
