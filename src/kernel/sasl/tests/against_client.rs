//! Against the client side of the `sasl` crate, which is not ours.

use super::*;
use ::sasl::client::Mechanism as Client;
use ::sasl::client::mechanisms::{Anonymous, Plain, Scram};
use ::sasl::common::scram::{Sha1, Sha256};
use ::sasl::common::{ChannelBinding, Credentials as Secrets};

/// Runs a whole exchange; the client verifies the server as well.
fn login(
    context: &Context,
    client: &mut dyn Client,
    found: Option<&Credentials>,
) -> Result<Identity, SaslFailure> {
    let initial = client.initial();
    let (mut exchange, step) = start(context, client.name(), &initial);
    let mut step = settle(&mut exchange, step, found);
    loop {
        match step {
            Step::Challenge(data) => {
                let answer = exchange.respond(&client.response(&data).unwrap());
                step = settle(&mut exchange, answer, found);
            }
            Step::Success { identity, additional_data } => {
                client.success(&additional_data.unwrap_or_default()).unwrap();
                return Ok(identity);
            }
            Step::Failure(failure) => return Err(failure),
            other => panic!("{other:?}"),
        }
    }
}

fn secrets(password: &str, binding: ChannelBinding) -> Secrets {
    Secrets::default().with_username("Juliet").with_password(password).with_channel_binding(binding)
}

fn clients(password: &str, binding: &ChannelBinding) -> [Box<dyn Client>; 2] {
    let secrets = secrets(password, binding.clone());
    [
        Box::new(Scram::<Sha1>::from_credentials(secrets.clone()).unwrap()),
        Box::new(Scram::<Sha256>::from_credentials(secrets).unwrap()),
    ]
}

#[test]
fn scram_succeeds_with_the_right_password_only() {
    let stored = credentials("r0m30myr0m30");
    let bound = ChannelBinding::TlsExporter(EXPORTER.to_vec());
    for (context, binding) in [
        (context(), ChannelBinding::None),
        (context(), bound),
        (in_the_clear(), ChannelBinding::None),
        (in_the_clear(), ChannelBinding::Unsupported),
    ] {
        for mut client in clients("r0m30myr0m30", &binding) {
            assert_eq!(
                login(&context, &mut *client, Some(&stored)),
                Ok(account("juliet")),
                "{}",
                client.name()
            );
        }
        for (password, found) in [("wrong", Some(&stored)), ("r0m30myr0m30", None)] {
            for mut client in clients(password, &binding) {
                let failure = login(&context, &mut *client, found).unwrap_err();
                assert_eq!(failure.condition, Condition::NotAuthorized);
                assert_eq!(failure.text, None);
                assert_eq!(failure.account, Some(jid("juliet")));
            }
        }
    }
}

#[test]
fn scram_fails_on_another_channel() {
    let stored = credentials("r0m30myr0m30");
    for mut client in clients("r0m30myr0m30", &ChannelBinding::TlsExporter(vec![8; 32])) {
        let failure = login(&context(), &mut *client, Some(&stored)).unwrap_err();
        assert_eq!(failure.condition, Condition::NotAuthorized);
        assert_eq!(failure.reason, "channel bindings do not match");
    }
}

#[test]
fn a_stripped_offer_is_noticed() {
    let stored = credentials("r0m30myr0m30");
    for mut client in clients("r0m30myr0m30", &ChannelBinding::Unsupported) {
        let failure = login(&context(), &mut *client, Some(&stored)).unwrap_err();
        assert_eq!(failure.condition, Condition::NotAuthorized);
        assert!(failure.text.unwrap().contains("server-does-support-channel-binding"));
    }
}

#[test]
fn plain_and_anonymous() {
    let stored = credentials("r0m30myr0m30");
    for (password, right) in [("r0m30myr0m30", true), ("wrong", false)] {
        let mut client = Plain::from_credentials(secrets(password, ChannelBinding::None)).unwrap();
        assert_eq!(login(&context(), &mut client, Some(&stored)).is_ok(), right);
        assert_eq!(login(&context(), &mut client, None).unwrap_err().condition, Condition::NotAuthorized);
    }
    let mut client = Anonymous::from_credentials(Secrets::default()).unwrap();
    assert_eq!(login(&context(), &mut client, None), Ok(Identity::Anonymous { trace: None }));
}
