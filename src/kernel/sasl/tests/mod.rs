//! The exchange as its two sides see it.

use super::*;
use crate::ports::Random;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use wire::jid::BareJid;

mod against_client;
mod any_input;
mod bound;
mod mechanisms;
mod refusals;
mod storage;
mod vectors;

/// Counts up for bytes and repeats the nonce that it is given.
struct Fixed(&'static str, AtomicU8);

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.1.fetch_add(1, Ordering::Relaxed));
    }
    fn token(&self) -> String {
        self.0.to_owned()
    }
}

fn random(nonce: &'static str) -> Arc<dyn Random> {
    Arc::new(Fixed(nonce, AtomicU8::new(0)))
}

const EXPORTER: [u8; 32] = [7; 32];
const END_POINT: [u8; 32] = [9; 32];

/// Under TLS, all mechanisms allowed, both types of channel binding at hand.
fn context() -> Context {
    Context {
        domain: "example.org".to_owned(),
        policy: Policy { anonymous: true, ..Policy::default() },
        bindings: ChannelBindings {
            tls: true,
            exporter: Some(EXPORTER),
            server_end_point: Some(END_POINT.to_vec()),
        },
        certificate: vec![jid("juliet")],
        secret: ServerSecret::new([1; 32]),
        iterations: iterations(),
        random: random("servernonce"),
    }
}

/// Without TLS, so without channel binding.
fn in_the_clear() -> Context {
    Context { bindings: ChannelBindings::default(), ..context() }
}

fn iterations() -> Iterations {
    Iterations::new(Iterations::MIN).unwrap()
}

fn credentials(password: &str) -> Credentials {
    Credentials::derive(password, iterations(), &Salts::new(&*random(""))).unwrap()
}

fn start(context: &Context, mechanism: &str, initial: &[u8]) -> (Exchange, Step) {
    Exchange::start(mechanism, Some(initial), Arc::new(context.clone()))
}

fn jid(local: &str) -> BareJid {
    BareJid::new(Some(local), "example.org").unwrap()
}

fn asked(step: Step) -> BareJid {
    match step {
        Step::NeedCredentials { account } => account,
        other => panic!("not a lookup: {other:?}"),
    }
}

fn challenge(step: Step) -> Vec<u8> {
    match step {
        Step::Challenge(data) => data,
        other => panic!("not a challenge: {other:?}"),
    }
}

fn failure(step: Step) -> SaslFailure {
    match step {
        Step::Failure(failure) => failure,
        other => panic!("not a failure: {other:?}"),
    }
}

fn account(name: &str) -> Identity {
    Identity::Account(jid(name))
}

/// Goes on where the server can by itself: looks `found` up, runs the computation.
fn settle(exchange: &mut Exchange, step: Step, found: Option<&Credentials>) -> Step {
    match step {
        Step::NeedCredentials { account } => {
            let step = exchange.credentials(&account, found).unwrap();
            settle(exchange, step, found)
        }
        Step::Compute(check) => exchange.computed(check.run()).unwrap(),
        step => step,
    }
}
