//! The server that is killed: Stentor, or one that a script starts.

use crate::connection::Target;
use crate::names::Name;
use crate::settings::Peer;
use crate::world::PASSWORD;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::sockets::Host;
use tests::sockets::registration::Registrar;
use tests::stentor::{PATIENCE, Setup, Stentor, binary};

/// See the head of the file. It runs, or not.
pub(crate) enum Server {
    Stentor(Box<Stentor>),
    Peer(Scripted),
}

/// A server whose process is not our child. The script prints the id of the process when the server listens.
pub(crate) struct Scripted {
    peer: Peer,
    directory: TempDir,
    pid: Option<Pid>,
}

impl Server {
    /// Not started yet. Stentor gets more lines for its `[limits]`.
    pub(crate) fn new(peer: Option<&Peer>, limits: &str) -> Server {
        if let Some(peer) = peer {
            let directory = tempfile::Builder::new().prefix("crash-").tempdir().expect("a directory");
            return Server::Peer(Scripted { peer: peer.clone(), directory, pid: None });
        }
        // A table that this build does not know would be an error.
        let xeps = Command::new(binary()).arg("xeps").output().expect("the binary starts");
        let has_archive = String::from_utf8_lossy(&xeps.stdout).contains("[xep.mam]");
        let archive = if has_archive { "[xep.mam]\ndefault = \"always\"" } else { "" };
        let setup = Setup::default()
            .config("[auth]\nscram_iterations = 4096")
            .config(&format!("[limits]\nc2s_rate = \"unlimited\"\nconnections_per_address = 10000\n{limits}"))
            .config(archive)
            .survives_limits();
        Server::Stentor(Box::new(setup.prepare()))
    }

    /// Starts the process. A script returns only when the server listens.
    pub(crate) fn launch(&mut self) {
        match self {
            Server::Stentor(stentor) => stentor.launch(),
            Server::Peer(scripted) => scripted.launch(),
        }
    }

    /// Waits for the first stream features. False if they do not come in that time.
    pub(crate) fn is_ready_within(&self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        if let Server::Stentor(stentor) = self
            && !stentor.serves_within(patience)
        {
            return false;
        }
        offers_features(self.target().c2s, &self.target().domain, end)
    }

    /// What it said, if it is ours.
    pub(crate) fn log(&self) -> String {
        match self {
            Server::Stentor(stentor) => stentor.log().text(),
            Server::Peer(scripted) => format!("see {}", scripted.directory.path().display()),
        }
    }

    /// Ends it without warning.
    pub(crate) fn kill(&mut self) {
        match self {
            Server::Stentor(stentor) => stentor.kill(),
            Server::Peer(scripted) => scripted.signal(Signal::KILL),
        }
    }

    /// Asks it to end, as for an upgrade, and waits for that.
    pub(crate) fn terminate(&mut self) {
        match self {
            Server::Stentor(stentor) => {
                let (status, _) = stentor.terminate();
                assert!(status.success(), "{status}; its log:\n{}", stentor.log().text());
            }
            Server::Peer(scripted) => scripted.signal(Signal::TERM),
        }
    }

    pub(crate) fn target(&self) -> Target {
        match self {
            Server::Stentor(stentor) => Target::new(stentor.c2s(), stentor.c2s_tls(), stentor.domain()),
            Server::Peer(Scripted { peer, .. }) => {
                let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
                Target::new(address(peer.port), address(peer.port + 1), &peer.domain)
            }
        }
    }

    /// Makes accounts while it runs.
    pub(crate) fn make_accounts(&self, names: impl IntoIterator<Item = impl ToString>) {
        let target = self.target();
        let registrar = Registrar { c2s: target.c2s, domain: target.domain.clone(), patience: PATIENCE };
        for name in names {
            let jid = format!("{}@{}", name.to_string(), target.domain);
            let made = match self {
                Server::Stentor(stentor) => stentor.make_account(&jid, PASSWORD),
                Server::Peer(_) => registrar.make(&jid, PASSWORD),
            };
            made.unwrap_or_else(|error| panic!("{jid}: {error}"));
        }
    }

    /// The folder of all that it has.
    pub(crate) fn directory(&self) -> &Path {
        match self {
            Server::Stentor(stentor) => stentor.directory(),
            Server::Peer(scripted) => scripted.directory.path(),
        }
    }

    /// With `true`, files cannot grow.
    pub(crate) fn fill_disk(&self, full: bool) {
        let Server::Stentor(stentor) = self else { panic!("only our own disk can be filled") };
        stentor.limit_files(full.then_some(0));
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        if self.pid.is_some() {
            self.signal(Signal::KILL);
        }
    }
}

impl Scripted {
    fn launch(&mut self) {
        let started = Command::new(&self.peer.start)
            .arg(self.directory.path())
            .arg(self.peer.port.to_string())
            .args(&self.peer.arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}", self.peer.start));
        assert!(started.status.success(), "{} failed: {}", self.peer.start, started.status);
        let said = String::from_utf8_lossy(&started.stdout);
        let pid = said.trim().parse().ok().and_then(Pid::from_raw);
        self.pid = Some(pid.unwrap_or_else(|| panic!("{} must print a pid, not {said:?}", self.peer.start)));
    }

    /// Sends a signal that it does not live long after.
    fn signal(&mut self, signal: Signal) {
        let pid = self.pid.take().expect("it runs");
        let address = SocketAddr::from(([127, 0, 0, 1], self.peer.port));
        kill_process(pid, signal).expect("it runs");
        // It is not our child, so its end shows by its port.
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_ok() {
            assert!(Instant::now() < end, "{pid:?} still listens after {signal:?}");
            std::thread::yield_now();
        }
    }
}

/// Opens a stream and waits for its features.
fn offers_features(address: SocketAddr, domain: &str, end: Instant) -> bool {
    let left = |end: Instant| end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let Ok(mut socket) = TcpStream::connect_timeout(&address, left(end)) else { return false };
    let header = format!(
        "<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>"
    );
    if socket.write_all(header.as_bytes()).is_err() {
        return false;
    }
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&received).contains("<stream:features") {
        let _ = socket.set_read_timeout(Some(left(end)));
        match socket.read(&mut buffer) {
            Ok(length @ 1..) => received.extend_from_slice(&buffer[..length]),
            _ => return false,
        }
    }
    true
}

/// All accounts of a run.
pub(crate) fn names(pairs: u16) -> Vec<Name> {
    (0..pairs).flat_map(|number| [Name::sender(number), Name::receiver(number)]).collect()
}
