//! Writing XML that is well-formed by construction.

use super::escape::{escape_text, escape_value};
use crate::framer::is_ncname;

/// Writes elements one after the other, escaping what is given.
///
/// Names are the program's own and are not escaped: one that is not a name is a bug, which debug builds report.
#[derive(Debug, Clone, Default)]
pub struct XmlWriter {
    out: String,
    /// Names of open elements, one after the other, and where each starts.
    names: String,
    open: Vec<usize>,
    /// The last start tag still lacks its `>`.
    in_tag: bool,
}

impl XmlWriter {
    /// With nothing written yet.
    pub fn new() -> XmlWriter {
        XmlWriter::default()
    }

    /// Opens an element. Attributes may follow.
    pub fn start(&mut self, name: &str) -> &mut XmlWriter {
        debug_assert!(name.split(':').all(is_ncname), "{name:?} is not an element name");
        self.close_tag();
        self.out.push('<');
        self.out.push_str(name);
        self.open.push(self.names.len());
        self.names.push_str(name);
        self.in_tag = true;
        self
    }

    /// Adds an attribute to the element just opened; anywhere else it is dropped.
    pub fn attr(&mut self, name: &str, value: &str) -> &mut XmlWriter {
        debug_assert!(name.split(':').all(is_ncname), "{name:?} is not an attribute name");
        debug_assert!(self.in_tag, "attribute {name} outside of a start tag");
        if self.in_tag {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("='");
            escape_value(value, &mut self.out);
            self.out.push('\'');
        }
        self
    }

    /// Adds an attribute if there is a value.
    pub fn attr_opt(&mut self, name: &str, value: Option<&str>) -> &mut XmlWriter {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Adds character data.
    pub fn text(&mut self, text: &str) -> &mut XmlWriter {
        if !text.is_empty() {
            self.close_tag();
            escape_text(text, &mut self.out);
        }
        self
    }

    /// Adds XML as it is: it must be well-formed by itself.
    pub fn raw(&mut self, xml: &str) -> &mut XmlWriter {
        if !xml.is_empty() {
            self.close_tag();
            self.out.push_str(xml);
        }
        self
    }

    /// Closes the element opened last.
    pub fn end(&mut self) -> &mut XmlWriter {
        debug_assert!(!self.open.is_empty(), "end without start");
        if let Some(start) = self.open.pop() {
            if self.in_tag {
                self.in_tag = false;
                self.out.push_str("/>");
            } else {
                self.out.push_str("</");
                self.out.push_str(&self.names[start..]);
                self.out.push('>');
            }
            self.names.truncate(start);
        }
        self
    }

    /// An element with nothing but text.
    pub fn text_element(&mut self, name: &str, text: &str) -> &mut XmlWriter {
        self.start(name).text(text).end()
    }

    /// What was written, all open elements closed.
    pub fn into_string(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.out
    }

    /// What was written, the open elements left open: a stream header.
    pub fn into_open_string(mut self) -> String {
        self.close_tag();
        self.out
    }

    fn close_tag(&mut self) {
        if self.in_tag {
            self.in_tag = false;
            self.out.push('>');
        }
    }
}
