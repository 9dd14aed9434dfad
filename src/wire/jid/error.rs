//! Why an address was refused.

use std::fmt;

/// The string that is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Before the `@`; also a user name.
    Local,
    /// Between `@` and `/`.
    Domain,
    /// After the first `/`.
    Resource,
    /// Not part of an address, but prepared by the same rules as a resource.
    Password,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Local => "localpart",
            Part::Domain => "domainpart",
            Part::Resource => "resourcepart",
            Part::Password => "password",
        })
    }
}

/// Why a string is not an address. On a stanza it is answered with `<jid-malformed/>` (RFC 7622 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JidError {
    /// The part is there (or required) and has no bytes.
    Empty(Part),
    /// The part is longer than it may be: 1023 bytes, or 63 for one label of a domain.
    TooLong(Part),
    /// The part holds a code point which may not stand there, or not in this context.
    Forbidden(Part, char),
    /// The part mixes writing directions against the Bidi Rule of RFC 5893.
    Direction(Part),
    /// Preparing it again and again does not settle (RFC 8264 §7).
    Unstable(Part),
    /// The domain is no domain name, and no IP address in its proper form.
    Domain,
    /// A bare address was asked for, this one has a resource.
    HasResource,
    /// A full address was asked for, this one has no resource.
    NoResource,
}

impl fmt::Display for JidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JidError::Empty(part) => write!(f, "the {part} is empty"),
            JidError::TooLong(part) => write!(f, "the {part} is too long"),
            JidError::Forbidden(part, c) => {
                write!(f, "U+{:04X} is not allowed there in the {part}", u32::from(*c))
            }
            JidError::Direction(part) => write!(f, "the {part} breaks the rule for right-to-left text"),
            JidError::Unstable(part) => write!(f, "the {part} has no stable prepared form"),
            JidError::Domain => f.write_str("the domainpart is neither a domain name nor an IP address"),
            JidError::HasResource => f.write_str("a bare address was expected, this one has a resource"),
            JidError::NoResource => f.write_str("a full address was expected, this one has no resource"),
        }
    }
}

impl std::error::Error for JidError {}
