//! New start tags on old content.
//!
//! Hot: less than 0.1 µs for a chat message. The result is one allocation of exactly its size, which [`Bytes`] takes over
//! without another one.

use bytes::Bytes;

use super::escape::is_plain_value;
use super::head::{Head, Span, StanzaType, Value};
use super::{Attributes, Frame, escape_value};

/// Start tags longer than this are put together on the heap.
const ON_STACK: usize = 512;

/// A start tag in the making.
struct Tag {
    stack: [u8; ON_STACK],
    len: usize,
    heap: Vec<u8>,
}

impl Tag {
    fn push(&mut self, bytes: &[u8]) {
        if self.heap.is_empty() {
            if let Some(room) = self.stack.get_mut(self.len..self.len + bytes.len()) {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
                return;
            }
            self.heap.extend_from_slice(&self.stack[..self.len]);
        }
        self.heap.extend_from_slice(bytes);
        self.len = self.heap.len();
    }

    fn bytes(&self) -> &[u8] {
        if self.heap.is_empty() { &self.stack[..self.len] } else { &self.heap }
    }

    /// Appends the attribute and tells where its value is.
    fn attribute(&mut self, name: &str, value: &str) -> Value {
        self.push(b" ");
        self.push(name.as_bytes());
        self.push(b"='");
        let start = self.len;
        let mut escaped = false;
        if is_plain_value(value) {
            self.push(value.as_bytes());
        } else {
            let mut text = String::with_capacity(value.len() + 16);
            escape_value(value, &mut text);
            escaped = text != value;
            self.push(text.as_bytes());
        }
        let span = Span::new(start, self.len);
        self.push(b"'");
        Value { span, escaped }
    }
}

/// The frame with `from` set, `to` and `type` set if given, `xml:lang` set if given and not there, and no declaration
/// of the content namespace.
pub(super) fn stamp(
    bytes: &[u8],
    head: &Head,
    from: &str,
    to: Option<&str>,
    type_: Option<StanzaType>,
    lang: Option<&str>,
) -> Frame {
    let lang = lang.filter(|_| head.lang.span.is_none());
    let plain = |value: Option<&str>| value.is_none_or(is_plain_value);
    if head.tidy && type_.is_none() && is_plain_value(from) && plain(to) && plain(lang) {
        return stamp_tidy(bytes, head, from, to, lang);
    }
    let tail = head.tail as usize;
    let mut tag = Tag { stack: [0; ON_STACK], len: 0, heap: Vec::new() };
    let mut new = *head;
    tag.push(b"<");
    // With its prefix: the rare `xml:` stays.
    tag.push(&bytes[1..head.name.end()]);
    new.from = tag.attribute("from", from);
    if let Some(to) = to {
        new.to = tag.attribute("to", to);
    } else if !head.to.span.is_none() {
        // As sent; between the same quotes, as the value may hold the others.
        let quote = &bytes[head.to.span.end()..head.to.span.end() + 1];
        tag.push(b" to=");
        tag.push(quote);
        new.to.span.start = tag.len as u32;
        tag.push(head.to.span.of(bytes));
        tag.push(quote);
    }
    if let Some(type_) = type_ {
        new.type_ = type_;
        if let Some(name) = type_.name() {
            tag.attribute("type", name);
        }
    }
    if let Some(lang) = lang {
        new.lang = tag.attribute("xml:lang", lang);
    }
    let payload_ns_in_tag = !head.payload_ns.is_none() && (head.payload_ns.start as usize) < tail;
    let mut declares = false;
    for attribute in Attributes::new(bytes, head.name.end(), tail) {
        let name = attribute.name.of(bytes);
        let value = attribute.value.of(bytes);
        match name {
            b"from" | b"to" => continue,
            b"type" if type_.is_some() => continue,
            // Implied; RFC 6120 §4.8.3: other streams have another one.
            b"xmlns" if head.ns.is_none() => continue,
            _ => {}
        }
        declares |= name.starts_with(b"xmlns");
        tag.push(b" ");
        tag.push(name);
        // From the `=` (without the white space around it) to the closing quote.
        let quote = attribute.value.start as usize - 1;
        tag.push(b"=");
        let start = tag.len + 1;
        tag.push(&bytes[quote..attribute.value.end() + 1]);
        let moved = Span::new(start, start + value.len());
        match name {
            b"id" => new.id.span = moved,
            b"xml:lang" => new.lang.span = moved,
            b"xmlns" => new.ns = moved,
            _ => {}
        }
        if payload_ns_in_tag && head.payload_ns == attribute.value {
            new.payload_ns = moved;
        }
    }
    new.tidy = new.tidy || (head.ns.is_none() && !declares);
    let rest = tail_start(bytes, tail);
    let delta = tag.len as i64 - rest as i64;
    new.tail = tag.len as u32;
    new.payload_name = head.payload_name.moved(delta);
    if !payload_ns_in_tag {
        new.payload_ns = head.payload_ns.moved(delta);
    }
    Frame { bytes: join(tag.bytes(), &bytes[rest..], b""), head: new }
}

