//! A disk that takes nothing more: clients get errors, the log says why, and when it is lifted all goes on. Nothing
//! that was taken before is lost.

use crate::peer::{Peer, alone};
use std::time::Instant;
use tests::stentor::{PATIENCE, Setup};

fn roster_set(peer: &mut Peer, id: &str, contact: &str) -> String {
    peer.send(&format!(
        "<iq type='set' id='{id}'><query xmlns='jabber:iq:roster'><item jid='{contact}'/></query></iq>"
    ));
    peer.until(&format!("id='{id}'"));
    peer.until(">")
}

fn message(peer: &mut Peer, id: &str) {
    peer.send(&format!("<message to='juliet@localhost' type='chat' id='{id}'><body>Hist!</body></message>"));
}

#[test]
fn a_full_disk_is_an_error_and_passes() {
    let _alone = alone();
    let mut server = Setup::default()
        .config("[tls]\nrequired = false\n[xep.mam]\ndefault = \"never\"\n")
        .survives_limits()
        .prepare();
    for user in ["romeo", "juliet", "nurse"] {
        server.add_user(&format!("{user}@localhost"), "secret");
    }
    server.start();
    let mut romeo = Peer::session(&server, "romeo", "orchard");
    let mut nurse = Peer::session(&server, "nurse", "x");
    message(&mut romeo, "before");
    // Juliet's account is loaded first. Who answers for it has it, and what is committed after that, after the message.
    romeo.send("<iq type='get' to='juliet@localhost' id='there'><query xmlns='jabber:iq:last'/></iq>");
    romeo.until("id='there'");
    let answer = roster_set(&mut romeo, "r1", "before@localhost");
    assert!(!answer.contains("error"), "{answer}");

    server.limit_files(Some(0));
    for round in 0..3 {
        message(&mut romeo, &format!("full{round}"));
        let error = romeo.until("</message>");
        assert!(error.contains("type='error'") && error.contains(&format!("id='full{round}'")), "{error}");
        assert!(error.contains("internal-server-error") || error.contains("resource-constraint"), "{error}");
        romeo.send(&format!(
            "<iq type='set' id='full{round}'><query xmlns='jabber:iq:roster'><item jid='full@localhost'/></query></iq>"
        ));
        let error = romeo.until("</iq>");
        assert!(error.contains("type='error'"), "{error}");
    }
    // What needs no disk goes on.
    romeo.send("<message to='nurse@localhost' type='chat' id='online'><body>Hist!</body></message>");
    nurse.until("id='online'");
    let log = server.log().text();
    let complaint = log.lines().find(|line| line.contains("ERROR") && line.contains("commit failed"));
    assert!(complaint.is_some(), "the log does not say why:\n{log}");

    server.limit_files(None);
    // The first attempt may come too early for the database.
    let patience = Instant::now() + PATIENCE;
    while roster_set(&mut romeo, "r2", "after@localhost").contains("error") {
        assert!(Instant::now() < patience, "it does not recover");
    }
    message(&mut romeo, "after");
    let answer = roster_set(&mut romeo, "r3", "last@localhost");
    assert!(!answer.contains("error"), "{answer}");
    server.kill();

    server.start();
    let mut juliet = Peer::authenticate(&server, "juliet");
    let mut romeo = Peer::session(&server, "romeo", "orchard");
    message(&mut romeo, "end");
    romeo.ping();
    juliet.send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq><presence/>");
    let text = juliet.until("id='end'");
    let waited: Vec<&str> = text
        .split("<message")
        .skip(1)
        .filter_map(|part| part.split("id='").nth(1)?.split('\'').next())
        .collect();
    assert_eq!(waited, ["before", "after", "end"], "{text}");
    romeo.send("<iq type='get' id='all'><query xmlns='jabber:iq:roster'/></iq>");
    romeo.until("id='all'");
    let roster = romeo.until("</iq>");
    for contact in ["before@localhost", "after@localhost", "last@localhost"] {
        assert!(roster.contains(contact), "{contact}: {roster}");
    }
    assert!(!roster.contains("full@localhost"), "{roster}");
}
