//! Errors a peer is told about, by blame: a [`StreamError`] ends the stream, a [`StanzaError`] answers one stanza.

use std::borrow::Cow;
use std::fmt;

use crate::frame::XmlWriter;
use crate::ns;

/// What is wrong with the stream. RFC 6120 §4.9.3
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamCondition {
    /// XML that cannot be processed.
    BadFormat,
    /// A namespace prefix that is unsupported, or missing where one is needed.
    BadNamespacePrefix,
    /// This stream and another one exclude each other.
    Conflict,
    /// The peer is thought unreachable.
    ConnectionTimeout,
    /// The domain is no longer served here.
    HostGone,
    /// The domain is not served here.
    HostUnknown,
    /// A stanza between servers lacks or has malformed addresses.
    ImproperAddressing,
    /// The server cannot serve the stream through a fault of its own.
    InternalServerError,
    /// The `from` is not one the peer proved to be.
    InvalidFrom,
    /// The stream or content namespace is not supported.
    InvalidNamespace,
    /// XML that violates a schema.
    InvalidXml,
    /// Data before authentication, or an action not allowed.
    NotAuthorized,
    /// XML that is not well-formed or not namespace-well-formed.
    NotWellFormed,
    /// A local policy, such as a size limit, was violated.
    PolicyViolation,
    /// A remote entity needed for authentication cannot be reached.
    RemoteConnectionFailed,
    /// The stream must be negotiated anew.
    Reset,
    /// The server lacks resources.
    ResourceConstraint,
    /// A comment, processing instruction, DTD or entity reference.
    RestrictedXml,
    /// Connect elsewhere: the text of the condition names the host.
    SeeOtherHost,
    /// The server is shutting down.
    SystemShutdown,
    /// None of the others; goes with an application-specific condition.
    UndefinedCondition,
    /// Not UTF-8.
    UnsupportedEncoding,
    /// A mandatory feature is not supported by the peer.
    UnsupportedFeature,
    /// A first-level element that is not understood.
    UnsupportedStanzaType,
    /// The XMPP version is not supported.
    UnsupportedVersion,
}

impl StreamCondition {
    /// All conditions, in the order of the RFC.
    pub const ALL: [StreamCondition; 25] = [
        StreamCondition::BadFormat,
        StreamCondition::BadNamespacePrefix,
        StreamCondition::Conflict,
        StreamCondition::ConnectionTimeout,
        StreamCondition::HostGone,
        StreamCondition::HostUnknown,
        StreamCondition::ImproperAddressing,
        StreamCondition::InternalServerError,
        StreamCondition::InvalidFrom,
        StreamCondition::InvalidNamespace,
        StreamCondition::InvalidXml,
        StreamCondition::NotAuthorized,
        StreamCondition::NotWellFormed,
        StreamCondition::PolicyViolation,
        StreamCondition::RemoteConnectionFailed,
        StreamCondition::Reset,
        StreamCondition::ResourceConstraint,
        StreamCondition::RestrictedXml,
        StreamCondition::SeeOtherHost,
        StreamCondition::SystemShutdown,
        StreamCondition::UndefinedCondition,
        StreamCondition::UnsupportedEncoding,
        StreamCondition::UnsupportedFeature,
        StreamCondition::UnsupportedStanzaType,
        StreamCondition::UnsupportedVersion,
    ];

