//! A client of a world: one connection, driven by hand.

use super::World;
use super::scenario::{Incoming, Pattern, Reader, Variables};
use crate::outbox::Ending;
use crate::ports::{BoxFuture, Clock, Millis};
use crate::sasl::ChannelBindings;
use crate::stream::{ClientStream, Peer, Step};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minidom::Element;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use wire::frame::XmlWriter;
use wire::ns;

/// The connection, shared by the client and the task that drives it.
struct Line {
    stream: ClientStream,
    reader: Reader,
    inbox: VecDeque<Incoming>,
    deadline: Option<(Millis, BoxFuture<'static, ()>)>,
    /// When the client has last said something.
    heard: Millis,
    driver: Option<Waker>,
    reading: bool,
    gone: bool,
}

/// One connection to the server, from the client's side.
pub struct Client {
    world: World,
    line: Arc<Mutex<Line>>,
    jid: String,
}

impl Client {
    pub(super) fn new(world: &World, peer: Peer) -> Client {
        let line = Arc::new(Mutex::new(Line {
            stream: ClientStream::new(&world.engine, peer),
            reader: Reader::default(),
            inbox: VecDeque::new(),
            deadline: None,
            heard: world.clock.now(),
            driver: None,
            reading: true,
            gone: false,
        }));
        let (driven, clock) = (line.clone(), world.clock.clone());
        crate::ports::Spawn::spawn(
            &*world.executor,
            Box::pin(poll_fn(move |context| driven.lock().drive(&*clock, context))),
        );
        world.run();
        Client { world: world.clone(), line, jid: String::new() }
    }

    /// Works on the stream itself, beside what drives it: for counting and timing.
    pub fn with_stream<R>(&mut self, work: impl FnOnce(&mut ClientStream) -> R) -> R {
        work(&mut self.line.lock().stream)
    }

    /// The full address, once logged in.
    pub fn jid(&self) -> &str {
        &self.jid
    }

    /// Opens (or restarts) the stream to `domain`. What the server answers is to be read.
    pub fn open(&mut self, domain: &str) {
        let mut header = XmlWriter::new();
        header.raw("<?xml version='1.0'?>");
        header.start("stream:stream").attr("to", domain).attr("version", "1.0");
        header.attr("xmlns", ns::CLIENT).attr("xmlns:stream", ns::STREAMS);
        self.send(&header.into_open_string());
    }

    /// Opens the stream, logs in with SASL PLAIN and binds the resource of `jid`, or one of the server's choice if
    /// it has none.
    pub fn login(&mut self, jid: &str, password: &str) {
        let (bare, resource) = jid.split_once('/').unwrap_or((jid, ""));
        self.authenticate(bare, password);
        self.bind(resource);
    }

    /// The first part of [`Client::login`]: ends with the new stream's features.
    pub fn authenticate(&mut self, bare: &str, password: &str) -> Element {
        let (local, _) = bare.split_once('@').expect("an account's address");
        self.authenticate_with(bare, "PLAIN", &STANDARD.encode(format!("\0{local}\0{password}")))
    }

    /// The same with another mechanism of one step.
    pub fn authenticate_with(&mut self, bare: &str, mechanism: &str, initial: &str) -> Element {
        let (_, domain) = bare.split_once('@').expect("an account's address");
        self.open(domain);
        self.header_and_features();
        self.send(&format!("<auth xmlns='{}' mechanism='{mechanism}'>{initial}</auth>", ns::SASL));
        let answer = self.one();
        assert!(answer.is("success", ns::SASL), "login of {bare}: {}", shown(&answer));
        self.open(domain);
        self.header_and_features()
    }

