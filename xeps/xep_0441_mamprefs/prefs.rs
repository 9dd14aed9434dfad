//! One account's preferences, and what they say about a message.

use crate::xep_0313_mam::NS;
use kernel::ports::{StoreError, Value};
use kernel::{AccountCache, decode};
use minidom::Element;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use wire::error::{StanzaCondition, StanzaError};
use wire::frame::XmlWriter;
use wire::jid::{Jid, JidView};

/// The one row of an account that has ever set its preferences.
pub(crate) const COLLECTION: &str = "mam_prefs";
const ROW: &str = "prefs";
/// Addresses that both lists together may have: they are in memory as long as the account is.
const ADDRESSES: usize = 1000;

/// §2.1.1: what becomes of messages with addresses on neither list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wanted {
    /// They are archived.
    Always,
    /// They are not.
    Never,
    /// They are if the address is in the roster.
    Roster,
}

impl Wanted {
    fn name(self) -> &'static str {
        match self {
            Wanted::Always => "always",
            Wanted::Never => "never",
            Wanted::Roster => "roster",
        }
    }

    fn parse(name: &str) -> Option<Wanted> {
        [Wanted::Always, Wanted::Never, Wanted::Roster].into_iter().find(|value| value.name() == name)
    }
}

/// Preferences as a client sets them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prefs {
    default: Wanted,
    always: BTreeSet<Jid>,
    never: BTreeSet<Jid>,
}

impl Prefs {
    /// Those of an account that has set none.
    pub(crate) fn of(default: Wanted) -> Prefs {
        Prefs { default, always: BTreeSet::new(), never: BTreeSet::new() }
    }

    /// Reads `<prefs/>`.
    ///
    /// # Errors
    /// The default is missing or unknown, an address is none, there are too many.
    pub(crate) fn read(element: &Element) -> Result<Prefs, StanzaError> {
        // §2.1.1: it "MUST be one of the following values".
        let default = element.attr("default").and_then(Wanted::parse).ok_or_else(|| {
            StanzaError::new(StanzaCondition::BadRequest).with_text("The default is always, never or roster.")
        })?;
        let (always, never) = (list(element, "always")?, list(element, "never")?);
        if always.len() + never.len() > ADDRESSES {
            return Err(StanzaError::new(StanzaCondition::PolicyViolation)
                .with_text(format!("At most {ADDRESSES} addresses can have preferences of their own.")));
        }
        Ok(Prefs { default, always, never })
    }

    /// `<prefs/>`, both lists among it even if they are empty.
    pub(crate) fn to_xml(&self) -> String {
        let mut out = XmlWriter::new();
        out.start("prefs").attr("xmlns", NS).attr("default", self.default.name());
        for (name, addresses) in [("always", &self.always), ("never", &self.never)] {
            out.start(name);
            for address in addresses {
                out.text_element("jid", address.as_str());
            }
            out.end();
        }
        out.into_string()
    }

    /// §2.3: whether what is exchanged with that address is archived. An entry for the resource counts more than one for
    /// the bare address; if an address is on both lists, it is not archived, for that can't be undone.
    pub(crate) fn want(&self, other: &JidView<'_>, in_roster: impl FnOnce() -> bool) -> bool {
        for address in [other.as_str(), other.bare_str()] {
            if self.never.contains(address) {
                return false;
            }
            if self.always.contains(address) {
                return true;
            }
        }
        match self.default {
            Wanted::Always => true,
            Wanted::Never => false,
            Wanted::Roster => in_roster(),
        }
    }
}

fn list(prefs: &Element, name: &str) -> Result<BTreeSet<Jid>, StanzaError> {
    let lists = prefs.children().filter(|child| child.is(name, NS));
    let addresses = lists.flat_map(Element::children).filter(|child| child.is("jid", NS));
    addresses
        .map(|address| Jid::parse(address.text().trim()))
        .collect::<Result<_, _>>()
        .map_err(|_| StanzaCondition::JidMalformed.into())
}

/// The preferences of an account, if it has set any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preferences(pub(crate) Option<Prefs>);

impl Preferences {
    /// The row to be stored under.
    pub(crate) const ROW: &'static str = ROW;

    /// What applies where this is the server's default.
    pub(crate) fn applied(&self, default: Wanted) -> Prefs {
        self.0.clone().unwrap_or_else(|| Prefs::of(default))
    }

    /// See [`Prefs::want`].
    pub(crate) fn want(
        &self,
        default: Wanted,
        other: &JidView<'_>,
        in_roster: impl FnOnce() -> bool,
    ) -> bool {
        match &self.0 {
            Some(prefs) => prefs.want(other, in_roster),
            None => Prefs::of(default).want(other, in_roster),
        }
    }
}

impl AccountCache for Preferences {
    const COLLECTION: &'static str = COLLECTION;

