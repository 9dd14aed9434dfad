//! The protocol engine and all that a XEP may see.
//!
//! **Invariant:** no sockets, no clock and no runtime here. Time, randomness, storage and task spawning come in
//! through [`ports`]; everything that can race about an account changes under that account's one short lock,
//! inside which nothing waits.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod ports;
pub mod sasl;
