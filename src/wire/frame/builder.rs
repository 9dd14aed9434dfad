//! Making stanzas.

use bytes::Bytes;

use super::{Frame, Kind, StanzaType, XmlWriter};
use crate::framer::FramerError;
use crate::ns::NsTable;

/// A stanza in the making: attributes first, then content.
#[derive(Debug, Clone)]
pub struct FrameBuilder {
    kind: Kind,
    type_: Option<StanzaType>,
    id: Option<String>,
    from: Option<String>,
    to: Option<String>,
    lang: Option<String>,
    content: String,
}

impl FrameBuilder {
    pub(super) fn of(kind: Kind) -> FrameBuilder {
        FrameBuilder { kind, type_: None, id: None, from: None, to: None, lang: None, content: String::new() }
    }

    /// A stanza of that kind; none for [`Kind::Other`].
    pub fn new(kind: Kind) -> Option<FrameBuilder> {
        (kind != Kind::Other).then(|| FrameBuilder::of(kind))
    }

    /// Sets the type; types that are written as no attribute remove it.
    pub fn type_(mut self, type_: StanzaType) -> FrameBuilder {
        self.type_ = Some(type_);
        self
    }

    /// Sets the id.
    pub fn id(mut self, id: &str) -> FrameBuilder {
        self.id = Some(id.to_owned());
        self
    }

    /// Sets the sender.
    pub fn from(mut self, from: &str) -> FrameBuilder {
        self.from = Some(from.to_owned());
        self
    }

    /// Sets the recipient.
    pub fn to(mut self, to: &str) -> FrameBuilder {
        self.to = Some(to.to_owned());
        self
    }

    /// Sets the language.
    pub fn lang(mut self, lang: &str) -> FrameBuilder {
        self.lang = Some(lang.to_owned());
        self
    }

    /// Adds content: complete XML.
    pub fn raw(mut self, xml: &str) -> FrameBuilder {
        self.content.push_str(xml);
        self
    }

    /// Adds what is written.
    pub fn child(mut self, write: impl FnOnce(&mut XmlWriter)) -> FrameBuilder {
        let mut writer = XmlWriter::new();
        write(&mut writer);
        self.content.push_str(&writer.into_string());
        self
    }

    /// Adds a tree.
    pub fn element(self, element: &minidom::Element) -> FrameBuilder {
        self.raw(&String::from(element))
    }

    /// The stanza. Its children's namespaces are not looked up: [`build_with`](Self::build_with) does that.
    ///
    /// Content that is not well-formed is a bug, which debug builds report; otherwise it is left out, so that nothing
    /// malformed ever is sent.
    pub fn build(self) -> Frame {
        self.finish(None)
    }

    /// The stanza, its children's namespaces looked up.
    pub fn build_with(self, names: &NsTable) -> Frame {
        self.finish(Some(names))
    }

    /// The stanza, or why its content is refused: for content that others wrote.
    pub fn try_build(self, names: Option<&NsTable>) -> Result<Frame, FramerError> {
        Frame::read(self.write(&self.content), names)
    }

    fn finish(self, names: Option<&NsTable>) -> Frame {
        match Frame::read(self.write(&self.content), names) {
            Ok(frame) => frame,
            Err(error) => {
                debug_assert!(false, "{error} in {}", self.content);
                let bytes = self.write("");
                // Cannot fail: all of it was written here.
                Frame::read(bytes.clone(), names).unwrap_or(Frame { bytes, head: super::Head::EMPTY })
            }
        }
    }

    fn write(&self, content: &str) -> Bytes {
        let mut writer = XmlWriter::new();
        writer
            .start(self.kind.name())
            .attr_opt("from", self.from.as_deref())
            .attr_opt("to", self.to.as_deref())
            .attr_opt("type", self.type_.and_then(StanzaType::name))
            .attr_opt("id", self.id.as_deref())
            .attr_opt("xml:lang", self.lang.as_deref())
            .raw(content)
            .end();
        Bytes::from(writer.into_string())
    }
}
