//! The tokeniser: one state machine over the bytes of one frame, in one pass.
//!
//! **Invariant:** what it decides about a byte depends on the bytes before it alone, never on how the input was cut
//! into pieces: it stops at the first byte it cannot decide and goes on there when more has come. So input that is
//! dripped byte by byte costs the same as in one piece, and an error comes with the byte that makes it one.

use super::chars::{
    NAME, NAME_START, SPACE, decode, is, is_name_char, is_name_start, run, text_run, value_run,
};
use super::error::*;
use super::names::{Attr, Binding, Bound, Open};
use super::references::{Reference, reference};
use super::{Context, FramerError};
use crate::frame::head::{Head, Span};

/// Where in the grammar the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Between tags.
    Content,
    /// After `<`.
    Opened,
    /// In the name of a start tag.
    Name,
    /// In a start tag, where an attribute needs white space first.
    AfterValue,
    /// In a start tag, after white space.
    BeforeAttribute,
    /// In an attribute's name.
    AttributeName,
    /// After it, before `=`.
    BeforeEquals,
    /// After `=`, before the quote.
    BeforeQuote,
    /// In a value.
    Value,
    /// After `/` in a start tag.
    SelfClosing,
    /// In the name of an end tag.
    EndName,
    /// After it.
    AfterEndName,
    /// After `<!`.
    Bang,
    /// In a CDATA section.
    Section,
    /// In `<?`, which can only be the XML declaration.
    Declaration,
}

/// What was completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// The XML declaration.
    Declaration,
    /// The start tag of the stream.
    Header {
        /// It also is its end tag.
        closed: bool,
    },
    /// One first-level element.
    Frame,
    /// The end tag of the stream.
    Close,
}

/// The state of the machine. All positions count from the first byte of the frame.
#[derive(Debug)]
pub(super) struct Tokens {
    phase: Phase,
    /// The next byte to look at.
    pos: usize,
    /// Where the current tag, name or value starts.
    item: usize,
    /// Where the local part of the current name starts; equal to `item` without a prefix.
    local: usize,
    quote: u8,
    /// The current value holds references or white space to normalise.
    escaped: bool,
    /// Name of the current tag, and how long its prefix with the colon is.
    pub(super) tag: Span,
    pub(super) tag_local: u32,
    attribute: Span,
    attribute_local: u32,
    pub(super) attrs: Vec<Attr>,
    pub(super) stack: Vec<Open>,
    pub(super) bindings: Vec<Binding>,
    /// Elements and namespace declarations of this frame so far.
    pub(super) elements: usize,
    pub(super) declarations: usize,
    pub(super) head: Head,
    /// The frame must be rewritten to stand by itself.
    pub(super) needs_rewrite: bool,
}

impl Tokens {
    pub(super) const fn new() -> Tokens {
        Tokens {
            phase: Phase::Content,
            pos: 0,
            item: 0,
            local: 0,
            quote: 0,
            escaped: false,
            tag: Span::NONE,
            tag_local: 0,
            attribute: Span::NONE,
            attribute_local: 0,
            attrs: Vec::new(),
            stack: Vec::new(),
            bindings: Vec::new(),
            elements: 0,
            declarations: 0,
            head: Head::EMPTY,
            needs_rewrite: false,
        }
    }

    /// Forgets the frame, keeps the memory.
    pub(super) fn restart(&mut self) {
        self.phase = Phase::Content;
        self.pos = 0;
        self.attrs.clear();
        self.stack.clear();
        self.bindings.clear();
        self.elements = 0;
        self.declarations = 0;
        self.head = Head::EMPTY;
        self.needs_rewrite = false;
    }

    /// Forgets the frame and gives the memory back.
    pub(super) fn release(&mut self) {
        *self = Tokens::new();
    }

    /// Whether a frame has begun.
    pub(super) fn is_open(&self) -> bool {
        self.pos > 0
    }

    /// Bytes looked at: the length of what was completed.
    pub(super) fn pos(&self) -> usize {
        self.pos
    }

