//! Bytes to XML to stanzas, and back: framing, addresses, namespaces and error conditions.
//!
//! **Invariant:** no I/O, no clock and no async here. What this crate accepts is strictly well-formed,
//! so nothing behind it checks XML again.

pub mod jid;
