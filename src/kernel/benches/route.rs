//! The way of a chat message through the engine without sockets: framed, stamped, routed, queued and taken by the
//! writer. `cargo bench -p kernel --features testing --bench route`
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a bench")]

use kernel::testing::World;
use std::task::{Context, Waker};
use std::time::Instant;

const ROUNDS: usize = 200;
const BATCHES: usize = 100;

fn main() {
    let world = World::new();
    let mut sender = world.login("romeo@example.org/orchard");
    let mut receiver = world.login("juliet@example.org/balcony");
    sender.available();
    receiver.available();
    sender.recv();
    receiver.recv();
    let body = "x".repeat(200);
    let message = format!(
        "<message to='juliet@example.org' type='chat' id='0123456789abcdef'><body>{body}</body>\
         <active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/></message>"
    );
    for batch in [1, 20] {
        let input = message.repeat(batch);
        let mut output = Vec::with_capacity(1 << 20);
        let mut context = Context::from_waker(Waker::noop());
        let mut best = f64::MAX;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            for _ in 0..BATCHES {
                sender.with_stream(|stream| {
                    stream.receive(input.as_bytes());
                    let _ = stream.poll(&mut context);
                });
                output.clear();
                receiver.with_stream(|stream| {
                    let _ = stream.poll_take(&mut context, &mut output, usize::MAX);
                });
            }
            let each = start.elapsed().as_secs_f64() * 1e9 / (BATCHES * batch) as f64;
            best = best.min(each);
        }
        assert!(output.len() > input.len(), "nothing was routed");
        println!("{} bytes, {batch:>2} a read: {best:>6.0} ns a message", message.len());
    }
}
