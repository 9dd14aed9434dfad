//! Two users with a client library that others wrote: slixmpp from PyPI, in a virtual environment that is made on the
//! first run. The conversations are the Python files of this folder; here stands what happens around them.

mod environment;

use crate::stentor::{Setup, Stentor};
use serde_json::{Value, json};
use std::process::Command;

const ROMEO: &str = "romeo@localhost";
const JULIET: &str = "juliet@localhost";

/// A server with the two.
fn verona() -> Stentor {
    let server = Setup::default().config("[xep.register]\nopen = true").start();
    server.add_user(ROMEO, "montague");
    server.add_user(JULIET, "capulet");
    server
}

/// Plays one part of a Python file: the function of that name in `<file>.py`.
fn play(server: &Stentor, file: &str, part: &str) {
    let python = environment::python();
    let told = json!({
        "host": server.c2s().ip().to_string(),
        "port": server.c2s().port(),
        "tls_port": server.c2s_tls().port(),
        "domain": server.domain(),
        "certificate": server.certificate(),
        "romeo": { "jid": ROMEO, "password": "montague" },
        "juliet": { "jid": JULIET, "password": "capulet" },
    });
    run(python, file, part, &told, server);
}

fn run(python: &std::path::Path, file: &str, part: &str, told: &Value, server: &Stentor) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/slixmpp");
    let played = Command::new(python)
        .args(["-B", "-W", "ignore::DeprecationWarning"])
        .arg(format!("{folder}/{file}.py"))
        .args([part, &told.to_string()])
        .output()
        .expect("Python starts");
    assert!(
        played.status.success(),
        "{file}.py, {part}:\n{}{}\nthe server's log:\n{}",
        String::from_utf8_lossy(&played.stdout),
        String::from_utf8_lossy(&played.stderr),
        server.log().text()
    );
}

#[test]
fn login_over_starttls_and_direct_tls() {
    let server = verona();
    play(&server, "login", "starttls");
    play(&server, "login", "direct_tls");
    play(&server, "login", "every_mechanism");
}

#[test]
fn a_certificate_that_the_client_does_not_trust_ends_the_login() {
    play(&verona(), "login", "distrust");
}

#[test]
fn wrong_passwords_and_unknown_users_are_refused_alike() {
    let server = verona();
    play(&server, "login", "wrong_password");
    play(&server, "login", "unknown_user");
    play(&server, "login", "still_welcome");
}

#[test]
fn two_users_become_contacts_and_chat() {
    let mut server = verona();
    play(&server, "contacts", "subscribe");
    // What was agreed is there after a crash.
    server.kill();
    server.start();
    play(&server, "contacts", "meet_again");
}

#[test]
fn messages_for_an_absent_user_survive_a_crash() {
    let mut server = verona();
    play(&server, "offline", "leave_messages");
    server.kill();
    server.start();
    play(&server, "offline", "collect_them");
    play(&server, "offline", "find_none");
    // That they were delivered is not forgotten either.
    server.kill();
    server.start();
    play(&server, "offline", "find_none");
}

#[test]
fn a_blocked_user_finds_nobody() {
    let mut server = verona();
    play(&server, "blocking", "block");
    server.kill();
    server.start();
    play(&server, "blocking", "stays_blocked");
    play(&server, "blocking", "unblock");
}

#[test]
fn server_and_accounts_answer_requests() {
    let mut server = verona();
    play(&server, "services", "ask");
    play(&server, "services", "store");
    server.kill();
    server.start();
    play(&server, "services", "find_again");
}

#[test]
fn accounts_are_made_changed_and_removed_by_clients() {
    let server = verona();
    play(&server, "registration", "make");
    play(&server, "registration", "change_password");
    play(&server, "registration", "remove");
    let left = server.run(&["user", "list"], "");
    assert_eq!(String::from_utf8_lossy(&left.stdout), format!("{JULIET}\n{ROMEO}\n"));
}
