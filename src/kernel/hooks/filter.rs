//! Filters on the stanza path: synchronous, never waiting, asking for effects instead of performing them.

use crate::account::AccountView;
use crate::{Account, Flag};
use std::sync::Arc;
use wire::error::StanzaError;
use wire::frame::{Frame, Kind};
use wire::ns::NsSet;

/// The order of filters on one stanza. Within a stage, the order of the XEP list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// May it pass at all?
    Check,
    /// Strip what is forged, add what belongs there.
    Rewrite,
    /// Keep it.
    Archive,
    /// Copy it to others.
    Copy,
    /// Choose who gets it, and wake who sleeps.
    Deliver,
}

/// Which way a stanza passes an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the account.
    In,
    /// From one of its sessions.
    Out,
}

/// Kinds of stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// Messages.
    pub const MESSAGE: Kinds = Kinds(1);
    /// Presence.
    pub const PRESENCE: Kinds = Kinds(2);
    /// Requests and answers.
    pub const IQ: Kinds = Kinds(4);
    /// All of them.
    pub const ALL: Kinds = Kinds(7);

    fn includes(self, kind: Kind) -> bool {
        let bit = match kind {
            Kind::Message => Kinds::MESSAGE,
            Kind::Presence => Kinds::PRESENCE,
            Kind::Iq => Kinds::IQ,
            Kind::Other => return false,
        };
        self.0 & bit.0 != 0
    }
}

/// Which stanzas a filter wants to see: all conditions must hold. What does not match costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Interest {
    /// Of these kinds.
    pub kinds: Kinds,
    /// Going this way; `None` for both.
    pub direction: Option<Direction>,
    /// With a child in one of these namespaces; empty for any.
    pub children: &'static [&'static str],
    /// At accounts with this mark; `None` for all.
    pub flag: Option<Flag>,
}

/// Where a stanza goes after a filter.
#[derive(Debug, PartialEq, Eq)]
pub enum Flow {
    /// On.
    Pass,
    /// On, as this instead. Filters after this one see it so.
    Replace(Frame),
    /// Nowhere, without a word.
    Drop,
    /// Back to its sender as an error; dropped if it must not be answered.
    Bounce(StanzaError),
}

/// Why a stanza goes no further.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Drop,
    Bounce(StanzaError),
}

/// A stanza while it passes an account.
pub struct Passing<'a> {
    /// It.
    pub frame: &'a Frame,
    /// Which way.
    pub direction: Direction,
    /// The account's caches, under its lock.
    pub account: &'a AccountView<'a>,
}

/// What a filter asks the engine to do. Performed after the account's lock has been released.
#[derive(Debug, Default)]
pub struct Effects {
    /// Stanzas to route.
    pub send: Vec<Frame>,
}

/// The shape of a filter.
pub type Filter = dyn Fn(&Passing<'_>, &mut Effects) -> Flow + Send + Sync;

pub(crate) struct Registered {
    pub(crate) stage: Stage,
    pub(crate) interest: Interest,
    pub(crate) children: NsSet,
    pub(crate) apply: Arc<Filter>,
}

impl Registered {
    /// Whether the filter wants this stanza at this account. Reads two words; takes no lock.
    pub(crate) fn wants(&self, frame: &Frame, direction: Direction, account: &Account) -> bool {
        self.interest.kinds.includes(frame.kind())
            && self.interest.direction.is_none_or(|wanted| wanted == direction)
            && self.interest.flag.is_none_or(|flag| account.has(flag))
            && (self.interest.children.is_empty() || frame.children().intersects(self.children))
    }
}
