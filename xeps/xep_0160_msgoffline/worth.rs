//! Which messages are worth keeping for somebody who comes later.

use crate::worth::has_content;
use crate::xep_0334_hints::Hints;
use wire::frame::{Frame, StanzaType};

/// Whether a message is to wait for its recipient: if it has content, or its sender says so (XEP-0334).
pub(super) fn keeping(message: &Frame) -> bool {
    // XEP-0160 §3. The kernel asks only about normal and chat.
    matches!(message.type_(), StanzaType::Normal | StanzaType::Chat)
        && Hints::of(message).waiting().unwrap_or_else(|| has_content(message))
}
