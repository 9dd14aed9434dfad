//! Domain names and IP literals (RFC 7622 §3.2).

use super::precis::{self, Class};
use super::{JidError, Part};
use idna::uts46::{AsciiDenyList, ErrorPolicy, Hyphens, ProcessingSuccess, Uts46};
use std::net::Ipv6Addr;

/// The longest label of a domain name in its ASCII form (RFC 1034 §3.1).
pub(super) const MAX_LABEL: usize = 63;

/// One round of preparation: maps, checks and returns U-labels.
pub(super) fn enforce(text: &str, part: Part) -> Result<String, JidError> {
    if let Some(inner) = text.strip_prefix('[') {
        return inner.strip_suffix(']').and_then(ip_literal).ok_or(JidError::Domain);
    }
    // RFC 7622 §3.2: a final dot goes before anything else is done; the others become dots in the mapping.
    let text = text.strip_suffix(['.', '\u{3002}', '\u{FF0E}', '\u{FF61}']).unwrap_or(text);
    if text.is_empty() {
        return Err(JidError::Empty(part));
    }
    // Hyphens in the third and fourth place are out of IDNA2008 but in real host names; `xn--` is checked anyway.
    let (mut unicode, mut ascii) = (String::new(), String::new());
    let done = Uts46::new().process(
        text.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
        ErrorPolicy::FailFast,
        |_, _, _| true,
        &mut unicode,
        Some(&mut ascii),
    );
    match done {
        Ok(ProcessingSuccess::Passthrough) => unicode.push_str(text),
        Ok(ProcessingSuccess::WroteToSink) => {}
        Err(_) => return Err(JidError::Domain),
    }
    let wire_form = if ascii.is_empty() { &unicode } else { &ascii };
    for label in wire_form.split('.') {
        match label.len() {
            0 => return Err(JidError::Domain),
            1..=MAX_LABEL => {}
            _ => return Err(JidError::TooLong(part)),
        }
    }
    // UTS #46 maps and allows symbols that IDNA2008 does not (RFC 5892 §3). After its mapping the remaining
    // difference is the IdentifierClass and a few blocks.
    for label in unicode.split('.').filter(|label| !label.is_ascii()) {
        if let Some(c) = precis::offender(label, Class::Identifier).or_else(|| label.chars().find(ignorable))
        {
            return Err(JidError::Forbidden(part, c));
        }
    }
    Ok(unicode)
}

/// IgnorableBlocks (RFC 5892 §2.4): combining marks for symbols, and musical notation.
fn ignorable(c: &char) -> bool {
    matches!(c, '\u{20D0}'..='\u{20FF}' | '\u{1D100}'..='\u{1D1FF}' | '\u{1D200}'..='\u{1D24F}')
}

/// An IPv6 address with or without zone (RFC 6874), in the text form of RFC 5952.
fn ip_literal(text: &str) -> Option<String> {
    let (address, zone) = match text.split_once("%25") {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    let address: Ipv6Addr = address.parse().ok()?;
    match zone {
        None => Some(format!("[{address}]")),
        Some(zone) => {
            let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
            (!zone.is_empty() && zone.bytes().all(unreserved)).then(|| format!("[{address}%25{zone}]"))
        }
    }
}
