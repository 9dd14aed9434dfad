//! As much as large accounts really have, in seconds, without delay to anybody else.

use crate::peer::{Peer, alone, bystander, server};
use std::time::{Duration, Instant};
use tests::stentor::Stentor;

const NOBODY_WAITS: Duration = Duration::from_secs(1);

fn start(users: &[&str]) -> Stentor {
    server("c2s_rate = \"unlimited\"", "", &[users, &["nurse"]].concat())
}

#[test]
fn a_roster_of_5000_builds_up_in_seconds() {
    let _alone = alone();
    let server = start(&["romeo"]);
    let mut romeo = Peer::session(&server, "romeo", "orchard");
    romeo.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    romeo.until("id='r'");
    let begin = Instant::now();
    let ((), longest) = bystander(&server, "nurse", || {
        let mut sent = 0;
        let mut answered = 0;
        while answered < 5000 {
            while sent < 5000 && sent < answered + 200 {
                romeo.send(&format!(
                    "<iq type='set' id='s{sent}'><query xmlns='jabber:iq:roster'>\
                     <item jid='contact{sent}@elsewhere.example' name='Contact {sent}'><group>Friends</group></item>\
                     </query></iq>"
                ));
                sent += 1;
            }
            let answer = romeo.until(&format!("id='s{answered}'"));
            assert!(!answer.contains("type='error'"), "{answer}");
            answered += 1;
        }
    });
    let took = begin.elapsed();
    romeo.ping();
    romeo.send("<iq type='get' id='all'><query xmlns='jabber:iq:roster'/></iq>");
    romeo.until("id='all'");
    let roster = romeo.until("</iq>");
    assert_eq!(roster.matches("<item ").count(), 5000);
    eprintln!("a roster of 5,000 took {took:?}; others waited {longest:?}");
    // Seconds, on a machine that does something else as well and with a server that is not optimised.
    assert!(took < Duration::from_secs(30), "it took {took:?}");
    assert!(longest < NOBODY_WAITS, "somebody else waited for {longest:?}");
}

#[test]
fn a_thousand_requests_waiting_at_one_account_delay_nobody() {
    let _alone = alone();
    let server = server("c2s_rate = \"unlimited\"", "[auth]\nanonymous = true", &["romeo", "nurse"]);
    let mut visitors: Vec<(Peer, String)> = (0..1000).map(|_| Peer::visitor(&server)).collect();
    let (took, longest) = bystander(&server, "nurse", || {
        let begin = Instant::now();
        for (visitor, _) in &mut visitors {
            visitor.send("<presence type='subscribe' to='romeo@localhost'/>");
        }
        for (visitor, _) in &mut visitors {
            visitor.ping();
        }
        // Every session gets them all.
        for _ in 0..5 {
            let mut romeo = Peer::authenticate(&server, "romeo");
            romeo.send(
                "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq><presence/>",
            );
            for _ in 0..1000 {
                romeo.until("type='subscribe'");
            }
            romeo.ping();
        }
        let mut romeo = Peer::session(&server, "romeo", "orchard");
        for (_, jid) in &visitors {
            romeo.send(&format!("<presence type='subscribed' to='{jid}'/>"));
        }
        romeo.ping();
        for (visitor, _) in &mut visitors {
            visitor.send("<presence/>");
            visitor.until("from='romeo@localhost/orchard'");
        }
        begin.elapsed()
    });
    eprintln!(
        "1,000 requests waiting, read five times and agreed to took {took:?}; others waited {longest:?}"
    );
    assert!(longest < NOBODY_WAITS, "somebody else waited for {longest:?}");
}

#[test]
fn requests_pings_and_messages_by_the_thousand_delay_nobody() {
    let _alone = alone();
    let server = start(&["romeo", "juliet"]);
    let mut romeo = Peer::session(&server, "romeo", "orchard");
    let mut juliet = Peer::session(&server, "juliet", "balcony");
    let ((), longest) = bystander(&server, "nurse", || {
        for number in 0..1000 {
            romeo.send(&format!("<presence type='subscribe' to='c{number}@localhost'/>"));
        }
        romeo.ping();
        for number in 0..2000 {
            romeo.send(&format!(
                "<iq type='get' id='p{number}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"
            ));
        }
        for number in 0..2000 {
            romeo.until(&format!("id='p{number}'"));
        }
        for number in 0..5000 {
            romeo.send(&format!(
                "<message to='juliet@localhost' type='chat' id='m{number}'><body>Hist!</body></message>"
            ));
        }
        for number in 0..5000 {
            juliet.until(&format!("id='m{number}'"));
        }
    });
    eprintln!("1,000 requests, 2,000 pings, 5,000 messages: others waited {longest:?}");
    assert!(longest < NOBODY_WAITS, "somebody else waited for {longest:?}");
}
