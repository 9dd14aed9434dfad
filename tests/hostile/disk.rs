//! A disk that takes nothing more: clients get errors, the log says why, and when it is lifted all goes on. Nothing
//! that was taken before is lost.

use crate::peer::{Peer, alone};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::io::Read;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tests::stentor::{PATIENCE, Setup, Stentor, binary};

/// The server, told to take a file that may not grow for an error and not for its end.
struct Limited {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Limited {
    fn start(server: &Stentor) -> Limited {
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" run --config \"$1\""])
            .arg(binary())
            .arg(server.config_file())
            .current_dir(server.directory())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a shell");
        let log = Arc::new(Mutex::new(String::new()));
        let (mut pipe, kept) = (child.stderr.take().expect("a pipe"), log.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                kept.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
        });
        let patience = Instant::now() + PATIENCE;
        while TcpStream::connect(server.c2s()).is_err() {
            assert!(Instant::now() < patience, "it does not start: {}", log.lock().unwrap());
            std::thread::yield_now();
        }
        Limited { child, log }
    }

    /// How large its files may become from now on.
    fn limit(&self, bytes: Option<u64>) {
        let pid = Pid::from_child(&self.child);
        prlimit(Some(pid), Resource::Fsize, Rlimit { current: bytes, maximum: None }).expect("its own child");
    }

    fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}

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
    let mut server = Setup::default().config("[tls]\nrequired = false\n").prepare();
    for user in ["romeo", "juliet", "nurse"] {
        server.add_user(&format!("{user}@localhost"), "secret");
    }
    let running = Limited::start(&server);
    let mut romeo = Peer::session(&server, "romeo", "orchard");
    let mut nurse = Peer::session(&server, "nurse", "x");
    message(&mut romeo, "before");
    // Juliet's account is loaded first. Who answers for it has it, and what is committed after that, after the message.
    romeo.send("<iq type='get' to='juliet@localhost' id='there'><query xmlns='jabber:iq:last'/></iq>");
    romeo.until("id='there'");
    let answer = roster_set(&mut romeo, "r1", "before@localhost");
    assert!(!answer.contains("error"), "{answer}");

    running.limit(Some(0));
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
    let log = running.log();
    let complaint = log.lines().find(|line| line.contains("ERROR") && line.contains("commit failed"));
    assert!(complaint.is_some(), "the log does not say why:\n{log}");

    running.limit(None);
    // The first attempt may come too early for the database.
    let patience = Instant::now() + PATIENCE;
    while roster_set(&mut romeo, "r2", "after@localhost").contains("error") {
        assert!(Instant::now() < patience, "it does not recover");
    }
    message(&mut romeo, "after");
    let answer = roster_set(&mut romeo, "r3", "last@localhost");
    assert!(!answer.contains("error"), "{answer}");
    drop(running);

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
