//! Conversations as plain text: what clients send and what they must receive.
//!
//! One text has several drivers: a [`Driver`] plays it in a [`World`](super::World), another one over sockets against
//! any server. Reading ([`Scenario::parse`]), comparing ([`Pattern`]) and playing ([`Scenario::play`]) know nothing of
//! either. The form is that of Prosody's scansion scripts with a few additions.
//!
//! ```text
//! # RFC 6121 §8.5.2.1.1: a chat message to the bare address reaches the available resource
//!
//! [Client] Romeo
//!     jid: romeo@example.org/orchard
//!     password: secret
//!
//! [Client] Juliet
//!     jid: juliet@example.org/balcony
//!
//! -----
//!
//! Romeo connects
//! Juliet connects
//!
//! Juliet sends: <presence/>
//! Juliet receives: <presence from='{juliet.jid}' to='{juliet.bare}'/>
//!
//! Romeo sends:
//!     <message to='juliet@example.org' type='chat'>
//!       <body>Hist!</body>
//!     </message>
//!
//! Juliet receives:
//!     <message from='romeo@example.org/orchard' to='juliet@example.org' type='chat'>
//!       <body>Hist!</body>
//!     </message>
//!
//! Romeo receives nothing
//! ```
//!
//! # Lines
//!
//! A line that starts with `#` is a comment; the first one is the title. A step starts at the margin; its XML follows
//! the colon or is indented below.
//!
//! `[Client] NAME` declares a client: its `jid`, with a resource to bind or without one to get the server's choice;
//! its `password` (`secret` unless said otherwise); `account: none` if there is to be no such account. Two clients
//! with one bare address share the account.
//!
//! | step | meaning |
//! |---|---|
//! | `NAME connects` | connects with TLS, logs in, binds the resource; sends no presence |
//! | `NAME opens a connection` | connects with TLS and says nothing yet |
//! | `NAME opens a connection in the clear` | the same without TLS |
//! | `NAME sends: XML` | sends the text as it is; starting with `<stream:stream …>` it begins a new stream |
//! | `NAME receives: XML…` | receives these elements, in this order |
//! | `NAME receives in any order: XML…` | receives these elements |
//! | `NAME receives one of: XML…` | receives one of these elements |
//! | `NAME may receive: XML` | receives this element if it comes next |
//! | `NAME receives nothing` | nothing has come and nothing comes |
//! | `nobody receives anything` | the same for all who are connected |
//! | `NAME discards`, `everybody discards` | drops what has come |
//! | `NAME disconnects` | sends `</stream:stream>` and drops what the server still says |
//! | `NAME breaks off` | the connection breaks without a word |
//! | `NAME is disconnected` | the server has closed the connection |
//! | `NAME and NAME are friends` | both, who are connected, subscribe to each other's presence |
//! | `wait 5 min` | time passes: `ms`, `s`, `min` or `h` |
//!
//! What is left unread at the end is a failure.
//!
//! # Comparing
//!
//! An element matches if name, namespace, attributes, text and children do. Without a declaration it is in
//! `jabber:client`; the prefix `stream` is bound. Children may come in another order. White space around text does not
//! count. `...` instead of an attribute stands for any further attributes, `...` instead of a child for any further
//! children and text. A stream header is written as `<stream:stream …>`, the end of the stream as `</stream:stream>`.
//!
//! In values and texts `{any}` stands for one or more characters. Another name in braces stands for what it stood for
//! before; if it is new, for any text, which it keeps: `id='{push}'` in one step, `id='{push}'` in a later one, sent
//! or received. `{x*300}` is 300 times x, for what is too long to read. `{name.jid}` and `{name.bare}` are the addresses of a client that connects, its name in lower case.
//!
//! What the RFC leaves to every server is not compared unless it is written: `xml:lang`, the `<text/>` and the `by` of
//! an error, and the payload that an error stanza repeats (RFC 6120 §8.3.1).
//!
//! Other servers than Stentor may do more otherwise ([`Driver::is_free`]): they may add `<stanza-id/>` (XEP-0359), the hash
//! of the vCard's picture (XEP-0153) and in presence the time (XEP-0203) to stanzas that pass; to a client that has logged
//! in a stanza may come without `from` and `to` where these are the client's own (RFC 6120 §8.1.1.1, §8.1.2.1), presence
//! may be addressed to the account or the client, and a normal message needs no type.

mod liberty;
mod parse;
mod pattern;
mod play;
mod reader;
mod template;
mod world;

#[cfg(test)]
mod tests;

pub use parse::ParseError;
pub use pattern::Pattern;
pub use play::{Driver, Failure, Wait};
pub use reader::Reader;
pub use template::Variables;
pub use world::{InWorld, play_folder};

use minidom::Element;
use std::time::Duration;

/// One conversation.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The first comment.
    pub title: String,
    /// Who takes part.
    pub actors: Vec<Actor>,
    /// What happens.
    pub steps: Vec<Step>,
}

/// A client that takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// How the text calls it.
    pub name: String,
    /// Bare address of its account.
    pub account: String,
    /// The resource it asks for.
    pub resource: Option<String>,
    /// The password of its account.
    pub password: String,
    /// False if there must be no such account.
    pub exists: bool,
}

/// One step. Actors are given by their place in [`Scenario::actors`].
#[derive(Clone, Debug)]
pub struct Step {
    /// Line of the text, from 1.
    pub line: usize,
    /// What is done.
    pub action: Action,
}

/// What is done in a step. See the module's table.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the table above says it")]
pub enum Action {
    Connect(usize),
    Open { actor: usize, tls: bool },
    Send { actor: usize, xml: String },
    Receive { actor: usize, patterns: Vec<Pattern>, any_order: bool },
    ReceiveOneOf { actor: usize, patterns: Vec<Pattern> },
    MayReceive { actor: usize, pattern: Pattern },
    ReceiveNothing(usize),
    NobodyReceives,
    Discard(Option<usize>),
    Disconnect(usize),
    BreakOff(usize),
    IsDisconnected(usize),
    Befriend(usize, usize),
    Wait(Duration),
}

/// What a server sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// A first-level element; or a stream header, as an element `stream` without children.
    Element(Element),
    /// `</stream:stream>`.
    Close,
}

impl std::fmt::Display for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Incoming::Element(element) => f.write_str(&String::from(element)),
            Incoming::Close => f.write_str("</stream:stream>"),
        }
    }
}
