//! Whatever comes in: no panic, and no success without the password.

use super::*;
use proptest::prelude::*;
use std::sync::LazyLock;

static STORED: LazyLock<Credentials> = LazyLock::new(|| credentials("right"));
const NAMES: [&str; 7] = [
    "PLAIN",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "SCRAM-SHA-512",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-512-PLUS",
];

/// Text in the alphabet of SCRAM and PLAIN, to get further than noise would.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("n,,n=u,r=x".to_owned()),
        Just("p=tls-exporter,,n=u,r=x".to_owned()),
        Just("c=biws,r=xservernonce".to_owned()),
        Just(",p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned()),
        Just("\0u\0".to_owned()),
        "[nyp=,amrcse0A\0é-]{0,12}",
    ];
    prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat().into_bytes())
}

fn succeeds(step: &Step) -> bool {
    matches!(step, Step::Success { .. })
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => likely(), 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

proptest! {
    #[test]
    fn never_panics_never_succeeds(
        name in prop::sample::select(&NAMES[..]),
        initial in prop::option::of(message()),
        responses in prop::collection::vec(message(), 0..3),
        known: bool,
    ) {
        let found = known.then_some(&*STORED);
        let (mut exchange, step) = Exchange::start(name, initial.as_deref(), Arc::new(context()));
        let mut step = settle(&mut exchange, step, found);
        for response in responses {
            prop_assert!(!succeeds(&step));
            let next = exchange.respond(&response);
            step = settle(&mut exchange, next, found);
        }
        prop_assert!(!succeeds(&step));
    }

    #[test]
    fn external_gives_only_what_the_certificate_names(authzid in message()) {
        let context = context();
        if let (_, Step::Success { identity, .. }) = start(&context, "EXTERNAL", &authzid) {
            prop_assert_eq!(identity, Identity::Certificate(context.certificate[0].clone()));
        }
    }

    #[test]
    fn base64_text_of_any_kind(text in ".{0,40}") {
        if let Ok(data) = decode_response(&text) {
            prop_assert!(text == "=" || encode_challenge(&data) == text);
        }
    }
}
