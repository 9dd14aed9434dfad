//! Deep, wide and large input is cut early, hurts its own stream only, and memory comes back.

use crate::peer::{HEADER, Peer, alone, bystander, memory, memory_returns, server};
use std::time::{Duration, Instant};
use tests::stentor::{PATIENCE, Setup, Stentor};

fn hostile() -> Vec<(&'static str, String)> {
    let attributes: String = (0..1000).map(|index| format!(" a{index}=''")).collect();
    let namespaces: String = (0..1000).map(|index| format!(" xmlns:a{index}='urn:{index}'")).collect();
    vec![
        ("depth", format!("<message>{}", "<a>".repeat(10_000))),
        ("closed depth", format!("<message>{}{}</message>", "<a>".repeat(10_000), "</a>".repeat(10_000))),
        ("width", format!("<message>{}</message>", "<a/>".repeat(40_000))),
        ("attributes", format!("<message{attributes}/>")),
        ("namespaces", format!("<message{namespaces}/>")),
        ("a long name", format!("<message><{}/></message>", "a".repeat(100_000))),
        ("a long attribute", format!("<message to='{}'/>", "a".repeat(300_000))),
        ("size", format!("<message><body>{}</body></message>", "x".repeat(257 * 1024))),
        ("no end", format!("<message><body>{}", "x".repeat(1 << 20))),
        ("references", format!("<message><body>{}</body></message>", "&amp;".repeat(60_000))),
    ]
}

#[test]
fn what_is_too_much_ends_its_stream_alone() {
    let _alone = alone();
    let server = server("c2s_rate = \"unlimited\"", "", &["romeo", "juliet"]);
    let mut juliet = Peer::session(&server, "juliet", "balcony");
    // Each thread's allocator keeps a page of every size that it ever needed, some 6 MiB: those come first.
    for (_, text) in hostile().iter().cycle().take(50) {
        let mut romeo = Peer::session(&server, "romeo", "orchard");
        let _ = romeo.try_send(text.as_bytes());
        romeo.rest();
    }
    let before = memory(&server);
    let ((), longest) = bystander(&server, "juliet", || {
        for (what, text) in hostile() {
            for _ in 0..3 {
                let mut romeo = Peer::session(&server, "romeo", "orchard");
                let _ = romeo.try_send(text.as_bytes());
                let end = romeo.rest();
                assert!(end.contains("<policy-violation "), "{what}: {end}");
                let mut stranger = Peer::open(&server);
                let _ = stranger.try_send(text.as_bytes());
                let end = stranger.rest();
                assert!(
                    end.contains("<policy-violation ") || end.contains("<not-authorized "),
                    "{what}: {end}"
                );
            }
        }
    });
    juliet.ping();
    assert!(longest < Duration::from_secs(1), "somebody else waited for {longest:?}");
    let full = memory(&server);
    let after = memory_returns(&server, before + 10 * 1024, Duration::from_secs(20));
    eprintln!(
        "too much of everything: {before} KiB before, {full} at its end, {after} after; others waited {longest:?}"
    );
    assert!(after <= before + 10 * 1024, "{before} KiB before, {after} KiB after");
}

#[test]
fn the_largest_stanza_passes() {
    let _alone = alone();
    let server = server("c2s_rate = \"unlimited\"", "", &["romeo"]);
    let mut romeo = Peer::session(&server, "romeo", "orchard");
    let body = "x".repeat(255 * 1024);
    romeo.send(&format!(
        "<message to='romeo@localhost/orchard' type='chat' id='big'><body>{body}</body></message>"
    ));
    assert!(romeo.until("</message>").contains(&body));
}

#[test]
fn a_fast_sender_is_slowed_down_and_loses_nothing() {
    let _alone = alone();
    let server = server("c2s_rate = \"64 KiB/s\"", "", &["romeo", "juliet"]);
    let mut romeo = Peer::session(&server, "romeo", "orchard");
    let body = "x".repeat(4000);
    let start = Instant::now();
    // 500 KB; 256 KiB may come at once.
    for number in 0..125 {
        romeo.send(&format!(
            "<message to='romeo@localhost/orchard' type='chat' id='n{number}'><body>{body}</body></message>"
        ));
    }
    for number in 0..125 {
        assert!(romeo.until("</message>").contains(&format!("id='n{number}'")));
    }
    let took = start.elapsed();
    assert!(took > Duration::from_millis(2500), "it took {took:?} only");
    assert!(Peer::session(&server, "juliet", "balcony").ping() < Duration::from_secs(1));
}

/// A connection that is served, or none if it is refused.
fn admitted(server: &Stentor) -> Option<Peer> {
    let mut peer = Peer::connect(server);
    // A refused one may be gone already.
    let _ = peer.try_send(HEADER.as_bytes());
    let served = matches!(peer.socket().peek(&mut [0; 1]), Ok(1..));
    served.then_some(peer)
}

#[test]
fn connections_of_one_address_are_counted() {
    let _alone = alone();
    let config = "[tls]\nrequired = false\n[limits]\nconnections_per_address = 5\n";
    let server = Setup::default().config(config).start();
    // That of the test whether the server listens may count for a moment.
    let patience = Instant::now() + PATIENCE;
    let mut peers = Vec::new();
    while peers.len() < 5 {
        peers.extend(admitted(&server));
        assert!(Instant::now() < patience, "{} are served", peers.len());
    }
    assert!((0..3).all(|_| admitted(&server).is_none()), "one too many");
    peers.pop();
    while admitted(&server).is_none() {
        assert!(Instant::now() < patience, "a place that is free again is not given");
    }
}
