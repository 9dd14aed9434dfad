//! What the engine needs from outside, as traits: storage, the clock, randomness and task spawning.
//!
//! Engines for storage live in the `store` crate, but for [`Memory`]; the rest in `server`; tests bring their own.

pub mod batch;
mod environment;
mod log;
mod memory;
mod store;
mod ticket;

pub(crate) use environment::give_way;
pub use environment::{Clock, Job, Millis, Random, Spawn, Task, WallMillis};
pub use log::{Archived, List, LogEntry, LogId, LogPage, LogQuery, Order, Peer, Search, text};
pub use memory::Memory;
pub use store::{
    Batch, BoxFuture, Collection, Listed, Op, Opened, Owner, Row, Store, StoreError, Swap, Value,
};
pub use ticket::{Commit, Committed, Outcome, Ticket};
