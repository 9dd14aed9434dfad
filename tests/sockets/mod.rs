//! Scenarios against a server, over TCP and TLS.
//!
//! In memory "nothing comes" is exact. Here it means: everybody who is logged in has asked every account of the
//! scenario something and got the answers, twice. What was sent before has been routed by then, for stanzas between
//! two entities keep their order (RFC 6120 §10.1), and so do those to one client. Only where nobody can ask, before
//! the login, a short time must do.

mod client;
pub mod registration;

use self::client::Client;
use crate::stentor::{PATIENCE, Stentor};
use crate::stream::Stream;
use kernel::testing::scenario::{Actor, Driver, Incoming, Wait};
use minidom::Element;
use server::cli::Password;
use server::cli::admin::{AdminRequest, AdminResponse, ask};
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use wire::ns;

/// The domain of all scenarios.
pub const DOMAIN: &str = "example.org";
/// How long a stream without a session is listened to until it counts as silent.
const SILENCE: Duration = Duration::from_millis(300);
/// The start of the ids of the questions above.
const QUESTION: &str = "is-all-here-";

/// A server that scenarios are played against. It serves [`DOMAIN`].
pub trait Host {
    /// The address for STARTTLS.
    fn c2s(&self) -> SocketAddr;

    /// The address for direct TLS.
    fn c2s_tls(&self) -> SocketAddr;

    /// Makes an account.
    ///
    /// # Errors
    /// It is there already, or the server refuses.
    fn make_account(&self, jid: &str, password: &str) -> Result<(), String>;

    /// Removes an account and all it has, if there is one.
    ///
    /// # Errors
    /// The server refuses.
    fn remove_account(&self, jid: &str) -> Result<(), String>;

    /// How long it may take for what is due.
    fn patience(&self) -> Duration {
        PATIENCE
    }

    /// Whether it is another server than Stentor ([`Driver::is_free`]).
    fn is_free(&self) -> bool {
        false
    }
}

/// Accounts are made by the socket that the command line uses: a process for each would take longer than the scenario.
impl Host for Stentor {
    fn c2s(&self) -> SocketAddr {
        Stentor::c2s(self)
    }

    fn c2s_tls(&self) -> SocketAddr {
        Stentor::c2s_tls(self)
    }

    fn make_account(&self, jid: &str, password: &str) -> Result<(), String> {
        let (jid, password) = (jid.to_owned(), Password(password.to_owned()));
        match command(self, &AdminRequest::UserAdd { jid, password })? {
            AdminResponse::Ok => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }

    fn remove_account(&self, jid: &str) -> Result<(), String> {
        command(self, &AdminRequest::UserDelete { jid: jid.to_owned() }).map(|_| ())
    }
}

fn command(server: &Stentor, request: &AdminRequest) -> Result<AdminResponse, String> {
    ask(&server.directory().join("data/stentor.sock"), request).map_err(|error| error.to_string())
}

/// Plays the clients of a scenario.
pub struct OverSockets<'s> {
    host: &'s dyn Host,
    actors: Vec<Actor>,
    clients: Vec<Option<Client>>,
    questions: usize,
}

