//! A peer as a process of ours.

use super::{Foreign, Server, Site};
use crate::packages::debian;
use crate::{Result, child, interrupt};
use std::cell::RefCell;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a start may take.
const START: Duration = Duration::from_secs(60);

/// How to start it.
pub(super) struct Start {
    /// Its Debian package.
    pub(super) package: &'static str,
    /// Where its configuration goes.
    pub(super) file: PathBuf,
    pub(super) configuration: String,
    pub(super) command: Box<dyn Fn() -> Command>,
    /// Whether an account that is removed leaves nothing behind. If it does, the peer has to begin anew instead.
    pub(super) removes_all: bool,
}

/// A running peer.
pub(crate) struct Peer {
    start: Start,
    folder: PathBuf,
    accounts: Foreign,
    running: RefCell<Option<Child>>,
}

impl Peer {
    /// Writes the configuration, starts it and waits until it listens.
    pub(super) fn start(site: &Site, start: Start) -> Result<Peer> {
        fs::write(&start.file, &start.configuration)?;
        let (c2s, c2s_tls) = ((site.address, 5222).into(), (site.address, 5223).into());
        let accounts = Foreign::new(&site.domain, c2s, c2s_tls);
        let peer = Peer { start, folder: site.folder.clone(), accounts, running: RefCell::new(None) };
        peer.begin_anew()?;
        Ok(peer)
    }

    /// Ends it if it runs, and starts it with fresh data.
    fn begin_anew(&self) -> Result<()> {
        self.end();
        self.accounts.forget();
        let data = self.folder.join("data");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        fs::create_dir_all(&data)?;
        let console = File::create(self.folder.join("console.log"))?;
        let mut command = (self.start.command)();
        command.stdin(Stdio::null()).stdout(console.try_clone()?).stderr(console).process_group(0);
        let words = child::words(&command);
        *self.running.borrow_mut() = Some(command.spawn().map_err(|error| format!("{words}: {error}"))?);
        let deadline = Instant::now() + START;
        // There is no sign to wait for that both peers give.
        while TcpStream::connect(self.c2s()).is_err() || TcpStream::connect(self.c2s_tls()).is_err() {
            interrupt::check()?;
            let ended = self.running.borrow_mut().as_mut().and_then(|child| child.try_wait().ok()).flatten();
            if ended.is_some() || Instant::now() > deadline {
                return Err(format!("{} does not start:\n{}", self.start.package, self.log()).into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn end(&self) {
        if let Some(mut running) = self.running.borrow_mut().take() {
            child::end_group(&running);
            // It is reaped; how it ended is known.
            let _ = running.wait();
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.end();
    }
}

impl Server for Peer {
    fn version(&self) -> String {
        debian::version(self.start.package)
    }

    fn c2s(&self) -> SocketAddr {
        self.accounts.c2s()
    }

    fn c2s_tls(&self) -> SocketAddr {
        self.accounts.c2s_tls()
    }

    fn add_user(&self, jid: &str, password: &str) -> Result<()> {
        self.accounts.add_user(jid, password)
    }

    /// Where that fails, because a test has changed the password or worse, the peer begins anew.
    fn remove_user(&self, jid: &str) -> Result<()> {
        if !self.accounts.knows(jid) {
            return Ok(());
        }
        if self.start.removes_all && self.accounts.remove_user(jid).is_ok() {
            return Ok(());
        }
        self.begin_anew()
    }

    fn log(&self) -> String {
        let logs = ["console.log", "prosody.log", "ejabberd.log"].map(|name| self.folder.join(name));
        logs.iter().filter_map(|log| fs::read_to_string(log).ok()).collect()
    }
}

/// Replaces what stands between at signs in a template.
pub(super) fn fill_in(template: &str, site: &Site) -> String {
    let files = &site.certificates;
    let show = |path: &PathBuf| path.display().to_string();
    template
        .replace("@DOMAIN@", &site.domain)
        .replace("@ADDRESS@", &site.address.to_string())
        .replace("@FOLDER@", &show(&site.folder))
        .replace("@CHAIN@", &show(&files.chain))
        .replace("@KEY@", &show(&files.key))
        .replace("@BOTH@", &show(&files.both))
}
