//! Looking at the direct children of a frame without building a tree.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::Attributes;
use crate::framer::{normalise_line_ends, unescape_text, unescape_value};
use crate::ns;

/// A direct child element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child<'a> {
    /// Its local name.
    pub name: &'a str,
    /// Its namespace.
    pub ns: Cow<'a, str>,
    /// Where it is in the frame.
    pub range: Range<usize>,
    xml: &'a str,
}

impl<'a> Child<'a> {
    /// Whether it has that name and namespace.
    pub fn is(&self, name: &str, ns: &str) -> bool {
        self.name == name && self.ns == ns
    }

    /// The element as written. It may use prefixes that are declared on the stanza.
    pub fn xml(&self) -> &'a str {
        self.xml
    }

    /// Its character data, that of elements inside of it included.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut reader = Reader::from_str(self.xml);
        reader.config_mut().check_end_names = false;
        let mut before = 0;
        loop {
            let event = reader.read_event();
            let after = reader.buffer_position() as usize;
            let raw = self.xml.get(before..after).unwrap_or_default();
            before = after;
            match event {
                Ok(Event::Text(_) | Event::GeneralRef(_)) => text.push_str(&unescape_text(raw)),
                Ok(Event::CData(data)) => text.push_str(&normalise_line_ends(&data)),
                Ok(Event::Eof) | Err(_) => return text,
                Ok(_) => {}
            }
        }
    }

    /// The value of an attribute, by its name as written.
    pub fn attr(&self, name: &str) -> Option<Cow<'a, str>> {
        attribute(self.xml, name)
    }
}

/// The direct child elements of a frame.
pub struct Children<'a> {
    source: &'a str,
    reader: Reader<&'a [u8]>,
    /// Open elements, and where the child among them starts.
    depth: usize,
    start: usize,
}

impl<'a> Children<'a> {
    pub(super) fn new(source: &'a str) -> Children<'a> {
        let mut reader = Reader::from_str(source);
        reader.config_mut().check_end_names = false;
        Children { source, reader, depth: 0, start: 0 }
    }

    fn child(&self, end: usize) -> Option<Child<'a>> {
        let range = self.start..end;
        let xml = self.source.get(range.clone())?;
        let whole = tag_name(xml)?;
        let (prefix, name) = whole.split_once(':').unwrap_or(("", whole));
        let declaration =
            if prefix.is_empty() { Cow::Borrowed("xmlns") } else { Cow::Owned(format!("xmlns:{prefix}")) };
        // Declared on the child or on the stanza: a frame stands by itself.
        let ns = attribute(xml, &declaration)
            .or_else(|| attribute(self.source, &declaration))
            .unwrap_or(Cow::Borrowed(if prefix == "xml" { ns::XML } else { ns::CLIENT }));
        Some(Child { name, ns, range, xml })
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = Child<'a>;

    fn next(&mut self) -> Option<Child<'a>> {
        loop {
            let before = self.reader.buffer_position() as usize;
            let event = self.reader.read_event();
            let after = self.reader.buffer_position() as usize;
            match event {
                Ok(Event::Start(_)) => {
                    if self.depth == 1 {
                        self.start = before;
                    }
                    self.depth += 1;
                }
                Ok(Event::Empty(_)) if self.depth == 1 => {
                    self.start = before;
                    return self.child(after);
                }
                Ok(Event::End(_)) => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 1 {
                        return self.child(after);
                    }
                }
                // The framer has accepted these bytes, so an error cannot happen.
                Ok(Event::Eof) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }
}

impl std::fmt::Debug for Children<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Children").field("source", &self.source).finish_non_exhaustive()
    }
}

/// The name in the start tag that the text begins with.
fn tag_name(xml: &str) -> Option<&str> {
    let inside = xml.get(1..)?;
    let end = inside.bytes().position(|b| b.is_ascii_whitespace() || b == b'>' || b == b'/')?;
    inside.get(..end)
}

/// An attribute of the start tag that the text begins with.
fn attribute<'a>(xml: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let bytes = xml.as_bytes();
    let after_name = 1 + tag_name(xml)?.len();
    Attributes::new(bytes, after_name, bytes.len())
        .find(|attribute| attribute.name.of(bytes) == name.as_bytes())
        .map(|attribute| unescape_value(attribute.value.text(bytes)))
}
