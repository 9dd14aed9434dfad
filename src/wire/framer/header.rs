//! The stream header and what it binds for all stanzas; the XML declaration before it.

use super::error::{BAD_DECLARATION, BAD_VERSION, OTHER_ENCODING};
use super::{Content, FramerError};

/// The opening `<stream:stream>` of the peer. RFC 6120 §4.7
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamHeader {
    /// The domain the peer wants to talk to. RFC 6120 §4.7.2
    pub to: Option<String>,
    /// Who the peer says it is. RFC 6120 §4.7.1
    pub from: Option<String>,
    /// The stream's id, given by the receiving side only. RFC 6120 §4.7.3
    pub id: Option<String>,
    /// Major and minor version; none from peers older than XMPP 1.0. RFC 6120 §4.7.5
    pub version: Option<(u32, u32)>,
    /// Default language of the peer's stanzas. RFC 6120 §4.7.4
    pub lang: Option<String>,
    /// The default namespace that was declared, if any: the content namespace, or the stream's own where the peer
    /// qualifies each stanza by itself. RFC 6120 §4.8.2
    pub content_ns: Option<String>,
    /// Prefixes bound on the root, with their namespaces, that of the stream included.
    pub prefixes: Vec<(String, String)>,
}

/// What elements outside of a stanza's own bytes mean for it.
#[derive(Debug)]
pub(super) struct Root {
    /// The name as written, which the end tag must repeat.
    pub(super) name: Box<[u8]>,
    /// Prefixes and their namespaces.
    pub(super) prefixes: Box<[(Box<str>, Box<str>)]>,
}

/// The default namespace a stanza starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inherited {
    /// The stream's content namespace.
    Content,
    /// The stream namespace.
    Streams,
    /// None was declared.
    None,
}

impl Inherited {
    pub(super) const fn namespace(self, content: Content) -> &'static str {
        match self {
            Inherited::Content => content.namespace(),
            Inherited::Streams => crate::ns::STREAMS,
            Inherited::None => "",
        }
    }
}

/// `major.minor`; leading zeros are ignored. RFC 6120 §4.7.5
pub(super) fn parse_version(text: &str) -> Result<(u32, u32), FramerError> {
    let number = |digits: &str| {
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BAD_VERSION);
        }
        digits.parse::<u32>().map_err(|_| BAD_VERSION)
    };
    let (major, minor) = text.split_once('.').ok_or(BAD_VERSION)?;
    Ok((number(major)?, number(minor)?))
}

/// Checks a whole `<?xml … ?>` against production XMLDecl of XML 1.0 §2.8.
pub(super) fn check_declaration(bytes: &[u8]) -> Result<(), FramerError> {
    let text = std::str::from_utf8(bytes).map_err(|_| BAD_DECLARATION)?;
    let mut rest = text.strip_prefix("<?xml").and_then(|t| t.strip_suffix("?>")).ok_or(BAD_DECLARATION)?;

    let version = pseudo_attribute(&mut rest, "version")?.ok_or(BAD_DECLARATION)?;
    // A 1.x document is read as 1.0 (XML 1.0 §2.8); anything else is not a version of XML 1.
    let minor = version.strip_prefix("1.").ok_or(BAD_DECLARATION)?;
    if minor.is_empty() || !minor.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BAD_DECLARATION);
    }
    if let Some(encoding) = pseudo_attribute(&mut rest, "encoding")? {
        // RFC 6120 §11.6: all and only UTF-8. Names of encodings know no case (XML 1.0 §4.3.3).
        if !encoding.eq_ignore_ascii_case("utf-8") {
            return Err(OTHER_ENCODING);
        }
    }
    if let Some(standalone) = pseudo_attribute(&mut rest, "standalone")? {
        // RFC 6120 §11.5: ignored.
        if standalone != "yes" && standalone != "no" {
            return Err(BAD_DECLARATION);
        }
    }
    if rest.trim_start_matches(SPACES).is_empty() { Ok(()) } else { Err(BAD_DECLARATION) }
}

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// Takes `S name S? = S? quoted` from the front, if that is what is there.
fn pseudo_attribute<'t>(rest: &mut &'t str, name: &str) -> Result<Option<&'t str>, FramerError> {
    let trimmed = rest.trim_start_matches(SPACES);
    let Some(after) = trimmed.strip_prefix(name) else { return Ok(None) };
    if trimmed.len() == rest.len() {
        return Err(BAD_DECLARATION);
    }
    let after = after.trim_start_matches(SPACES).strip_prefix('=').ok_or(BAD_DECLARATION)?;
    let after = after.trim_start_matches(SPACES);
    let quote = after.chars().next().filter(|q| *q == '\'' || *q == '"').ok_or(BAD_DECLARATION)?;
    let (value, after) = after[1..].split_once(quote).ok_or(BAD_DECLARATION)?;
    *rest = after;
    Ok(Some(value))
}
