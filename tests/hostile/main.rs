//! Hostile and broken peers, full disks, and more of everything than is reasonable, against the built server.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that finds something missing has failed")]

mod crowd;
mod disk;
mod form;
mod limits;
mod mutation;
mod mutator;
mod peer;
mod sasl;
mod size;
mod slow_reader;
mod slowness;
mod wire_mutation;
