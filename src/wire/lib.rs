//! Bytes to XML to stanzas, and back: framing, addresses, namespaces and error conditions.
//!
//! **Invariant:** no I/O, no clock and no async here. What this crate accepts is strictly well-formed,
//! so nothing behind it checks XML again.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod error;
pub mod frame;
pub mod framer;
pub mod jid;
pub mod ns;

pub use error::{ErrorType, StanzaCondition, StanzaError, StreamCondition, StreamError};
pub use frame::{Frame, FrameBuilder, Head, Kind, Payload, RawFrame, StanzaType, XmlWriter};
pub use framer::{Content, Event, Framer, FramerError, Limits, StreamHeader};
pub use ns::{NsSet, NsTable};
