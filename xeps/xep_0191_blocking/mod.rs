//! The blocking command (XEP-0191): whoever is on an account's block list can't reach it, and the account seems offline
//! to them.
//!
//! **Invariant:** an account's own addresses and its own server are never blocked, whatever the list says.

mod list;
mod request;
#[cfg(test)]
mod tests;

use kernel::hooks::{
    Ask, Direction, Effects, Flow, Hooks, Interest, Kinds, Passing, Reply, Request, Scope, Stage,
};
use kernel::{Account, Cache, Change, ConfigError, Env, Mark, OptionDoc, Xep, encode};
use list::{Blocklist, COLLECTION};
use request::Command;
use serde::Deserialize;
use std::sync::Arc;
use wire::error::{ErrorType, StanzaCondition, StanzaError};
use wire::frame::{Frame, Kind, StanzaType, XmlWriter};
use wire::jid::{FullJid, Jid, JidView};

const NS: &str = "urn:xmpp:blocking";

/// `[xep.blocking]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Addresses on one list.
    pub(crate) addresses: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config { addresses: 2000 }
    }
}

/// The XEP.
pub(crate) struct Blocking {
    config: Config,
    lists: Cache<Blocklist>,
    /// Sessions that asked for the list and get its changes.
    interested: Mark,
}

impl Xep for Blocking {
    const NUMBER: u16 = 191;
    const NAME: &'static str = "blocking";
    const TITLE: &'static str = "Blocking Command";
    const VERSION: &'static str = "1.3";
    const OPTIONS: &'static [OptionDoc] =
        &[OptionDoc { name: "addresses", default: "2000", doc: "Addresses on one account's block list." }];
    type Config = Config;

    fn new(config: Config, env: &mut Env) -> Result<Self, ConfigError> {
        Ok(Blocking { config, lists: env.cache(), interested: env.mark() })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        hooks.iq(Scope::OWN, NS, Ask::Both, &self, Self::serve);
        // §3.1: clients look for it at the server.
        hooks.feature(Scope::SERVER, NS);
        let interest =
            Interest { kinds: Kinds::ALL, direction: None, children: &[], flag: Some(self.lists.flag()) };
        hooks.filter(Stage::Check, interest, &self, Self::stop_blocked);
    }
}

impl Blocking {
    /// Sees only stanzas of accounts that block somebody.
    fn stop_blocked(&self, passing: &Passing<'_>, _: &mut Effects) -> Flow {
        let list: &Blocklist = passing.account.read(self.lists);
        let frame = passing.frame;
        let (own, other) = match passing.direction {
            Direction::In => (frame.to(), frame.from()),
            Direction::Out => (frame.from(), frame.to()),
        };
        // Without one of the addresses it is the account's own business.
        let (Some(own), Some(other)) = (own, other) else { return Flow::Pass };
        let (Ok(own), Ok(other)) = (JidView::parse(&own), JidView::parse(&other)) else { return Flow::Pass };
        // "An implementation MUST NOT block communications from one of a user's resources to another", nor from
        // its server, whose answers it needs.
        if own.bare_str() == other.bare_str() || other.as_str() == own.domain() || !list.blocks(&other) {
            return Flow::Pass;
        }
        match passing.direction {
            Direction::In => turn_away(frame),
            Direction::Out => Flow::Bounce(is_blocked()),
        }
    }

    async fn serve(self: Arc<Self>, request: Request) -> Reply {
        let account = match request.account() {
            Ok(account) => account,
            Err(error) => return error.into(),
        };
        match Command::read(request.ask, &request.payload()) {
            Ok(Command::List) => self.list(account, &request),
            Ok(Command::Block(addresses)) => self.block(account, addresses).into(),
            Ok(Command::Unblock(addresses)) => self.unblock(account, addresses),
            Err(condition) => Reply::error(condition),
        }
    }

    /// §3.2
    fn list(&self, account: &Account, request: &Request) -> Reply {
        account.show(self.lists, self.interested, request, |list| items("blocklist", list.addresses()))
    }

