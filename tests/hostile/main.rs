//! Hostile and broken peers, full disks, and more of everything than is reasonable, against the built server.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that finds something missing has failed")]

mod mutation;
mod mutator;
