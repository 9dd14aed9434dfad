//! The session journal: what is written down of sessions, so that a crash is a resume.
//!
//! Each commit may carry a note with the events that belong to it: so what a stanza caused, and that it has been counted,
//! become durable together. At the start the notes are read back ([`Recovered`]).
//!
//! **Invariant:** events of one session are noted in the order in which they happened, and may be read back over a later
//! state of the session without harm: a checkpoint can be made while the server runs.

mod event;
mod recovery;

pub(crate) use event::{Event, Note};
pub(crate) use recovery::{Recovered, Recovery, Undelivered, is_after};
