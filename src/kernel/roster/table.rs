//! The roster itself.

use super::change::{Change, HISTORY_KEY, Row};
use super::item::{Item, removal_payload};
use super::request;
use super::set::{RosterError, RosterLimits, SetRequest};
use super::state::{self, Effect, State, SubscriptionType, Transition};
use super::xml::push_query_start;
use crate::ports::{StoreError, WallMillis};
use minidom::Element;
use std::collections::BTreeMap;
use wire::jid::{BareJid, Jid};

/// The answer to a roster get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RosterAnswer {
    /// An IQ result with this `<query/>`: the whole roster.
    Full(String),
    /// An empty IQ result, then these `<query/>`s as pushes to the session that asked, in this order (RFC 6121
    /// §2.6.3). None if nothing has changed since the client's version.
    Since(Vec<String>),
}

/// One account's contacts.
///
/// Versions are strictly increasing and, where the clock allows, milliseconds since 1970: so the roster of an account
/// that was removed and made again never gives out a version that a client knows from the former one.
#[derive(Clone, Debug)]
pub struct Roster {
    owner: BareJid,
    limits: RosterLimits,
    items: BTreeMap<Jid, Item>,
    /// The latest change that clients see.
    version: u64,
    /// The first change or the last removal, whichever is later: nothing tells a client with an older roster which
    /// of its items are gone.
    floor: u64,
    /// How many items clients see. The others are mere requests.
    listed: usize,
}

impl Roster {
    /// An empty roster.
    pub fn new(owner: BareJid, limits: RosterLimits) -> Roster {
        Roster { owner, limits, items: BTreeMap::new(), version: 0, floor: 0, listed: 0 }
    }

