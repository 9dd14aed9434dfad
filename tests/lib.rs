//! End-to-end tests: the built binary, over real sockets, as its users and administrators meet it.
//!
//! [`stentor`] starts and ends servers, [`sockets`] plays scenarios: whoever tests against a server takes them from here.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that finds something missing has failed")]

pub mod once;
pub mod sockets;
pub mod stentor;
pub mod stream;

#[cfg(test)]
mod checks;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod operation;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod slixmpp;
#[cfg(test)]
mod tidy;
