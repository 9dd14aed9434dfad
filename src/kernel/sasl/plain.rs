//! PLAIN (RFC 4616): the password itself. Checking it is heavy and done where the caller wants.

use super::credentials::ScramKeys;
use super::{SaslFailure, prepare};
use std::sync::Arc;
use subtle::Choice;
use zeroize::Zeroizing;

/// The client's one message, in its parts.
pub(super) struct Message<'a> {
    pub(super) authzid: Option<&'a str>,
    pub(super) username: &'a str,
    /// `None` if it cannot be a password.
    pub(super) password: Option<Zeroizing<String>>,
}

/// RFC 4616 §2: `[authzid] NUL authcid NUL passwd`, the latter two not empty.
pub(super) fn parse(data: &[u8]) -> Result<Message<'_>, SaslFailure> {
    const MALFORMED: SaslFailure =
        SaslFailure::malformed("PLAIN wants authzid NUL user NUL password, in UTF-8");
    let text = std::str::from_utf8(data).map_err(|_| MALFORMED)?;
    let mut parts = text.split('\0');
    let (Some(authzid), Some(username), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(MALFORMED);
    };
    if username.is_empty() || password.is_empty() {
        return Err(MALFORMED);
    }
    let authzid = (!authzid.is_empty()).then_some(authzid);
    Ok(Message { authzid, username, password: prepare::password(password) })
}

/// A plain password and what it is to be checked against, to be run on a thread that may be busy for a while.
pub struct PlainCheck {
    pub(super) exchange: Arc<()>,
    pub(super) password: Zeroizing<String>,
    pub(super) keys: ScramKeys,
    /// The account exists. If not, `keys` are made up and the work is done for its duration.
    pub(super) known: Choice,
}

impl PlainCheck {
    /// Hashes the password and compares: some milliseconds per 10,000 iterations.
    pub fn run(self) -> PlainVerdict {
        let right = self.keys.verify_plain(&self.password);
        PlainVerdict { exchange: self.exchange, right: (right & self.known).into() }
    }
}

impl std::fmt::Debug for PlainCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlainCheck(..)")
    }
}

/// What a [`PlainCheck`] found, for the exchange that it came from and for no other.
#[derive(Debug)]
pub struct PlainVerdict {
    exchange: Arc<()>,
    pub(super) right: bool,
}

impl PlainVerdict {
    pub(super) fn is_for(&self, exchange: &Arc<()>) -> bool {
        Arc::ptr_eq(&self.exchange, exchange)
    }
}
