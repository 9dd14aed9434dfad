//! The scenarios of the kernel and of the XEPs against the built binary, over TCP and TLS.
//!
//! In memory "nothing comes" is exact. Here it means: everybody who is logged in has asked every account of the
//! scenario something and got the answers, twice. What was sent before has been routed by then, for stanzas between
//! two entities keep their order (RFC 6120 §10.1), and so do those to one client. Only where nobody can ask, before
//! the login, a short time must do.

use crate::stentor::{PATIENCE, Setup, Stentor};
use crate::stream::Stream;
use base64::prelude::{BASE64_STANDARD, Engine};
use kernel::testing::scenario::{Actor, Driver, Incoming, Reader, Scenario, Wait};
use minidom::Element;
use server::cli::Password;
use server::cli::admin::{AdminRequest, AdminResponse, ask};
use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use wire::ns;

const DOMAIN: &str = "example.org";
/// How long a stream without a session is listened to until it counts as silent.
const SILENCE: Duration = Duration::from_millis(300);
/// The start of the ids of the questions above.
const QUESTION: &str = "is-all-here-";

/// Plays the clients of a scenario.
struct OverSockets<'s> {
    server: &'s Stentor,
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
}

impl Client {
    fn new(stream: Stream) -> Client {
        Client { stream: Some(stream), reader: Reader::default(), inbox: VecDeque::new(), can_ask: false }
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
        match self.next(PATIENCE)? {
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
    fn new(server: &'s Stentor) -> OverSockets<'s> {
        OverSockets { server, actors: Vec::new(), clients: Vec::new(), questions: 0 }
    }

    fn client(&mut self, actor: usize) -> Result<&mut Client, String> {
        self.clients[actor].as_mut().ok_or_else(|| format!("{} is not connected", self.actors[actor].name))
    }

    fn command(&self, request: &AdminRequest) -> Result<AdminResponse, String> {
        ask(&self.server.directory().join("data/stentor.sock"), request).map_err(|error| error.to_string())
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
                    match client.next(PATIENCE)? {
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
            self.command(&AdminRequest::UserDelete { jid: account.clone() })?;
            if *exists {
                let (jid, password) = (account.clone(), Password(password.clone()));
                let added = self.command(&AdminRequest::UserAdd { jid, password })?;
                if added != AdminResponse::Ok {
                    return Err(format!("{account}: {added:?}"));
                }
            }
        }
        Ok(())
    }

    fn connect(&mut self, actor: usize) -> Result<String, String> {
        let Actor { account, resource, password, .. } = self.actors[actor].clone();
        let (local, _) = account.split_once('@').ok_or("an account has a local part")?;
        let mut client = Client::new(Stream::connect(self.server.c2s(), DOMAIN));
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
            Stream::connect_tls(self.server.c2s_tls(), DOMAIN)
        } else {
            Stream::connect(self.server.c2s(), DOMAIN)
        };
        self.clients[actor] = Some(Client::new(stream));
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
            return self.client(actor)?.next(PATIENCE);
        }
        self.settle()?;
        let client = self.client(actor)?;
        let silence = if client.can_ask { Duration::from_millis(1) } else { SILENCE };
        client.next(silence)
    }

    fn is_gone(&mut self, actor: usize) -> Result<bool, String> {
        let client = self.client(actor)?;
        while client.read(PATIENCE)? {}
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

fn scenarios(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            scenarios(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "scenario") {
            found.push(path);
        }
    }
    found.sort();
}

fn play(folder: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut files = Vec::new();
    scenarios(&root.join(folder), &mut files);
    // Made and deleted again and again: their passwords need no strength.
    let setup = Setup::default().domains(&[DOMAIN]).config("[auth]\nscram_iterations = 4096");
    let setup = setup.config("[limits]\nc2s_rate = \"unlimited\"");
    // What the scenarios of these XEPs rely on.
    let setup = setup.config("[xep.register]\nopen = true\nper_address_per_hour = \"unlimited\"");
    let setup = setup
        .config("[xep.contact]\nabuse = ['mailto:abuse@example.org']\nadmin = ['mailto:xmpp@example.org']");
    let server = setup.start();
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let mut failures = String::new();
    for file in files.iter().filter(|file| file.to_string_lossy().contains(&only)) {
        let text = std::fs::read_to_string(file).expect("a scenario");
        let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        if let Err(failure) = scenario.play(&mut OverSockets::new(&server)) {
            let name = file.strip_prefix(root).expect("below the root").display();
            writeln!(failures, "\n{name}, {failure}").expect("memory");
        }
    }
    assert!(failures.is_empty(), "scenarios that did not go as written:\n{failures}");
}

#[test]
fn rfc6120() {
    play("src/kernel/testing/rfc6120");
}

#[test]
fn rfc6121() {
    play("src/kernel/testing/rfc6121");
}

#[test]
fn xeps() {
    play("xeps");
}
