//! How commands talk to the running server: a Unix socket in the data directory that only the server's own user
//! may open, one JSON line as request, one JSON line as response, then the end.

mod client;
mod server;

pub use client::ask;
pub use server::{bind, serve};

use super::Password;
use serde::{Deserialize, Serialize};
use wire::jid::BareJid;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AdminRequest {
    /// Make an account.
    UserAdd {
        /// Its address.
        jid: String,
        /// Its password.
        password: Password,
    },
    /// Change a password.
    UserPassword {
        /// The account's address.
        jid: String,
        /// Its new password.
        password: Password,
    },
    /// List accounts.
    UserList {
        /// Of this domain only.
        domain: Option<String>,
    },
    /// Delete an account.
    UserDelete {
        /// Its address.
        jid: String,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminResponse {
    /// Done, and durable.
    Ok,
    /// The accounts asked for.
    Users(Vec<BareJid>),
    /// It did not work.
    Error {
        /// What went wrong and what to do, for people.
        message: String,
    },
}

/// Longest request: addresses and passwords have at most 1023 bytes a part, and JSON may escape each byte in six.
const MAX_REQUEST: u64 = 64 * 1024;
