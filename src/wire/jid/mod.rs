//! Addresses: `localpart@domainpart/resourcepart`, prepared by RFC 7622.
//!
//! **Invariant:** a value of these types is prepared, so two addresses are the same exactly if their texts are.

mod class;
mod context;
mod prepare;
#[cfg(test)]
mod tests;

pub use prepare::{
    JidError, prepare_domain, prepare_local, prepare_password, prepare_resource, prepare_username,
};

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Where the parts of an address are in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts {
    /// Bytes before the `@`; 0 without a localpart, which is never empty.
    local: u16,
    /// Bytes before the `/`, or all.
    bare: u16,
}

impl Parts {
    fn local(self, text: &str) -> Option<&str> {
        (self.local > 0).then(|| &text[..usize::from(self.local)])
    }

    fn domain(self, text: &str) -> &str {
        let start = if self.local > 0 { usize::from(self.local) + 1 } else { 0 };
        &text[start..usize::from(self.bare)]
    }

    fn resource(self, text: &str) -> Option<&str> {
        text.get(usize::from(self.bare) + 1..)
    }
}

/// Any address. A clone shares the text.
#[derive(Clone)]
pub struct Jid {
    text: Arc<str>,
    parts: Parts,
}

/// An address without a resourcepart: an account, a room, a domain.
#[derive(Clone)]
pub struct BareJid(Jid);

/// An address with a resourcepart: a session, an occupant.
#[derive(Clone)]
pub struct FullJid(Jid);

/// An address that was parsed where it stands. Nothing is allocated if it is prepared ASCII already, as addresses on
/// the wire mostly are.
#[derive(Clone, Debug)]
pub struct JidView<'a> {
    text: Cow<'a, str>,
    parts: Parts,
}

impl<'a> JidView<'a> {
    /// Parses and prepares.
    ///
    /// # Errors
    /// It is no address; see [`JidError`].
    pub fn parse(text: &'a str) -> Result<JidView<'a>, JidError> {
        if let Some(parts) = prepare::ascii_parts(text.as_bytes()) {
            return Ok(JidView { text: Cow::Borrowed(text), parts });
        }
        let (text, parts) = prepare::address(text)?;
        Ok(JidView { text: Cow::Owned(text), parts })
    }

    /// The prepared text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Without the resourcepart.
    pub fn bare_str(&self) -> &str {
        &self.text[..usize::from(self.parts.bare)]
    }

    /// The localpart.
    pub fn local(&self) -> Option<&str> {
        self.parts.local(&self.text)
    }

    /// The domainpart.
    pub fn domain(&self) -> &str {
        self.parts.domain(&self.text)
    }

    /// The resourcepart.
    pub fn resource(&self) -> Option<&str> {
        self.parts.resource(&self.text)
    }

    /// To keep.
    pub fn to_jid(&self) -> Jid {
        Jid { text: Arc::from(&*self.text), parts: self.parts }
    }

    /// To keep, without the resourcepart.
    pub fn to_bare(&self) -> BareJid {
        BareJid(Jid { text: Arc::from(self.bare_str()), parts: self.parts })
    }
}

impl Jid {
    /// Parses and prepares.
    ///
    /// # Errors
    /// It is no address; see [`JidError`].
    pub fn parse(text: &str) -> Result<Jid, JidError> {
        JidView::parse(text).map(|view| view.to_jid())
    }

    /// The prepared text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The localpart.
    pub fn local(&self) -> Option<&str> {
        self.parts.local(&self.text)
    }

    /// The domainpart.
    pub fn domain(&self) -> &str {
        self.parts.domain(&self.text)
    }

    /// The resourcepart.
    pub fn resource(&self) -> Option<&str> {
        self.parts.resource(&self.text)
    }

    /// True without a resourcepart.
    pub fn is_bare(&self) -> bool {
        usize::from(self.parts.bare) == self.text.len()
    }

    /// Without the resourcepart, as text.
    pub fn bare_str(&self) -> &str {
        &self.text[..usize::from(self.parts.bare)]
    }

    /// Without the resourcepart.
    pub fn bare(&self) -> BareJid {
        if self.is_bare() {
            return BareJid(self.clone());
        }
        BareJid(Jid { text: Arc::from(self.bare_str()), parts: self.parts })
    }

    /// Itself, if it has a resourcepart.
    pub fn to_full(&self) -> Option<FullJid> {
        (!self.is_bare()).then(|| FullJid(self.clone()))
    }

    /// The same account with this resourcepart, which is prepared.
    ///
    /// # Errors
    /// The resourcepart can't be one.
    pub fn with_resource(&self, resource: &str) -> Result<FullJid, JidError> {
        let resource = prepare_resource(resource)?;
        let text = [self.bare_str(), "/", &resource].concat();
        Ok(FullJid(Jid { text: text.into(), parts: self.parts }))
    }
}

impl BareJid {
    /// Parses and prepares; an address with a resourcepart is refused.
    ///
    /// # Errors
    /// It is no bare address; see [`JidError`].
    pub fn parse(text: &str) -> Result<BareJid, JidError> {
        let jid = Jid::parse(text)?;
        if jid.is_bare() { Ok(BareJid(jid)) } else { Err(JidError::UnexpectedResource) }
    }

    /// Puts parts together, after preparing them.
    ///
    /// # Errors
    /// A part can't be one.
    pub fn new(local: Option<&str>, domain: &str) -> Result<BareJid, JidError> {
        let domain = prepare_domain(domain)?;
        match local {
            Some(local) => BareJid::parse(&[&prepare_local(local)?, "@", &domain].concat()),
            None => BareJid::parse(&domain),
        }
    }

    /// The prepared text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The localpart.
    pub fn local(&self) -> Option<&str> {
        self.0.local()
    }

    /// The domainpart.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    /// The same with a resourcepart, which is prepared.
    ///
    /// # Errors
    /// The resourcepart can't be one.
    pub fn with_resource(&self, resource: &str) -> Result<FullJid, JidError> {
        self.0.with_resource(resource)
    }
}

impl FullJid {
    /// Parses and prepares; an address without a resourcepart is refused.
    ///
    /// # Errors
    /// It is no full address; see [`JidError`].
    pub fn parse(text: &str) -> Result<FullJid, JidError> {
        Jid::parse(text)?.to_full().ok_or(JidError::MissingResource)
    }

    /// The prepared text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The localpart.
    pub fn local(&self) -> Option<&str> {
        self.0.local()
    }

    /// The domainpart.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    /// The resourcepart.
    pub fn resource(&self) -> &str {
        self.0.resource().unwrap_or_default()
    }

    /// Without the resourcepart.
    pub fn bare(&self) -> BareJid {
        self.0.bare()
    }

    /// Without the resourcepart, as text.
    pub fn bare_str(&self) -> &str {
        self.0.bare_str()
    }
}

impl From<BareJid> for Jid {
    fn from(jid: BareJid) -> Jid {
        jid.0
    }
}

impl From<FullJid> for Jid {
    fn from(jid: FullJid) -> Jid {
        jid.0
    }
}

/// What all address types have in common: they are compared, shown, stored and looked up by their text.
macro_rules! by_text {
    ($type:ty) => {
        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                self.as_str() == other.as_str()
            }
        }

        impl Eq for $type {}

        impl PartialOrd for $type {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $type {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.as_str().cmp(other.as_str())
            }
        }

        impl std::hash::Hash for $type {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.as_str().hash(state);
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl FromStr for $type {
            type Err = JidError;
            fn from_str(text: &str) -> Result<Self, JidError> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

by_text!(Jid);
by_text!(BareJid);
by_text!(FullJid);
