//! Engines behind the storage ports: [`Sqlite`] for the daemon. [`Memory`], for tests, comes with the ports.
//!
//! **Invariant:** this is the only crate with SQL in it. Both engines pass one contract suite
//! (`contract.rs`); what they are asked is checked in one place ([`kernel::ports::batch`]), so that they refuse the same.

#[cfg(test)]
mod contract;
mod job;
mod oneshot;
mod sqlite;

pub use kernel::ports::Memory;
pub use sqlite::{DATABASE, Found, OpenError, Options, Sqlite, Text};
