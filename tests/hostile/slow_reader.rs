//! A client that stops reading holds a bounded queue and delays nobody; nothing that was for it is lost.

use crate::peer::{Peer, alone, bystander, memory, server};
use std::time::Duration;

const MESSAGES: usize = 5_000;
/// 50 MB altogether.
const BODY: usize = 10_000;

fn flood(romeo: &mut Peer, numbers: std::ops::Range<usize>) {
    let body = "x".repeat(BODY);
    for number in numbers {
        romeo.send(&format!(
            "<message to='juliet@localhost' type='chat' id='n{number}.'><body>{body}</body></message>"
        ));
        if number % 100 == 99 {
            // Taken by the server up to here.
            romeo.ping();
        }
    }
}

/// Without archives: what waits for the disk, up to 64 MiB, would count, too.
const OFFLINE: &str = "[xep.offline]\nbytes = \"100 MiB\"\n[xep.mam]\ndefault = \"never\"";

#[test]
fn after_reading_again_it_gets_everything_once_in_order() {
    let _alone = alone();
    let server = server("c2s_rate = \"unlimited\"", OFFLINE, &["romeo", "juliet", "nurse"]);
    let mut romeo = Peer::session(&server, "romeo", "orchard");
    let mut juliet = Peer::session(&server, "juliet", "balcony");
    let before = memory(&server);
    let (half, longest) = bystander(&server, "nurse", || {
        flood(&mut romeo, 0..MESSAGES / 2);
        let half = memory(&server);
        flood(&mut romeo, MESSAGES / 2..MESSAGES);
        half
    });
    let after = memory(&server);
    eprintln!(
        "50 MB for a client that does not read: {before} KiB before, {half}, {after} after; others waited {longest:?}"
    );
    assert!(longest < Duration::from_secs(1), "somebody else waited for {longest:?}");
    // The queue has 1 MiB, SQLite's caches and what is being committed some more. What counts is that it ends.
    assert!(after <= before + 40 * 1024, "{before} KiB before, {after} after");
    assert!(after <= half + 10 * 1024, "{half} KiB after a half, {after} after the whole");
    let ((), longest) = bystander(&server, "nurse", || {
        for number in 0..MESSAGES {
            let message = juliet.until("</message>");
            assert!(
                message.contains(&format!("id='n{number}.'")),
                "instead of {number}: {}",
                &message[..200]
            );
        }
    });
    assert!(longest < Duration::from_secs(1), "somebody else waited for {longest:?} while it read on");
    juliet.ping();
}

#[test]
fn after_a_reconnection_it_gets_what_the_first_connection_did_not() {
    let _alone = alone();
    let server = server("c2s_rate = \"unlimited\"", OFFLINE, &["romeo", "juliet", "nurse"]);
    let mut romeo = Peer::session(&server, "romeo", "orchard");
    let mut first = Peer::session(&server, "juliet", "balcony");
    flood(&mut romeo, 0..MESSAGES);
    // The same resource: the first session ends with a conflict. What is on its way to it still arrives.
    let reading = std::thread::spawn(move || first.rest());
    let mut second = Peer::session(&server, "juliet", "balcony");
    let first = reading.join().expect("it ends");
    romeo.send("<message to='juliet@localhost' type='chat' id='last'><body>x</body></message>");
    let mut rest = String::new();
    while !rest.ends_with("id='last'") {
        rest.push_str(&second.until("id='"));
        rest.push_str(&second.until("'"));
    }
    let number = |text: &str| -> Option<usize> { text.split_once('.')?.0.parse().ok() };
    // Only whole messages count.
    let whole = &first[..first.rfind("</message>").unwrap_or_default()];
    let mut seen: Vec<usize> = whole.split("id='n").filter_map(number).collect();
    eprintln!("{} messages through the first connection", seen.len());
    seen.extend(rest.split("id='n").filter_map(number));
    let missing: Vec<usize> = (0..MESSAGES).filter(|number| !seen.contains(number)).collect();
    assert_eq!(missing, Vec::<usize>::new(), "lost");
    seen.sort_unstable();
    seen.dedup_by(|a, b| a == b);
    assert_eq!(seen.len(), MESSAGES);
}
