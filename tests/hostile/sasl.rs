//! Logins that must fail, and how; retries; ids that nobody can guess.

use crate::peer::{Peer, alone, server};
use base64::prelude::{BASE64_STANDARD, Engine};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use tests::stentor::Stentor;
use tests::stream::Stream;

const NS: &str = "urn:ietf:params:xml:ns:xmpp-sasl";

fn auth(mechanism: &str, data: &str) -> String {
    format!("<auth xmlns='{NS}' mechanism='{mechanism}'>{data}</auth>")
}

fn encoded(data: &str) -> String {
    BASE64_STANDARD.encode(data)
}

/// The condition of a failure, `success`, or the content of a challenge.
fn outcome(peer: &mut Peer) -> String {
    let answer = peer.until(">");
    if answer.contains("<failure") {
        let condition = peer.until(">").trim_start_matches('<').trim_end_matches(['/', '>']).to_owned();
        peer.until("</failure>");
        return condition;
    }
    if answer.contains("<success") { "success".to_owned() } else { peer.until("<") }
}

fn attempt(server: &Stentor, text: &str) -> String {
    let mut peer = Peer::open(server);
    peer.send(text);
    outcome(&mut peer)
}

#[test]
fn failures_have_their_conditions() {
    let _alone = alone();
    let server = server("", "", &["romeo", "juliet"]);
    let scram = |data: &str| auth("SCRAM-SHA-256", &encoded(data));
    let cases = [
        (auth("PLAIN", &encoded("juliet@localhost\0romeo\0secret")), "invalid-authzid"),
        (auth("PLAIN", &encoded("romeo@localhost\0romeo\0secret")), "success"),
        (auth("PLAIN", &encoded("\0ROMEO\0secret")), "success"),
        (auth("PLAIN", &encoded("\0romeo\0sec\0ret")), "malformed-request"),
        (auth("PLAIN", &encoded("\0romeo")), "malformed-request"),
        (auth("PLAIN", &encoded("\0romeo\0wrong")), "not-authorized"),
        (auth("PLAIN", &encoded("\0nobody\0secret")), "not-authorized"),
        (auth("PLAIN", "!!!!"), "incorrect-encoding"),
        (auth("PLAIN", "AHJvbWVvAHNlY3JldA"), "incorrect-encoding"),
        (auth("PLAIN", "="), "malformed-request"),
        (auth("PLAIN", &BASE64_STANDARD.encode(b"\0romeo\0\xff\xfe")), "malformed-request"),
        (auth("CRAM-MD5", ""), "invalid-mechanism"),
        (auth("", ""), "invalid-mechanism"),
        (auth("EXTERNAL", "="), "invalid-mechanism"),
        (auth("SCRAM-SHA-256-PLUS", &encoded("p=tls-exporter,,n=romeo,r=abc")), "invalid-mechanism"),
        (format!("<response xmlns='{NS}'>AAAA</response>"), "malformed-request"),
        (format!("<abort xmlns='{NS}'/>"), "aborted"),
        (scram("n,,m=new,n=romeo,r=abc"), "malformed-request"),
        (scram("n,a=juliet,n=romeo,r=abc"), "invalid-authzid"),
        (scram("p=tls-exporter,,n=romeo,r=abc"), "malformed-request"),
        (scram("n,,n=romeo"), "malformed-request"),
        (scram("n,,r=abc,n=romeo"), "malformed-request"),
        (scram("n,,n=ro=meo,r=abc"), "malformed-request"),
        (scram("n,,n=rom\0eo,r=abc"), "malformed-request"),
        (scram("x,,n=romeo,r=abc"), "malformed-request"),
    ];
    for (text, expected) in cases {
        let got = attempt(&server, &text);
        // RFC 5802 §7 has names for these; the condition around them is either.
        assert!(
            got == expected
                || (expected == "malformed-request" && got == "not-authorized" && text.contains("SCRAM")),
            "{text}: {got}"
        );
    }
}

#[test]
fn a_downgrade_is_refused() {
    let _alone = alone();
    let server = server("", "", &["romeo"]);
    let mut stream = Stream::secure(server.c2s(), "localhost");
    // "You don't offer channel binding": but -PLUS was offered (RFC 5802 §6).
    stream.send(&auth("SCRAM-SHA-256", &encoded("y,,n=romeo,r=abcdefgh")));
    stream.receive("<failure");
}

