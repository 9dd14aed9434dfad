//! The elements in a `jabber:iq:private` query.

use super::NS;
use minidom::Element;
use wire::error::StanzaCondition;

/// All elements of one name in a query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Namespace and name, as the row is called. A namespace has no spaces.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) ns: String,
    xml: String,
    empty: bool,
}

impl Part {
    /// What is to be kept: nothing for an element without content, which is also the answer for what is not there.
    pub(super) fn value(&self) -> Option<&str> {
        (!self.empty).then_some(self.xml.as_str())
    }
}

/// What a query is about: elements in one namespace, at least one.
///
/// # Errors
/// bad-request for none, or for several namespaces; not-acceptable for elements without a namespace of their own.
pub(super) fn wanted(query: &Element) -> Result<Vec<Part>, StanzaCondition> {
    let mut parts: Vec<Part> = Vec::new();
    for child in query.children() {
        let ns = child.ns();
        if ns == NS || ns.is_empty() || ns.contains(' ') {
            return Err(StanzaCondition::NotAcceptable);
        }
        // §2.3: "MUST NOT query for more than one namespace"; a set "MAY contain multiple elements qualified by the
        // same namespace".
        if parts.first().is_some_and(|first| first.ns != ns) {
            return Err(StanzaCondition::BadRequest);
        }
        let xml = String::from(child);
        let empty = child.nodes().next().is_none() && child.attrs().into_iter().next().is_none();
        match parts.iter_mut().find(|part| part.name == child.name()) {
            Some(part) => {
                part.xml.push_str(&xml);
                part.empty &= empty;
            }
            None => parts.push(Part {
                key: format!("{ns} {}", child.name()),
                name: child.name().to_owned(),
                ns,
                xml,
                empty,
            }),
        }
    }
    // §2.3: "without providing a child element".
    if parts.is_empty() { Err(StanzaCondition::BadRequest) } else { Ok(parts) }
}
