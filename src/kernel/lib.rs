//! The protocol engine and all that a XEP may see.
//!
//! **Invariant:** no sockets, no clock and no runtime here. Time, randomness, storage and task spawning come in
//! through [`ports`]; everything that can race about an account changes under that account's one short lock,
//! inside which nothing waits.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod account;
mod accounts;
mod archive;
mod asked;
mod directory;
mod done;
mod engine;
pub mod hooks;
mod journal;
pub mod lines;
pub mod options;
pub mod outbox;
pub mod panics;
pub mod ports;
pub mod roster;
mod roster_service;
mod route;
mod router;
pub mod sasl;
mod session;
pub mod stream;
mod table;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;
mod users;
mod xep;

pub use account::{Account, AccountCache, Cache, Change, Flag, Mark};
pub use archive::{Archive, Excerpt};
pub use directory::Directory;
pub use engine::{Engine, Ports, Settings};
pub use router::Router;
pub use session::{SessionId, SessionRef};
pub use table::{Table, decode, encode};
pub use users::{UserError, Users};
pub use xep::{ConfigError, Env, Listed, OptionDoc, Software, StreamLimits, Xep};