    /// The roster in the rows of [`COLLECTION`](super::COLLECTION).
    pub fn load<K: AsRef<str>, V: AsRef<[u8]>>(
        owner: BareJid,
        limits: RosterLimits,
        rows: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Roster, StoreError> {
        let mut roster = Roster::new(owner, limits);
        for (key, value) in rows {
            let key = key.as_ref();
            let damaged = |why: String| StoreError::Damaged(format!("roster row {key:?}: {why}"));
            if key == HISTORY_KEY {
                roster.floor = serde_json::from_slice(value.as_ref()).map_err(|e| damaged(e.to_string()))?;
                roster.version = roster.version.max(roster.floor);
                continue;
            }
            let jid = Jid::parse(key).map_err(|e| damaged(e.to_string()))?;
            let item = Item::from_row(jid, value.as_ref()).map_err(|e| damaged(e.to_string()))?;
            roster.version = roster.version.max(item.version);
            roster.insert(item);
        }
        Ok(roster)
    }

    /// New limits, after a configuration reload. What is there already stays.
    pub fn set_limits(&mut self, limits: RosterLimits) {
        self.limits = limits;
    }

    // Roster get and set

    /// Answers a roster get whose 'ver' is `version` (RFC 6121 §2.1.4, §2.6.3).
    pub fn to_query(&self, version: Option<&str>) -> RosterAnswer {
        let known = version.and_then(|version| version.parse::<u64>().ok());
        match known {
            Some(known) if known == self.version => RosterAnswer::Since(Vec::new()),
            Some(known) if known < self.version && known >= self.floor => {
                let changed = self.pushes_since(known);
                // A push costs an IQ of its own and a reply; past half of the items, all of them are less.
                if changed.len() * 2 > self.listed {
                    return RosterAnswer::Full(self.full());
                }
                RosterAnswer::Since(changed)
            }
            _ => RosterAnswer::Full(self.full()),
        }
    }

    /// Its version.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The pushes of what has changed since a version. That an item is gone can't be told.
    pub(crate) fn pushes_since(&self, version: u64) -> Vec<String> {
        let mut changed: Vec<&Item> = self.items().filter(|item| item.version > version).collect();
        changed.sort_unstable_by_key(|item| item.version);
        changed.into_iter().map(Item::push_payload).collect()
    }

    fn full(&self) -> String {
        let mut out = String::with_capacity(64 + 128 * self.listed);
        push_query_start(&mut out, self.version);
        out.push('>');
        for item in self.items() {
            item.push_xml(&mut out);
        }
        out.push_str("</query>");
        out
    }

    /// Reads a roster set under this roster's limits: see [`SetRequest::parse`].
    pub fn parse_set(&self, query: &Element) -> Result<SetRequest, RosterError> {
        SetRequest::parse(query, &self.limits)
    }

    /// Adds, updates or removes an item (RFC 6121 §2.3 to §2.5).
    pub fn apply_set(&mut self, set: SetRequest, now: WallMillis) -> Result<Change, RosterError> {
        match set {
            SetRequest::Update { jid, name, groups } => self.update(jid, name, groups, now),
            SetRequest::Remove { jid } => self.remove(jid, now),
        }
    }

    fn update(
        &mut self,
        jid: Jid,
        name: String,
        groups: Vec<String>,
        now: WallMillis,
    ) -> Result<Change, RosterError> {
        // §2.3.3, interoperability note
        if jid.as_str() == self.owner.as_str() {
            return Err(RosterError::OwnAddress);
        }
        self.check_room(&jid)?;
        let mut rows = Vec::with_capacity(1);
        let version = self.next_version(now, &mut rows);
        let item = self.take(&jid).unwrap_or_else(|| Item::new(jid.clone()));
        // §2.4.1: replaced exactly as given, a missing name or group is gone. The subscription stays.
        let item = Item { name, groups, version, ..item };
        rows.push(Row::put(&item));
        let push = Some(item.push_payload());
        self.insert(item);
        Ok(Change { contact: jid, rows, effects: vec![Effect::Push], push })
    }

    fn remove(&mut self, jid: Jid, now: WallMillis) -> Result<Change, RosterError> {
        // §2.5.3; a mere request is no item of the roster.
        if !self.items.get(&jid).is_some_and(Item::is_listed) {
            return Err(RosterError::ItemNotFound);
        }
        let state = self.take(&jid).map_or(State::None, |item| item.state());
        let mut rows = vec![Row::delete(&jid)];
        let version = self.next_version(now, &mut rows);
        self.floor = version;
        rows.push(Row::history(version));
        // §2.5.2 speaks of subscriptions only. An open request ends with the item too, in both directions, or the
        // contact could answer it later and the two rosters would differ.
        let subscription = state.subscription();
        let mut effects = Vec::with_capacity(4);
        if subscription.has_from() {
            // §3.2.2: while the contact is still subscribed
            effects.push(Effect::Unavailable);
        }
        if subscription.has_to() || state.pending_out() {
            effects.push(Effect::Send(SubscriptionType::Unsubscribe));
        }
        if subscription.has_from() || state.pending_in() {
            effects.push(Effect::Send(SubscriptionType::Unsubscribed));
        }
        effects.push(Effect::Push);
        let push = Some(removal_payload(&jid, version));
        Ok(Change { contact: jid, rows, effects, push })
    }

    // Subscriptions

    /// The user sends the contact a subscription stanza (RFC 6121 §3.1.2, §3.1.5, §3.2.2, §3.3.2, §3.4.2). One to
    /// the user himself does nothing. To answer a probe with "unsubscribed", do not come here: that must not cancel
    /// a pre-approval (§4.3.2).
    pub fn outbound(
        &mut self,
        contact: &BareJid,
        kind: SubscriptionType,
        now: WallMillis,
    ) -> Result<Change, RosterError> {
        let jid = Jid::from(contact.clone());
        if *contact == self.owner {
            return Ok(Change::nothing(jid));
        }
        let (state, approved) = self.standing(&jid);
        let transition = state::outbound(state, approved, kind);
        if becomes_listed(&transition) {
            self.check_room(&jid)?;
        }
        Ok(self.transit(jid, state, approved, transition, None, now))
    }

    /// The contact sends the user a subscription stanza, given as it will be delivered (RFC 6121 §3.1.3, §3.1.6,
    /// §3.2.3, §3.3.3). It is kept if it is a request that needs the user's answer.
    pub fn inbound(
        &mut self,
        contact: &BareJid,
        kind: SubscriptionType,
        stanza: &[u8],
        now: WallMillis,
    ) -> Change {
        let jid = Jid::from(contact.clone());
        if *contact == self.owner {
            return Change::nothing(jid);
        }
        let (state, approved) = self.standing(&jid);
        let transition = state::inbound(state, approved, kind);
        let request = transition.state.pending_in() && !state.pending_in();
        // §3.1.3, security warning. Those in the roster may always ask; a stranger asks again some day.
        if request && !self.items.contains_key(&jid) && self.items.len() - self.listed >= self.limits.requests
        {
            return Change::nothing(jid);
        }
        let request = request.then(|| request::keep(stanza, contact, &self.owner, self.limits.request_bytes));
        self.transit(jid, state, approved, transition, request, now)
    }

    fn transit(
        &mut self,
        jid: Jid,
        state: State,
        approved: bool,
        transition: Transition,
        request: Option<Box<str>>,
        now: WallMillis,
    ) -> Change {
        let mut change = Change::nothing(jid);
        change.effects = transition.effects.to_vec();
        if (transition.state, transition.approved) == (state, approved) {
            return change;
        }
        let mut item = self.take(&change.contact).unwrap_or_else(|| Item::new(change.contact.clone()));
        item.set_state(transition.state, transition.approved, request);
        if item.is_listed() || becomes_listed(&transition) {
            if change.effects.contains(&Effect::Push) {
                item.version = self.next_version(now, &mut change.rows);
                change.push = Some(item.push_payload());
            }
        } else {
            // Appendix A.1, state 3: what is not in the roster isn't pushed.
            change.effects.retain(|effect| *effect != Effect::Push);
        }
        if item.is_blank() {
            change.rows.push(Row::delete(&item.jid));
        } else {
            change.rows.push(Row::put(&item));
            self.insert(item);
        }
        change
    }

    // Questions

    /// The items that clients see, by address.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values().filter(|item| item.is_listed())
    }

