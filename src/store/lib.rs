//! Engines behind the storage ports: [`Memory`] for tests and simulation, [`Sqlite`] for the daemon.
//!
//! **Invariant:** this is the only crate with SQL in it. Both engines pass one contract suite
//! (`contract.rs`); what they are asked is checked in one place (`batch.rs`), so that they refuse the same.

mod batch;
#[cfg(test)]
mod contract;
mod job;
mod memory;
mod oneshot;
mod sqlite;

pub use memory::Memory;
pub use sqlite::{DATABASE, Found, OpenError, Options, Sqlite};
