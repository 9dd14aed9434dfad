//! From bytes to what a scenario compares.

use super::Incoming;
use crate::testing::client::element;
use minidom::Element;
use std::sync::Arc;
use wire::frame::XmlWriter;
use wire::framer::{Event, Framer, Limits, StreamHeader};
use wire::ns::{self, NsTable};

/// Cuts what a server sends into elements. As strict as the server is with its clients.
pub struct Reader {
    framer: Framer,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader { framer: Framer::new(Limits::after_login(), Arc::new(NsTable::new(&[]))) }
    }
}

impl Reader {
    /// What has come.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.framer.receive(bytes);
    }

    /// A new stream begins.
    pub fn restart(&mut self) {
        self.framer.reset();
    }

    /// The next thing that is complete.
    ///
    /// # Errors
    /// The server's XML is broken.
    #[allow(
        clippy::should_implement_trait,
        reason = "an iterator would end, this goes on when more has come"
    )]
    pub fn next(&mut self) -> Result<Option<Incoming>, String> {
        Ok(match self.framer.next() {
            Ok(None) => None,
            Ok(Some(Event::Header(header))) => Some(Incoming::Element(header_element(&header))),
            Ok(Some(Event::Stanza(raw))) => Some(Incoming::Element(raw.element())),
            Ok(Some(Event::Close)) => Some(Incoming::Close),
            Err(error) => return Err(format!("the server's own XML is broken: {error:?}")),
        })
    }
}

/// A stream header as an element without children.
fn header_element(header: &StreamHeader) -> Element {
    let mut out = XmlWriter::new();
    out.start("stream").attr("xmlns", ns::STREAMS);
    let version = header.version.map(|(major, minor)| format!("{major}.{minor}"));
    for (name, value) in [
        ("from", &header.from),
        ("to", &header.to),
        ("id", &header.id),
        ("version", &version),
        ("xml:lang", &header.lang),
    ] {
        if let Some(value) = value {
            out.attr(name, value);
        }
    }
    out.end();
    element(&out.into_string())
}
