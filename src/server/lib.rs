//! The daemon: everything that touches the operating system. Configuration, TLS, command line, logging.
#![forbid(unsafe_code)]
// A test that finds something missing has failed, which is what it is for.
#![cfg_attr(test, allow(clippy::expect_used, clippy::unwrap_used))]

pub mod assemble;
mod check;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod logging;
pub mod net;
pub mod notify;
pub mod ports;
mod seldom;
#[cfg(test)]
mod testing;
pub mod tls;
