//! What a request in `urn:xmpp:blocking` asks for.

use super::NS;
use kernel::hooks::Ask;
use minidom::Element;
use wire::error::StanzaCondition;
use wire::jid::Jid;

/// It.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// The list.
    List,
    /// To block these; at least one.
    Block(Vec<Jid>),
    /// To unblock these, or everybody.
    Unblock(Vec<Jid>),
}

impl Command {
    pub(super) fn read(ask: Ask, payload: &Element) -> Result<Command, StanzaCondition> {
        match (ask, payload.name()) {
            (Ask::Get, "blocklist") => Ok(Command::List),
            (Ask::Set, "block") => {
                let addresses = items(payload)?;
                // §3.3: "does not contain at least one <item/> child element"
                if addresses.is_empty() {
                    Err(StanzaCondition::BadRequest)
                } else {
                    Ok(Command::Block(addresses))
                }
            }
            (Ask::Set, "unblock") => Ok(Command::Unblock(items(payload)?)),
            _ => Err(StanzaCondition::BadRequest),
        }
    }
}

fn items(payload: &Element) -> Result<Vec<Jid>, StanzaCondition> {
    let address = |item: &Element| {
        let jid = item.attr("jid").ok_or(StanzaCondition::BadRequest)?;
        Jid::parse(jid).map_err(|_| StanzaCondition::JidMalformed)
    };
    payload.children().filter(|child| child.is("item", NS)).map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ask: Ask, name: &str, content: &str) -> Result<Command, StanzaCondition> {
        Command::read(ask, &format!("<{name} xmlns='{NS}'>{content}</{name}>").parse().unwrap())
    }

    #[test]
    fn commands() {
        let jids = |texts: &[&str]| texts.iter().map(|text| Jid::parse(text).unwrap()).collect::<Vec<_>>();
        let two = "<item jid='Romeo@montague.lit'/><item jid='iago.lit'><report xmlns='urn:xmpp:reporting:1'/></item>";
        let both = jids(&["romeo@montague.lit", "iago.lit"]);
        assert_eq!(read(Ask::Get, "blocklist", ""), Ok(Command::List));
        assert_eq!(read(Ask::Set, "block", two), Ok(Command::Block(both.clone())));
        assert_eq!(read(Ask::Set, "unblock", two), Ok(Command::Unblock(both)));
        assert_eq!(read(Ask::Set, "unblock", ""), Ok(Command::Unblock(Vec::new())));
    }

    #[test]
    fn what_is_no_command() {
        let bad = Err(StanzaCondition::BadRequest);
        assert_eq!(read(Ask::Set, "block", ""), bad);
        assert_eq!(read(Ask::Set, "block", "<item xmlns='urn:x' jid='a@b'/>"), bad);
        assert_eq!(read(Ask::Set, "block", "<item/>"), bad);
        assert_eq!(read(Ask::Set, "unblock", "<item jid='a@b'/><item/>"), bad);
        assert_eq!(read(Ask::Get, "block", "<item jid='a@b'/>"), bad);
        assert_eq!(read(Ask::Set, "blocklist", ""), bad);
        assert_eq!(read(Ask::Set, "block", "<item jid='@b'/>"), Err(StanzaCondition::JidMalformed));
        assert_eq!(read(Ask::Set, "block", "<item jid=''/>"), Err(StanzaCondition::JidMalformed));
    }
}
