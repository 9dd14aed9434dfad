//! Scenarios against a server, over TCP and TLS.
//!
//! In memory "nothing comes" is exact. Here it means: everybody who is logged in has asked every account of the
//! scenario something and got the answers, twice. What was sent before has been routed by then, for stanzas between
//! two entities keep their order (RFC 6120 §10.1), and so do those to one client. Only where nobody can ask, before
//! the login, a short time must do.

use crate::stentor::{PATIENCE, Stentor};
use crate::stream::Stream;
use base64::prelude::{BASE64_STANDARD, Engine};
use kernel::testing::scenario::{Actor, Driver, Incoming, Reader, Wait};
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

struct Client {
    /// None once the server has closed it.
    stream: Option<Stream>,
    reader: Reader,
    inbox: VecDeque<Incoming>,
    /// It has a session, and what it has sent is complete.
    can_ask: bool,
    patience: Duration,
}

impl Client {
    fn new(stream: Stream, patience: Duration) -> Client {
        Client {
            stream: Some(stream),
            reader: Reader::default(),
            inbox: VecDeque::new(),
            can_ask: false,
            patience,
        }
    }

    fn send(&mut self, xml: &str) {
        if xml.starts_with("<?xml") || xml.starts_with("<stream:stream") {
            self.reader.restart();
        }
        // A server that has closed the connection takes nothing; what it said before is still to be read.
        if let Some(stream) = &mut self.stream {
            let _ = stream.write(xml.as_bytes());
        }
    }

    /// Reads once; false if nothing came in that time, or the connection is closed.
    fn read(&mut self, time: Duration) -> Result<bool, String> {
        let Some(stream) = &mut self.stream else { return Ok(false) };
        let mut buffer = [0; 16 * 1024];
        match stream.read_within(time, &mut buffer) {
            Ok(None) => return Ok(false),
            Ok(Some(0)) | Err(_) => {
                self.stream = None;
                return Ok(false);
            }
            Ok(Some(length)) => self.reader.receive(&buffer[..length]),
        }
        while let Some(incoming) = self.reader.next()? {
            let proceed = matches!(&incoming, Incoming::Element(element) if element.is("proceed", ns::TLS));
            self.inbox.push_back(incoming);
            if proceed {
                self.stream = self.stream.take().and_then(|stream| stream.try_encrypt(&[]).ok());
            }
        }
        Ok(true)
    }

    fn next(&mut self, time: Duration) -> Result<Option<Incoming>, String> {
        while self.inbox.is_empty() {
            if !self.read(time)? {
                break;
            }
        }
        Ok(self.inbox.pop_front())
    }

    fn element(&mut self) -> Result<Element, String> {
        match self.next(self.patience)? {
            Some(Incoming::Element(element)) => Ok(element),
            other => Err(format!("an element was due, not {other:?}")),
        }
    }

    /// Sends a header and takes the answer to it.
    fn open(&mut self) -> Result<(), String> {
        self.send(&format!(
            "<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' xmlns='{}' xmlns:stream='{}'>",
            ns::CLIENT,
            ns::STREAMS
        ));
        for name in ["stream", "features"] {
            let element = self.element()?;
            if !element.is(name, ns::STREAMS) {
                return Err(format!("a {name} was due, not {}", String::from(&element)));
            }
        }
        Ok(())
    }
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
                    match client.next(client.patience)? {
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
        let mut made = BTreeSet::new();
        for Actor { account, password, exists, .. } in actors {
            if !made.insert(account) {
                continue;
            }
            // It may be there from another scenario, or not.
            self.host.remove_account(account)?;
            if *exists {
                self.host.make_account(account, password)?;
            }
        }
        Ok(())
    }

    fn connect(&mut self, actor: usize) -> Result<String, String> {
        let Actor { account, resource, password, .. } = self.actors[actor].clone();
        let (local, _) = account.split_once('@').ok_or("an account has a local part")?;
        let mut client = Client::new(Stream::connect(self.host.c2s(), DOMAIN), self.host.patience());
        client.open()?;
        client.send(&format!("<starttls xmlns='{}'/>", ns::TLS));
        client.element()?;
        client.open()?;
        let credentials = BASE64_STANDARD.encode(format!("\0{local}\0{password}"));
        client.send(&format!("<auth xmlns='{}' mechanism='PLAIN'>{credentials}</auth>", ns::SASL));
        let answer = client.element()?;
        if !answer.is("success", ns::SASL) {
            return Err(format!("login of {account}: {}", String::from(&answer)));
        }
        client.open()?;
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
        self.clients[actor] = Some(Client::new(stream, self.host.patience()));
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
            let patience = self.host.patience();
            return self.client(actor)?.next(patience);
        }
        self.settle()?;
        let client = self.client(actor)?;
        let silence = if client.can_ask { Duration::from_millis(1) } else { SILENCE };
        client.next(silence)
    }

    fn is_gone(&mut self, actor: usize) -> Result<bool, String> {
        let client = self.client(actor)?;
        while client.read(client.patience)? {}
        Ok(client.stream.is_none())
    }

    fn cut(&mut self, actor: usize) -> Result<(), String> {
        self.clients[actor] = None;
        self.settle()
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
