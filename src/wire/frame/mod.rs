//! Frames: the bytes of one first-level element with an index of what routing asks about.
//!
//! **Invariant:** a frame stands by itself. Without a namespace declaration its root is in `jabber:client`, whatever
//! stream it came from; every prefix it uses it declares. So storing, sending on and reading back are copies of bytes.

mod builder;
mod children;
mod escape;
pub(crate) mod head;
mod stamp;
mod writer;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use minidom::Element;
use minidom::rxml::{Options, RawReader};
use minidom::tree_builder::TreeBuilder;

pub use builder::FrameBuilder;
pub use children::{Child, Children};
pub use head::{Head, Kind, StanzaType};
pub use writer::XmlWriter;

pub(crate) use escape::{Attributes, escape_value};

use crate::error::StanzaError;
use crate::framer::{self, FramerError, unescape_value};
use crate::ns::{self, NsSet, NsTable};
use head::Value;

/// The first child element of a stanza: what an IQ is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Payload<'a> {
    /// Its local name.
    pub name: &'a str,
    /// Its namespace, as written: `&` in it is `&amp;`. (No namespace that is in use has one.)
    pub ns: &'a str,
}

/// A frame still in the framer's buffer.
#[derive(Debug, Clone, Copy)]
pub struct RawFrame<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) head: Head,
}

/// A frame of its own: cloning it is counting a reference.
#[derive(Debug, Clone)]
pub struct Frame {
    pub(crate) bytes: Bytes,
    pub(crate) head: Head,
}

/// The accessors that both kinds of frame have.
macro_rules! accessors {
    () => {
        /// Message, presence, IQ or something else.
        pub fn kind(&self) -> Kind {
            self.head.kind
        }

        /// The `type` attribute as that kind of stanza defines it.
        pub fn type_(&self) -> StanzaType {
            self.head.type_
        }

        /// Whether it is the answer to an earlier stanza that failed. RFC 6120 §8.3
        pub fn is_error(&self) -> bool {
            self.head.type_ == StanzaType::Error
        }

        /// The `id` attribute.
        pub fn id(&self) -> Option<Cow<'_, str>> {
            value(self.as_bytes(), self.head.id)
        }

        /// The `to` attribute.
        pub fn to(&self) -> Option<Cow<'_, str>> {
            value(self.as_bytes(), self.head.to)
        }

        /// The `from` attribute.
        pub fn from(&self) -> Option<Cow<'_, str>> {
            value(self.as_bytes(), self.head.from)
        }

        /// The `xml:lang` attribute.
        pub fn lang(&self) -> Option<Cow<'_, str>> {
            value(self.as_bytes(), self.head.lang)
        }

        /// Local name of the root element.
        pub fn name(&self) -> &str {
            self.head.name.text(self.as_bytes())
        }

        /// Namespace of the root element.
        pub fn namespace(&self) -> &str {
            if self.head.ns.is_none() { ns::CLIENT } else { self.head.ns.text(self.as_bytes()) }
        }

        /// Superset of the namespaces of the direct children, as far as they are known.
        pub fn children(&self) -> NsSet {
            self.head.children
        }

        /// Number of direct child elements.
        pub fn child_count(&self) -> usize {
            self.head.child_count as usize
        }

        /// The first child element.
        pub fn payload(&self) -> Option<Payload<'_>> {
            let (name, namespace) = (self.head.payload_name, self.head.payload_ns);
            if name.is_none() {
                return None;
            }
            let bytes = self.as_bytes();
            let ns = if namespace.is_none() { ns::CLIENT } else { namespace.text(bytes) };
            Some(Payload { name: name.text(bytes), ns })
        }

        /// The whole element.
        pub fn as_str(&self) -> &str {
            std::str::from_utf8(self.as_bytes()).unwrap_or_default()
        }

        /// Bytes of the whole element.
        #[allow(clippy::len_without_is_empty, reason = "a frame is never empty")]
        pub fn len(&self) -> usize {
            self.as_bytes().len()
        }

        /// The direct child elements, one after the other, without building a tree.
        pub fn elements(&self) -> Children<'_> {
            Children::new(self.as_str())
        }

        /// The first direct child element of that name.
        pub fn child(&self, name: &str, ns: &str) -> Option<Child<'_>> {
            self.elements().find(|child| child.is(name, ns))
        }

        /// The whole element as a tree. Costs some ten times what everything else here does: for handlers that
        /// need it, never on a message's way.
        pub fn element(&self) -> Element {
            tree(self.as_bytes())
        }

        /// A copy with a new start tag and the same content: `from` is set, `to` as well if given (otherwise it
        /// stays as it was sent), all other attributes are kept.
        pub fn stamp(&self, from: &str, to: Option<&str>) -> Frame {
            stamp::stamp(self.as_bytes(), &self.head, from, to, None, None)
        }

        /// [`stamp`](Self::stamp), and a stanza without a language of its own gets that of its stream (RFC 6120
        /// §8.1.5).
        pub fn stamp_in(&self, from: &str, to: Option<&str>, lang: Option<&str>) -> Frame {
            stamp::stamp(self.as_bytes(), &self.head, from, to, None, lang)
        }

        /// The error that answers this stanza: addresses swapped, same kind and id, the payload not repeated.
        /// `from` replaces the address the stanza was sent to. None where no error may be sent: in answer to an
        /// error (RFC 6120 §8.3.1 rule 8) or to the result of an IQ, and for what is no stanza.
        pub fn error_reply(&self, error: &StanzaError, from: Option<&str>) -> Option<Frame> {
            if matches!(self.head.type_, StanzaType::Error | StanzaType::Result) {
                return None;
            }
            let reply = self.reply(StanzaType::Error, from)?;
            Some(reply.child(|writer| error.write(writer)).build())
        }

        /// Begins an answer of that type: addresses swapped, same kind and id. `from` replaces the address the
        /// stanza was sent to. None for what is no stanza.
        pub fn reply(&self, type_: StanzaType, from: Option<&str>) -> Option<FrameBuilder> {
            let mut reply = FrameBuilder::new(self.head.kind)?.type_(type_);
            if let Some(id) = self.id() {
                reply = reply.id(&id);
            }
            if let Some(from) = from.map(Cow::Borrowed).or_else(|| self.to()) {
                reply = reply.from(&from);
            }
            if let Some(to) = self.from() {
                reply = reply.to(&to);
            }
            Some(reply)
        }
    };
}

