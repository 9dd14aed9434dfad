//! A server under test: the built `stentor` on free ports of the loopback with data of its own.
//!
//! ```no_run
//! let mut server = tests::stentor::Setup::default().config("[xep.register]\nopen = true\n").start();
//! server.add_user("romeo@localhost", "secret");
//! server.kill();
//! server.start();
//! ```
//!
//! **Invariant:** no process outlives its [`Stentor`], and only processes started here are signalled.

mod binary;
mod log;
mod ports;

pub use binary::{binary, target_directory};
pub use log::Log;

use ports::Reserved;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take before the test fails. Long: machines that run tests are busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The binary, to be called in a directory; settings in the environment of the tests do not reach it.
pub fn command(directory: &Path) -> Command {
    let mut command = Command::new(binary());
    command.current_dir(directory);
    without_settings(&mut command);
    command
}

fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("STENTOR_") {
            command.env_remove(name);
        }
    }
    // As under a terminal, not as under systemd.
    command.env_remove("JOURNAL_STREAM").env_remove("NOTIFY_SOCKET");
}

/// What a server is to be started with.
#[derive(Clone, Debug)]
pub struct Setup {
    domains: Vec<String>,
    config: String,
    address: Ipv4Addr,
    ports: [u16; 2],
    survives_limits: bool,
}

impl Default for Setup {
    /// Serves `localhost`, everything else at its default but the ports.
    fn default() -> Setup {
        Setup {
            domains: vec!["localhost".to_owned()],
            config: String::new(),
            address: Ipv4Addr::LOCALHOST,
            ports: [0, 0],
            survives_limits: false,
        }
    }
}

impl Setup {
    /// Serves these domains instead of `localhost`.
    pub fn domains(mut self, domains: &[&str]) -> Setup {
        self.domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
        self
    }

    /// Listens on the standard ports 5222 and 5223 of an address of the loopback, instead of any ports.
    pub fn standard_ports(mut self, address: Ipv4Addr) -> Setup {
        (self.address, self.ports) = (address, [5222, 5223]);
        self
    }

    /// Adds tables to the configuration. `[listen]` is taken.
    pub fn config(mut self, toml: &str) -> Setup {
        self.config.push_str(toml);
        self.config.push('\n');
        self
    }

    /// For tests that make accounts by the hundred, also by registration: their passwords are hashed less often and
    /// nobody is slowed down. The scenarios of the XEPs rely on this, too.
    pub fn many_accounts(self) -> Setup {
        self.config("[auth]\nscram_iterations = 4096")
            .config("[limits]\nc2s_rate = \"unlimited\"")
            .config("[xep.register]\nopen = true\nper_address_per_hour = \"unlimited\"")
            .config("[xep.contact]\nabuse = [\"mailto:abuse@example.org\"]")
    }

    /// Takes a file that may not grow for an error and not for its end, so that [`Stentor::limit_files`] can fill its disk.
    pub fn survives_limits(mut self) -> Setup {
        self.survives_limits = true;
        self
    }

    /// Everything but the start, for tests of the commands alone.
    pub fn prepare(self) -> Stentor {
        let directory = tempfile::Builder::new().prefix("stentor-").tempdir().expect("a temporary directory");
        let server = Stentor {
            directory,
            domain: self.domains.first().cloned().expect("at least one domain"),
            c2s: Reserved::new((self.address, self.ports[0]).into()),
            c2s_tls: Reserved::new((self.address, self.ports[1]).into()),
            running: None,
            log: Log::default(),
            survives_limits: self.survives_limits,
        };
        server.configure(&self);
        server
    }

    /// Starts the server and waits until it serves.
    pub fn start(self) -> Stentor {
        let mut server = self.prepare();
        server.start();
        server
    }
}

/// A server, running or not. It is killed when this is dropped, and its data goes.
#[derive(Debug)]
pub struct Stentor {
    directory: TempDir,
    domain: String,
    c2s: Reserved,
    c2s_tls: Reserved,
    running: Option<Child>,
    log: Log,
    survives_limits: bool,
}

impl Stentor {
    /// Writes the configuration anew; [`Stentor::reload`] or a restart makes it hold.
    pub fn configure(&self, setup: &Setup) {
        let toml = format!(
            "domains = {:?}\n[listen]\nc2s = [\"{}\"]\nc2s_tls = [\"{}\"]\n{}",
            setup.domains,
            self.c2s(),
            self.c2s_tls(),
            setup.config
        );
        std::fs::write(self.config_file(), toml).expect("the configuration is written");
    }

