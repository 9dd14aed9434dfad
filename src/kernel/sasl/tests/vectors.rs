//! The examples of the RFCs, byte by byte.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

struct Example {
    hash: Hash,
    mechanism: &'static str,
    salt: &'static str,
    server_nonce: &'static str,
    client_first: &'static str,
    server_first: &'static str,
    client_final: &'static str,
    server_final: &'static str,
}

const EXAMPLES: [Example; 3] = [
    // RFC 5802 §5
    Example {
        hash: Hash::Sha1,
        mechanism: "SCRAM-SHA-1",
        salt: "QSXCR+Q6sek8bf92",
        server_nonce: "3rfcNHYJY1ZVvWVs7j",
        client_first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        server_first: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        client_final: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        server_final: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    },
    // RFC 7677 §3
    Example {
        hash: Hash::Sha256,
        mechanism: "SCRAM-SHA-256",
        salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
        server_nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        client_first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        server_first: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                       s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        client_final: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                       p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        server_final: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    },
    // No RFC has one: the inputs of RFC 7677, computed with Python's hashlib and hmac.
    Example {
        hash: Hash::Sha512,
        mechanism: "SCRAM-SHA-512",
        salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
        server_nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        client_first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        server_first: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                       s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        client_final: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                       p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==",
        server_final: "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==",
    },
];

#[test]
fn examples_of_scram() {
    for example in EXAMPLES {
        let salt = STANDARD.decode(example.salt).unwrap();
        let mut stored = Credentials::default();
        stored.insert(ScramKeys::derive(example.hash, "pencil", iterations(), &salt).unwrap());
        let context = Context { random: random(example.server_nonce), ..context() };

        let (mut exchange, step) = start(&context, example.mechanism, example.client_first.as_bytes());
        assert_eq!(asked(step), jid("user"));
        let step = exchange.credentials(&jid("user"), Some(&stored)).unwrap();
        assert_eq!(String::from_utf8(challenge(step)).unwrap(), example.server_first);
        let Step::Success { identity, additional_data } = exchange.respond(example.client_final.as_bytes())
        else {
            panic!("{} fails", example.mechanism)
        };
        assert_eq!(identity, account("user"));
        assert_eq!(additional_data.unwrap(), example.server_final.as_bytes());
    }
}

/// RFC 4616 §4, with and without initial response.
#[test]
fn examples_of_plain() {
    let stored = credentials("tanstaaftanstaaf");
    let (mut exchange, step) = start(&context(), "PLAIN", b"\0tim\0tanstaaftanstaaf");
    let step = settle(&mut exchange, step, Some(&stored));
    assert!(matches!(step, Step::Success { identity, additional_data: None } if identity == account("tim")));

    let (mut exchange, step) = Exchange::start("PLAIN", None, Arc::new(context()));
    assert_eq!(challenge(step), b"");
    let step = exchange.respond(b"\0tim\0tanstaaftanstaaf");
    let step = settle(&mut exchange, step, Some(&stored));
    assert!(matches!(step, Step::Success { .. }));

    let (_, step) = start(&context(), "PLAIN", b"Ursel\0Kurt\0xipj3plmq");
    assert_eq!(failure(step).condition, Condition::InvalidAuthzid);
}

/// RFC 4505 §4
#[test]
fn example_of_anonymous() {
    let (mut exchange, step) = Exchange::start("ANONYMOUS", None, Arc::new(context()));
    assert_eq!(challenge(step), b"");
    let Step::Success { identity, .. } = exchange.respond(b"sirhc") else { panic!("fails") };
    assert_eq!(identity, Identity::Anonymous { trace: Some("sirhc".to_owned()) });
}
