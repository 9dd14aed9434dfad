//! The owned addresses.

use super::view::{Spans, join};
use super::{JidError, JidView, prepare_domain, prepare_local, prepare_resource};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

/// Any address: a domain, an account or room, or one session or occupant of it.
#[derive(Clone)]
pub struct Jid {
    text: Arc<str>,
    spans: Spans,
}

/// `[local@]domain`: an account, a room, a service or a server.
#[derive(Clone)]
pub struct BareJid {
    text: Arc<str>,
    spans: Spans,
}

/// `[local@]domain/resource`: a session or an occupant.
#[derive(Clone)]
pub struct FullJid {
    text: Arc<str>,
    spans: Spans,
}

impl Jid {
    /// Parses and prepares an address (RFC 7622 §3).
    pub fn parse(text: &str) -> Result<Jid, JidError> {
        JidView::parse(text).map(|view| view.to_jid())
    }

    /// The part after the first `/`.
    pub fn resource(&self) -> Option<&str> {
        self.spans.resource(&self.text)
    }

    /// True if there is no resource.
    pub fn is_bare(&self) -> bool {
        self.text.len() == usize::from(self.spans.bare)
    }

    /// `[local@]domain`, without allocation.
    pub fn bare_str(&self) -> &str {
        self.spans.bare(&self.text)
    }

    /// The address without its resource. Allocates only if there is one.
    pub fn bare(&self) -> BareJid {
        match self.is_bare() {
            true => BareJid { text: self.text.clone(), spans: self.spans },
            false => BareJid::from_prepared(self.bare_str(), self.spans),
        }
    }

    /// The same address as a full one, if it has a resource.
    pub fn to_full(&self) -> Option<FullJid> {
        (!self.is_bare()).then(|| FullJid { text: self.text.clone(), spans: self.spans })
    }

    /// The address with `resource` instead of the one it has, if any.
    pub fn with_resource(&self, resource: &str) -> Result<FullJid, JidError> {
        with_resource(self.bare_str(), self.spans, resource)
    }
}

impl BareJid {
    /// Parses and prepares an address; one with a resource is refused.
    pub fn parse(text: &str) -> Result<BareJid, JidError> {
        let view = JidView::parse(text)?;
        if view.is_bare() { Ok(view.to_bare()) } else { Err(JidError::HasResource) }
    }

    /// Prepares and joins the two parts.
    pub fn new(local: Option<&str>, domain: &str) -> Result<BareJid, JidError> {
        let local = local.map(prepare_local).transpose()?;
        let domain = prepare_domain(domain)?;
        let spans = Spans::of(local.as_deref().map(str::len), domain.len());
        Ok(BareJid { text: join(local.as_deref(), &domain, None).into(), spans })
    }

    /// The address of the session or occupant `resource`.
    pub fn with_resource(&self, resource: &str) -> Result<FullJid, JidError> {
        with_resource(&self.text, self.spans, resource)
    }
}

impl FullJid {
    /// Parses and prepares an address; one without a resource is refused.
    pub fn parse(text: &str) -> Result<FullJid, JidError> {
        JidView::parse(text)?.to_full().ok_or(JidError::NoResource)
    }

    /// The part after the first `/`.
    pub fn resource(&self) -> &str {
        // There by construction.
        self.spans.resource(&self.text).unwrap_or_default()
    }

    /// `[local@]domain`, without allocation.
    pub fn bare_str(&self) -> &str {
        self.spans.bare(&self.text)
    }

    /// The address without its resource. Allocates: for a look-up take [`FullJid::bare_str`].
    pub fn bare(&self) -> BareJid {
        BareJid::from_prepared(self.bare_str(), self.spans)
    }

    /// The address with `resource` instead of the one it has.
    pub fn with_resource(&self, resource: &str) -> Result<FullJid, JidError> {
        with_resource(self.bare_str(), self.spans, resource)
    }
}

fn with_resource(bare: &str, spans: Spans, resource: &str) -> Result<FullJid, JidError> {
    let resource = prepare_resource(resource)?;
    Ok(FullJid { text: [bare, "/", &resource].concat().into(), spans })
}

/// What the three types share. All of it looks at the text alone, so that they can be found by `&str` in a map.
macro_rules! address {
    ($name:ident) => {
        impl $name {
            /// Takes text that is prepared, as `spans` say.
            pub(super) fn from_prepared(text: &str, spans: Spans) -> $name {
                $name { text: text.into(), spans }
            }

            /// The prepared address.
            pub fn as_str(&self) -> &str {
                &self.text
            }

            /// The part before the `@`.
            pub fn local(&self) -> Option<&str> {
                self.spans.local(&self.text)
            }

            /// The domain.
            pub fn domain(&self) -> &str {
                self.spans.domain(&self.text)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &$name) -> bool {
                self.text == other.text
            }
        }

        impl Eq for $name {}

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                *self.text == *other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                *self.text == **other
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &$name) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &$name) -> Ordering {
                self.text.cmp(&other.text)
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                // Must be the hash of a `str`: `Borrow<str>` promises it.
                self.text.hash(state);
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.text
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.text
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.text, f)
            }
        }

        impl FromStr for $name {
            type Err = JidError;

            fn from_str(text: &str) -> Result<$name, JidError> {
                $name::parse(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = JidError;

            fn try_from(text: &str) -> Result<$name, JidError> {
                $name::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = Cow::<str>::deserialize(deserializer)?;
                $name::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

address!(Jid);
address!(BareJid);
address!(FullJid);

impl From<BareJid> for Jid {
    fn from(bare: BareJid) -> Jid {
        Jid { text: bare.text, spans: bare.spans }
    }
}

impl From<FullJid> for Jid {
    fn from(full: FullJid) -> Jid {
        Jid { text: full.text, spans: full.spans }
    }
}