    /// The element's name.
    pub const fn name(self) -> &'static str {
        match self {
            StreamCondition::BadFormat => "bad-format",
            StreamCondition::BadNamespacePrefix => "bad-namespace-prefix",
            StreamCondition::Conflict => "conflict",
            StreamCondition::ConnectionTimeout => "connection-timeout",
            StreamCondition::HostGone => "host-gone",
            StreamCondition::HostUnknown => "host-unknown",
            StreamCondition::ImproperAddressing => "improper-addressing",
            StreamCondition::InternalServerError => "internal-server-error",
            StreamCondition::InvalidFrom => "invalid-from",
            StreamCondition::InvalidNamespace => "invalid-namespace",
            StreamCondition::InvalidXml => "invalid-xml",
            StreamCondition::NotAuthorized => "not-authorized",
            StreamCondition::NotWellFormed => "not-well-formed",
            StreamCondition::PolicyViolation => "policy-violation",
            StreamCondition::RemoteConnectionFailed => "remote-connection-failed",
            StreamCondition::Reset => "reset",
            StreamCondition::ResourceConstraint => "resource-constraint",
            StreamCondition::RestrictedXml => "restricted-xml",
            StreamCondition::SeeOtherHost => "see-other-host",
            StreamCondition::SystemShutdown => "system-shutdown",
            StreamCondition::UndefinedCondition => "undefined-condition",
            StreamCondition::UnsupportedEncoding => "unsupported-encoding",
            StreamCondition::UnsupportedFeature => "unsupported-feature",
            StreamCondition::UnsupportedStanzaType => "unsupported-stanza-type",
            StreamCondition::UnsupportedVersion => "unsupported-version",
        }
    }
}

/// Why a stream is closed: sent as the last element before `</stream:stream>`. RFC 6120 §4.9
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamError {
    /// The defined condition.
    pub condition: StreamCondition,
    /// Explains it to a human reader of the peer's log.
    pub text: Option<Cow<'static, str>>,
    /// Character data of the condition element itself, as [`StreamCondition::SeeOtherHost`] needs.
    pub content: Option<Cow<'static, str>>,
    /// Application-specific condition: complete XML in its own namespace.
    pub extra: Option<Cow<'static, str>>,
}

impl StreamError {
    /// The condition alone.
    pub const fn new(condition: StreamCondition) -> StreamError {
        StreamError { condition, text: None, content: None, extra: None }
    }

    /// Adds the explanation.
    pub fn with_text(mut self, text: impl Into<Cow<'static, str>>) -> StreamError {
        self.text = Some(text.into());
        self
    }

    /// Adds an application-specific condition: complete XML, which must be well-formed.
    pub fn with_extra(mut self, xml: impl Into<Cow<'static, str>>) -> StreamError {
        self.extra = Some(xml.into());
        self
    }

    /// Names the host of a [`StreamCondition::SeeOtherHost`]. RFC 6120 §4.9.3.19
    pub fn see_other_host(host: impl Into<Cow<'static, str>>) -> StreamError {
        let mut error = StreamError::new(StreamCondition::SeeOtherHost);
        error.content = Some(host.into());
        error
    }

    /// The `<stream:error>` element, for a stream that binds the prefix `stream`; on a transport that does not,
    /// see [`to_xml_unprefixed`](Self::to_xml_unprefixed).
    pub fn to_xml(&self) -> String {
        let mut writer = XmlWriter::new();
        writer.start("stream:error");
        self.write_inside(&mut writer);
        writer.end();
        writer.into_string()
    }

    /// The `<error>` element declaring its own namespace.
    pub fn to_xml_unprefixed(&self) -> String {
        let mut writer = XmlWriter::new();
        writer.start("error");
        writer.attr("xmlns", ns::STREAMS);
        self.write_inside(&mut writer);
        writer.end();
        writer.into_string()
    }

    fn write_inside(&self, writer: &mut XmlWriter) {
        writer.start(self.condition.name());
        writer.attr("xmlns", ns::STREAM_ERRORS);
        if let Some(content) = &self.content {
            writer.text(content);
        }
        writer.end();
        if let Some(text) = &self.text {
            writer.start("text");
            writer.attr("xmlns", ns::STREAM_ERRORS);
            writer.attr("xml:lang", "en");
            writer.text(text);
            writer.end();
        }
        if let Some(extra) = &self.extra {
            writer.raw(extra);
        }
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(f, "{}: {text}", self.condition.name()),
            None => f.write_str(self.condition.name()),
        }
    }
}

impl std::error::Error for StreamError {}

impl From<StreamCondition> for StreamError {
    fn from(condition: StreamCondition) -> StreamError {
        StreamError::new(condition)
    }
}