impl RawFrame<'_> {
    accessors!();

    /// The bytes of the element.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes
    }

    /// The index.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// A copy as it is.
    pub fn to_frame(&self) -> Frame {
        Frame { bytes: Bytes::copy_from_slice(self.bytes), head: self.head }
    }
}

impl Frame {
    accessors!();

    /// Reads one element, checked as strictly as a peer's; white space may surround it. Its children's namespaces are
    /// not looked up: [`parse_with`](Self::parse_with) does that.
    pub fn parse(xml: impl Into<Bytes>) -> Result<Frame, FramerError> {
        Frame::read(xml.into(), None)
    }

    /// Reads one element and looks its children's namespaces up.
    pub fn parse_with(xml: impl Into<Bytes>, names: &NsTable) -> Result<Frame, FramerError> {
        Frame::read(xml.into(), Some(names))
    }

    fn read(bytes: Bytes, names: Option<&NsTable>) -> Result<Frame, FramerError> {
        let element = bytes.trim_ascii();
        let bytes = if element.len() == bytes.len() { bytes } else { bytes.slice_ref(element) };
        let (head, rewritten) = framer::index(&bytes, names)?;
        Ok(Frame { bytes: rewritten.map_or(bytes, Bytes::from), head })
    }

    /// A message to be filled in.
    pub fn message() -> FrameBuilder {
        FrameBuilder::of(Kind::Message)
    }

    /// A presence to be filled in.
    pub fn presence() -> FrameBuilder {
        FrameBuilder::of(Kind::Presence)
    }

    /// An IQ to be filled in.
    pub fn iq() -> FrameBuilder {
        FrameBuilder::of(Kind::Iq)
    }

    /// The bytes of the element.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same bytes, shared.
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The index.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The same as [`stamp`](Self::stamp), and the type is set if given.
    pub fn restamp(&self, from: &str, to: Option<&str>, type_: Option<StanzaType>) -> Frame {
        stamp::stamp(&self.bytes, &self.head, from, to, type_, None)
    }

    /// The same with another `to`.
    pub fn addressed(&self, to: &str) -> Frame {
        stamp::stamp(&self.bytes, &self.head, &self.from().unwrap_or_default(), Some(to), None, None)
    }

    /// The bytes with more child elements before the end tag: complete XML, which must be well-formed by itself.
    pub fn insert(&self, xml: &str) -> Bytes {
        stamp::insert(&self.bytes, &self.head, xml)
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Frame) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Frame {}

impl std::fmt::Display for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

fn value(bytes: &[u8], value: Value) -> Option<Cow<'_, str>> {
    if value.span.is_none() {
        return None;
    }
    let raw = value.span.text(bytes);
    Some(if value.escaped { unescape_value(raw) } else { Cow::Borrowed(raw) })
}

fn tree(bytes: &[u8]) -> Element {
    // Checked bytes are read by a second parser here: should the two disagree, handlers see an element that none of
    // them understands, and refuse it.
    read_tree(bytes).unwrap_or_else(|| Element::bare("unreadable", "urn:stentor:unreadable"))
}

fn read_tree(bytes: &[u8]) -> Option<Element> {
    // By itself the parser refuses attributes of more than 8 KiB. It reserves what it is allowed.
    let options = Options { max_token_length: bytes.len(), ..Options::default() };
    let mut reader = RawReader::with_options(bytes, options);
    let mut builder = TreeBuilder::new().with_prefixes_stack(vec![ns::CLIENT.to_owned().into()]);
    while let Some(event) = reader.read().ok()? {
        builder.process_event(event).ok()?;
        if let Some(root) = builder.root.take() {
            return Some(root);
        }
    }
    None
}