#[test]
fn unknown_users_look_like_known_ones() {
    let _alone = alone();
    let mut server = server("", "", &["romeo"]);
    let challenge = |server: &Stentor, user: &str| {
        let text = attempt(server, &auth("SCRAM-SHA-256", &encoded(&format!("n,,n={user},r=abc"))));
        let text = BASE64_STANDARD.decode(text.trim_end_matches('<')).expect("a challenge");
        let text = String::from_utf8(text).expect("ASCII");
        let mut parts = text.splitn(3, ',').map(str::to_owned);
        let (nonce, salt, rounds) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        assert!(nonce.starts_with("r=abc"), "{text}");
        (nonce.len(), salt, rounds)
    };
    let known = challenge(&server, "romeo");
    let unknown = challenge(&server, "nobody");
    assert_eq!((known.0, known.1.len(), &known.2), (unknown.0, unknown.1.len(), &unknown.2));
    assert_ne!(challenge(&server, "nobody2").1, unknown.1);
    server.kill();
    server.start();
    assert_eq!(
        challenge(&server, "nobody"),
        unknown,
        "another salt after a restart tells that there is no such user"
    );
    assert_eq!(challenge(&server, "romeo"), known);
    // However it is written.
    assert_eq!(challenge(&server, "NoBody"), unknown);
}

#[test]
fn guesses_are_limited_and_lock_nobody_out() {
    let _alone = alone();
    let server = server("", "", &["romeo", "juliet"]);
    let mut online = Peer::session(&server, "juliet", "balcony");
    // On one stream.
    let mut peer = Peer::open(&server);
    for _ in 0..5 {
        peer.send(&auth("PLAIN", &encoded("\0romeo\0opensesame")));
        assert_eq!(outcome(&mut peer), "not-authorized");
    }
    assert!(peer.rest().contains("<policy-violation "));
    // On one account.
    let outcomes: Vec<String> =
        (0..12).map(|_| attempt(&server, &auth("PLAIN", &encoded("\0romeo\0opensesame")))).collect();
    assert!(outcomes.contains(&"temporary-auth-failure".to_owned()), "{outcomes:?}");
    let right = attempt(&server, &auth("PLAIN", &encoded("\0romeo\0secret")));
    assert_eq!(right, "temporary-auth-failure", "the limit does not hold");
    online.ping();
    Peer::session(&server, "juliet", "chamber").ping();
    let failed = server.log().lines_with("login failed");
    assert!(failed.iter().all(|line| line.contains("127.0.0.1")) && failed.len() >= 5, "{failed:?}");
    assert!(!server.log().text().contains("opensesame"), "a password was logged");
}

#[test]
fn guesses_from_one_address_are_limited_there_alone() {
    let _alone = alone();
    let server = server("", "", &["romeo", "juliet"]);
    let (there, elsewhere) = (Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3));
    let open = |address| Peer::connect_from(&server, address).opened();
    let mut online = open(there).authenticated("juliet").bound("balcony");
    let [mut romeo, juliet] = [open(there), open(there)];
    // Each guess at another account, so that neither the stream nor the account is what limits them.
    let mut guesses = 0;
    let mut refused = false;
    while !refused {
        let mut peer = open(there);
        for _ in 0..4 {
            peer.send(&auth("PLAIN", &encoded(&format!("\0victim{guesses}\0opensesame"))));
            refused |= outcome(&mut peer) == "temporary-auth-failure";
            guesses += 1;
        }
        assert!(guesses < 100, "guesses are not limited");
    }
    assert!(guesses > 20, "an office behind one address is locked out after {guesses}");
    romeo.send(&auth("PLAIN", &encoded("\0romeo\0secret")));
    assert_eq!(outcome(&mut romeo), "temporary-auth-failure", "the limit does not hold");
    // Not those who are on, nor those who have been on from there before, nor other addresses.
    online.ping();
    juliet.authenticated("juliet").bound("chamber").ping();
    open(elsewhere).authenticated("romeo").bound("orchard").ping();
}

#[test]
fn ids_cannot_be_guessed() {
    let _alone = alone();
    let server = server("", "", &["romeo"]);
    let mut ids = BTreeSet::new();
    for _ in 0..100 {
        let mut peer = Peer::connect(&server);
        peer.send(crate::peer::HEADER);
        peer.until(" id='");
        ids.insert(peer.until("'"));
    }
    for _ in 0..20 {
        let mut peer = Peer::authenticate(&server, "romeo");
        peer.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
        peer.until("<jid>romeo@localhost/");
        ids.insert(peer.until("<").replace('<', "'"));
    }
    assert_eq!(ids.len(), 120);
    for id in &ids {
        // 128 bits in base32; the last one is the quote.
        assert_eq!(id.len(), 27, "{id}");
    }
    // No position repeats itself: each takes nearly every value of the alphabet. The last holds 3 bits.
    for position in 0..25 {
        let values: BTreeSet<u8> = ids.iter().map(|id| id.as_bytes()[position]).collect();
        assert!(values.len() > 16, "position {position} takes {} values", values.len());
    }
}
