//! What must hold for every input, whoever makes it up: the generator beside it ([`generate`], for a minute in CI) or
//! libFuzzer (`tests/fuzz`, for as long as somebody lets it run).
//!
//! A target takes bytes and panics if something does not hold.

mod framer;
pub mod generate;
mod jid;
mod oracle;

pub use framer::framer;
pub use jid::jid;

/// A target: its name and what it checks.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[("framer", framer), ("jid", jid)];
