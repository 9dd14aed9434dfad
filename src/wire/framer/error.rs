//! What a peer's bytes can be refused for.

use std::borrow::Cow;
use std::fmt;

use crate::error::{StreamCondition, StreamError};
use crate::ns;

/// Why the framer refused the stream. It is final: the stream gets this error and is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FramerError {
    /// The condition the peer is told. RFC 6120 §4.9.3
    pub condition: StreamCondition,
    /// What exactly was wrong, for the peer's developer and for the log.
    pub reason: &'static str,
}

impl FramerError {
    pub(super) const fn new(condition: StreamCondition, reason: &'static str) -> FramerError {
        FramerError { condition, reason }
    }
}

impl fmt::Display for FramerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.condition.name(), self.reason)
    }
}

impl std::error::Error for FramerError {}

impl From<FramerError> for StreamError {
    fn from(error: FramerError) -> StreamError {
        let mut stream_error = StreamError::new(error.condition).with_text(error.reason);
        if error == STANZA_TOO_BIG {
            // RFC 6120 §4.9.3.14 gives this application-specific condition as its example.
            debug_assert_eq!(ns::ERRORS, "urn:xmpp:errors");
            stream_error.extra = Some(Cow::Borrowed("<stanza-too-big xmlns='urn:xmpp:errors'/>"));
        }
        stream_error
    }
}

macro_rules! refusals {
    ($($name:ident = $condition:ident $reason:literal;)*) => {
        $(pub(super) const $name: FramerError = FramerError::new(StreamCondition::$condition, $reason);)*
    };
}

refusals! {
    // RFC 6120 §4.9.3.22 names violations of UTF-8 expressly.
    BAD_UTF8 = UnsupportedEncoding "not UTF-8";
    OTHER_ENCODING = UnsupportedEncoding "the XML declaration names an encoding other than UTF-8";
    FORBIDDEN_CHARACTER = NotWellFormed "a character that XML does not allow";
    BAD_DECLARATION = NotWellFormed "malformed or misplaced XML declaration";
    BAD_TAG = NotWellFormed "malformed tag";
    BAD_NAME = NotWellFormed "malformed name";
    BAD_ATTRIBUTE = NotWellFormed "malformed attribute";
    BAD_REFERENCE = NotWellFormed "malformed reference";
    BAD_SECTION = NotWellFormed "malformed or misplaced CDATA section";
    DUPLICATE_ATTRIBUTE = NotWellFormed "the same attribute twice";
    MISMATCHED_END = NotWellFormed "an end tag that does not match its start tag";
    SECTION_END_IN_TEXT = NotWellFormed "]]> in text";
    // RFC 6120 §11.3 rule 4 and the example of §4.9.3.13: not <bad-namespace-prefix/>, which is about prefixes
    // that are bound but not accepted.
    UNBOUND_PREFIX = NotWellFormed "a prefix that is not declared";
    BAD_NAMESPACE_DECLARATION = NotWellFormed "a namespace declaration that is not allowed";
    TEXT_BEFORE_STREAM = NotWellFormed "text before the stream header";
    AFTER_CLOSE = NotWellFormed "data after the end of the stream";
    STREAM_TEXT = BadFormat "text between stanzas";
    NOT_A_STREAM = BadFormat "the root element is not a stream";
    COMMENT_OR_DTD = RestrictedXml "comments and document types are not allowed";
    INSTRUCTION = RestrictedXml "processing instructions are not allowed";
    UNKNOWN_ENTITY = RestrictedXml "only the predefined entities are allowed";
    WRONG_STREAM_NAMESPACE = InvalidNamespace "the root element is not in the stream namespace";
    WRONG_CONTENT_NAMESPACE = InvalidNamespace "content namespace not supported on this stream";
    NOT_ONE_ELEMENT = NotWellFormed "not one whole element";
    BAD_VERSION = UnsupportedVersion "malformed version";
    STANZA_TOO_BIG = PolicyViolation "stanza too big";
    HEADER_TOO_BIG = PolicyViolation "stream header too big";
    TOO_DEEP = PolicyViolation "elements nested too deeply";
    TOO_MANY_ATTRIBUTES = PolicyViolation "too many attributes";
    TOO_MANY_ELEMENTS = PolicyViolation "too many elements in a stanza";
    TOO_MANY_NAMESPACES = PolicyViolation "too many namespace declarations";
    NAME_TOO_LONG = PolicyViolation "name too long";
    REFERENCE_TOO_LONG = PolicyViolation "character reference too long";
}