    /// The second part of [`Client::login`].
    pub fn bind(&mut self, resource: &str) {
        let mut bind = XmlWriter::new();
        bind.start("bind").attr("xmlns", ns::BIND);
        if !resource.is_empty() {
            bind.start("resource").text(resource).end();
        }
        bind.end();
        let answer = self.ask(&format!("<iq type='set' id='bind'>{}</iq>", bind.into_string()));
        let jid = answer.get_child("bind", ns::BIND).and_then(|bind| bind.get_child("jid", ns::BIND));
        self.jid = jid.unwrap_or_else(|| panic!("bind: {}", shown(&answer))).text();
    }

    /// Reads a stream header and the features behind it, and returns the features.
    pub fn header_and_features(&mut self) -> Element {
        let header = self.one();
        assert!(header.is("stream", ns::STREAMS), "no header: {}", shown(&header));
        let features = self.one();
        assert!(features.is("features", ns::STREAMS), "no features: {}", shown(&features));
        features
    }

    /// Sends initial presence, and drops what comes of it.
    pub fn available(&mut self) {
        self.send("<presence/>");
        self.recv();
    }

    /// Sends text as it is, and runs the world. Text that starts with a stream header begins a new stream.
    pub fn send(&mut self, xml: &str) {
        let driver = {
            let mut line = self.line.lock();
            if xml.starts_with("<?xml") || xml.starts_with("<stream:stream") {
                line.reader.restart();
            }
            if !line.gone {
                line.stream.receive(xml.as_bytes());
                line.heard = self.world.clock.now();
            }
            line.driver.take()
        };
        driver.into_iter().for_each(Waker::wake);
        self.world.run();
    }

    /// The next thing that has arrived.
    pub fn poll(&mut self) -> Option<Incoming> {
        self.world.run();
        self.line.lock().inbox.pop_front()
    }

    /// All elements that have arrived.
    pub fn recv(&mut self) -> Vec<Element> {
        self.world.run();
        let inbox = std::mem::take(&mut self.line.lock().inbox);
        inbox
            .into_iter()
            .filter_map(|incoming| match incoming {
                Incoming::Element(element) => Some(element),
                Incoming::Close => None,
            })
            .collect()
    }

    /// The next element that has arrived.
    ///
    /// # Panics
    /// If none has.
    pub fn one(&mut self) -> Element {
        match self.poll() {
            Some(Incoming::Element(element)) => element,
            other => panic!("{}: an element was due, not {other:?}", self.jid),
        }
    }

    /// Reads these elements, which must match (see [`super::scenario`]) in this order.
    ///
    /// # Panics
    /// If another one has arrived, or none.
    pub fn expect(&mut self, patterns: &str) {
        let mut variables = Variables::new();
        variables.insert("jid".to_owned(), self.jid.clone());
        for pattern in Pattern::parse_all(patterns).expect("a pattern") {
            let Some(incoming) = self.poll() else {
                panic!("{} received nothing instead of\n  {pattern}", self.jid);
            };
            if let Err(reason) = pattern.compare(&incoming, &mut variables) {
                panic!("{}: {reason}\n  expected {pattern}\n  received {incoming}", self.jid);
            }
        }
    }

    /// Nothing has arrived.
    ///
    /// # Panics
    /// If something has.
    pub fn expect_nothing(&mut self) {
        if let Some(incoming) = self.poll() {
            panic!("{} received {incoming}", self.jid);
        }
    }

    /// Sends an IQ and returns its answer. What else arrives stays to be read.
    ///
    /// # Panics
    /// If no answer comes at this point of time.
    pub fn ask(&mut self, iq: &str) -> Element {
        let id = element(iq).attr("id").expect("a request has an id").to_owned();
        self.send(iq);
        let mut line = self.line.lock();
        let index = line.inbox.iter().position(|incoming| {
            matches!(incoming, Incoming::Element(iq) if iq.name() == "iq" && iq.attr("id") == Some(&id)
                && matches!(iq.attr("type"), Some("result" | "error")))
        });
        let answer = index.and_then(|index| line.inbox.remove(index));
        match answer {
            Some(Incoming::Element(answer)) => answer,
            _ => panic!("{}: no answer to {iq}, but {:?}", self.jid, line.inbox),
        }
    }

