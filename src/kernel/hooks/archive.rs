//! What is kept for good, what is copied, what can wait, and who has to be woken: the decisions that XEPs take about a
//! message on its way. None of them waits, all are taken under the lock of an account.

use super::filter::{Direction, Passing};
use crate::account::Mark;
use bytes::Bytes;
use std::sync::Arc;
use wire::frame::Frame;
use wire::jid::{BareJid, FullJid};

/// Decides about a stanza that passes an account.
pub(crate) type Decide = dyn Fn(&Passing<'_>) -> bool + Send + Sync;

/// What goes into archives (XEP-0313).
#[derive(Clone)]
pub(crate) struct Archiving {
    /// Whether a message has anything to be kept, whoever wants it. Asked once a message.
    pub(crate) worth: fn(&Frame) -> bool,
    /// Whether the account that it passes wants it.
    pub(crate) wanted: Arc<Decide>,
}

/// Copies of messages for sessions that did not get or send them (XEP-0280).
#[derive(Clone, Copy)]
pub struct Copying {
    /// Sessions with this mark get copies.
    pub mark: Mark,
    /// Whether a message is copied, at an account that it reaches or leaves. Asked only where a session bears the mark.
    pub eligible: fn(&Frame, Direction) -> bool,
    /// The copy: a whole stanza from the account to one of its sessions.
    pub wrap: fn(&Frame, Direction, &BareJid, &FullJid) -> Bytes,
}

/// What becomes of a stanza for a session whose client says that nobody looks (XEP-0352).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// It goes at once, after all that was held back.
    Now,
    /// It can wait. Of presence from one address, only the latest is kept.
    Later,
    /// It means nothing later.
    Never,
}

/// Why a message needs somebody to be woken (XEP-0357).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// No session of the account can take it.
    Nobody,
    /// It waits for a session whose stream is lost.
    Asleep,
    /// A session has not acknowledged it for a while.
    Silent,
    /// Some session takes it, and it is in the archive for those that are not there.
    Elsewhere,
}