    /// Goes on until something is complete or the bytes end.
    pub(super) fn advance(
        &mut self,
        bytes: &[u8],
        context: &Context<'_>,
    ) -> Result<Option<Token>, FramerError> {
        let mut pos = self.pos;
        macro_rules! more {
            () => {{
                self.pos = pos;
                return Ok(None);
            }};
        }
        macro_rules! done {
            ($token:expr) => {{
                self.pos = pos;
                return Ok(Some($token));
            }};
        }
        macro_rules! peek {
            () => {
                match bytes.get(pos) {
                    Some(&byte) => byte,
                    None => more!(),
                }
            };
        }
        loop {
            match self.phase {
                Phase::Content => {
                    if !self.stack.is_empty() {
                        pos = text(bytes, pos)?;
                    }
                    match peek!() {
                        b'<' => {
                            if let Some((end, token)) = self.common_tag(bytes, pos, context)? {
                                pos = end;
                                match token {
                                    Some(token) => done!(token),
                                    None => continue,
                                }
                            }
                            self.item = pos;
                            pos += 1;
                            self.phase = Phase::Opened;
                        }
                        b'&' if !self.stack.is_empty() => match reference(&bytes[pos..])? {
                            Reference::Incomplete => more!(),
                            Reference::Complete(len) => pos += len,
                        },
                        // `text` stops at these two, and before a character that is not complete.
                        _ if !self.stack.is_empty() => more!(),
                        first => return Err(unexpected(first, context.misplaced_text())),
                    }
                }
                Phase::Opened => match peek!() {
                    b'/' => {
                        pos += 1;
                        self.item = pos;
                        self.phase = Phase::EndName;
                    }
                    b'!' => {
                        pos += 1;
                        self.phase = Phase::Bang;
                    }
                    b'?' if context.may_declare() => {
                        pos += 1;
                        self.phase = Phase::Declaration;
                    }
                    b'?' => return Err(INSTRUCTION),
                    _ => {
                        self.item = pos;
                        self.local = pos;
                        self.phase = Phase::Name;
                    }
                },
                Phase::Name => {
                    let Some(end) = self.name(bytes, &mut pos, context)? else { more!() };
                    self.tag = Span::new(self.item, end);
                    self.tag_local = (self.local - self.item) as u32;
                    self.attrs.clear();
                    self.phase = Phase::AfterValue;
                }
                Phase::AfterValue => match peek!() {
                    byte if is(byte, SPACE) => {
                        pos += 1;
                        self.phase = Phase::BeforeAttribute;
                    }
                    b'>' => {
                        pos += 1;
                        if let Some(token) = self.start_tag(bytes, pos - 1, false, context)? {
                            done!(token);
                        }
                        self.phase = Phase::Content;
                    }
                    b'/' => {
                        pos += 1;
                        self.phase = Phase::SelfClosing;
                    }
                    byte => return Err(unexpected(byte, BAD_TAG)),
                },
                Phase::BeforeAttribute => {
                    pos += run(&bytes[pos..], SPACE);
                    match peek!() {
                        b'>' | b'/' => self.phase = Phase::AfterValue,
                        _ => {
                            // Refused here already: the attribute that exceeds the limit is not even read.
                            if self.attrs.len() >= context.limits.attributes {
                                return Err(TOO_MANY_ATTRIBUTES);
                            }
                            self.item = pos;
                            self.local = pos;
                            self.phase = Phase::AttributeName;
                        }
                    }
                }
                Phase::AttributeName => {
                    let Some(end) = self.name(bytes, &mut pos, context)? else { more!() };
                    self.attribute = Span::new(self.item, end);
                    self.attribute_local = (self.local - self.item) as u32;
                    self.phase = Phase::BeforeEquals;
                }
                Phase::BeforeEquals => match peek!() {
                    b'=' => {
                        pos += 1;
                        self.phase = Phase::BeforeQuote;
                    }
                    byte if is(byte, SPACE) => pos += 1,
                    byte => return Err(unexpected(byte, BAD_ATTRIBUTE)),
                },
                Phase::BeforeQuote => match peek!() {
                    quote @ (b'"' | b'\'') => {
                        pos += 1;
                        self.quote = quote;
                        self.item = pos;
                        self.escaped = false;
                        self.phase = Phase::Value;
                    }
                    byte if is(byte, SPACE) => pos += 1,
                    byte => return Err(unexpected(byte, BAD_ATTRIBUTE)),
                },
                Phase::Value => loop {
                    pos += value_run(&bytes[pos..]);
                    match peek!() {
                        byte if byte == self.quote => {
                            self.attrs.push(Attr {
                                name: self.attribute,
                                local: self.attribute_local,
                                value: Span::new(self.item, pos),
                                escaped: self.escaped,
                                bound: Bound::Nowhere,
                            });
                            pos += 1;
                            self.phase = Phase::AfterValue;
                            break;
                        }
                        b'"' | b'\'' => pos += 1,
                        b'\t' | b'\n' | b'\r' => {
                            self.escaped = true;
                            pos += 1;
                        }
                        b'&' => match reference(&bytes[pos..])? {
                            Reference::Incomplete => more!(),
                            Reference::Complete(len) => {
                                self.escaped = true;
                                pos += len;
                            }
                        },
                        b'<' => return Err(BAD_ATTRIBUTE),
                        _ => match decode(&bytes[pos..])? {
                            Some((_, width)) => pos += width,
                            None => more!(),
                        },
                    }
                },
                Phase::SelfClosing => match peek!() {
                    b'>' => {
                        pos += 1;
                        if let Some(token) = self.start_tag(bytes, pos - 2, true, context)? {
                            done!(token);
                        }
                        self.phase = Phase::Content;
                    }
                    byte => return Err(unexpected(byte, BAD_TAG)),
                },
                Phase::EndName => {
                    let expected = match self.stack.last() {
                        Some(open) => open.name.of(bytes),
                        None => context.closing_name().ok_or(MISMATCHED_END)?,
                    };
                    let seen = &bytes[self.item..(self.item + expected.len()).min(bytes.len())];
                    if seen != &expected[..seen.len()] {
                        return Err(MISMATCHED_END);
                    }
                    if seen.len() < expected.len() {
                        more!();
                    }
                    pos = self.item + expected.len();
                    self.phase = Phase::AfterEndName;
                }
                Phase::AfterEndName => match peek!() {
                    b'>' => {
                        pos += 1;
                        if let Some(token) = self.end_tag() {
                            done!(token);
                        }
                        self.phase = Phase::Content;
                    }
                    byte if is(byte, SPACE) => pos += 1,
                    byte => return Err(unexpected(byte, MISMATCHED_END)),
                },
                Phase::Bang => {
                    const SECTION: &[u8] = b"<![CDATA[";
                    let seen = &bytes[self.item..(self.item + SECTION.len()).min(bytes.len())];
                    if seen != &SECTION[..seen.len()] {
                        // `<!-`, `<!D` and the like. RFC 6120 §11.1
                        let third = seen.get(2).copied().unwrap_or_default();
                        let restricted = third == b'-' || third.is_ascii_alphabetic();
                        return Err(if restricted { COMMENT_OR_DTD } else { BAD_SECTION });
                    }
                    if self.stack.is_empty() && seen.len() > 2 {
                        return Err(context.misplaced_text());
                    }
                    if seen.len() < SECTION.len() {
                        more!();
                    }
                    pos = self.item + SECTION.len();
                    self.item = pos;
                    self.phase = Phase::Section;
                }
                Phase::Section => {
                    pos = section_text(bytes, pos)?;
                    match peek!() {
                        b'>' => {
                            let ends = pos >= self.item + 2 && bytes[pos - 2..pos] == *b"]]";
                            pos += 1;
                            if ends {
                                self.phase = Phase::Content;
                            }
                        }
                        _ => more!(),
                    }
                }
                Phase::Declaration => {
                    const DECLARATION: &[u8] = b"<?xml";
                    let seen = &bytes[..DECLARATION.len().min(bytes.len())];
                    if seen != &DECLARATION[..seen.len()] {
                        return Err(INSTRUCTION);
                    }
                    match bytes.get(DECLARATION.len()) {
                        None => more!(),
                        Some(&byte) if !is(byte, SPACE) => return Err(INSTRUCTION),
                        Some(_) => {}
                    }
                    match memchr::memchr2(b'>', b'<', &bytes[pos..]) {
                        None => {
                            pos = bytes.len();
                            more!();
                        }
                        Some(found) => {
                            pos += found + 1;
                            super::header::check_declaration(&bytes[..pos])?;
                            done!(Token::Declaration);
                        }
                    }
                }
            }
        }
    }