/// What the sender may do about a stanza error. RFC 6120 §8.3.2
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorType {
    /// Retry after providing credentials.
    Auth,
    /// Do not retry.
    Cancel,
    /// Proceed: it was only a warning.
    Continue,
    /// Retry after changing the data sent.
    Modify,
    /// Retry after waiting.
    Wait,
}

impl ErrorType {
    /// The attribute's value.
    pub const fn name(self) -> &'static str {
        match self {
            ErrorType::Auth => "auth",
            ErrorType::Cancel => "cancel",
            ErrorType::Continue => "continue",
            ErrorType::Modify => "modify",
            ErrorType::Wait => "wait",
        }
    }

    /// The type of that name.
    pub fn parse(name: &str) -> Option<ErrorType> {
        [ErrorType::Auth, ErrorType::Cancel, ErrorType::Continue, ErrorType::Modify, ErrorType::Wait]
            .into_iter()
            .find(|type_| type_.name() == name)
    }
}

/// What is wrong with a stanza. RFC 6120 §8.3.3
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StanzaCondition {
    /// The XML does not conform to its schema or cannot be processed.
    BadRequest,
    /// A resource of that name exists.
    Conflict,
    /// Understood, but not implemented here.
    FeatureNotImplemented,
    /// The sender lacks the permission.
    Forbidden,
    /// The address is no longer served; the text of the condition may name the new one.
    Gone,
    /// The server's own fault.
    InternalServerError,
    /// The address or item does not exist.
    ItemNotFound,
    /// An address violates the rules for addresses.
    JidMalformed,
    /// Understood, but it does not meet the recipient's criteria.
    NotAcceptable,
    /// Nobody may do this.
    NotAllowed,
    /// Credentials are missing or wrong.
    NotAuthorized,
    /// A local policy was violated.
    PolicyViolation,
    /// The recipient is temporarily unavailable.
    RecipientUnavailable,
    /// Ask another entity; the text of the condition names it.
    Redirect,
    /// The sender must register first.
    RegistrationRequired,
    /// The remote domain does not exist or cannot be resolved.
    RemoteServerNotFound,
    /// The remote domain could not be reached in time.
    RemoteServerTimeout,
    /// Busy, or lacking resources.
    ResourceConstraint,
    /// The service is not provided.
    ServiceUnavailable,
    /// A subscription is needed first.
    SubscriptionRequired,
    /// None of the others; goes with an application-specific condition.
    UndefinedCondition,
    /// Understood, but not expected at this time.
    UnexpectedRequest,
}

impl StanzaCondition {
    /// All conditions, in the order of the RFC.
    pub const ALL: [StanzaCondition; 22] = [
        StanzaCondition::BadRequest,
        StanzaCondition::Conflict,
        StanzaCondition::FeatureNotImplemented,
        StanzaCondition::Forbidden,
        StanzaCondition::Gone,
        StanzaCondition::InternalServerError,
        StanzaCondition::ItemNotFound,
        StanzaCondition::JidMalformed,
        StanzaCondition::NotAcceptable,
        StanzaCondition::NotAllowed,
        StanzaCondition::NotAuthorized,
        StanzaCondition::PolicyViolation,
        StanzaCondition::RecipientUnavailable,
        StanzaCondition::Redirect,
        StanzaCondition::RegistrationRequired,
        StanzaCondition::RemoteServerNotFound,
        StanzaCondition::RemoteServerTimeout,
        StanzaCondition::ResourceConstraint,
        StanzaCondition::ServiceUnavailable,
        StanzaCondition::SubscriptionRequired,
        StanzaCondition::UndefinedCondition,
        StanzaCondition::UnexpectedRequest,
    ];

