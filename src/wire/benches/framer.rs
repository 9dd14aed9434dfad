//! What a chat message costs: framing with its index, and a new start tag.
//!
//! `cargo bench -p wire --bench framer`. Prints the best of several rounds, in nanoseconds a message.

#![allow(clippy::disallowed_methods, reason = "it measures time")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use wire::{Event, Framer, Limits, NsTable};

const HEADER: &[u8] =
    b"<?xml version='1.0'?><stream:stream to='example.org' version='1.0' xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams'>";

/// 415 bytes: body, chat state, receipt request, marker, origin id.
const MESSAGE: &str = "<message to='juliet@capulet.example/balcony-3f1c' type='chat' \
    id='c8d1b7b0-5a1e-4a52-9c55-1f6e2f3a9b10' xml:lang='en'><body>Art thou not Romeo, and a Montague? Neither, fair \
    saint, if either thee dis.</body><active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>\
    <markable xmlns='urn:xmpp:chat-markers:0'/><origin-id xmlns='urn:xmpp:sid:0' id='c8d1b7b0-5a1e-4a52-9c55'/></message>";

const ROUNDS: usize = 400;
const MESSAGES: usize = 2_000;

fn names() -> Arc<NsTable> {
    Arc::new(NsTable::new(&[
        "jabber:client",
        "http://jabber.org/protocol/chatstates",
        "urn:xmpp:receipts",
        "urn:xmpp:chat-markers:0",
        "urn:xmpp:sid:0",
        "urn:xmpp:delay",
        "urn:xmpp:carbons:2",
        "urn:xmpp:mam:2",
    ]))
}

fn opened() -> Framer {
    let mut framer = Framer::new(Limits::after_login(), names());
    framer.receive(HEADER);
    assert!(matches!(framer.next(), Ok(Some(Event::Header(_)))));
    framer
}

/// Best time of all rounds, by message.
fn best(name: &str, mut round: impl FnMut()) {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        round();
        best = best.min(begin.elapsed().as_nanos() as f64 / MESSAGES as f64);
    }
    println!("{name:<44} {best:>7.0} ns");
}

fn main() {
    println!("message of {} bytes", MESSAGE.len());

    let batch: Vec<u8> = MESSAGE.bytes().cycle().take(MESSAGE.len() * 20).collect();
    let mut framer = opened();
    best("frame, 20 messages a read", || {
        for _ in 0..MESSAGES / 20 {
            framer.receive(black_box(&batch));
            while let Ok(Some(event)) = framer.next() {
                black_box(&event);
            }
        }
    });

    let mut framer = opened();
    best("frame, one message a read, buffer given back", || {
        for _ in 0..MESSAGES {
            framer.receive(black_box(MESSAGE.as_bytes()));
            while let Ok(Some(event)) = framer.next() {
                black_box(&event);
            }
        }
    });

    let mut framer = opened();
    best("frame, dripped in pieces of 16 bytes", || {
        for _ in 0..MESSAGES {
            for piece in MESSAGE.as_bytes().chunks(16) {
                framer.receive(black_box(piece));
                while let Ok(Some(event)) = framer.next() {
                    black_box(&event);
                }
            }
        }
    });

    let long = format!("<message><body>{}</body></message>", "Neither, fair saint. ".repeat(200));
    let mut framer = opened();
    best("frame, 4 KB of text", || {
        for _ in 0..MESSAGES {
            framer.receive(black_box(long.as_bytes()));
            while let Ok(Some(event)) = framer.next() {
                black_box(&event);
            }
        }
    });

    let mut framer = opened();
    framer.receive(MESSAGE.as_bytes());
    if let Ok(Some(Event::Stanza(raw))) = framer.next() {
        best("stamp from", || {
            for _ in 0..MESSAGES {
                black_box(raw.stamp(black_box("romeo@montague.example/orchard-77aa"), None));
            }
        });
        best("stamp from and to", || {
            for _ in 0..MESSAGES {
                black_box(raw.stamp(
                    black_box("romeo@montague.example/orchard-77aa"),
                    Some(black_box("juliet@capulet.example/balcony-3f1c")),
                ));
            }
        });
        let frame = raw.stamp("romeo@montague.example/orchard-77aa", None);
        best("look at the children", || {
            for _ in 0..MESSAGES {
                black_box(frame.elements().count());
            }
        });
        best("build a tree", || {
            for _ in 0..MESSAGES {
                black_box(frame.element());
            }
        });
    }
}
