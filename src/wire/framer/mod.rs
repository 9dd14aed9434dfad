//! The framer: cuts a stream into stanzas, strictly, while it comes in.
//!
//! One [`Framer`] per stream holds the bytes that are not a whole element yet. It makes a single pass over them and
//! remembers where it stopped, so a stanza that is dripped byte by byte costs the same as one in one piece. An idle
//! stream holds no buffer.
//!
//! **Invariant:** what comes out is namespace-well-formed XML 1.0 in UTF-8 within the restrictions of RFC 6120 §11, and
//! stands by itself: its meaning depends on nothing outside of its bytes, other than that an undeclared default
//! namespace is the content namespace. Nothing here recurses.

mod canonical;
mod chars;
mod common;
mod error;
mod header;
mod limits;
mod names;
mod references;
mod tokens;

#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

pub use error::FramerError;
pub use header::StreamHeader;
pub use limits::Limits;

pub(crate) use chars::{is_ncname, is_xml_char};
pub(crate) use references::{normalise_line_ends, unescape_text, unescape_value};

use crate::frame::RawFrame;
use crate::frame::head::Value;
use crate::ns::{self, NsSet, NsTable};
use error::{
    AFTER_CLOSE, HEADER_TOO_BIG, NOT_A_STREAM, NOT_ONE_ELEMENT, STANZA_TOO_BIG, STREAM_TEXT,
    TEXT_BEFORE_STREAM, WRONG_CONTENT_NAMESPACE, WRONG_STREAM_NAMESPACE,
};
use header::{Inherited, Root, parse_version};
use names::Open;
use tokens::{Token, Tokens};

/// Whose stanzas a stream carries. RFC 6120 §4.8.3
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Content {
    /// `jabber:client`.
    #[default]
    Client,
    /// `jabber:server`.
    Server,
    /// `jabber:component:accept`. XEP-0114
    Component,
}

impl Content {
    pub(crate) const ALL: [Content; 3] = [Content::Client, Content::Server, Content::Component];

    /// The namespace's name.
    pub const fn namespace(self) -> &'static str {
        match self {
            Content::Client => ns::CLIENT,
            Content::Server => ns::SERVER,
            Content::Component => ns::COMPONENT,
        }
    }
}

/// What the peer sent.
#[derive(Debug)]
pub enum Event<'a> {
    /// The stream was opened.
    Header(Box<StreamHeader>),
    /// A first-level element is complete.
    Stanza(RawFrame<'a>),
    /// The stream was closed in good order.
    Close,
}

/// Where the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing seen: the XML declaration may come.
    Prolog,
    /// The stream header must come.
    Header,
    /// Stanzas may come.
    Stream,
    /// Closed by the header itself.
    Closing,
    /// Nothing but white space may come.
    Closed,
}

/// What the tokeniser has to know about the stream.
struct Context<'c> {
    limits: &'c Limits,
    content: Content,
    names: &'c NsTable,
    content_bit: NsSet,
    root: Option<&'c Root>,
    inherited: Inherited,
    stage: Stage,
}

impl Context<'_> {
    fn may_declare(&self) -> bool {
        self.stage == Stage::Prolog
    }

    fn closing_name(&self) -> Option<&[u8]> {
        if self.stage == Stage::Stream { self.root.map(|root| &*root.name) } else { None }
    }

    fn misplaced_text(&self) -> FramerError {
        if self.stage == Stage::Stream { STREAM_TEXT } else { TEXT_BEFORE_STREAM }
    }

    /// Whether the declaration forces a rewrite: RFC 6120 §4.8.5 forbids prefixes for the content namespace, and frames
    /// are scoped to `jabber:client` whatever the stream's own is (§4.8.3).
    fn must_rescope(&self, stack: &[Open], prefix: Option<&[u8]>, bytes: &[u8], value: Value) -> bool {
        let is_content = value.span.of(bytes) == self.content.namespace().as_bytes();
        is_content && (prefix.is_some() || self.content != Content::Client && stack.len() < 2)
    }
}