    /// Starts it on the data that is there.
    pub fn start(&mut self) {
        let started = self.try_start();
        assert!(started, "the server ended at its start; its log:\n{}", self.log.text());
        let connected = TcpStream::connect(self.c2s());
        assert!(
            connected.is_ok(),
            "{connected:?} although the server said that it serves:\n{}",
            self.log.text()
        );
    }

    /// The same; false if it ended at once. [`Stentor::log`] tells why.
    pub fn try_start(&mut self) -> bool {
        self.launch();
        let serves = self.serves_within(PATIENCE);
        if !serves {
            self.wait();
        }
        serves
    }

    /// Starts the process, and does not wait for anything.
    pub fn launch(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        let mut command = if self.survives_limits {
            let mut shell = Command::new("sh");
            shell.args(["-c", "trap '' XFSZ; exec \"$0\" run --config \"$1\""]);
            shell.arg(binary()).arg(self.config_file()).current_dir(self.directory.path());
            without_settings(&mut shell);
            shell
        } else {
            self.command(&["run"])
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        self.log.follow(child.stderr.take().expect("a pipe"));
        self.running = Some(child);
    }

    /// Waits until it says that it serves: its listeners are bound by then. False if it does not in that time, or ended.
    pub fn serves_within(&self, patience: Duration) -> bool {
        self.log.wait_for(patience, |log| log.contains(" serves "))
    }

    /// How large its files may become from now on: with 0 its disk is full. Needs [`Setup::survives_limits`].
    pub fn limit_files(&self, bytes: Option<u64>) {
        assert!(self.survives_limits, "it would end at the first write");
        let pid = Pid::from_child(self.running.as_ref().expect("it runs"));
        prlimit(Some(pid), Resource::Fsize, Rlimit { current: bytes, maximum: None }).expect("its own child");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.directory.path());
        command.args(arguments).arg("--config").arg(self.config_file());
        command
    }

    /// Runs one command of the command line, such as `["user", "list"]`, and waits for its end.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A command that reads nothing may have ended.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("the command ends")
    }

    /// Makes an account.
    pub fn add_user(&self, jid: &str, password: &str) {
        let done = self.run(&["user", "add", jid, "--password-stdin"], &format!("{password}\n"));
        assert!(done.status.success(), "user add {jid}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Ends it without warning, as a power cut does, and waits until it is gone.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }

    /// Asks it to end and waits for that. Returns how it ended and how long that took.
    pub fn terminate(&mut self) -> (ExitStatus, Duration) {
        let start = Instant::now();
        self.signal(Signal::TERM);
        (self.wait(), start.elapsed())
    }

    /// Makes it read its configuration and certificates again, and waits until it says how that went.
    pub fn reload(&self) -> String {
        let before = self.log.text().len();
        self.signal(Signal::HUP);
        let done = |log: &str| log[before..].lines().any(|line| line.contains(" reload"));
        assert!(self.log.wait_for(PATIENCE, done), "no answer to SIGHUP:\n{}", self.log.text());
        self.log.text()[before..].to_owned()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let child = self.running.as_ref().expect("it runs");
        // A child that was not waited for keeps its id, so this reaches nobody else.
        kill_process(Pid::from_child(child), signal).expect("a child can be signalled");
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        // Its end of the pipe closes with it: this is how the end is noticed without asking again and again.
        let ended = self.log.wait_for_end(PATIENCE);
        assert!(ended, "the server does not end:\n{}", self.log.text());
        let mut child = self.running.take().expect("it runs");
        child.wait().expect("a child can be waited for")
    }

    /// The id of the process.
    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("it runs").id()
    }

    /// What it has written to standard error since the last start.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The address for STARTTLS.
    pub fn c2s(&self) -> SocketAddr {
        self.c2s.address()
    }

    /// The address for direct TLS.
    pub fn c2s_tls(&self) -> SocketAddr {
        self.c2s_tls.address()
    }

    /// Its first domain.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The directory of its configuration; data is in `data` below.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.directory.path().join("stentor.toml")
    }

    /// The self-made certificate of its first domain.
    pub fn certificate(&self) -> PathBuf {
        self.directory.path().join("data/tls").join(format!("{}.crt", self.domain))
    }
}

impl Drop for Stentor {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log.text());
        }
    }
}
