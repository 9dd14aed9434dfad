//! IQ services: requests, replies, and who may be asked.

use crate::Account;
use crate::ports::{BoxFuture, StoreError, Ticket};
use crate::session::SessionRef;
use std::net::IpAddr;
use std::sync::Arc;
use wire::error::{StanzaCondition, StanzaError};
use wire::frame::{Frame, StanzaType};
use wire::jid::{BareJid, Jid};

/// Whom a service answers for. A set: combine with `|`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope(u8);

impl Scope {
    /// Requests to the domain.
    pub const SERVER: Scope = Scope(1);
    /// Requests of a session to its own account, or without `to`.
    pub const OWN: Scope = Scope(2);
    /// Requests to somebody else's account, answered on its behalf.
    pub const ACCOUNT: Scope = Scope(4);
    pub(crate) const DISCO: [Scope; 3] = [Scope::SERVER, Scope::OWN, Scope::ACCOUNT];

    /// True if this contains all of `other`.
    pub const fn includes(self, other: Scope) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for Scope {
    type Output = Scope;
    fn bitor(self, other: Scope) -> Scope {
        Scope(self.0 | other.0)
    }
}

/// Kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Asks for information.
    Get,
    /// Changes something.
    Set,
    /// Either; only for registration.
    Both,
}

impl Ask {
    /// Which kind of request an IQ is. RFC 6120 §8.2.3: it has an id, one of the two types, and one child. `None` if it
    /// is none.
    pub(crate) fn of(iq: &Frame) -> Option<Ask> {
        if iq.id().is_none_or(|id| id.is_empty()) || iq.child_count() != 1 {
            return None;
        }
        match iq.type_() {
            StanzaType::Get => Some(Ask::Get),
            StanzaType::Set => Some(Ask::Set),
            _ => None,
        }
    }

    pub(crate) fn includes(self, other: Ask) -> bool {
        self == Ask::Both || self == other
    }
}

/// Who was asked.
#[derive(Clone, Debug)]
pub enum Target {
    /// A domain of this server.
    Server(String),
    /// An account, which exists.
    Account(Arc<Account>),
    /// The address of an account that doesn't exist. It is asked like an account whose presence the asker may not see,
    /// so that the two can't be told apart (RFC 6120 §13.11).
    Nobody,
    /// A stream that has not logged in.
    Stream {
        /// The domain it addressed.
        domain: String,
        /// Where it comes from.
        address: Option<IpAddr>,
    },
}

/// One IQ of type get or set with exactly one child, from a validated sender.
pub struct Request {
    /// The stanza, stamped.
    pub frame: Frame,
    /// Who asks; before login, the domain itself.
    pub from: Jid,
    /// Who is asked.
    pub target: Target,
    /// Get or set.
    pub ask: Ask,
    /// The session that asks, if it is one of ours.
    pub session: Option<SessionRef>,
}

impl Request {
    /// The payload as a tree.
    pub fn payload(&self) -> minidom::Element {
        let stanza = self.frame.element();
        // A request has one child; the stanza itself stands in for one that is missing, and no handler knows it.
        stanza.children().next().cloned().unwrap_or(stanza)
    }

    /// Local name of the payload.
    pub fn payload_name(&self) -> &str {
        self.frame.payload().map_or("", |payload| payload.name)
    }

    /// The account that was asked. In [`Scope::OWN`] there always is one. In [`Scope::ACCOUNT`] there may be none, and
    /// strangers must not be able to tell.
    ///
    /// # Errors
    /// service-unavailable if a domain or nobody was asked.
    pub fn account(&self) -> Result<&Arc<Account>, StanzaError> {
        match &self.target {
            Target::Account(account) => Ok(account),
            // RFC 6121 §8.5.1, for nobody.
            Target::Server(_) | Target::Stream { .. } | Target::Nobody => {
                Err(StanzaError::new(StanzaCondition::ServiceUnavailable))
            }
        }
    }

    /// True if the account is the asker's own.
    pub fn is_own(&self) -> bool {
        matches!(&self.target, Target::Account(account) if *account.jid() == self.from.bare())
    }

    /// The one scope that the request falls in.
    pub fn scope(&self) -> Scope {
        match &self.target {
            Target::Server(_) | Target::Stream { .. } => Scope::SERVER,
            Target::Account(_) if self.is_own() => Scope::OWN,
            Target::Account(_) | Target::Nobody => Scope::ACCOUNT,
        }
    }

    /// True if the asker may see the presence of the account that was asked; always true at a domain, never at an
    /// account that doesn't exist.
    pub fn may_see(&self) -> bool {
        match &self.target {
            Target::Account(account) => account.may_be_seen_by(&self.from.bare()),
            Target::Server(_) | Target::Stream { .. } => true,
            Target::Nobody => false,
        }
    }

    /// Sends a stanza to the session that asked, in front of the answer. It waits until there is room: false if the
    /// session has ended meanwhile, or if somebody else asked, who gets nothing.
    pub async fn send(&self, stanza: bytes::Bytes) -> bool {
        let Some(session) = &self.session else { return false };
        let entry = crate::outbox::Entry { private: true, ..crate::outbox::Entry::now(stanza) };
        session.outbox().room().await && session.outbox().push_reply(entry) == crate::outbox::Push::Queued
    }

    /// The asker's bare address.
    pub fn sender(&self) -> BareJid {
        self.from.bare()
    }
}

/// The one answer.
#[derive(Debug)]
pub enum Reply {
    /// Success without payload.
    Done,
    /// Success with this child.
    Xml(String),
    /// Success with this child (or none), to be seen only when `ticket` is durable; if that fails, an error.
    After(Ticket, Option<String>),
    /// The handler has put the answer into the session's queue itself.
    Sent,
    /// No.
    Error(StanzaError),
}

impl Reply {
    /// An error reply of that condition.
    pub fn error(condition: StanzaCondition) -> Reply {
        Reply::Error(StanzaError::new(condition))
    }
}

impl From<StanzaError> for Reply {
    fn from(error: StanzaError) -> Reply {
        Reply::Error(error)
    }
}

impl From<StoreError> for Reply {
    fn from(_: StoreError) -> Reply {
        // Logged where it happened; the client may try again later.
        Reply::error(StanzaCondition::InternalServerError)
    }
}

impl<E: Into<Reply>> From<Result<Reply, E>> for Reply {
    fn from(result: Result<Reply, E>) -> Reply {
        result.unwrap_or_else(Into::into)
    }
}

/// The shape of a service.
pub trait Handler: Send + Sync {
    /// Starts answering.
    fn handle(&self, request: Request) -> BoxFuture<'static, Reply>;
}

impl<F: Fn(Request) -> BoxFuture<'static, Reply> + Send + Sync> Handler for F {
    fn handle(&self, request: Request) -> BoxFuture<'static, Reply> {
        self(request)
    }
}

#[derive(Default)]
pub(crate) struct Service {
    get: Option<(Scope, Arc<dyn Handler>)>,
    set: Option<(Scope, Arc<dyn Handler>)>,
}

impl Service {
    pub(crate) fn slot(&mut self, ask: Ask) -> &mut Option<(Scope, Arc<dyn Handler>)> {
        if ask == Ask::Get { &mut self.get } else { &mut self.set }
    }

    /// The handler for that request, if the target is within its scope.
    pub(crate) fn find(&self, ask: Ask, scope: Scope) -> Option<&Arc<dyn Handler>> {
        let slot = if ask == Ask::Get { &self.get } else { &self.set };
        slot.as_ref().filter(|(scopes, _)| scopes.includes(scope)).map(|(_, handler)| handler)
    }
}