    /// The item of a contact, if clients see it.
    pub fn item(&self, jid: &Jid) -> Option<&Item> {
        self.items.get(jid).filter(|item| item.is_listed())
    }

    /// How many items clients see.
    pub fn len(&self) -> usize {
        self.listed
    }

    /// Whether clients see no items.
    pub fn is_empty(&self) -> bool {
        self.listed == 0
    }

    /// The state between the user and a contact, who may be unknown.
    pub fn state(&self, contact: &BareJid) -> State {
        self.standing(&Jid::from(contact.clone())).0
    }

    /// Whether a contact may see the user's presence. Users may see their own (RFC 6121 §4.2.2).
    pub fn may_see(&self, contact: &BareJid) -> bool {
        self.state(contact).subscription().has_from() || *contact == self.owner
    }

    /// The contacts who are subscribed to the user's presence.
    pub fn subscribers(&self) -> impl Iterator<Item = &Jid> {
        self.items.values().filter(|item| item.subscription.has_from()).map(|item| &item.jid)
    }

    /// The contacts whose presence the user is subscribed to.
    pub fn subscriptions(&self) -> impl Iterator<Item = &Jid> {
        self.items.values().filter(|item| item.subscription.has_to()).map(|item| &item.jid)
    }

    /// The contacts who have not answered the user's request, to ask again (RFC 6121 §3.1.2).
    pub fn unanswered(&self) -> impl Iterator<Item = &Jid> {
        self.items.values().filter(|item| item.ask).map(|item| &item.jid)
    }

    /// The requests that wait for the user's answer, to be delivered to every session that becomes available (RFC
    /// 6121 §3.1.3 rule 4).
    pub fn requests(&self) -> impl Iterator<Item = (&Jid, &str)> {
        self.items.values().filter_map(|item| Some((&item.jid, item.pending_in.as_deref()?)))
    }

    /// The request of a contact that waits for the user's answer.
    pub fn request(&self, contact: &Jid) -> Option<&str> {
        self.items.get(contact)?.pending_in.as_deref()
    }

    fn standing(&self, jid: &Jid) -> (State, bool) {
        self.items.get(jid).map_or((State::None, false), |item| (item.state(), item.approved))
    }

    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        // An item with its address twice, a name and a group.
        self.items.len() * 320
    }

    // The table

    fn check_room(&self, jid: &Jid) -> Result<(), RosterError> {
        if self.listed >= self.limits.items && self.item(jid).is_none() {
            return Err(RosterError::Full);
        }
        Ok(())
    }

    fn next_version(&mut self, now: WallMillis, rows: &mut Vec<Row>) -> u64 {
        let first = self.version == 0;
        self.version = (self.version + 1).max(u64::try_from(now.0).unwrap_or(0));
        if first {
            self.floor = self.version;
            rows.push(Row::history(self.floor));
        }
        self.version
    }

    fn take(&mut self, jid: &Jid) -> Option<Item> {
        let item = self.items.remove(jid)?;
        self.listed -= usize::from(item.is_listed());
        Some(item)
    }

    fn insert(&mut self, item: Item) {
        self.listed += usize::from(item.is_listed());
        if let Some(former) = self.items.insert(item.jid.clone(), item) {
            self.listed -= usize::from(former.is_listed());
        }
    }
}

/// Whether a contact is in the roster after the transition even if it was not before: as soon as there is more than
/// a request of the contact (RFC 6121 §3.1.2, §3.1.5, §3.4.2 rule 4).
fn becomes_listed(transition: &Transition) -> bool {
    transition.approved || !matches!(transition.state, State::None | State::NonePendingIn)
}
