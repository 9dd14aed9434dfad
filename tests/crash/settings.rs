//! What a run is like, from its test and from the environment (see README.md).

use crate::client::Token;
use crate::receivers::Habit;
use std::env;
use std::fmt::Debug;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// A server that a script starts.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// The script; it gets a folder and a port.
    pub(crate) start: String,
    /// What it gets besides.
    pub(crate) arguments: Vec<String>,
    /// For STARTTLS; direct TLS is on the next one.
    pub(crate) port: u16,
    pub(crate) domain: String,
}

/// See the head of the file.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) kills: usize,
    /// Between two kills, in milliseconds: from, to.
    pub(crate) pause: (u64, u64),
    /// So many senders, and so many receivers.
    pub(crate) pairs: u16,
    /// Messages in the log before the load.
    pub(crate) preload: usize,
    /// The server must be there that soon after its start.
    pub(crate) ready: Duration,
    pub(crate) peer: Option<Peer>,
    /// What senders do about resumption, in turns.
    pub(crate) tokens: Vec<Token>,
    /// What receivers do, in turns.
    pub(crate) habits: Vec<Habit>,
}

impl Settings {
    /// With so many kills, and what the environment says.
    pub(crate) fn with_kills(kills: usize) -> Settings {
        let seed = env::var("CRASH_SEED").map_or_else(|_| now(), |_| variable("CRASH_SEED", 0));
        Settings {
            seed,
            kills: variable("CRASH_KILLS", kills),
            pause: (variable("CRASH_PAUSE_FROM", 300), variable("CRASH_PAUSE_TO", 2500)),
            pairs: variable("CRASH_PAIRS", 10),
            preload: variable("CRASH_PRELOAD", 0),
            ready: Duration::from_millis(variable("CRASH_READY", 1000)),
            tokens: vec![Token::Kept, Token::NotWanted, Token::Kept, Token::Forgotten],
            habits: Habit::ALL.to_vec(),
            peer: env::var("CRASH_START").ok().map(|start| {
                let mut words = start.split_whitespace().map(str::to_owned);
                Peer {
                    start: words.next().expect("CRASH_START names a script"),
                    arguments: words.collect(),
                    port: variable("CRASH_PORT", 20500),
                    domain: variable("CRASH_DOMAIN", "bench.local".to_owned()),
                }
            }),
        }
    }
}

fn variable<T: FromStr<Err: Debug>>(name: &str, default: T) -> T {
    match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error:?}")),
        Err(_) => default,
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("before the end of time")
}