    /// The element's name.
    pub const fn name(self) -> &'static str {
        match self {
            StanzaCondition::BadRequest => "bad-request",
            StanzaCondition::Conflict => "conflict",
            StanzaCondition::FeatureNotImplemented => "feature-not-implemented",
            StanzaCondition::Forbidden => "forbidden",
            StanzaCondition::Gone => "gone",
            StanzaCondition::InternalServerError => "internal-server-error",
            StanzaCondition::ItemNotFound => "item-not-found",
            StanzaCondition::JidMalformed => "jid-malformed",
            StanzaCondition::NotAcceptable => "not-acceptable",
            StanzaCondition::NotAllowed => "not-allowed",
            StanzaCondition::NotAuthorized => "not-authorized",
            StanzaCondition::PolicyViolation => "policy-violation",
            StanzaCondition::RecipientUnavailable => "recipient-unavailable",
            StanzaCondition::Redirect => "redirect",
            StanzaCondition::RegistrationRequired => "registration-required",
            StanzaCondition::RemoteServerNotFound => "remote-server-not-found",
            StanzaCondition::RemoteServerTimeout => "remote-server-timeout",
            StanzaCondition::ResourceConstraint => "resource-constraint",
            StanzaCondition::ServiceUnavailable => "service-unavailable",
            StanzaCondition::SubscriptionRequired => "subscription-required",
            StanzaCondition::UndefinedCondition => "undefined-condition",
            StanzaCondition::UnexpectedRequest => "unexpected-request",
        }
    }

    /// The condition of that name. An unknown one is to be treated as
    /// [`UndefinedCondition`](Self::UndefinedCondition) (RFC 6120 §8.3.2).
    pub fn parse(name: &str) -> Option<StanzaCondition> {
        StanzaCondition::ALL.into_iter().find(|condition| condition.name() == name)
    }

    /// The error type the RFC recommends for the condition; the first one, where it recommends two.
    pub const fn default_type(self) -> ErrorType {
        match self {
            StanzaCondition::Forbidden
            | StanzaCondition::NotAuthorized
            | StanzaCondition::RegistrationRequired
            | StanzaCondition::SubscriptionRequired => ErrorType::Auth,
            StanzaCondition::BadRequest
            | StanzaCondition::JidMalformed
            | StanzaCondition::NotAcceptable
            | StanzaCondition::PolicyViolation
            | StanzaCondition::Redirect => ErrorType::Modify,
            StanzaCondition::RecipientUnavailable
            | StanzaCondition::RemoteServerTimeout
            | StanzaCondition::ResourceConstraint
            | StanzaCondition::UnexpectedRequest => ErrorType::Wait,
            StanzaCondition::Conflict
            | StanzaCondition::FeatureNotImplemented
            | StanzaCondition::Gone
            | StanzaCondition::InternalServerError
            | StanzaCondition::ItemNotFound
            | StanzaCondition::NotAllowed
            | StanzaCondition::RemoteServerNotFound
            | StanzaCondition::ServiceUnavailable
            | StanzaCondition::UndefinedCondition => ErrorType::Cancel,
        }
    }
}

/// Why a stanza could not be served: becomes the `<error/>` child of the answer. RFC 6120 §8.3
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StanzaError {
    /// What the sender may do about it.
    pub type_: ErrorType,
    /// The defined condition.
    pub condition: StanzaCondition,
    /// Describes the error to a human reader.
    pub text: Option<Cow<'static, str>>,
    /// Character data of the condition element: the new address of `gone` and `redirect`.
    pub content: Option<Cow<'static, str>>,
    /// The entity that found the error. RFC 6120 §8.3.1 rule 5
    pub by: Option<Cow<'static, str>>,
    /// Application-specific condition: complete XML in its own namespace. RFC 6120 §8.3.4
    pub extra: Option<Cow<'static, str>>,
}

impl StanzaError {
    /// The condition with its recommended type.
    pub const fn new(condition: StanzaCondition) -> StanzaError {
        StanzaError {
            type_: condition.default_type(),
            condition,
            text: None,
            content: None,
            by: None,
            extra: None,
        }
    }

    /// Replaces the recommended type.
    pub const fn with_type(mut self, type_: ErrorType) -> StanzaError {
        self.type_ = type_;
        self
    }