    /// The element opened last ends; what that completes.
    #[inline(always)]
    pub(super) fn end_tag(&mut self) -> Option<Token> {
        match self.stack.pop() {
            None => Some(Token::Close),
            Some(open) => {
                self.bindings.truncate(open.bindings as usize);
                self.stack.is_empty().then_some(Token::Frame)
            }
        }
    }

    /// Goes on in a name; its end once a byte follows that is not part of it.
    #[inline(always)]
    fn name(
        &mut self,
        bytes: &[u8],
        pos: &mut usize,
        context: &Context<'_>,
    ) -> Result<Option<usize>, FramerError> {
        let longest = self.item + context.limits.name_bytes;
        // One byte past the limit tells that it is exceeded.
        let visible = &bytes[..bytes.len().min(longest.saturating_add(1))];
        loop {
            if *pos > longest {
                return Err(NAME_TOO_LONG);
            }
            let Some(&byte) = visible.get(*pos) else { return Ok(None) };
            let starts = *pos == self.local;
            if is(byte, if starts { NAME_START } else { NAME }) {
                *pos += 1;
                *pos += run(&visible[*pos..], NAME);
            } else if byte >= 0x80 {
                let Some((char, width)) = decode(&bytes[*pos..])? else { return Ok(None) };
                if !(if starts { is_name_start(char) } else { is_name_char(char) }) {
                    return Err(BAD_NAME);
                }
                *pos += width;
            } else if starts {
                return Err(unexpected(byte, BAD_NAME));
            } else if byte == b':' {
                if self.local != self.item {
                    return Err(BAD_NAME);
                }
                *pos += 1;
                self.local = *pos;
            } else {
                return Ok(Some(*pos));
            }
        }
    }
}

