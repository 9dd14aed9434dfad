//! Preparation of passwords before they are hashed or compared.

use super::MAX_MESSAGE;
use zeroize::Zeroizing;

/// A password (RFC 8265 §4.2), `None` if it cannot be one. The bound is that of a message that could carry it.
pub(super) fn password(text: &str) -> Option<Zeroizing<String>> {
    if text.len() > MAX_MESSAGE {
        return None;
    }
    wire::jid::prepare_password(text).ok().map(|prepared| prepared.into_owned().into())
}