/// A resumable, strict tokeniser of one XMPP stream.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    names: Arc<NsTable>,
    content: Content,
    content_bit: NsSet,
    stage: Stage,
    inherited: Inherited,
    /// White space came before the declaration could: it may not come any more.
    spaced: bool,
    root: Option<Box<Root>>,
    buffer: Vec<u8>,
    /// Bytes at the front of the buffer that were handed out.
    start: usize,
    tokens: Tokens,
    /// Length of the frame handed out last, still at `start`.
    handed_out: usize,
    /// The last frame, where it had to be rewritten.
    rewritten: Vec<u8>,
    failed: Option<FramerError>,
}

/// A buffer that grew larger than this is given back as soon as little of it is used.
const KEPT_CAPACITY: usize = 16 * 1024;

impl Framer {
    /// For a stream that starts with its header, in `jabber:client`.
    pub fn new(limits: Limits, names: Arc<NsTable>) -> Framer {
        let content_bit = names.bit(ns::CLIENT).unwrap_or(NsSet::EMPTY);
        Framer {
            limits,
            names,
            content: Content::Client,
            content_bit,
            stage: Stage::Prolog,
            inherited: Inherited::None,
            spaced: false,
            root: None,
            buffer: Vec::new(),
            start: 0,
            tokens: Tokens::new(),
            handed_out: 0,
            rewritten: Vec::new(),
            failed: None,
        }
    }

    /// For elements without a stream around them: WebSocket messages (RFC 7395 §3.3), the children of a BOSH body. An
    /// element that declares no namespace is in none.
    pub fn headless(limits: Limits, names: Arc<NsTable>) -> Framer {
        Framer { stage: Stage::Stream, ..Framer::new(limits, names) }
    }

    /// Sets whose stanzas the stream carries.
    pub fn with_content(mut self, content: Content) -> Framer {
        self.content = content;
        self
    }

    /// Replaces the limits, for all bytes not yet looked at.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Replaces the table of known namespaces, for all frames that have not begun.
    pub fn set_names(&mut self, names: Arc<NsTable>) {
        self.content_bit = names.bit(ns::CLIENT).unwrap_or(NsSet::EMPTY);
        self.names = names;
    }

    /// Bytes received and not yet handed out.
    pub fn pending(&self) -> usize {
        self.buffer.len() - self.start - self.handed_out
    }

    /// True if what is pending is white space, or nothing.
    pub fn is_drained(&self) -> bool {
        let pending = &self.buffer[self.start + self.handed_out..];
        chars::run(pending, chars::SPACE) == pending.len()
    }

