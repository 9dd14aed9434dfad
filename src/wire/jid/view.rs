//! [`JidView`]: an address parsed where it lies.
//!
//! A prepared ASCII address of 40 bytes takes 24 ns, a nickname in another script 0.4 µs, a name that has to be
//! mapped 1 to 2.5 µs (`benches/jid.rs`). The table of byte classes is what buys the first.

use super::domain::MAX_LABEL;
use super::{BareJid, FullJid, Jid, JidError, MAX_PART, prepare_domain, prepare_local, prepare_resource};
use std::borrow::Cow;

/// Where the parts of a prepared address lie. Addresses are at most 3071 bytes long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spans {
    /// First byte of the domain: 0, or one past the `@`.
    pub(super) domain: u16,
    /// End of the domain, which is the end of the bare address.
    pub(super) bare: u16,
}

impl Spans {
    /// `local` and `domain` are lengths of prepared parts, so 1023 at most: the casts lose nothing.
    pub(super) fn of(local: Option<usize>, domain: usize) -> Spans {
        let start = local.map_or(0, |len| len + 1);
        Spans { domain: start as u16, bare: (start + domain) as u16 }
    }

    pub(super) fn local(self, text: &str) -> Option<&str> {
        usize::from(self.domain).checked_sub(1).map(|end| &text[..end])
    }

    pub(super) fn domain(self, text: &str) -> &str {
        &text[usize::from(self.domain)..usize::from(self.bare)]
    }

    pub(super) fn bare(self, text: &str) -> &str {
        &text[..usize::from(self.bare)]
    }

    pub(super) fn resource(self, text: &str) -> Option<&str> {
        text.get(usize::from(self.bare) + 1..)
    }
}

/// An address prepared without allocation if it was ASCII and prepared already, as nearly all are.
#[derive(Clone, Debug)]
pub struct JidView<'a> {
    text: Cow<'a, str>,
    spans: Spans,
}

