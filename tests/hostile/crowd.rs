//! Many connections: memory comes back when they go.

use crate::peer::{Peer, alone, memory, memory_returns, server};
use socket2::SockRef;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;
use tests::stentor::Stentor;
use tests::stream::Stream;

/// KiB.
const ROOM: u64 = 10 * 1024;
/// The server gives memory back when it looks for what is idle, once a minute.
const PATIENCE: Duration = Duration::from_secs(90);

fn warm_up(server: &Stentor) {
    for _ in 0..20 {
        let mut stream = Stream::secure(server.c2s(), "localhost");
        stream.log_in("romeo", "secret", "orchard");
    }
}

#[test]
fn idle_connections_leave_no_memory_behind() {
    let _alone = alone();
    let server = server("", "", &["romeo"]);
    warm_up(&server);
    let before = memory(&server);
    let mut peers: Vec<Peer> = (0..1000).map(|_| Peer::open(&server)).collect();
    let mut secure: Vec<Stream> =
        (0..1000).map(|_| Stream::connect_tls(server.c2s_tls(), "localhost")).collect();
    peers.iter_mut().for_each(|peer| peer.send(" "));
    secure.iter_mut().for_each(|stream| stream.send(" "));
    let full = memory(&server);
    drop((peers, secure));
    let after = memory_returns(&server, before + ROOM, PATIENCE);
    eprintln!("2,000 idle connections: {before} KiB before, {full} with them, {after} after");
    assert!(after <= before + ROOM, "{before} KiB before, {full} with them, {after} after");
}

#[test]
fn aborted_connections_leave_no_memory_behind() {
    let _alone = alone();
    let server = server("", "", &["romeo"]);
    warm_up(&server);
    let before = memory(&server);
    let hello = [&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01][..], &[0; 200]].concat();
    for number in 0..3000 {
        let (address, bytes): (_, &[u8]) = match number % 3 {
            0 => (server.c2s_tls(), &hello),
            1 => (server.c2s(), crate::peer::HEADER.as_bytes()),
            _ => (server.c2s(), b"<?xml version='1.0'?><stream:stream to='local"),
        };
        let mut socket = TcpStream::connect(address).expect("the server listens");
        socket.write_all(bytes).expect("it takes that");
        // A reset instead of an orderly end.
        SockRef::from(&socket).set_linger(Some(Duration::ZERO)).expect("an option");
    }
    let full = memory(&server);
    let after = memory_returns(&server, before + ROOM, PATIENCE);
    eprintln!("3,000 aborted connections: {before} KiB before, {full} at their end, {after} after");
    assert!(after <= before + ROOM, "{before} KiB before, {full} at their end, {after} after");
    Peer::session(&server, "romeo", "orchard").ping();
}
