//! What is offered where.

use super::*;

fn names(context: &Context) -> Vec<&'static str> {
    context.mechanisms().into_iter().map(Mechanism::name).collect()
}

#[test]
fn all_in_order() {
    let expected = [
        "EXTERNAL",
        "SCRAM-SHA-512-PLUS",
        "SCRAM-SHA-256-PLUS",
        "SCRAM-SHA-1-PLUS",
        "SCRAM-SHA-512",
        "SCRAM-SHA-256",
        "SCRAM-SHA-1",
        "PLAIN",
        "ANONYMOUS",
    ];
    assert_eq!(names(&context()), expected);
    for name in expected {
        assert_eq!(Mechanism::from_name(name).unwrap().name(), name);
    }
}

#[test]
fn without_tls_no_plain_no_binding_no_certificate() {
    let mut context = Context { policy: Policy::default(), ..in_the_clear() };
    assert_eq!(names(&context), ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"]);
    let (_, step) = start(&context, "PLAIN", b"\0u\0p");
    assert_eq!(failure(step).condition, Condition::EncryptionRequired);
    for name in ["SCRAM-SHA-1-PLUS", "EXTERNAL", "ANONYMOUS"] {
        assert_eq!(failure(start(&context, name, b"").1).condition, Condition::InvalidMechanism);
    }

    context.policy.plain = Plain::InTheClear;
    assert_eq!(names(&context).last(), Some(&"PLAIN"));
    assert_eq!(asked(start(&context, "PLAIN", b"\0u\0p").1), jid("u"));

    context.policy.plain = Plain::Never;
    assert_eq!(failure(start(&context, "PLAIN", b"\0u\0p").1).condition, Condition::InvalidMechanism);

    // Binding data without TLS are a mistake of the caller's and bind nothing.
    context.bindings.exporter = Some(EXPORTER);
    assert_eq!(names(&context), ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"]);
}

#[test]
fn external_needs_a_certificate_that_leaves_no_choice() {
    let external = |context: &Context, authzid: &[u8]| match start(context, "EXTERNAL", authzid).1 {
        Step::Success { identity: Identity::Certificate(jid), .. } => Ok(jid),
        step => Err(failure(step).condition),
    };
    let mut context = context();
    assert_eq!(external(&context, b""), Ok(jid("juliet")));
    assert_eq!(external(&context, b"Juliet@Example.org"), Ok(jid("juliet")));

    context.certificate.push(jid("nurse"));
    assert_eq!(external(&context, b""), Err(Condition::InvalidAuthzid));
    assert_eq!(external(&context, b"nurse@example.org"), Ok(jid("nurse")));

    context.certificate.clear();
    assert_eq!(external(&context, b""), Err(Condition::InvalidMechanism));

    // A server names its domain.
    let server = BareJid::parse("example.com").unwrap();
    context.certificate.push(server.clone());
    assert_eq!(external(&context, b"Example.com"), Ok(server));
}

#[test]
fn binding_types_are_announced() {
    assert_eq!(
        channel_binding_element(&context().bindings).unwrap(),
        "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/>\
         <channel-binding type='tls-server-end-point'/></sasl-channel-binding>"
    );
    assert_eq!(channel_binding_element(&in_the_clear().bindings), None);
}
