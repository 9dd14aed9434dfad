//! One connection of a client that plays a scenario.

use crate::stream::Stream;
use base64::prelude::{BASE64_STANDARD, Engine};
use kernel::testing::scenario::{Incoming, Reader};
use minidom::Element;
use std::collections::VecDeque;
use std::time::Duration;
use wire::ns;

/// Reads whole elements, and writes anything.
pub(super) struct Client {
    /// None once the server has closed it.
    pub(super) stream: Option<Stream>,
    reader: Reader,
    pub(super) inbox: VecDeque<Incoming>,
    /// It has a session, and what it has sent is complete.
    pub(super) can_ask: bool,
    domain: String,
    patience: Duration,
}

impl Client {
    pub(super) fn new(stream: Stream, domain: &str, patience: Duration) -> Client {
        Client {
            stream: Some(stream),
            reader: Reader::default(),
            inbox: VecDeque::new(),
            can_ask: false,
            domain: domain.to_owned(),
            patience,
        }
    }

    pub(super) fn send(&mut self, xml: &str) {
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
                // RFC 6120 §5.4.3.3: a new stream, whoever begins it; what came in the clear is discarded.
                self.reader = Reader::default();
                self.stream = self.stream.take().and_then(|stream| stream.try_encrypt(&[]).ok());
            }
        }
        Ok(true)
    }

    pub(super) fn next(&mut self, time: Duration) -> Result<Option<Incoming>, String> {
        while self.inbox.is_empty() {
            if !self.read(time)? {
                break;
            }
        }
        Ok(self.inbox.pop_front())
    }

    /// What comes within the time that anything may take.
    pub(super) fn due(&mut self) -> Result<Option<Incoming>, String> {
        self.next(self.patience)
    }

    /// Whether the server has closed the connection, or does so in time.
    pub(super) fn is_gone(&mut self) -> Result<bool, String> {
        while self.read(self.patience)? {}
        Ok(self.stream.is_none())
    }

    pub(super) fn element(&mut self) -> Result<Element, String> {
        match self.due()? {
            Some(Incoming::Element(element)) => Ok(element),
            other => Err(format!("an element was due, not {other:?}")),
        }
    }

    /// Sends a header and takes the answer to it.
    pub(super) fn open(&mut self) -> Result<(), String> {
        self.send(&format!(
            "<?xml version='1.0'?><stream:stream to='{}' version='1.0' xmlns='{}' xmlns:stream='{}'>",
            self.domain,
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

    /// Opens the stream and secures it with STARTTLS.
    pub(super) fn secure(&mut self) -> Result<(), String> {
        self.open()?;
        self.send(&format!("<starttls xmlns='{}'/>", ns::TLS));
        self.element()?;
        self.open()
    }

    /// From a fresh connection to a stream that awaits the binding of a resource.
    pub(super) fn log_in(&mut self, account: &str, password: &str) -> Result<(), String> {
        let (local, _) = account.split_once('@').ok_or("an account has a local part")?;
        self.secure()?;
        let credentials = BASE64_STANDARD.encode(format!("\0{local}\0{password}"));
        self.send(&format!("<auth xmlns='{}' mechanism='PLAIN'>{credentials}</auth>", ns::SASL));
        let answer = self.element()?;
        if !answer.is("success", ns::SASL) {
            return Err(format!("login of {account}: {}", String::from(&answer)));
        }
        self.open()
    }
}