    /// True once the server has closed the connection.
    pub fn is_gone(&self) -> bool {
        self.world.run();
        self.line.lock().gone
    }

    /// When the server gives up on the negotiation, if it still may.
    pub fn deadline(&self) -> Option<Millis> {
        self.line.lock().stream.deadline()
    }

    /// Stops reading: what the server sends waits there.
    pub fn stop_reading(&mut self) {
        self.line.lock().reading = false;
    }

    /// Reads on.
    pub fn read_on(&mut self) {
        let driver = {
            let mut line = self.line.lock();
            line.reading = true;
            line.driver.take()
        };
        driver.into_iter().for_each(Waker::wake);
        self.world.run();
    }

    /// Closes the stream in good order.
    pub fn close(&mut self) {
        self.send("</stream:stream>");
    }

    /// The connection breaks without a word.
    pub fn cut(&mut self) {
        let driver = {
            let mut line = self.line.lock();
            line.gone = true;
            // As a real connection has it: once when it is lost, and once more when it is dropped.
            line.stream.closed();
            line.stream.closed();
            line.driver.take()
        };
        driver.into_iter().for_each(Waker::wake);
        self.world.run();
    }
}

impl Line {
    /// What a listener does with a socket: reads, lets the stream work, writes.
    fn drive(&mut self, clock: &dyn Clock, context: &mut Context<'_>) -> Poll<()> {
        self.driver = Some(context.waker().clone());
        loop {
            if self.gone {
                return Poll::Ready(());
            }
            let step = self.stream.poll(context);
            let wrote = self.write(context);
            if step == Poll::Ready(Step::StartTls) {
                self.stream.secured(ChannelBindings { tls: true, ..ChannelBindings::default() }, Vec::new());
                continue;
            }
            if !wrote && !self.check_deadline(clock, context) {
                return Poll::Pending;
            }
        }
    }

    fn write(&mut self, context: &mut Context<'_>) -> bool {
        let mut out = Vec::new();
        if !self.reading {
            return false;
        }
        let Poll::Ready(taken) = self.stream.poll_take(context, &mut out, usize::MAX) else {
            return false;
        };
        if let Some(ending) = &taken.ending {
            if let Ending::Error(error) = ending {
                out.extend_from_slice(error.to_xml().as_bytes());
            }
            out.extend_from_slice(b"</stream:stream>");
        }
        self.reader.receive(&out);
        self.parse();
        if !taken.handled.log.is_empty() {
            self.stream.written(&taken.handled);
        }
        if taken.ending.is_some() {
            self.stream.closed();
            self.gone = true;
        }
        true
    }

    fn check_deadline(&mut self, clock: &dyn Clock, context: &mut Context<'_>) -> bool {
        let Some(deadline) = self.stream.deadline() else {
            self.deadline = None;
            return false;
        };
        let (_, timer) = match &mut self.deadline {
            Some(timer) if timer.0 == deadline => timer,
            other => other.insert((deadline, clock.sleep_until(deadline))),
        };
        if timer.as_mut().poll(context).is_pending() {
            return false;
        }
        self.deadline = None;
        if self.stream.expire(clock.now() - self.heard) {
            self.stream.closed();
            self.gone = true;
        }
        true
    }

    fn parse(&mut self) {
        while let Some(incoming) = self.reader.next().unwrap_or_else(|error| panic!("{error}")) {
            self.inbox.push_back(incoming);
        }
    }
}

/// Reads one element; without a namespace of its own it is in `jabber:client`.
pub(super) fn element(xml: &str) -> Element {
    Element::from_reader_with_prefixes(xml.as_bytes(), ns::CLIENT.to_owned())
        .unwrap_or_else(|error| panic!("not an element ({error}): {xml}"))
}

pub(super) fn shown(element: &Element) -> String {
    String::from(element)
}
