//! The server side of SASL (RFC 4422) as XMPP uses it (RFC 6120 §6): PLAIN, SCRAM with and without channel
//! binding, ANONYMOUS and EXTERNAL.
//!
//! One authentication is an [`Exchange`]: bytes go in, a [`Step`] comes out that says what the caller does next.
//! What waits (looking up an account) and what is heavy (checking a plain password) is handed out as a step, so
//! nothing here blocks. [`Throttle`] says whether an attempt may be made at all.
//!
//! **Invariant:** no password is kept, only [`Credentials`], and an unknown account looks like a known one with a
//! wrong password, in answers, in their order and in cost.

mod credentials;
mod crypto;
mod encoding;
mod exchange;
mod failure;
mod offer;
mod plain;
mod prepare;
mod scram;
mod throttle;

#[cfg(test)]
mod tests;

pub use credentials::{Credentials, Iterations, PasswordError, Salts, ScramKeys};
pub use crypto::{Hash, ServerSecret};
pub use encoding::{decode_initial, decode_response, encode_challenge, encode_success};
pub use exchange::{Context, Exchange, Identity, MAX_MESSAGE, Step};
pub use failure::{Condition, SaslFailure};
pub use offer::{ChannelBindings, Mechanism, Plain, Policy, channel_binding_element, mechanisms};
pub use plain::{PlainCheck, PlainVerdict};
pub use throttle::{Throttle, Verdict};