    /// Takes bytes from the peer.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.consume();
        // Amortised: a byte is moved only when at least as many were handed out.
        if self.start > 0 && self.start * 2 >= self.buffer.len() {
            self.buffer.drain(..self.start);
            self.start = 0;
            if self.buffer.capacity() > KEPT_CAPACITY && self.buffer.len() < KEPT_CAPACITY / 4 {
                self.buffer.shrink_to(KEPT_CAPACITY / 2);
            }
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// A new stream begins on the same connection (RFC 6120 §4.3.3): forgets the header, keeps the bytes that
    /// were not handed out.
    pub fn reset(&mut self) {
        self.consume();
        self.tokens.restart();
        self.stage = Stage::Prolog;
        self.spaced = false;
        self.root = None;
        // White space that is here already ended the old stream's last element.
        self.skip_space();
        self.spaced = false;
    }

    /// The next thing the peer sent, if it is complete. After `None`, only [`receive`](Self::receive) brings more. After
    /// an error the same error comes again.
    #[allow(clippy::should_implement_trait, reason = "it lends, which an Iterator cannot")]
    pub fn next(&mut self) -> Result<Option<Event<'_>>, FramerError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.step() {
            Ok(Some(Step::Header(header))) => Ok(Some(Event::Header(header))),
            Ok(Some(Step::Close)) => Ok(Some(Event::Close)),
            Ok(Some(Step::Frame)) => Ok(Some(Event::Stanza(RawFrame {
                bytes: &self.buffer[self.start..self.start + self.handed_out],
                head: self.tokens.head,
            }))),
            Ok(Some(Step::Rewritten(head))) => {
                Ok(Some(Event::Stanza(RawFrame { bytes: &self.rewritten, head: *head })))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                self.failed = Some(error);
                self.buffer = Vec::new();
                self.start = 0;
                self.tokens.release();
                Err(error)
            }
        }
    }

    /// Drops what was handed out last.
    fn consume(&mut self) {
        if self.handed_out > 0 {
            self.start += self.handed_out;
            self.handed_out = 0;
            self.tokens.restart();
        }
    }

    fn skip_space(&mut self) {
        let spaces = chars::run(&self.buffer[self.start..], chars::SPACE);
        self.start += spaces;
        self.spaced |= spaces > 0;
    }

    fn step(&mut self) -> Result<Option<Step>, FramerError> {
        self.consume();
        loop {
            if self.stage == Stage::Closing {
                self.stage = Stage::Closed;
                return Ok(Some(Step::Close));
            }
            if !self.tokens.is_open() {
                self.skip_space();
                if self.start == self.buffer.len() {
                    self.release();
                    return Ok(None);
                }
                match self.stage {
                    Stage::Closed => return Err(AFTER_CLOSE),
                    // An XML declaration is the first thing or is not there (XML 1.0 §2.8).
                    Stage::Prolog if self.spaced => self.stage = Stage::Header,
                    _ => {}
                }
            }
            let (limit, too_big) = match self.stage {
                Stage::Prolog | Stage::Header => (self.limits.header_bytes, HEADER_TOO_BIG),
                _ => (self.limits.stanza_bytes, STANZA_TOO_BIG),
            };
            let buffered = &self.buffer[self.start..];
            let visible = &buffered[..buffered.len().min(limit)];
            let context = Context {
                limits: &self.limits,
                content: self.content,
                names: &self.names,
                content_bit: self.content_bit,
                root: self.root.as_deref(),
                inherited: self.inherited,
                stage: self.stage,
            };
            let Some(token) = self.tokens.advance(visible, &context)? else {
                return if buffered.len() > limit { Err(too_big) } else { Ok(None) };
            };
            self.handed_out = self.tokens.pos();
            match token {
                Token::Declaration => {
                    self.stage = Stage::Header;
                    self.consume();
                }
                Token::Header { closed } => {
                    let header = self.open_stream()?;
                    self.stage = if closed { Stage::Closing } else { Stage::Stream };
                    return Ok(Some(Step::Header(Box::new(header))));
                }
                Token::Close => {
                    self.stage = Stage::Closed;
                    return Ok(Some(Step::Close));
                }
                Token::Frame if self.tokens.needs_rewrite => return self.rewrite().map(Some),
                Token::Frame => return Ok(Some(Step::Frame)),
            }
        }
    }

    /// Gives back all memory of a stream that waits for its next stanza.
    fn release(&mut self) {
        self.buffer = Vec::new();
        self.start = 0;
        self.rewritten = Vec::new();
        self.tokens.release();
    }

    /// Makes the frame just completed stand by itself, and indexes it anew.
    fn rewrite(&mut self) -> Result<Step, FramerError> {
        let original = &self.buffer[self.start..self.start + self.handed_out];
        let inherited = self.inherited.namespace(self.content);
        let prefixes = self.root.as_deref().map(|root| &*root.prefixes).unwrap_or_default();
        let rewritten = canonical::rewrite(original, self.content, inherited, prefixes);
        let (head, _) = index_once(rewritten.as_bytes(), &self.names)?;
        self.rewritten = rewritten.into_bytes();
        Ok(Step::Rewritten(Box::new(head)))
    }

    /// Reads the stream header just completed. RFC 6120 §4.7, §4.8
    fn open_stream(&mut self) -> Result<StreamHeader, FramerError> {
        let bytes = &self.buffer[self.start..self.start + self.handed_out];
        let name = self.tokens.tag.text(bytes);
        let mut header = StreamHeader::default();
        for attr in &self.tokens.attrs {
            let value = unescape_value(attr.value.text(bytes)).into_owned();
            match attr.name.text(bytes) {
                "to" => header.to = Some(value),
                "from" => header.from = Some(value),
                "id" => header.id = Some(value),
                "version" => header.version = Some(parse_version(&value)?),
                "xml:lang" => header.lang = Some(value),
                "xmlns" => header.content_ns = Some(value),
                name => {
                    if let Some(prefix) = name.strip_prefix("xmlns:").filter(|prefix| *prefix != "xml") {
                        header.prefixes.push((prefix.to_owned(), value));
                    }
                }
            }
        }
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let default = header.content_ns.as_deref().unwrap_or_default();
        let namespace = match prefix {
            "" => default,
            "xml" => ns::XML,
            _ => {
                header.prefixes.iter().find(|(p, _)| p == prefix).map(|(_, n)| n.as_str()).unwrap_or_default()
            }
        };
        if namespace != ns::STREAMS {
            return Err(WRONG_STREAM_NAMESPACE);
        }
        if local != "stream" {
            return Err(NOT_A_STREAM);
        }
        self.inherited = match default {
            "" => Inherited::None,
            ns::STREAMS => Inherited::Streams,
            other if other == self.content.namespace() => Inherited::Content,
            _ => return Err(WRONG_CONTENT_NAMESPACE),
        };
        let prefixes = header.prefixes.iter().map(|(p, n)| (p.as_str().into(), n.as_str().into())).collect();
        self.root = Some(Box::new(Root { name: name.as_bytes().into(), prefixes }));
        Ok(header)
    }
}