impl<'a> JidView<'a> {
    /// Parses and prepares `text` (RFC 7622 §3.1, §3.2).
    ///
    /// ```
    /// let view = wire::jid::JidView::parse("juliet@example.com/balcony")?;
    /// assert_eq!(view.bare_str(), "juliet@example.com");
    /// # Ok::<(), wire::jid::JidError>(())
    /// ```
    pub fn parse(text: &'a str) -> Result<JidView<'a>, JidError> {
        let Some(spans) = plain_bare(text.as_bytes()) else {
            return JidView::parse_slowly(text);
        };
        let text = match spans.resource(text) {
            // Nicknames in rooms are in any script, while the address before them is plain.
            Some(resource) if !plain_resource(resource) => match prepare_resource(resource)? {
                Cow::Borrowed(_) => Cow::Borrowed(text),
                Cow::Owned(resource) => Cow::Owned([spans.bare(text), "/", &resource].concat()),
            },
            _ => Cow::Borrowed(text),
        };
        Ok(JidView { text, spans })
    }

    /// The whole of the rules.
    #[cold]
    pub(super) fn parse_slowly(text: &'a str) -> Result<JidView<'a>, JidError> {
        // RFC 7622 §3.2: the order matters, a resource may hold an `@`. Split before any mapping (§3.1).
        let (bare, resource) = match text.split_once('/') {
            Some((bare, resource)) => (bare, Some(resource)),
            None => (text, None),
        };
        let (local, domain) = match bare.split_once('@') {
            Some((local, domain)) => (Some(local), domain),
            None => (None, bare),
        };
        let local = local.map(prepare_local).transpose()?;
        let domain = prepare_domain(domain)?;
        let resource = resource.map(prepare_resource).transpose()?;
        let spans = Spans::of(local.as_ref().map(|l| l.len()), domain.len());
        let unchanged = |part: &Cow<'_, str>| matches!(part, Cow::Borrowed(_));
        let same = local.iter().chain([&domain]).chain(&resource).all(unchanged);
        let text = if same {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(join(local.as_deref(), &domain, resource.as_deref()))
        };
        Ok(JidView { text, spans })
    }

    /// The prepared address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `[local@]domain`.
    pub fn bare_str(&self) -> &str {
        self.spans.bare(&self.text)
    }

    /// The part before the `@`.
    pub fn local(&self) -> Option<&str> {
        self.spans.local(&self.text)
    }

    /// The domain.
    pub fn domain(&self) -> &str {
        self.spans.domain(&self.text)
    }

    /// The part after the first `/`.
    pub fn resource(&self) -> Option<&str> {
        self.spans.resource(&self.text)
    }

    /// True if there is no resource.
    pub fn is_bare(&self) -> bool {
        self.text.len() == usize::from(self.spans.bare)
    }

    /// An owned copy, if there is a resource.
    pub fn to_full(&self) -> Option<FullJid> {
        (!self.is_bare()).then(|| FullJid::from_prepared(&self.text, self.spans))
    }

    /// An owned copy.
    pub fn to_jid(&self) -> Jid {
        Jid::from_prepared(&self.text, self.spans)
    }

    /// An owned copy without the resource.
    pub fn to_bare(&self) -> BareJid {
        BareJid::from_prepared(self.bare_str(), self.spans)
    }
}

/// Joins prepared parts.
pub(super) fn join(local: Option<&str>, domain: &str, resource: Option<&str>) -> String {
    let mut text = String::new();
    if let Some(local) = local {
        text.push_str(local);
        text.push('@');
    }
    text.push_str(domain);
    if let Some(resource) = resource {
        text.push('/');
        text.push_str(resource);
    }
    text
}

/// The class of a byte: allowed in a prepared localpart.
const LOCAL: u8 = 1;
/// Allowed in a label of a prepared domain.
const LABEL: u8 = 2;

/// What each byte may be part of. Capitals and everything from 0x80 up are in no class: the slow path maps them.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut b = b'!';
    while b <= b'~' {
        classes[b as usize] = match b {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => LOCAL | LABEL,
            b'A'..=b'Z' | b'"' | b'&' | b'\'' | b'/' | b':' | b'<' | b'>' | b'@' => 0,
            _ => LOCAL,
        };
        b += 1;
    }
    classes
};

/// Finds the parts of a bare address that is ASCII and prepared, up to the end of `text` or a `/`. `None` leaves
/// the verdict to the slow path.
fn plain_bare(text: &[u8]) -> Option<Spans> {
    // All that may stand in a domain may stand in a localpart, so this runs to the first separator.
    let first = run(text, LOCAL);
    let local = match text.get(first) {
        Some(b'@') if (1..=MAX_PART).contains(&first) => Some(first),
        Some(b'/') | None => None,
        _ => return None,
    };
    let domain = plain_domain(&text[local.map_or(0, |len| len + 1)..])?;
    let spans = Spans::of(local, domain);
    matches!(text.get(usize::from(spans.bare)), None | Some(b'/')).then_some(spans)
}

/// Every printable ASCII string is an OpaqueString already; a space in front is for the slow path to refuse.
fn plain_resource(resource: &str) -> bool {
    let bytes = resource.as_bytes();
    (1..=MAX_PART).contains(&bytes.len())
        && bytes[0] != b' '
        && bytes.iter().fold(true, |all, b| all & (b' '..=b'~').contains(b))
}

/// The number of leading bytes that belong to `class`.
fn run(text: &[u8], class: u8) -> usize {
    text.iter().position(|&b| CLASSES[usize::from(b)] & class == 0).unwrap_or(text.len())
}

/// The length of the lower-case LDH domain in front of `text`, without A-labels and trailing dot.
fn plain_domain(text: &[u8]) -> Option<usize> {
    let mut start = 0;
    loop {
        let label = &text[start..];
        let len = run(label, LABEL);
        let label = &label[..len];
        let sound = (1..=MAX_LABEL).contains(&len)
            && label[0] != b'-'
            && label[len - 1] != b'-'
            && !label.starts_with(b"xn--");
        if !sound {
            return None;
        }
        start += len;
        if text.get(start) != Some(&b'.') {
            return (start <= MAX_PART).then_some(start);
        }
        start += 1;
    }
}
