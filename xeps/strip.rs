//! Taking away what somebody else's stanza must not say.

use kernel::hooks::{Direction, Flow, Passing};
use wire::frame::{Child, Frame};
use wire::jid::JidView;

/// The stanza goes on without the children that are forged, or as it is if none is.
pub(crate) fn strip(frame: &Frame, forged: impl Fn(&Child<'_>) -> bool) -> Flow {
    let xml = frame.as_str();
    let mut rest = String::new();
    let mut kept = 0;
    for child in frame.elements().filter(|child| forged(child)) {
        rest.push_str(&xml[kept..child.range.start]);
        kept = child.range.end;
    }
    if kept == 0 {
        return Flow::Pass;
    }
    rest.push_str(&xml[kept..]);
    // A frame without some of its children is a frame. What could not be cleaned must not pass.
    Frame::parse(rest).map_or(Flow::Drop, Flow::Replace)
}

/// The bare address of the account that a stanza passes.
pub(crate) fn own_bare(passing: &Passing<'_>) -> Option<String> {
    let frame = passing.frame;
    let own = match passing.direction {
        Direction::In => frame.to(),
        Direction::Out => frame.from(),
    };
    bare(&own?)
}

/// An address without its resource, prepared. `None` if it is none.
pub(crate) fn bare(address: &str) -> Option<String> {
    JidView::parse(address).ok().map(|address| address.bare_str().to_owned())
}

/// Whether an address is one of these domains itself.
pub(crate) fn is_domain(address: &JidView<'_>, domains: &[String]) -> bool {
    address.is_bare() && address.local().is_none() && domains.iter().any(|domain| domain == address.domain())
}