/// The same for a tag whose attributes can be copied as they stand: all but two stay next to each other.
fn stamp_tidy(bytes: &[u8], head: &Head, from: &str, to: Option<&str>, lang: Option<&str>) -> Frame {
    /// ` from='`, ` to='` and ` xml:lang='`.
    const FROM: usize = 7;
    const TO: usize = 5;
    const LANG: usize = 11;
    let tail = head.tail as usize;
    let name_end = head.name.end();
    let extent = |value: Value, before: usize| {
        if value.span.is_none() {
            (tail, tail)
        } else {
            (value.span.start as usize - before, value.span.end() + 1)
        }
    };
    let (old_from, old_to) = (extent(head.from, FROM), extent(head.to, TO));
    let (first, second) = if old_from.0 <= old_to.0 { (old_from, old_to) } else { (old_to, old_from) };
    let pieces = [(name_end, first.0), (first.1, second.0), (second.1, tail)];

    let new_from = FROM + from.len() + 1;
    let new_to = to.map_or(old_to.1 - old_to.0, |to| TO + to.len() + 1);
    let removed = (old_from.1 - old_from.0) + (old_to.1 - old_to.0);
    let new_lang = lang.map_or(0, |lang| LANG + lang.len() + 1);
    let mut all = Vec::with_capacity(bytes.len() - removed + new_from + new_to + new_lang);
    let mut new = *head;
    all.extend_from_slice(&bytes[..name_end]);
    all.extend_from_slice(b" from='");
    all.extend_from_slice(from.as_bytes());
    new.from = Value { span: Span::new(name_end + FROM, name_end + FROM + from.len()), escaped: false };
    all.push(b'\'');
    let to_start = all.len() + TO;
    match to {
        Some(to) => {
            all.extend_from_slice(b" to='");
            all.extend_from_slice(to.as_bytes());
            new.to = Value { span: Span::new(to_start, to_start + to.len()), escaped: false };
            all.push(b'\'');
        }
        None if head.to.span.is_none() => {}
        None => {
            all.extend_from_slice(&bytes[old_to.0..old_to.1]);
            new.to.span.start = to_start as u32;
        }
    }
    if let Some(lang) = lang {
        let start = all.len() + LANG;
        all.extend_from_slice(b" xml:lang='");
        all.extend_from_slice(lang.as_bytes());
        all.push(b'\'');
        new.lang = Value { span: Span::new(start, start + lang.len()), escaped: false };
    }
    for (start, end) in pieces {
        let delta = all.len() as i64 - start as i64;
        for (old, moved) in [(&head.id, &mut new.id), (&head.lang, &mut new.lang)] {
            if (start..end).contains(&(old.span.start as usize)) {
                moved.span = old.span.moved(delta);
            }
        }
        all.extend_from_slice(&bytes[start..end]);
    }
    let delta = all.len() as i64 - tail as i64;
    new.tail = all.len() as u32;
    new.payload_name = head.payload_name.moved(delta);
    new.payload_ns = head.payload_ns.moved(delta);
    all.extend_from_slice(&bytes[tail..]);
    Frame { bytes: Bytes::from(all), head: new }
}

/// White space before the `>` of the start tag is not copied.
fn tail_start(bytes: &[u8], tail: usize) -> usize {
    tail + bytes[tail..].iter().position(|b| !b.is_ascii_whitespace()).unwrap_or_default()
}

/// The frame with more children.
pub(super) fn insert(bytes: &[u8], head: &Head, xml: &str) -> Bytes {
    if let Some(before) = bytes.strip_suffix(b"/>")
        && tail_start(bytes, head.tail as usize) == before.len()
    {
        let name = &bytes[1..1 + bytes[1..].iter().position(|b| !is_tag_name(*b)).unwrap_or_default()];
        let mut all = Vec::with_capacity(before.len() + xml.len() + name.len() + 4);
        all.extend_from_slice(before);
        all.push(b'>');
        all.extend_from_slice(xml.as_bytes());
        all.extend_from_slice(b"</");
        all.extend_from_slice(name);
        all.push(b'>');
        return Bytes::from(all);
    }
    let end = memchr::memrchr(b'<', bytes).unwrap_or(bytes.len());
    join(&bytes[..end], xml.as_bytes(), &bytes[end..])
}

fn is_tag_name(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && byte != b'/' && byte != b'>'
}

fn join(first: &[u8], second: &[u8], third: &[u8]) -> Bytes {
    let mut all = Vec::with_capacity(first.len() + second.len() + third.len());
    all.extend_from_slice(first);
    all.extend_from_slice(second);
    all.extend_from_slice(third);
    Bytes::from(all)
}