    fn load(rows: Vec<(String, Value)>) -> Result<Preferences, StoreError> {
        let row = rows.into_iter().find(|(key, _)| key == ROW);
        row.map(|(key, value)| decode(COLLECTION, &key, &value)).transpose().map(Preferences)
    }

    fn weight(&self) -> usize {
        self.0.as_ref().map_or(0, |prefs| 64 + (prefs.always.len() + prefs.never.len()) * 64)
    }

    fn notable(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(attributes: &str, content: &str) -> Result<Prefs, StanzaCondition> {
        let element = format!("<prefs xmlns='{NS}' {attributes}>{content}</prefs>").parse().unwrap();
        Prefs::read(&element).map_err(|error| error.condition)
    }

    #[test]
    fn what_is_set_is_shown() {
        let prefs = read(
            "default='roster'",
            "<always><jid> Romeo@Montague.lit </jid><jid>a@b/R</jid><jid>romeo@montague.lit</jid><x/></always>\
             <x xmlns='urn:x'/><never><jid>montague.lit</jid></never>",
        )
        .unwrap();
        assert_eq!(
            prefs.to_xml(),
            "<prefs xmlns='urn:xmpp:mam:2' default='roster'><always><jid>a@b/R</jid>\
             <jid>romeo@montague.lit</jid></always><never><jid>montague.lit</jid></never></prefs>"
        );
        assert_eq!(Prefs::read(&prefs.to_xml().parse().unwrap()), Ok(prefs));
        let empty = "<prefs xmlns='urn:xmpp:mam:2' default='never'><always/><never/></prefs>";
        assert_eq!(read("default='never'", "").unwrap().to_xml(), empty, "what is missing is an empty list");
    }

    #[test]
    fn what_is_refused() {
        assert_eq!(read("", "<always/><never/>"), Err(StanzaCondition::BadRequest));
        for default in ["", "sometimes", "Always", " always"] {
            assert_eq!(
                read(&format!("default='{default}'"), ""),
                Err(StanzaCondition::BadRequest),
                "{default}"
            );
        }
        for jid in ["", "@b", "a@b@c", "a@b/"] {
            let always = format!("<always><jid>{jid}</jid></always>");
            assert_eq!(read("default='never'", &always), Err(StanzaCondition::JidMalformed), "{jid}");
        }
        let many = |count: usize| (0..count).map(|n| format!("<jid>a{n}@b</jid>")).collect::<String>();
        let lists =
            |always, never| format!("<always>{}</always><never>{}</never>", many(always), many(never));
        assert!(read("default='never'", &lists(500, 500)).is_ok());
        assert_eq!(read("default='never'", &lists(501, 500)), Err(StanzaCondition::PolicyViolation));
    }

    #[test]
    fn addresses_are_matched_as_the_text_says() {
        let prefs = |default: &str| {
            read(
                &format!("default='{default}'"),
                "<always><jid>a@x</jid><jid>b@x/r</jid><jid>both@x</jid><jid>c@x</jid></always>\
                 <never><jid>n@x</jid><jid>c@x/never</jid><jid>both@x</jid><jid>b@x</jid></never>",
            )
            .unwrap()
        };
        let want = |default: &str, jid: &str, in_roster: bool| {
            prefs(default).want(&JidView::parse(jid).unwrap(), || in_roster)
        };
        for default in ["always", "never", "roster"] {
            assert!(want(default, "A@x", false) && want(default, "a@x/r", false));
            assert!(
                want(default, "b@x/r", false) && !want(default, "b@x/R", true) && !want(default, "b@x", true)
            );
            assert!(!want(default, "n@x", true) && !want(default, "n@x/r", true));
            assert!(want(default, "c@x/other", false) && !want(default, "c@x/never", true));
            assert!(!want(default, "both@x", true), "never counts more");
            assert_eq!(want(default, "x", false), default == "always", "a domain is an address of its own");
            assert_eq!(want(default, "other@x/r", false), default == "always");
            assert_eq!(want(default, "other@x/r", true), default != "never");
        }
    }

    #[test]
    fn rows() {
        let prefs = read("default='never'", "<always><jid>a@x</jid></always>").unwrap();
        let row = (ROW.to_owned(), kernel::encode(&prefs));
        let loaded = Preferences::load(vec![row]).unwrap();
        assert_eq!(loaded.applied(Wanted::Always), prefs);
        let none = Preferences::load(Vec::new()).unwrap();
        assert_eq!(none.applied(Wanted::Roster), Prefs::of(Wanted::Roster));
        let jid = JidView::parse("a@x").unwrap();
        assert!(none.want(Wanted::Always, &jid, || false) && !none.want(Wanted::Never, &jid, || true));
        let damaged = (ROW.to_owned(), Value::from_static(b"{}"));
        assert!(matches!(Preferences::load(vec![damaged]), Err(StoreError::Damaged(_))));
    }
}
