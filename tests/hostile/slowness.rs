//! One deadline for the whole negotiation, however slowly the peer goes on.

use crate::peer::{HEADER, Peer, alone, server};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tests::stentor::{PATIENCE, Stentor};
use tests::stream::Stream;

const DEADLINE: Duration = Duration::from_secs(3);
const DRIP: Duration = Duration::from_millis(100);

/// Behaves badly until the end of its connection, and returns what the server said.
type Case = Box<dyn FnOnce(&Stentor) -> String + Send>;

/// Sends byte after byte, again and again from the start, until the server ends the connection. Returns what it said.
fn drip(mut socket: TcpStream, bytes: &[u8]) -> String {
    socket.set_read_timeout(Some(DRIP)).expect("an option");
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    let begin = Instant::now();
    for byte in bytes.iter().cycle() {
        let _ = socket.write_all(&[*byte]);
        match socket.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => said.extend_from_slice(&buffer[..length]),
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
        assert!(begin.elapsed() < PATIENCE, "it never ends");
    }
    String::from_utf8_lossy(&said).into_owned()
}

fn silence(mut socket: TcpStream) -> String {
    socket.set_read_timeout(Some(PATIENCE)).expect("an option");
    let mut said = String::new();
    socket.read_to_string(&mut said).expect("it ends");
    said
}

fn clear(server: &Stentor) -> TcpStream {
    TcpStream::connect(server.c2s()).expect("the server listens")
}

fn direct(server: &Stentor) -> TcpStream {
    TcpStream::connect(server.c2s_tls()).expect("the server listens")
}

#[test]
fn negotiation_has_one_deadline() {
    let _alone = alone();
    let server = Arc::new(server("negotiation_timeout = \"3 s\"", "", &["romeo"]));
    let hello = tls_hello();
    let cases: Vec<(&str, bool, Case)> = vec![
        ("silence", true, Box::new(|server| silence(clear(server)))),
        ("silence before TLS", false, Box::new(|server| silence(direct(server)))),
        (
            "a slow header",
            true,
            Box::new(|server| {
                drip(clear(server), format!("{}{}", &HEADER[..60], "a".repeat(900)).as_bytes())
            }),
        ),
        ("white space", true, Box::new(|server| drip(clear(server), b" \n"))),
        ("a slow ClientHello", false, Box::new(move |server| drip(direct(server), &hello))),
        (
            "white space after the header",
            true,
            Box::new(|server| drip(Peer::open(server).socket().try_clone().unwrap(), b" ")),
        ),
        (
            "a slow <auth/>",
            true,
            Box::new(|server| {
                let slow = format!(
                    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{}",
                    "A".repeat(900)
                );
                drip(Peer::open(server).socket().try_clone().unwrap(), slow.as_bytes())
            }),
        ),
        (
            "logins that fail",
            true,
            Box::new(|server| {
                let abort = "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
                let mut peer = Peer::open(server);
                peer.send(abort);
                drip(peer.socket().try_clone().unwrap(), b" ")
            }),
        ),
        (
            "no resource",
            true,
            Box::new(|server| drip(Peer::authenticate(server, "romeo").socket().try_clone().unwrap(), b" ")),
        ),
        (
            "white space under TLS",
            true,
            Box::new(|server| {
                let mut stream = Stream::secure(server.c2s(), "localhost");
                stream.send("   ");
                stream.rest()
            }),
        ),
    ];
    let threads: Vec<_> = cases
        .into_iter()
        .map(|(what, speaks, case)| {
            let server = server.clone();
            std::thread::spawn(move || {
                let begin = Instant::now();
                let said = case(&server);
                let took = begin.elapsed();
                assert!(
                    took >= DEADLINE - Duration::from_millis(200),
                    "{what}: ended after {took:?}: {said}"
                );
                // Up to two seconds more for the peer to take the reason; and machines are busy.
                assert!(took < DEADLINE + Duration::from_secs(7), "{what}: ended after {took:?}: {said}");
                assert_eq!(speaks, said.contains("<connection-timeout "), "{what}: {said}");
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("as above");
    }
}

/// A ClientHello's first bytes: a record of 512 bytes is announced.
fn tls_hello() -> Vec<u8> {
    let mut hello = vec![0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
    hello.resize(400, 0x55);
    hello
}
