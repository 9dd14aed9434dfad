//! What the framer's pass learns about a frame: enough to route it without looking at its bytes again.

use crate::ns::NsSet;

/// A range of bytes in the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

impl Span {
    /// Stands for "absent" where a span is optional.
    pub(crate) const NONE: Span = Span { start: u32::MAX, len: 0 };

    #[inline]
    pub(crate) fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, len: (end - start) as u32 }
    }

    #[inline]
    pub(crate) fn is_none(self) -> bool {
        self.start == u32::MAX
    }

    #[inline]
    pub(crate) fn end(self) -> usize {
        self.start as usize + self.len as usize
    }

    /// The bytes; empty when absent.
    #[inline]
    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..self.end()).unwrap_or_default()
    }

    /// The text; the framer has checked that it is UTF-8 and cuts at ASCII.
    #[inline]
    pub(crate) fn text(self, bytes: &[u8]) -> &str {
        std::str::from_utf8(self.of(bytes)).unwrap_or_default()
    }

    /// The same bytes after everything moved by `delta`.
    #[inline]
    pub(crate) fn moved(self, delta: i64) -> Span {
        if self.is_none() {
            self
        } else {
            Span { start: (i64::from(self.start) + delta) as u32, len: self.len }
        }
    }
}

/// An attribute's value as written between its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) span: Span,
    /// Holds references or white space that normalisation changes.
    pub(crate) escaped: bool,
}

impl Value {
    pub(crate) const NONE: Value = Value { span: Span::NONE, escaped: false };
}

/// What the first-level element is. RFC 6120 §8.2
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `<message/>`: push.
    Message,
    /// `<presence/>`: broadcast.
    Presence,
    /// `<iq/>`: request and response.
    Iq,
    /// Anything else: negotiation, stream management, or nonsense.
    Other,
}

impl Kind {
    /// The element's name; empty for [`Kind::Other`].
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Message => "message",
            Kind::Presence => "presence",
            Kind::Iq => "iq",
            Kind::Other => "",
        }
    }
}

/// The `type` attribute, as the kind of stanza defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StanzaType {
    /// Message without a type or with an unknown one. RFC 6121 §5.2.2
    Normal,
    /// Message in a one-to-one chat.
    Chat,
    /// Message in a room.
    Groupchat,
    /// Message that expects no reply.
    Headline,
    /// Presence without a type. RFC 6121 §4.7.1
    Available,
    /// Presence: no longer available.
    Unavailable,
    /// Presence: request to see the other's presence.
    Subscribe,
    /// Presence: that request granted.
    Subscribed,
    /// Presence: no longer wants to see it.
    Unsubscribe,
    /// Presence: that request denied or revoked.
    Unsubscribed,
    /// Presence: asks for the current presence, between servers.
    Probe,
    /// IQ: request for information.
    Get,
    /// IQ: request for a change.
    Set,
    /// IQ: answer.
    Result,
    /// Of all kinds: an error answers an earlier stanza. RFC 6120 §8.3
    Error,
    /// IQ without the type it must have. RFC 6120 §8.2.3
    Missing,
    /// Presence or IQ with a type that is not defined.
    Invalid,
    /// Not a stanza.
    None,
}

impl StanzaType {
    /// The attribute's value, where it is written at all.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            StanzaType::Chat => "chat",
            StanzaType::Groupchat => "groupchat",
            StanzaType::Headline => "headline",
            StanzaType::Unavailable => "unavailable",
            StanzaType::Subscribe => "subscribe",
            StanzaType::Subscribed => "subscribed",
            StanzaType::Unsubscribe => "unsubscribe",
            StanzaType::Unsubscribed => "unsubscribed",
            StanzaType::Probe => "probe",
            StanzaType::Get => "get",
            StanzaType::Set => "set",
            StanzaType::Result => "result",
            StanzaType::Error => "error",
            StanzaType::Normal
            | StanzaType::Available
            | StanzaType::Missing
            | StanzaType::Invalid
            | StanzaType::None => return None,
        })
    }

    /// Reads the attribute of that kind of stanza; the value is unescaped.
    pub(crate) fn parse(kind: Kind, value: Option<&[u8]>) -> StanzaType {
        let Some(value) = value else {
            return match kind {
                Kind::Message => StanzaType::Normal,
                Kind::Presence => StanzaType::Available,
                Kind::Iq => StanzaType::Missing,
                Kind::Other => StanzaType::None,
            };
        };
        match (kind, value) {
            (Kind::Other, _) => StanzaType::None,
            (_, b"error") => StanzaType::Error,
            (Kind::Message, b"chat") => StanzaType::Chat,
            (Kind::Message, b"groupchat") => StanzaType::Groupchat,
            (Kind::Message, b"headline") => StanzaType::Headline,
            // RFC 6121 §5.2.2: an unknown type is treated as normal.
            (Kind::Message, _) => StanzaType::Normal,
            (Kind::Presence, b"unavailable") => StanzaType::Unavailable,
            (Kind::Presence, b"subscribe") => StanzaType::Subscribe,
            (Kind::Presence, b"subscribed") => StanzaType::Subscribed,
            (Kind::Presence, b"unsubscribe") => StanzaType::Unsubscribe,
            (Kind::Presence, b"unsubscribed") => StanzaType::Unsubscribed,
            (Kind::Presence, b"probe") => StanzaType::Probe,
            (Kind::Iq, b"get") => StanzaType::Get,
            (Kind::Iq, b"set") => StanzaType::Set,
            (Kind::Iq, b"result") => StanzaType::Result,
            (Kind::Presence | Kind::Iq, _) => StanzaType::Invalid,
        }
    }
}

/// The index of a frame: plain numbers that say where in its bytes things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub(crate) kind: Kind,
    pub(crate) type_: StanzaType,
    pub(crate) id: Value,
    pub(crate) from: Value,
    pub(crate) to: Value,
    pub(crate) lang: Value,
    /// Local name of the root.
    pub(crate) name: Span,
    /// Namespace of the root; absent when it is the content namespace.
    pub(crate) ns: Span,
    /// Superset of the direct children's namespaces.
    pub(crate) children: NsSet,
    /// Number of direct child elements.
    pub(crate) child_count: u32,
    /// Local name of the first child; absent without children.
    pub(crate) payload_name: Span,
    /// Its namespace; absent when it is the content namespace.
    pub(crate) payload_ns: Span,
    /// Where the start tag's own text ends: at its `>` or `/`.
    pub(crate) tail: u32,
    /// The start tag declares nothing and is written with one blank before each attribute and none elsewhere.
    pub(crate) tidy: bool,
}

impl Head {
    pub(crate) const EMPTY: Head = Head {
        kind: Kind::Other,
        type_: StanzaType::None,
        id: Value::NONE,
        from: Value::NONE,
        to: Value::NONE,
        lang: Value::NONE,
        name: Span::NONE,
        ns: Span::NONE,
        children: NsSet::EMPTY,
        child_count: 0,
        payload_name: Span::NONE,
        payload_ns: Span::NONE,
        tail: 0,
        tidy: false,
    };
}
