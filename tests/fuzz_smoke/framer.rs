//! The framer on any bytes, cut anywhere.

use crate::oracle;
use std::sync::Arc;
use wire::error::StreamCondition;
use wire::frame::{Frame, RawFrame};
use wire::framer::{Content, Event, Framer, Limits};
use wire::ns::NsTable;

/// The first bytes of an input choose the kind of stream and where it is cut; the rest is what the peer sends.
const CHOICES: usize = 5;

struct Setting {
    content: Content,
    limits: Limits,
    cuts: u64,
}

impl Setting {
    fn read(bytes: &[u8]) -> Option<(Setting, &[u8])> {
        let (choices, input) = bytes.split_at_checked(CHOICES)?;
        let content = match choices[0] & 7 {
            6 => Content::Server,
            7 => Content::Component,
            _ => Content::Client,
        };
        let limits = if choices[0] & 8 == 0 { Limits::after_login() } else { Limits::before_login() };
        let cuts = choices[1..].iter().fold(1, |cuts, byte| cuts << 8 | u64::from(*byte));
        Some((Setting { content, limits, cuts }, input))
    }

    fn framer(&self) -> Framer {
        let names = NsTable::new(&["jabber:client", "urn:x", "urn:p", "urn:xmpp:receipts", "urn:xmpp:delay"]);
        Framer::new(self.limits, Arc::new(names)).with_content(self.content)
    }
}

/// Events come out the same however the input is cut; what comes out stands by itself, is stamped without harm, and
/// means to rxml what the input meant.
///
/// # Panics
/// If one of these does not hold.
pub fn framer(bytes: &[u8]) {
    let Some((setting, input)) = Setting::read(bytes) else { return };
    let whole = Story::of(setting.framer(), std::iter::once(input));
    let cut = Story::of(setting.framer(), Pieces { rest: input, cuts: setting.cuts });
    assert_eq!(cut, whole, "cut, it comes to something else");
    if input.len() <= 4096 {
        let single = Story::of(setting.framer(), input.chunks(1));
        assert_eq!(single, whole, "byte by byte, it comes to something else");
    }
    whole.frames.iter().for_each(|frame| stands_alone(frame, setting.content));
    oracle::compare(input, &whole, setting.content);
}

/// All that came out of a framer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Story {
    /// Headers, stanzas with their indexes, and the end, in order.
    events: Vec<String>,
    pub(crate) frames: Vec<String>,
    pub(crate) closed: bool,
    /// The condition only: of two faults at one place, how it is cut may decide which is named.
    pub(crate) error: Option<StreamCondition>,
}

impl Story {
    fn of<'a>(mut framer: Framer, pieces: impl Iterator<Item = &'a [u8]>) -> Story {
        let mut story = Story::default();
        for piece in pieces {
            framer.receive(piece);
            loop {
                match framer.next() {
                    Ok(Some(Event::Header(header))) => story.events.push(format!("{header:?}")),
                    Ok(Some(Event::Stanza(raw))) => story.stanza(&raw),
                    Ok(Some(Event::Close)) => story.closed = true,
                    Ok(None) => break,
                    Err(error) => {
                        assert_eq!(framer.next().err(), Some(error), "an error is final");
                        story.error = Some(error.condition);
                        return story;
                    }
                }
            }
        }
        story
    }

    fn stanza(&mut self, raw: &RawFrame<'_>) {
        assert!(!self.closed, "a stanza after the end");
        self.events.push(format!("{:?}", raw.head()));
        self.frames.push(raw.as_str().to_owned());
        let stamped = raw.stamp("fuzz@example.org/<'&\">", Some("you@example.org/\u{1F600}"));
        assert_eq!(
            stamped,
            raw.to_frame().stamp("fuzz@example.org/<'&\">", Some("you@example.org/\u{1F600}"))
        );
    }

    /// Whether the framer found the input to be no XML that XMPP allows, as opposed to XML in the wrong place.
    pub(crate) fn is_malformed(&self) -> bool {
        self.error == Some(StreamCondition::NotWellFormed)
    }
}

/// The input in pieces of 1 to 64 bytes.
struct Pieces<'a> {
    rest: &'a [u8],
    cuts: u64,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.cuts = self.cuts.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let size = 1 + (self.cuts >> 58) as usize;
        let (piece, rest) = self.rest.split_at(size.min(self.rest.len()));
        self.rest = rest;
        Some(piece)
    }
}

/// What a handler may do with a frame.
fn stands_alone(xml: &str, content: Content) {
    let frame = read(xml);
    // Some are written anew by every reader: a namespace with a reference in its name and the prefix `xml` sort the
    // attributes, a prefix for `jabber:client` goes (clients' streams have none any more).
    if content == Content::Client {
        let sorted = xml.contains('&') || xml.starts_with("<xml:");
        assert!(sorted || frame.as_str() == xml, "{xml} read again: {frame}");
        assert_eq!(frame.len(), xml.len(), "{xml} read again: {frame}");
    }
    for child in frame.elements() {
        let _ = (child.text(), child.attr("type"), child.xml());
    }
    assert_eq!(frame.elements().count(), frame.child_count());
    let tree = frame.element();
    // minidom 0.19 can't read the prefix `xml` on elements.
    if tree.name() != "unreadable" {
        assert_eq!(tree.children().count(), frame.child_count());
        assert_eq!(tree.name(), frame.name());
        // rxml 0.14 loses a lone carriage return in an attribute's value, where XML 1.0 §3.3.3 wants a space.
        if !xml.contains('\r') {
            assert_eq!(tree.attr("id"), frame.id().as_deref());
        }
    }
    let stamped = frame.stamp("a@b/'\"<>&\t\n", None);
    assert_eq!(stamped.from().as_deref(), Some("a@b/'\"<>&\t\n"));
    assert_eq!(stamped.to(), frame.to());
    let again = read(stamped.as_str());
    assert_eq!(seen(&again), seen(&stamped), "read again, {stamped} is another");
    assert_eq!(seen(&again.stamp("a@b/'\"<>&\t\n", None)), seen(&stamped), "stamped twice, it is another");
    assert_eq!(stamped.payload(), frame.payload());
    let longer = frame.insert("<delay xmlns='urn:xmpp:delay'/>");
    let longer = read(&String::from_utf8_lossy(&longer));
    assert_eq!(longer.child_count(), frame.child_count() + 1);
}

/// What the index says.
fn seen(frame: &Frame) -> impl PartialEq + std::fmt::Debug + '_ {
    let addresses = (frame.id(), frame.from(), frame.to(), frame.lang());
    let root = (frame.kind(), frame.type_(), frame.name(), frame.namespace());
    (root, addresses, frame.payload(), frame.child_count(), frame.children(), frame.len())
}

fn read(xml: &str) -> Frame {
    match Frame::parse(xml.to_owned()) {
        Ok(frame) => frame,
        Err(error) => panic!("{error}: {xml}"),
    }
}
