//! What the `sasl` crate's client cannot do: every hash bound to every type of channel, authorization identities
//! and extensions, all the way to success.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// RFC 5802 §3, the client's side: the client-final-message and the server-final-message to expect.
fn answer(
    hash: Hash,
    first: &str,
    binding: &[u8],
    server_first: &str,
    password: &[u8],
    extension: &str,
) -> (String, String) {
    let bare = &first[first.find("n=u").unwrap()..];
    let header = first.strip_suffix(bare).unwrap();
    let mut parts = server_first.split(',').map(|part| &part[2..]);
    let (nonce, salt, count) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let cbind = STANDARD.encode([header.as_bytes(), binding].concat());
    let without_proof = format!("c={cbind},r={nonce}{extension}");
    let message = format!("{bare},{server_first},{without_proof}");

    let salted = hash.salted_password(password, &STANDARD.decode(salt).unwrap(), count.parse().unwrap());
    let mut proof = hash.hmac(&salted, &[b"Client Key"]);
    let signature = hash.hmac(&hash.digest(&proof), &[message.as_bytes()]);
    proof.iter_mut().zip(&*signature).for_each(|(a, b)| *a ^= b);
    let server_key = hash.hmac(&salted, &[b"Server Key"]);
    let verifier = hash.hmac(&server_key, &[message.as_bytes()]);
    (format!("{without_proof},p={}", STANDARD.encode(&*proof)), format!("v={}", STANDARD.encode(&*verifier)))
}

#[test]
fn every_hash_on_every_channel() {
    let stored = credentials("secret");
    for hash in Hash::ALL {
        let name = Mechanism::Scram { hash, plus: true }.name();
        for (kind, data) in [("tls-exporter", EXPORTER), ("tls-server-end-point", END_POINT)] {
            for (authzid, extension) in [("", ""), ("a=u@example.org", ",e=1,f=a=b")] {
                let first = format!("p={kind},{authzid},n=u,r=x{extension}");
                let login = |data: &[u8], found, password: &[u8]| {
                    let (mut exchange, step) = start(&context(), name, first.as_bytes());
                    let challenge = String::from_utf8(challenge(settle(&mut exchange, step, found))).unwrap();
                    let (last, verifier) = answer(hash, &first, data, &challenge, password, extension);
                    (exchange.respond(last.as_bytes()), verifier)
                };
                let (step, verifier) = login(&data, Some(&stored), b"secret");
                let Step::Success { identity, additional_data } = step else {
                    panic!("{name} {first}: {step:?}")
                };
                assert_eq!(identity, account("u"));
                assert_eq!(additional_data.unwrap(), verifier.as_bytes());

                for (data, found, password) in [
                    ([0; 32], Some(&stored), &b"secret"[..]),
                    (data, Some(&stored), b"wrong"),
                    (data, None, b"secret"),
                ] {
                    assert!(failure(login(&data, found, password).0).is_guess());
                }
            }
        }
    }
}

/// Binding data of one type are not proof for the other.
#[test]
fn types_are_not_mixed_up() {
    let stored = credentials("secret");
    let first = "p=tls-exporter,,n=u,r=x";
    let (mut exchange, step) = start(&context(), "SCRAM-SHA-256-PLUS", first.as_bytes());
    let challenge = String::from_utf8(challenge(settle(&mut exchange, step, Some(&stored)))).unwrap();
    let (last, _) = answer(Hash::Sha256, first, &END_POINT, &challenge, b"secret", "");
    assert_eq!(failure(exchange.respond(last.as_bytes())).reason, "channel bindings do not match");
}