/// [`Event`] before it borrows.
enum Step {
    Header(Box<StreamHeader>),
    Frame,
    Rewritten(Box<crate::frame::Head>),
    Close,
}

/// Checks one element that stands by itself, and indexes it; also what it had to be rewritten to. Without a table, its
/// children may be in any namespace.
pub(crate) fn index(
    bytes: &[u8],
    names: Option<&NsTable>,
) -> Result<(crate::frame::Head, Option<String>), FramerError> {
    static NOTHING_KNOWN: LazyLock<NsTable> = LazyLock::new(|| NsTable::new(&[]));
    let table = names.unwrap_or(&NOTHING_KNOWN);
    let (mut head, needs_rewrite) = index_once(bytes, table)?;
    let mut rewritten = None;
    if needs_rewrite {
        let text = canonical::rewrite(bytes, Content::Client, ns::CLIENT, &[]);
        (head, _) = index_once(text.as_bytes(), table)?;
        rewritten = Some(text);
    }
    if names.is_none() && head.child_count > 0 {
        head.children = NsSet::ALL;
    }
    Ok((head, rewritten))
}

fn index_once(bytes: &[u8], names: &NsTable) -> Result<(crate::frame::Head, bool), FramerError> {
    let context = Context {
        limits: &Limits::own(),
        content: Content::Client,
        names,
        content_bit: names.bit(ns::CLIENT).unwrap_or(NsSet::EMPTY),
        root: None,
        inherited: Inherited::Content,
        stage: Stage::Stream,
    };
    let mut tokens = Tokens::new();
    match tokens.advance(bytes, &context)? {
        Some(Token::Frame) if tokens.pos() == bytes.len() => Ok((tokens.head, tokens.needs_rewrite)),
        _ => Err(NOT_ONE_ELEMENT),
    }
}