/// Goes on in text: to the next `<` or `&`, or to where a character is not complete.
#[inline(always)]
fn text(bytes: &[u8], mut pos: usize) -> Result<usize, FramerError> {
    loop {
        pos += text_run(&bytes[pos..]);
        match bytes.get(pos) {
            None | Some(b'<' | b'&') => return Ok(pos),
            Some(b'>') => {
                // Tags and references end in other bytes, so the two brackets can only be text.
                if pos >= 2 && bytes[pos - 2..pos] == *b"]]" {
                    return Err(SECTION_END_IN_TEXT);
                }
                pos += 1;
            }
            Some(_) => match decode(&bytes[pos..])? {
                Some((_, width)) => pos += width,
                None => return Ok(pos),
            },
        }
    }
}

/// Goes on in a CDATA section: to the next `>`, or to where a character is not complete.
fn section_text(bytes: &[u8], mut pos: usize) -> Result<usize, FramerError> {
    loop {
        pos += text_run(&bytes[pos..]);
        match bytes.get(pos) {
            None | Some(b'>') => return Ok(pos),
            Some(b'<' | b'&') => pos += 1,
            Some(_) => match decode(&bytes[pos..])? {
                Some((_, width)) => pos += width,
                None => return Ok(pos),
            },
        }
    }
}

/// A byte that the grammar does not allow here. One that never begins a character in UTF-8 is told apart, as RFC 6120
/// has a condition for it.
#[cold]
pub(super) fn unexpected(byte: u8, otherwise: FramerError) -> FramerError {
    match byte {
        0x80..=0xC1 | 0xF5..=0xFF => BAD_UTF8,
        _ => otherwise,
    }
}