    /// §3.3
    fn block(&self, account: &Arc<Account>, addresses: Vec<Jid>) -> Result<Reply, StanzaError> {
        let own = account.jid().as_str();
        if addresses.iter().any(|address| address.bare_str() == own) {
            return Err(StanzaError::new(StanzaCondition::NotAllowed).with_text("You can't block yourself."));
        }
        let push = items("block", addresses.iter());
        let (changed, ticket) = account.change(self.lists, |list, change| {
            let before = list.clone();
            let added: Vec<Jid> = addresses.iter().filter(|jid| list.add((*jid).clone())).cloned().collect();
            if list.len() > self.config.addresses {
                *list = before;
                return false;
            }
            for address in &added {
                change.put(COLLECTION, address.as_str(), encode(&list::Row {}));
            }
            change.push(self.interested, &push);
            disappear(change, &added, &before);
            true
        });
        if !changed {
            return Err(
                StanzaError::new(StanzaCondition::PolicyViolation).with_text("The block list is full.")
            );
        }
        Ok(Reply::After(ticket, None))
    }

    /// §3.4 and §3.5. Without addresses, everybody.
    fn unblock(&self, account: &Arc<Account>, addresses: Vec<Jid>) -> Reply {
        let push = items("unblock", addresses.iter());
        let ((), ticket) = account.change(self.lists, |list, change| {
            let removed: Vec<Jid> = if addresses.is_empty() {
                list.take_all()
            } else {
                addresses.into_iter().filter(|address| list.remove(address)).collect()
            };
            for address in &removed {
                change.delete(COLLECTION, address.as_str());
            }
            change.push(self.interested, &push);
            reappear(account, change, &removed, list);
        });
        Reply::After(ticket, None)
    }
}

/// Tells the newly blocked that the sessions are gone, as far as they saw them.
fn disappear(change: &mut Change<'_>, added: &[Jid], before: &Blocklist) {
    let added = Blocklist::of(added);
    let subscribers: Vec<Jid> = change.subscribers().cloned().collect();
    let mut gone = Vec::new();
    for contact in added.touched(&subscribers, before) {
        gone.extend(change.presences().map(|(session, _)| unavailable(session, &contact)));
    }
    // Who got directed presence sees the account, too; leaving rooms is done this way.
    let directed = change.directed();
    let blocked = directed.filter(|(_, entity)| added.blocks_jid(entity) && !before.blocks_jid(entity));
    gone.extend(blocked.map(|(session, entity)| unavailable(session, entity)));
    gone.into_iter().for_each(|frame| change.send(frame));
}

fn unavailable(from: &FullJid, to: &Jid) -> Frame {
    Frame::presence().type_(StanzaType::Unavailable).from(from.as_str()).to(to.as_str()).build()
}

/// Shows the sessions to those who are blocked no more, and asks for theirs, which has been dropped so far.
fn reappear(account: &Account, change: &mut Change<'_>, removed: &[Jid], left: &Blocklist) {
    let removed = Blocklist::of(removed);
    let presences: Vec<Frame> = change.presences().map(|(_, presence)| presence.clone()).collect();
    let subscribers: Vec<Jid> = change.subscribers().cloned().collect();
    for contact in removed.touched(&subscribers, left) {
        presences.iter().for_each(|presence| change.send(presence.addressed(contact.as_str())));
    }
    if presences.is_empty() {
        return;
    }
    let subscriptions: Vec<Jid> = change.subscriptions().cloned().collect();
    for contact in removed.touched(&subscriptions, left) {
        let probe = Frame::presence().type_(StanzaType::Probe).from(account.jid().as_str());
        change.send(probe.to(contact.as_str()).build());
    }
}

/// §3.3: what becomes of a stanza from somebody who is blocked. The account seems to be offline.
fn turn_away(frame: &Frame) -> Flow {
    match (frame.kind(), frame.type_()) {
        (Kind::Message, _) | (Kind::Iq, StanzaType::Get | StanzaType::Set) => {
            Flow::Bounce(StanzaError::new(StanzaCondition::ServiceUnavailable))
        }
        _ => Flow::Drop,
    }
}

fn is_blocked() -> StanzaError {
    StanzaError::new(StanzaCondition::NotAcceptable)
        .with_type(ErrorType::Cancel)
        .with_extra("<blocked xmlns='urn:xmpp:blocking:errors'/>")
}

fn items<'a>(name: &str, addresses: impl Iterator<Item = &'a Jid>) -> String {
    let mut out = XmlWriter::new();
    out.start(name).attr("xmlns", NS);
    for address in addresses {
        out.start("item").attr("jid", address.as_str()).end();
    }
    out.into_string()
}
