//! A share of the broken stanzas over TCP: the built server answers them, and has nothing to complain about.

use crate::mutator::{self, Broken, Dice};
use crate::peer::{HEADER, Peer, alone, server};
use std::collections::HashMap;
use std::sync::Arc;
use wire::frame::{Kind, StanzaType};
use wire::framer::{Event, Framer, Limits};
use wire::ns::NsTable;

const STANZAS: u64 = 2_000;
/// Sent at once.
const BATCH: usize = 50;

/// Reads stanzas, and counts the answers by their ids.
struct Reader {
    framer: Framer,
    answers: HashMap<String, usize>,
}

impl Reader {
    fn new() -> Reader {
        let mut framer = Framer::new(Limits::after_login(), Arc::new(NsTable::new(&[])));
        framer.receive(HEADER.as_bytes());
        assert!(matches!(framer.next(), Ok(Some(Event::Header(_)))));
        Reader { framer, answers: HashMap::new() }
    }

    /// False if nothing more comes.
    fn read(&mut self, peer: &mut Peer) -> bool {
        let Some(bytes) = peer.some() else { return false };
        self.framer.receive(&bytes);
        while let Some(event) = self.framer.next().expect("the server writes XML") {
            let Event::Stanza(stanza) = event else { panic!("the stream broke: {event:?}") };
            let text = String::from_utf8_lossy(stanza.as_bytes()).into_owned();
            assert!(!text.contains("<stream:error") && !text.contains("internal-server-error"), "{text}");
            if stanza.kind() == Kind::Iq && matches!(stanza.type_(), StanzaType::Result | StanzaType::Error) {
                *self.answers.entry(stanza.id().unwrap_or_default().into_owned()).or_default() += 1;
            }
        }
        true
    }
}

#[test]
fn mutated_stanzas_are_answered_over_tcp() {
    let _alone = alone();
    let server = server("c2s_rate = \"unlimited\"", "", &["romeo", "juliet"]);
    let mut romeo = Peer::session(&server, "romeo", "a");
    let mut juliet = Peer::session(&server, "juliet", "b");
    let mut dice = Dice(2);
    // What another client would have to answer is for the test in memory.
    let to = [
        "",
        "localhost",
        "romeo@localhost",
        "juliet@localhost",
        "nobody@localhost",
        "romeo@localhost/nowhere",
    ];
    let mut reader = Reader::new();
    let mut sent: Vec<Broken> = Vec::new();
    let mut number = 0;
    while number < STANZAS {
        let first = sent.len();
        while sent.len() < first + BATCH {
            let broken = mutator::next(&mut dice, &to, number);
            number += 1;
            // Addressed to a client that is there, it is not the server who answers.
            let text = broken.xml.to_lowercase();
            let passed_on = text.contains("localhost/a") || text.contains("localhost/b");
            if !broken.fatal && !passed_on {
                sent.push(broken);
            }
        }
        romeo.send(&sent[first..].iter().map(|broken| broken.xml.as_str()).collect::<String>());
        romeo.send(&format!(
            "<iq type='get' id='end{number}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"
        ));
        // Each request is answered; with those that have ids of their own it can be told.
        let own =
            |broken: &&Broken| broken.answer && broken.id.as_deref().is_some_and(|id| id.starts_with('m'));
        let mut waiting: Vec<String> =
            sent[first..].iter().filter(own).filter_map(|broken| broken.id.clone()).collect();
        waiting.push(format!("end{number}"));
        while waiting.iter().any(|id| !reader.answers.contains_key(id)) {
            if !reader.read(&mut romeo) {
                let missing =
                    |broken: &&Broken| !reader.answers.contains_key(broken.id.as_deref().unwrap_or_default());
                let missing: Vec<&str> = sent[first..]
                    .iter()
                    .filter(own)
                    .filter(missing)
                    .map(|broken| broken.xml.as_str())
                    .collect();
                panic!("no answer to {missing:#?}");
            }
        }
    }
    for broken in sent.iter().filter(|broken| broken.id.as_deref().is_some_and(|id| id.starts_with('m'))) {
        let answers =
            reader.answers.get(broken.id.as_deref().unwrap_or_default()).copied().unwrap_or_default();
        assert_eq!(answers, usize::from(broken.answer), "answers to {}", broken.xml);
    }
    juliet.ping();
    let log = server.log().text();
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
}
