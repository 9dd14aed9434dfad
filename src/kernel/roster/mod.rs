//! The roster of RFC 6121 §2 and the subscriptions of §3 and Appendix A: a pure table of contacts.
//!
//! An operation changes the [`Roster`] in memory and returns a [`Change`]: rows to store, and an ordered list of
//! [`Effect`]s for the engine to perform. The state machine itself is two functions, [`outbound`] and [`inbound`].
//!
//! **Invariant:** no storage, no clock, no locks, no waiting. No operation scans the table, except those that give
//! all of it.

mod change;
mod item;
mod request;
mod set;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod xml;

pub use change::{COLLECTION, Change, Row};
pub use item::Item;
pub use set::{RosterError, RosterLimits, SetRequest};
pub use state::{Audience, Effect, State, Subscription, SubscriptionType, Transition, inbound, outbound};
pub use table::{Roster, RosterAnswer};
pub use xml::NS_ROSTER;
