//! One contact: the item, its row in storage and its XML.

use super::state::{State, Subscription};
use super::xml::{push_attr, push_query_start, push_text_element};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use wire::jid::Jid;

/// What an account knows about one contact.
///
/// **Invariant:** [`state`](Item::state) loses nothing, that is, there is no open request for what is granted; and an
/// item that is [`approved`](Item::approved) in advance has neither a request from the contact nor a granted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Whom the item is about: unique in the roster. The text allows any address (RFC 6121 §2.1.2.3); only bare ones
    /// ever get a subscription, one with a resourcepart is a mere bookmark.
    pub jid: Jid,
    /// The handle that the user gave; empty for none (RFC 6121 §2.4.1 doesn't tell them apart).
    pub name: String,
    /// The groups that the user put the contact in, in the client's order, without duplicates.
    pub groups: Vec<String>,
    /// Whose presence is shared.
    pub subscription: Subscription,
    /// Whether the user's request waits for an answer ("Pending Out").
    pub ask: bool,
    /// Whether a request of the contact is approved before it comes (RFC 6121 §3.4).
    pub approved: bool,
    /// The contact's request as it came, while it waits for an answer ("Pending In").
    pub pending_in: Option<Box<str>>,
    /// The roster's version with the last change that clients see. 0: none ever, which is how an item that exists
    /// only because of a request is kept out of the roster (RFC 6121 §3.1.3).
    pub version: u64,
}

impl Item {
    pub(super) fn new(jid: Jid) -> Item {
        Item {
            jid,
            name: String::new(),
            groups: Vec::new(),
            subscription: Subscription::None,
            ask: false,
            approved: false,
            pending_in: None,
            version: 0,
        }
    }

    /// The state between the user and this contact.
    pub fn state(&self) -> State {
        State::new(self.subscription, self.ask, self.pending_in.is_some())
    }

    /// Whether the item is part of the roster that clients see.
    pub fn is_listed(&self) -> bool {
        self.version > 0
    }

    /// Whether nothing would be lost with the item.
    pub(super) fn is_blank(&self) -> bool {
        !self.is_listed() && self.pending_in.is_none()
    }

    /// Puts the item in a state. `request` is kept if the state has one pending and none is there.
    pub(super) fn set_state(&mut self, state: State, approved: bool, request: Option<Box<str>>) {
        self.subscription = state.subscription();
        self.ask = state.pending_out();
        self.approved = approved && state.may_be_preapproved();
        self.pending_in = if state.pending_in() { self.pending_in.take().or(request) } else { None };
    }

    /// Appends the item's XML as results and pushes carry it.
    pub(super) fn push_xml(&self, out: &mut String) {
        out.push_str("<item");
        push_attr(out, "jid", self.jid.as_str());
        if !self.name.is_empty() {
            push_attr(out, "name", &self.name);
        }
        push_attr(out, "subscription", self.subscription.as_str());
        if self.ask {
            push_attr(out, "ask", "subscribe");
        }
        if self.approved {
            push_attr(out, "approved", "true");
        }
        if self.groups.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for group in &self.groups {
            push_text_element(out, "group", None, group);
        }
        out.push_str("</item>");
    }

    /// The payload of a push of this item (RFC 6121 §2.1.6).
    pub(super) fn push_payload(&self) -> String {
        let mut out = String::with_capacity(160);
        push_query_start(&mut out, self.version);
        out.push('>');
        self.push_xml(&mut out);
        out.push_str("</query>");
        out
    }

    /// The item's row; its key is the JID.
    pub(super) fn to_row(&self) -> Vec<u8> {
        let row = Row {
            name: Cow::Borrowed(&self.name),
            groups: Cow::Borrowed(&self.groups),
            subscription: self.subscription,
            ask: self.ask,
            approved: self.approved,
            pending_in: self.pending_in.as_deref().map(Cow::Borrowed),
            version: self.version,
        };
        // Strings, numbers and lists in memory always serialise.
        serde_json::to_vec(&row).unwrap_or_default()
    }

    /// The item in a row. Requests for what is granted are dropped, so that what another program wrote can't break
    /// the item's invariant.
    pub(super) fn from_row(jid: Jid, row: &[u8]) -> Result<Item, serde_json::Error> {
        let row: Row<'_> = serde_json::from_slice(row)?;
        let mut item = Item::new(jid);
        item.name = row.name.into_owned();
        item.groups = row.groups.into_owned();
        item.version = row.version;
        let state = State::new(row.subscription, row.ask, row.pending_in.is_some());
        item.set_state(state, row.approved, row.pending_in.map(|request| request.into_owned().into()));
        if state != State::NonePendingIn {
            // Only a mere request is hidden; other items without a version come from an import.
            item.version = item.version.max(1);
        }
        Ok(item)
    }
}

/// The payload of the push that says an item is gone.
pub(super) fn removal_payload(jid: &Jid, version: u64) -> String {
    let mut out = String::with_capacity(128);
    push_query_start(&mut out, version);
    out.push_str("><item");
    push_attr(&mut out, "jid", jid.as_str());
    push_attr(&mut out, "subscription", "remove");
    out.push_str("/></query>");
    out
}

#[derive(Serialize, Deserialize)]
struct Row<'a> {
    #[serde(default, skip_serializing_if = "str::is_empty")]
    name: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "is_empty")]
    groups: Cow<'a, [String]>,
    #[serde(default)]
    subscription: Subscription,
    #[serde(default, skip_serializing_if = "is_false")]
    ask: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    approved: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending_in: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    version: u64,
}

fn is_empty(groups: &[String]) -> bool {
    groups.is_empty()
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(version: &u64) -> bool {
    *version == 0
}
