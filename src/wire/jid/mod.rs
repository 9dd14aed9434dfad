//! XMPP addresses (RFC 7622): parsed, prepared and compared.
//!
//! **Invariant:** a [`Jid`], [`BareJid`], [`FullJid`] or [`JidView`] holds prepared text only, so two addresses
//! are equal exactly when their bytes are, and preparing one again changes nothing.
//!
//! The owned types are one shared string with offsets: cloning costs a reference count. [`JidView`] serves the
//! stanza path, where nearly every address is ASCII and prepared already: it takes one pass over the bytes and
//! no allocation.

mod address;
mod bidi;
mod context;
mod domain;
mod error;
mod precis;
mod prepare;
mod view;

#[cfg(test)]
mod tests;

pub use address::{BareJid, FullJid, Jid};
pub use error::{JidError, Part};
pub use prepare::{prepare_domain, prepare_local, prepare_password, prepare_resource, prepare_username};
pub use view::JidView;

/// The most bytes that a localpart, domainpart or resourcepart may have once prepared (RFC 7622 §3.1).
pub const MAX_PART: usize = 1023;
