//! Credentials at rest.

use super::*;

#[test]
fn json_keeps_credentials() {
    let stored = credentials("secret");
    let json = serde_json::to_string(&stored).unwrap();
    assert!(json.starts_with(r#"{"sha-1":{"salt":""#), "{json}");
    let read: Credentials = serde_json::from_str(&json).unwrap();
    assert_eq!(read, stored);
    assert!(read.verify_plain("secret"));
    assert!(!read.verify_plain("Secret"));
    assert!(!read.verify_plain(""));
    assert_ne!(stored.keys(Hash::Sha1).unwrap().salt(), stored.keys(Hash::Sha256).unwrap().salt());

    let one: Credentials = serde_json::from_value(serde_json::json!({
        "sha-512": {
            "salt": "W22ZaJ0SNY7soEsUEjb6gQ==",
            "iterations": 4096,
            "stored-key": "6AAub3065EYRmyFpM2RNwqK+eGnrkYuEWbXn19LsEmBqzu8QaCXNc1FwpnX9NhH2hK/60dzj9DoO5DvVkOHbvg==",
            "server-key": "jZHbYjC1aHh0/hKbxyBuGFjDrgjgKTT1esA7awWiKcRZ0o/0b1yWEebBeSVkkCFewf91nLDfKF24mvD5nmE6rA==",
        }
    }))
    .unwrap();
    assert!(one.verify_plain("pencil"));
    assert!(one.keys(Hash::Sha1).is_none());
}

#[test]
fn damaged_credentials_are_refused() {
    let good = serde_json::to_string(&credentials("secret")).unwrap();
    for (from, to) in [("4096", "4095"), ("sha-1", "sha-512"), ("\"stored-key\":\"", "\"stored-key\":\"*")] {
        let damaged = good.replacen(from, to, 1);
        assert_ne!(damaged, good);
        assert!(serde_json::from_str::<Credentials>(&damaged).is_err(), "{from} -> {to}");
    }
    assert!(!Credentials::default().verify_plain("secret"));
}

#[test]
fn nothing_secret_is_shown() {
    let stored = credentials("secret");
    assert_eq!(
        format!("{stored:?}"),
        "{sha-512(4096 iterations, ..), sha-256(4096 iterations, ..), sha-1(4096 iterations, ..)}"
    );
    let (mut exchange, _) = start(&context(), "PLAIN", b"\0u\0secret");
    let step = exchange.credentials(&jid("u"), Some(&stored)).unwrap();
    assert_eq!(format!("{step:?}"), "Compute(PlainCheck(..))");
    assert_eq!(format!("{:?}", context().secret), "ServerSecret(..)");
}

#[test]
fn bounds_of_iterations() {
    assert_eq!(Iterations::new(4095), None);
    assert_eq!(Iterations::new(5_000_001), None);
    assert_eq!(Iterations::default().count(), 10_000);
    assert!(serde_json::from_str::<Iterations>("4095").is_err());
    assert_eq!(serde_json::from_str::<Iterations>("4096").unwrap(), iterations());
}

#[test]
fn impossible_passwords() {
    for password in ["", "a\0b", "a\nb"] {
        assert_eq!(
            Credentials::derive(password, iterations(), &Salts::new(&*random(""))),
            Err(PasswordError)
        );
    }
}

#[test]
fn work_can_move_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<PlainCheck>();
    is_send::<PlainVerdict>();
    is_send::<Exchange>();
    is_send::<Credentials>();
}