impl<'s> OverSockets<'s> {
    /// Nothing is connected yet.
    pub fn new(host: &'s dyn Host) -> OverSockets<'s> {
        OverSockets { host, actors: Vec::new(), clients: Vec::new(), questions: 0 }
    }

    fn client(&mut self, actor: usize) -> Result<&mut Client, String> {
        self.clients[actor].as_mut().ok_or_else(|| format!("{} is not connected", self.actors[actor].name))
    }

    /// See the head of the file.
    fn settle(&mut self) -> Result<(), String> {
        let accounts: BTreeSet<String> = self.actors.iter().map(|actor| actor.account.clone()).collect();
        for _ in 0..2 {
            for client in self.clients.iter_mut().flatten().filter(|client| client.can_ask) {
                let mut open = BTreeSet::new();
                for account in &accounts {
                    self.questions += 1;
                    let id = format!("{QUESTION}{}", self.questions);
                    client.send(&format!(
                        "<iq type='get' id='{id}' to='{account}'><ping xmlns='urn:xmpp:ping'/></iq>"
                    ));
                    open.insert(id);
                }
                let mut others = VecDeque::new();
                while !open.is_empty() {
                    match client.due()? {
                        Some(Incoming::Element(iq)) if iq.attr("id").is_some_and(|id| open.remove(id)) => {}
                        Some(other) => others.push_back(other),
                        None if client.stream.is_none() => break,
                        None => return Err("the server does not answer a ping".to_owned()),
                    }
                }
                client.inbox = others;
            }
        }
        Ok(())
    }
}

/// Whether it leaves the stream at the level where stanzas begin.
fn is_complete(xml: &str) -> bool {
    let whole = format!("<x xmlns='{}' xmlns:stream='{}'>{xml}</x>", ns::CLIENT, ns::STREAMS);
    whole.parse::<Element>().is_ok()
}

impl Driver for OverSockets<'_> {
    fn prepare(&mut self, actors: &[Actor]) -> Result<(), String> {
        actors.clone_into(&mut self.actors);
        self.clients = actors.iter().map(|_| None).collect();
        let accounts: BTreeSet<&String> = actors.iter().map(|actor| &actor.account).collect();
        // They may be there from another scenario, or not.
        for account in &accounts {
            self.host.remove_account(account)?;
        }
        let mut made = BTreeSet::new();
        for Actor { account, password, exists, .. } in actors {
            if made.insert(account) && *exists {
                self.host.make_account(account, password)?;
            }
        }
        Ok(())
    }

    fn connect(&mut self, actor: usize) -> Result<String, String> {
        let Actor { account, resource, password, .. } = self.actors[actor].clone();
        let stream = Stream::connect(self.host.c2s(), DOMAIN);
        let mut client = Client::new(stream, DOMAIN, self.host.patience());
        client.log_in(&account, &password)?;
        let mut bind = Element::builder("bind", ns::BIND);
        if let Some(resource) = resource {
            bind = bind.append(Element::builder("resource", ns::BIND).append(resource));
        }
        client.send(&format!("<iq type='set' id='bind'>{}</iq>", String::from(&bind.build())));
        let answer = client.element()?;
        let jid = answer.get_child("bind", ns::BIND).and_then(|bind| bind.get_child("jid", ns::BIND));
        let jid = jid.ok_or_else(|| format!("bind: {}", String::from(&answer)))?.text();
        client.can_ask = true;
        self.clients[actor] = Some(client);
        Ok(jid)
    }

    fn open(&mut self, actor: usize, tls: bool) -> Result<(), String> {
        let stream = if tls {
            Stream::connect_tls(self.host.c2s_tls(), DOMAIN)
        } else {
            Stream::connect(self.host.c2s(), DOMAIN)
        };
        self.clients[actor] = Some(Client::new(stream, DOMAIN, self.host.patience()));
        Ok(())
    }

    fn send(&mut self, actor: usize, xml: &str) -> Result<(), String> {
        let client = self.client(actor)?;
        client.can_ask &= is_complete(xml);
        client.send(xml);
        Ok(())
    }

    fn receive(&mut self, actor: usize, wait: Wait) -> Result<Option<Incoming>, String> {
        let next = self.client(actor)?.inbox.pop_front();
        if next.is_some() {
            return Ok(next);
        }
        if wait == Wait::Due {
            return self.client(actor)?.due();
        }
        self.settle()?;
        let client = self.client(actor)?;
        let silence = if client.can_ask { Duration::from_millis(1) } else { SILENCE };
        client.next(silence)
    }

    fn is_gone(&mut self, actor: usize) -> Result<bool, String> {
        self.client(actor)?.is_gone()
    }

    fn cut(&mut self, actor: usize) -> Result<(), String> {
        self.clients[actor] = None;
        self.settle()
    }

    fn is_free(&self) -> bool {
        self.host.is_free()
    }

    /// The time of a real server cannot be moved. What a scenario waits for has a longer past in memory.
    fn advance(&mut self, _: Duration) -> Result<(), String> {
        self.settle()
    }
}

/// The `*.scenario` files below a folder, in order.
pub fn scenario_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(folder, &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "scenario") {
            found.push(path);
        }
    }
}