    /// Adds the description.
    pub fn with_text(mut self, text: impl Into<Cow<'static, str>>) -> StanzaError {
        self.text = Some(text.into());
        self
    }

    /// Adds the address inside `gone` or `redirect`.
    pub fn with_content(mut self, content: impl Into<Cow<'static, str>>) -> StanzaError {
        self.content = Some(content.into());
        self
    }

    /// Adds who found the error.
    pub fn with_by(mut self, by: impl Into<Cow<'static, str>>) -> StanzaError {
        self.by = Some(by.into());
        self
    }

    /// Adds an application-specific condition: complete XML, which must be well-formed.
    pub fn with_extra(mut self, xml: impl Into<Cow<'static, str>>) -> StanzaError {
        self.extra = Some(xml.into());
        self
    }

    /// Writes the `<error/>` element, to be a child of a stanza in the content namespace.
    pub fn write(&self, writer: &mut XmlWriter) {
        writer.start("error");
        if let Some(by) = &self.by {
            writer.attr("by", by);
        }
        writer.attr("type", self.type_.name());
        writer.start(self.condition.name());
        writer.attr("xmlns", ns::STANZAS);
        if let Some(content) = &self.content {
            writer.text(content);
        }
        writer.end();
        if let Some(text) = &self.text {
            writer.start("text");
            writer.attr("xmlns", ns::STANZAS);
            writer.attr("xml:lang", "en");
            writer.text(text);
            writer.end();
        }
        if let Some(extra) = &self.extra {
            writer.raw(extra);
        }
        writer.end();
    }

    /// The `<error/>` element.
    pub fn to_xml(&self) -> String {
        let mut writer = XmlWriter::new();
        self.write(&mut writer);
        writer.into_string()
    }
}

impl fmt::Display for StanzaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(f, "{} ({}): {text}", self.condition.name(), self.type_.name()),
            None => write!(f, "{} ({})", self.condition.name(), self.type_.name()),
        }
    }
}

impl std::error::Error for StanzaError {}

impl From<StanzaCondition> for StanzaError {
    fn from(condition: StanzaCondition) -> StanzaError {
        StanzaError::new(condition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Frame;

    #[test]
    fn every_condition_is_well_formed_and_named() {
        for condition in StreamCondition::ALL {
            let error = StreamError::new(condition).with_text("a < b").with_extra("<x xmlns='urn:x'/>");
            let frame = Frame::parse(error.to_xml_unprefixed()).unwrap();
            assert_eq!((frame.name(), frame.namespace()), ("error", ns::STREAMS));
            assert!(frame.child(condition.name(), ns::STREAM_ERRORS).is_some());
            assert_eq!(frame.child("text", ns::STREAM_ERRORS).unwrap().text(), "a < b");
            assert!(frame.child("x", "urn:x").is_some());
        }
        for condition in StanzaCondition::ALL {
            assert_eq!(StanzaCondition::parse(condition.name()), Some(condition));
            let error = StanzaError::new(condition).with_by("a&b").with_content("xmpp:c");
            let frame = Frame::parse(error.to_xml()).unwrap();
            assert_eq!(frame.child(condition.name(), ns::STANZAS).unwrap().text(), "xmpp:c");
            assert!(frame.as_str().starts_with("<error by='a&amp;b' type='"));
        }
        assert_eq!(StanzaCondition::parse("nonsense"), None);
    }

    #[test]
    fn types_have_their_names() {
        for name in ["auth", "cancel", "continue", "modify", "wait"] {
            assert_eq!(ErrorType::parse(name).unwrap().name(), name);
        }
        assert_eq!(ErrorType::parse("Auth"), None);
    }

    #[test]
    fn other_hosts_stand_in_the_condition() {
        assert_eq!(
            StreamError::see_other_host("[2001:db8::1]:9222").to_xml(),
            "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>[2001:db8::1]:9222\
             </see-other-host></stream:error>"
        );
    }
}
