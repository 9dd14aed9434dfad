//! A client in the clear that does as it likes, for servers that allow it.

use base64::prelude::{BASE64_STANDARD, Engine};
use socket2::{Domain, Socket, Type};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tests::stentor::{PATIENCE, Setup, Stentor};

pub(crate) const HEADER: &str = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' \
    xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/// A server that takes logins in the clear, as fast as they come; with these accounts, whose password is `secret`.
/// `limits` are more lines of that table.
pub(crate) fn server(limits: &str, config: &str, users: &[&str]) -> Stentor {
    let server = Setup::default()
        .config(&format!(
            "[tls]\nrequired = false\n[limits]\nconnections_per_address = 10000\n{limits}\n{config}"
        ))
        .prepare();
    for user in users {
        server.add_user(&format!("{user}@localhost"), "secret");
    }
    let mut server = server;
    server.start();
    server
}

/// One test at a time: they measure time and memory, and each has a server of its own.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection.
pub(crate) struct Peer {
    socket: TcpStream,
    received: Vec<u8>,
    /// Up to here nothing has been found.
    seen: usize,
}

impl Peer {
    /// Connects; nothing is said yet.
    pub(crate) fn connect(server: &Stentor) -> Peer {
        Peer::on(TcpStream::connect(server.c2s()).expect("the server listens"))
    }

    /// Connects from this address of the loopback.
    pub(crate) fn connect_from(server: &Stentor, address: Ipv4Addr) -> Peer {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((address, 0)).into()).expect("all of 127.0.0.0/8 is ours");
        socket.connect(&server.c2s().into()).expect("the server listens");
        Peer::on(socket.into())
    }

    fn on(socket: TcpStream) -> Peer {
        socket.set_read_timeout(Some(PATIENCE)).expect("an option");
        socket.set_write_timeout(Some(PATIENCE)).expect("an option");
        socket.set_nodelay(true).expect("an option");
        Peer { socket, received: Vec::new(), seen: 0 }
    }

    /// Connects and opens a stream.
    pub(crate) fn open(server: &Stentor) -> Peer {
        Peer::connect(server).opened()
    }

    /// Opens a stream.
    pub(crate) fn opened(mut self) -> Peer {
        self.send(HEADER);
        self.until("</stream:features>");
        self
    }

    /// Logs in with PLAIN; no resource yet.
    pub(crate) fn authenticate(server: &Stentor, user: &str) -> Peer {
        Peer::open(server).authenticated(user)
    }

    /// Logs in with PLAIN on a stream that is open.
    pub(crate) fn authenticated(self, user: &str) -> Peer {
        let plain = BASE64_STANDARD.encode(format!("\0{user}\0secret"));
        self.logged_in("PLAIN", &plain)
    }

    fn logged_in(mut self, mechanism: &str, initial: &str) -> Peer {
        self.send(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{initial}</auth>"
        ));
        self.until("<success");
        self.opened()
    }

    /// An available session.
    pub(crate) fn session(server: &Stentor, user: &str, resource: &str) -> Peer {
        Peer::authenticate(server, user).bound(resource)
    }

    /// Binds a resource and becomes available.
    pub(crate) fn bound(mut self, resource: &str) -> Peer {
        self.send(&format!(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{resource}</resource>\
             </bind></iq><presence/>"
        ));
        self.until("</iq>");
        self.ping();
        self
    }

    /// A session of an account that goes with it, where the server takes ANONYMOUS. Returns its address, too.
    pub(crate) fn visitor(server: &Stentor) -> (Peer, String) {
        let mut peer = Peer::open(server).logged_in("ANONYMOUS", "=");
        peer.send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
        peer.until("<jid>");
        let jid = peer.until("/").trim_end_matches('/').to_owned();
        peer.until("</iq>");
        (peer, jid)
    }

    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.try_send(text.as_bytes()).unwrap_or_else(|error| panic!("{error}; received {}", self.text()));
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }

    /// Everything up to the end of `wanted`.
    pub(crate) fn until(&mut self, wanted: &str) -> String {
        loop {
            let found =
                self.received[self.seen..].windows(wanted.len()).position(|part| part == wanted.as_bytes());
            if let Some(start) = found {
                let rest = self.received.split_off(self.seen + start + wanted.len());
                self.seen = 0;
                return String::from_utf8(std::mem::replace(&mut self.received, rest)).expect("UTF-8");
            }
            self.seen = self.received.len().saturating_sub(wanted.len());
            match self.read() {
                Ok(0) => panic!("the connection ended before {wanted:?}: {}", self.text()),
                Ok(_) => {}
                Err(error) => panic!("no {wanted:?}: {error}; received {}", self.text()),
            }
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 16 * 1024];
        let length = self.socket.read(&mut buffer)?;
        self.received.extend_from_slice(&buffer[..length]);
        Ok(length)
    }

    /// What has come, at least a byte; nothing if nothing comes any more.
    pub(crate) fn some(&mut self) -> Option<Vec<u8>> {
        if self.received.is_empty() && !matches!(self.read(), Ok(1..)) {
            return None;
        }
        self.seen = 0;
        Some(std::mem::take(&mut self.received))
    }

    /// Everything up to the end of the connection, however it ends.
    pub(crate) fn rest(&mut self) -> String {
        loop {
            match self.read() {
                Ok(1..) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    panic!("the connection does not end: {}", self.text())
                }
                _ => return self.text(),
            }
        }
    }

    /// How long the server takes to answer.
    pub(crate) fn ping(&mut self) -> Duration {
        let start = Instant::now();
        self.send("<iq type='get' id='alive' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
        self.until("id='alive'");
        self.until(">");
        start.elapsed()
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }
}

/// Somebody who only wants to be answered, while `work` is going on. Returns the longest answer.
pub(crate) fn bystander<T>(server: &Stentor, user: &str, work: impl FnOnce() -> T) -> (T, Duration) {
    let mut peer = Peer::session(server, user, "bystander");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let pinging = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                longest = longest.max(peer.ping());
                // As a person would: the server is not to be kept busy by this.
                std::thread::sleep(Duration::from_millis(20));
            }
            longest
        });
        struct Done<'a>(&'a std::sync::atomic::AtomicBool);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let end = Done(&done);
        let result = work();
        drop(end);
        (result, pinging.join().expect("the bystander is served"))
    })
}

/// Memory of the server's own, in KiB: its resident pages without those of files.
pub(crate) fn memory(server: &Stentor) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux");
    line.trim().trim_end_matches(" kB").trim().parse().expect("a number")
}

/// Waits until memory is at most that; returns the last value.
pub(crate) fn memory_returns(server: &Stentor, limit: u64, patience: Duration) -> u64 {
    let start = Instant::now();
    loop {
        let now = memory(server);
        if now <= limit || start.elapsed() > patience {
            return now;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
