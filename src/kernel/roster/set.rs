//! What a client may ask of its roster, checked at the door (RFC 6121 §2.1.5, §2.3.3).

use super::xml::NS_ROSTER;
use minidom::Element;
use std::borrow::Cow;
use std::collections::BTreeSet;
use wire::error::{StanzaCondition, StanzaError};
use wire::jid::{Jid, JidError, prepare_resource};

/// How much one roster may hold. Lengths are in bytes of UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterLimits {
    /// Items that clients see.
    pub items: usize,
    /// Groups of one item.
    pub groups: usize,
    /// Length of a name.
    pub name_bytes: usize,
    /// Length of a group's name.
    pub group_bytes: usize,
    /// Requests from contacts who are not in the roster (RFC 6121 §3.1.3, security warning).
    pub requests: usize,
    /// Length of a stored request; a longer one is stored as its nickname and status.
    pub request_bytes: usize,
}

impl Default for RosterLimits {
    fn default() -> RosterLimits {
        RosterLimits {
            items: 5_000,
            groups: 32,
            name_bytes: 512,
            group_bytes: 256,
            requests: 1_000,
            request_bytes: 4_096,
        }
    }
}

/// Why the roster does not do what its owner asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RosterError {
    /// bad-request: breaks the rule named.
    BadRequest(&'static str),
    /// not-acceptable: beyond the limit named.
    NotAcceptable(&'static str),
    /// jid-malformed: the item's address is none.
    JidMalformed(JidError),
    /// item-not-found: there is no such item to remove.
    ItemNotFound,
    /// not-allowed: nobody is a contact of himself.
    OwnAddress,
    /// policy-violation: the roster holds as many items as it may.
    Full,
}

impl std::fmt::Display for RosterError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RosterError::BadRequest(why) | RosterError::NotAcceptable(why) => f.write_str(why),
            RosterError::JidMalformed(why) => write!(f, "the item's address: {why}"),
            RosterError::ItemNotFound => f.write_str("there is no such item"),
            RosterError::OwnAddress => f.write_str("you can't be your own contact"),
            RosterError::Full => f.write_str("the roster is full"),
        }
    }
}

impl std::error::Error for RosterError {}

impl From<RosterError> for StanzaError {
    fn from(error: RosterError) -> StanzaError {
        let condition = match &error {
            RosterError::BadRequest(_) => StanzaCondition::BadRequest,
            RosterError::NotAcceptable(_) => StanzaCondition::NotAcceptable,
            RosterError::JidMalformed(_) => StanzaCondition::JidMalformed,
            RosterError::ItemNotFound => StanzaCondition::ItemNotFound,
            RosterError::OwnAddress => StanzaCondition::NotAllowed,
            RosterError::Full => StanzaCondition::PolicyViolation,
        };
        StanzaError::new(condition).with_text(error.to_string())
    }
}

/// A checked roster set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetRequest {
    /// Add the item or replace its name and groups.
    Update {
        /// Whose item.
        jid: Jid,
        /// The handle, empty for none.
        name: String,
        /// The groups, in the client's order.
        groups: Vec<String>,
    },
    /// Remove the item and end every subscription to and from it.
    Remove {
        /// Whose item.
        jid: Jid,
    },
}

impl SetRequest {
    /// Reads the `<query/>` of an IQ of type set. Only the item's jid, name, groups and subscription='remove' count;
    /// what else a client says ('ask', 'approved', other subscriptions) is the server's business and ignored.
    ///
    /// Whether the sender may change this roster at all (forbidden, §2.3.3) is for the caller to check.
    pub fn parse(query: &Element, limits: &RosterLimits) -> Result<SetRequest, RosterError> {
        if !query.is("query", NS_ROSTER) {
            return Err(RosterError::BadRequest("not a roster query"));
        }
        // §2.1.5 rule 1
        let mut items = query.children().filter(|child| child.is("item", NS_ROSTER));
        let item = items.next().ok_or(RosterError::BadRequest("a roster set needs an item"))?;
        if items.next().is_some() {
            return Err(RosterError::BadRequest("more than one item in a roster set"));
        }
        // §2.1.2.3
        let jid = item.attr("jid").ok_or(RosterError::BadRequest("an item needs a 'jid'"))?;
        let jid = Jid::parse(jid).map_err(RosterError::JidMalformed)?;
        // §2.1.5 rule 2: all other values are ignored.
        if item.attr("subscription") == Some("remove") {
            return Ok(SetRequest::Remove { jid });
        }
        let name = item.attr("name").unwrap_or_default();
        if name.len() > limits.name_bytes {
            return Err(RosterError::NotAcceptable("the name is too long"));
        }
        Ok(SetRequest::Update { jid, name: name.to_owned(), groups: parse_groups(item, limits)? })
    }

    /// Whose item is meant.
    pub fn jid(&self) -> &Jid {
        match self {
            SetRequest::Update { jid, .. } | SetRequest::Remove { jid } => jid,
        }
    }
}

fn parse_groups(item: &Element, limits: &RosterLimits) -> Result<Vec<String>, RosterError> {
    let mut groups = Vec::new();
    let mut seen = BTreeSet::new();
    for group in item.children().filter(|child| child.is("group", NS_ROSTER)) {
        let group = group.text();
        if group.is_empty() {
            return Err(RosterError::NotAcceptable("a group without a name"));
        }
        if group.len() > limits.group_bytes {
            return Err(RosterError::NotAcceptable("a group's name is too long"));
        }
        if groups.len() == limits.groups {
            return Err(RosterError::NotAcceptable("too many groups"));
        }
        // §2.3.3: compared like resourceparts, stored as they are (§2). What can't be a resourcepart (too long)
        // equals only itself.
        if !seen.insert(prepare_resource(&group).map_or_else(|_| group.clone(), Cow::into_owned)) {
            return Err(RosterError::BadRequest("a group is named twice"));
        }
        groups.push(group);
    }
    Ok(groups)
}
