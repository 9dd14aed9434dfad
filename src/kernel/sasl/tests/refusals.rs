//! Every way to be refused, by table; and what must not be refused.

use super::*;
use Condition::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

#[test]
fn first_messages() {
    let long = [b"\0u\0".to_vec(), vec![b'p'; MAX_MESSAGE]].concat();
    let trace = "é".repeat(256);
    let cases: &[(&str, &[u8], Condition)] = &[
        ("", b"", InvalidMechanism),
        ("CRAM-MD5", b"", InvalidMechanism),
        ("plain", b"\0u\0p", InvalidMechanism),
        ("SCRAM-SHA-1 ", b"n,,n=u,r=x", InvalidMechanism),
        ("PLAIN", b"", MalformedRequest),
        ("PLAIN", b"u\0p", MalformedRequest),
        ("PLAIN", b"\0\0p", MalformedRequest),
        ("PLAIN", b"\0u\0", MalformedRequest),
        ("PLAIN", b"\0u\0p\0", MalformedRequest),
        ("PLAIN", b"\0u\0\xff", MalformedRequest),
        ("PLAIN", &long, MalformedRequest),
        ("PLAIN", b"\0u v\0p", NotAuthorized),
        ("PLAIN", b"\0u@example.org\0p", NotAuthorized),
        ("PLAIN", b"\0u\0p\x07", NotAuthorized),
        ("PLAIN", b"v\0u\0p", InvalidAuthzid),
        ("PLAIN", b"v@example.org\0u\0p", InvalidAuthzid),
        ("PLAIN", b"u@example.com\0u\0p", InvalidAuthzid),
        ("PLAIN", b"u@example.org/r\0u\0p", InvalidAuthzid),
        ("PLAIN", b"example.org\0u\0p", InvalidAuthzid),
        ("PLAIN", b"@example.org\0u\0p", InvalidAuthzid),
        ("SCRAM-SHA-1", b"", MalformedRequest),
        ("SCRAM-SHA-1", b"n", MalformedRequest),
        ("SCRAM-SHA-1", b"n,", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,", MalformedRequest),
        ("SCRAM-SHA-1", b"x,,n=u,r=x", MalformedRequest),
        ("SCRAM-SHA-1", b"n=,,n=u,r=x", MalformedRequest),
        ("SCRAM-SHA-1", b"F,n,,n=u,r=x", MalformedRequest),
        ("SCRAM-SHA-1", b"n,u,n=u,r=x", MalformedRequest),
        ("SCRAM-SHA-1", b"n,a=,n=u,r=x", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=,r=x", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,r=x,n=u", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=u", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=u,", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=u,r=", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=u,r=a b", MalformedRequest),
        ("SCRAM-SHA-1", "n,,n=u,r=é".as_bytes(), MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=u,r=x,", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=u,r=x,ext", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=u,r=x,e=", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=u,r=x,ee=1", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,m=1,n=u,r=x", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=u,r=x,m=1", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=u=,r=x", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=u=2,r=x", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=u=41,r=x", MalformedRequest),
        ("SCRAM-SHA-1", "n,,n=u=é,r=x".as_bytes(), MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=u\0,r=x", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=\xff,r=x", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=u=40v,r=x", MalformedRequest),
        ("SCRAM-SHA-1", b"n,,n=u@v,r=x", NotAuthorized),
        ("SCRAM-SHA-1", b"n,a=v,n=u,r=x", InvalidAuthzid),
        ("SCRAM-SHA-1", b"n,a=u@example.com,n=u,r=x", InvalidAuthzid),
        ("SCRAM-SHA-1", b"y,,n=u,r=x", NotAuthorized),
        ("SCRAM-SHA-1", b"p=tls-exporter,,n=u,r=x", MalformedRequest),
        ("SCRAM-SHA-1-PLUS", b"n,,n=u,r=x", MalformedRequest),
        ("SCRAM-SHA-1-PLUS", b"y,,n=u,r=x", MalformedRequest),
        ("SCRAM-SHA-1-PLUS", b"p=,,n=u,r=x", MalformedRequest),
        ("SCRAM-SHA-1-PLUS", b"p=tls exporter,,n=u,r=x", MalformedRequest),
        ("SCRAM-SHA-1-PLUS", b"p=tls-unique,,n=u,r=x", NotAuthorized),
        ("SCRAM-SHA-1-PLUS", b"p=TLS-EXPORTER,,n=u,r=x", NotAuthorized),
        ("ANONYMOUS", trace.as_bytes(), MalformedRequest),
        ("ANONYMOUS", b"\xff", MalformedRequest),
        ("ANONYMOUS", b"two\nlines", MalformedRequest),
        ("EXTERNAL", b"\xff", MalformedRequest),
        ("EXTERNAL", b"juliet@example.org\0", MalformedRequest),
        ("EXTERNAL", b"romeo@example.org", InvalidAuthzid),
        ("EXTERNAL", b"juliet", InvalidAuthzid),
        ("EXTERNAL", b"juliet@example.org/balcony", InvalidAuthzid),
    ];
    for (mechanism, message, condition) in cases {
        let shown = String::from_utf8_lossy(message);
        let (mut exchange, step) = start(&context(), mechanism, message);
        let Step::Failure(failure) = step else { panic!("{mechanism} {shown:?} gives {step:?}") };
        assert_eq!(failure.condition, *condition, "{mechanism} {shown:?}: {failure}");
        // It stays over.
        assert!(matches!(exchange.respond(message), Step::Failure(_)));
        assert!(exchange.credentials(&jid("u"), None).is_none());
    }
}

#[test]
fn first_messages_that_are_fine() {
    let cases: &[(&str, &[u8], &str)] = &[
        ("PLAIN", b"\0U\0p", "u"),
        ("PLAIN", b"u\0u\0p", "u"),
        ("PLAIN", b"U@Example.ORG\0u\0p", "u"),
        ("SCRAM-SHA-1", b"n,,n=U,r=x", "u"),
        ("SCRAM-SHA-512", b"n,a=u,n=u,r=x", "u"),
        ("SCRAM-SHA-256", b"n,a=U@Example.ORG,n=u,r=x,e=1,f=a=b", "u"),
        ("SCRAM-SHA-1", b"n,,n=a=2Cb=3Dc=2cd=3d,r=x", "a,b=c,d="),
        ("SCRAM-SHA-1-PLUS", b"p=tls-exporter,,n=u,r=x", "u"),
        ("SCRAM-SHA-1-PLUS", b"p=tls-server-end-point,,n=u,r=x", "u"),
    ];
    for (mechanism, message, name) in cases {
        assert_eq!(asked(start(&context(), mechanism, message).1), jid(name));
    }
    // Without TLS nothing can be bound, so `y` is the truth.
    assert_eq!(asked(start(&in_the_clear(), "SCRAM-SHA-1", b"y,,n=u,r=x").1), jid("u"));
}

#[test]
fn final_messages() {
    let stored = credentials("secret");
    let proof = STANDARD.encode([0; 20]);
    let good = format!("c=biws,r=xservernonce,p={proof}");
    let cases: &[(&str, Condition)] = &[
        (&good, NotAuthorized),
        ("", MalformedRequest),
        ("c=biws,r=xservernonce", MalformedRequest),
        ("c=biws,r=xservernonce,p=", MalformedRequest),
        ("c=biws,r=xservernonce,p=AAAA", MalformedRequest),
        ("c=biws,r=xservernonce,p=*", MalformedRequest),
        (&good.replace("c=biws", "c=eSws"), NotAuthorized),
        (&good.replace("c=biws", "c=biw"), MalformedRequest),
        (&good.replace("c=biws", "c="), NotAuthorized),
        (&good.replace("c=biws,", ""), MalformedRequest),
        (&good.replace("c=biws,", "m=1,c=biws,"), MalformedRequest),
        (&good.replace(",p=", ",m=1,p="), MalformedRequest),
        (&good.replace(",p=", ",e,p="), MalformedRequest),
        (&good.replace(",p=", ",e=1,p="), NotAuthorized),
        (&good.replace("xservernonce", "x"), NotAuthorized),
        (&good.replace("xservernonce", "xservernoncex"), NotAuthorized),
        (&good.replace("xservernonce", ""), NotAuthorized),
        (&good.replace("r=", "s="), MalformedRequest),
        (&(good.clone() + ",e=1"), MalformedRequest),
        (&good.replace("biws", "b\0iws"), MalformedRequest),
        (&good.replace("p=", &format!("e={},p=", "x".repeat(MAX_MESSAGE))), MalformedRequest),
    ];
    for (message, condition) in cases {
        for found in [Some(&stored), None] {
            let (mut exchange, step) = start(&context(), "SCRAM-SHA-1", b"n,,n=u,r=x");
            challenge(settle(&mut exchange, step, found));
            let failure = failure(exchange.respond(message.as_bytes()));
            assert_eq!(failure.condition, *condition, "{message:?}: {failure}");
            assert_eq!(failure.account, Some(jid("u")));
            assert_eq!(failure.is_guess(), *condition == NotAuthorized);
        }
    }
}

/// Each is checked for itself, before the proof.
#[test]
fn nonce_and_binding_are_checked() {
    let stored = credentials("secret");
    let reason = |binding: &str, nonce: &str| {
        let (mut exchange, step) = start(&context(), "SCRAM-SHA-1", b"n,,n=u,r=x");
        challenge(settle(&mut exchange, step, Some(&stored)));
        let message = format!("c={binding},r={nonce},p={}", STANDARD.encode([0; 20]));
        failure(exchange.respond(message.as_bytes())).reason
    };
    assert_eq!(reason("biws", "xservernonce"), "wrong password");
    for nonce in ["x", "servernonce", "xservernoncex", "xServernonce"] {
        assert_eq!(reason("biws", nonce), "the nonce is not ours");
    }
    for binding in ["eSws", "biwsbiws", ""] {
        assert_eq!(reason(binding, "xservernonce"), "channel bindings do not match");
    }
}

#[test]
fn an_unknown_account_looks_like_a_known_one() {
    let stored = credentials("secret");
    let ask = |name: &str, mechanism: &str, found: Option<&Credentials>| {
        let (mut exchange, step) = start(&context(), mechanism, format!("n,,n={name},r=x").as_bytes());
        String::from_utf8(challenge(settle(&mut exchange, step, found))).unwrap()
    };
    for mechanism in ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let fake = ask("nobody", mechanism, None);
        assert_eq!(fake, ask("nobody", mechanism, None), "stable");
        assert_eq!(fake, ask("Nobody", mechanism, None), "the same for the same account");
        assert_ne!(fake, ask("somebody", mechanism, None), "and for no other");
        let real = ask("nobody", mechanism, Some(&stored));
        assert_eq!(fake.len(), real.len());
        assert_eq!(fake.rsplit_once(',').unwrap().1, real.rsplit_once(',').unwrap().1, "iterations");
    }
    assert_ne!(ask("nobody", "SCRAM-SHA-1", None), ask("nobody", "SCRAM-SHA-256", None));

    // The peer reads the same in either case.
    let plain = |found| {
        let (mut exchange, step) = start(&context(), "PLAIN", b"\0nobody\0guess");
        failure(settle(&mut exchange, step, found)).element()
    };
    assert_eq!(plain(Some(&stored)), plain(None));
}

#[test]
fn keys_for_another_hash_do_not_help() {
    let mut stored = Credentials::default();
    stored.insert(ScramKeys::derive(Hash::Sha1, "secret", iterations(), b"0123456789abcdef").unwrap());
    let (mut exchange, step) = start(&context(), "SCRAM-SHA-256", b"n,,n=u,r=x");
    challenge(settle(&mut exchange, step, Some(&stored)));
    let message = format!("c=biws,r=xservernonce,p={}", STANDARD.encode([0; 32]));
    assert_eq!(failure(exchange.respond(message.as_bytes())).condition, NotAuthorized);
    // PLAIN takes what there is.
    let (mut exchange, step) = start(&context(), "PLAIN", b"\0u\0secret");
    assert!(matches!(settle(&mut exchange, step, Some(&stored)), Step::Success { .. }));
}

#[test]
fn answers_to_another_exchange_change_nothing() {
    let stored = credentials("secret");
    let check = |exchange: &mut Exchange| match exchange.credentials(&jid("u"), Some(&stored)).unwrap() {
        Step::Compute(check) => check,
        other => panic!("{other:?}"),
    };
    let (mut abandoned, _) = start(&context(), "PLAIN", b"\0u\0secret");
    let stale = check(&mut abandoned).run();
    let (mut exchange, _) = start(&context(), "PLAIN", b"\0u\0wrong");
    assert!(exchange.credentials(&jid("attacker"), Some(&stored)).is_none());
    let own = check(&mut exchange);
    assert!(exchange.credentials(&jid("u"), Some(&stored)).is_none());
    assert!(exchange.computed(stale).is_none());
    assert_eq!(failure(exchange.computed(own.run()).unwrap()).condition, NotAuthorized);
}

#[test]
fn a_response_while_the_server_works_ends_it() {
    let (mut exchange, _) = start(&context(), "PLAIN", b"\0u\0secret");
    assert_eq!(failure(exchange.respond(b"")).condition, MalformedRequest);
    assert!(exchange.credentials(&jid("u"), None).is_none());
}

#[test]
fn failures_as_elements() {
    assert_eq!(
        SaslFailure::aborted().element(),
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><aborted/></failure>"
    );
    assert_eq!(
        SaslFailure::explained(AccountDisabled, "Call later.").element(),
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><account-disabled/>\
         <text xml:lang='en'>Call later.</text></failure>"
    );
}

#[test]
fn base64_is_strict() {
    assert_eq!(decode_initial(""), Ok(None));
    assert_eq!(decode_initial("="), Ok(Some(vec![])));
    assert_eq!(decode_initial("AGp1"), Ok(Some(b"\0ju".to_vec())));
    assert_eq!(decode_response(""), Ok(vec![]));
    assert_eq!(decode_response("="), Ok(vec![]));
    for text in [
        "==", "A", "AA", "AA=", "AAA", "=AAA", "BBBB=CCC", "AA==AA==", "AGp1 ", "A Gp1", "AGp1\n", "AB==",
        "AG-_",
    ] {
        assert_eq!(decode_initial(text).unwrap_err().condition, IncorrectEncoding, "{text:?}");
        assert_eq!(decode_response(text).unwrap_err().condition, IncorrectEncoding, "{text:?}");
    }
    assert_eq!(encode_challenge(b""), "");
    assert_eq!(encode_challenge(b"\0ju"), "AGp1");
    assert_eq!(encode_success(None), "");
    assert_eq!(encode_success(Some(b"")), "=");
    assert_eq!(encode_success(Some(b"\0ju")), "AGp1");
}
