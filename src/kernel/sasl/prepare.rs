//! Preparation of names and passwords before they are compared or hashed. Stand-ins until `wire::jid` does it:
//! they know the rules for ASCII only.

use zeroize::Zeroizing;

/// A user name as the localpart of its account (RFC 7622 §3.3), `None` if it cannot be one.
pub(super) fn username(text: &str) -> Option<String> {
    let refused = |c: char| c <= ' ' || c == '\x7f' || "\"&'/:<>@".contains(c);
    let fits = !text.is_empty() && text.len() <= 1023 && !text.contains(refused);
    fits.then(|| text.to_lowercase())
}

/// A password (RFC 8265 §4.2), `None` if it cannot be one.
pub(super) fn password(text: &str) -> Option<Zeroizing<String>> {
    let fits = !text.is_empty() && !text.contains(char::is_control);
    fits.then(|| text.to_owned().into())
}

/// A bare JID in its canonical text, `None` if it is not one.
pub(super) fn bare_jid(text: &str) -> Option<String> {
    let (local, domain) = match text.split_once('@') {
        Some((local, domain)) => (Some(username(local)?), domain),
        None => (None, text),
    };
    if domain.is_empty() || domain.contains(['@', '/']) {
        return None;
    }
    let domain = domain.to_lowercase();
    Some(match local {
        Some(local) => format!("{local}@{domain}"),
        None => domain,
    })
}
