//! Pages of results (XEP-0059).

use super::form::{bad, error, id};
use kernel::ports::LogId;
use minidom::Element;
use wire::error::{StanzaCondition, StanzaError};
use wire::frame::XmlWriter;

pub(super) const NS: &str = "http://jabber.org/protocol/rsm";

/// Which page is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rsm {
    /// At most so many results.
    pub(super) max: Option<u32>,
    /// The page behind that result.
    pub(super) after: Option<LogId>,
    /// The page in front of that result.
    pub(super) before: Option<LogId>,
    /// Whether it is the last page of what is left, instead of the first.
    pub(super) backwards: bool,
}

impl Rsm {
    /// Reads the `<set/>` of a query, if it has one.
    ///
    /// With both `<before/>` and `<after/>`, which is not defined (XEP-0313 §4.3.2), it is the last page of what is between
    /// the two.
    ///
    /// # Errors
    /// A number that is none, an id that no entry has, an index.
    pub(super) fn read(query: &Element) -> Result<Rsm, StanzaError> {
        let mut sets = query.children().filter(|child| child.is("set", NS));
        let Some(set) = sets.next() else { return Ok(Rsm::default()) };
        if sets.next().is_some() {
            return Err(bad("There are several result sets."));
        }
        let text = |name: &str| {
            let mut found = set.children().filter(|child| child.is(name, NS));
            let text = found.next().map(|child| child.text().trim().to_owned());
            match found.next() {
                Some(_) => Err(bad(format!("There are several <{name}/>."))),
                None => Ok(text),
            }
        };
        // §2.6: it would take counting all rows in front of it.
        if text("index")?.is_some() {
            return Err(error(StanzaCondition::FeatureNotImplemented, "Pages have no numbers here."));
        }
        let max = text("max")?.map(|max| number(&max)).transpose()?;
        let before = text("before")?;
        let place =
            |text: Option<String>| text.filter(|text| !text.is_empty()).map(|text| id(&text)).transpose();
        Ok(Rsm { max, after: place(text("after")?)?, backwards: before.is_some(), before: place(before)? })
    }
}

/// An `xs:unsignedInt`, as the schema has it.
fn number(text: &str) -> Result<u32, StanzaError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { text.parse().ok() } else { None };
    number.ok_or_else(|| bad(format!("<max/> is a number from 0 to {}.", u32::MAX)))
}

/// The `<set/>` of an answer: the first and the last result, if there are any.
///
/// There is no `<count/>` (§2.7) and no index: an archive is read by id, and nothing counts its rows.
pub(super) fn write(out: &mut XmlWriter, ends: Option<(LogId, LogId)>) {
    out.start("set").attr("xmlns", NS);
    if let Some((first, last)) = ends {
        out.text_element("first", &first.to_text()).text_element("last", &last.to_text());
    }
    out.end();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<Rsm, StanzaCondition> {
        let query = format!("<query xmlns='urn:xmpp:mam:2'><set xmlns='{NS}'>{content}</set></query>");
        Rsm::read(&query.parse().unwrap()).map_err(|error| error.condition)
    }

    #[test]
    fn pages() {
        let id = "00000000000000ff";
        let page = Rsm::default();
        assert_eq!(read(""), Ok(page.clone()));
        assert_eq!(read("<max> 10 </max>"), Ok(Rsm { max: Some(10), ..page.clone() }));
        assert_eq!(read("<max>0</max><x xmlns='urn:x'/>"), Ok(Rsm { max: Some(0), ..page.clone() }));
        assert_eq!(read("<before/>"), Ok(Rsm { backwards: true, ..page.clone() }));
        assert_eq!(
            read(&format!("<before>{id}</before>")),
            Ok(Rsm { backwards: true, before: Some(LogId(255)), ..page.clone() })
        );
        assert_eq!(
            read(&format!("<after>{id}</after>")),
            Ok(Rsm { after: Some(LogId(255)), ..page.clone() })
        );
        assert_eq!(read("<after/>"), Ok(page.clone()));
        assert_eq!(
            read(&format!("<after>{id}</after><before/>")),
            Ok(Rsm { after: Some(LogId(255)), backwards: true, ..page.clone() })
        );
        assert_eq!(Rsm::read(&"<query xmlns='urn:xmpp:mam:2'/>".parse().unwrap()), Ok(page));
    }

    #[test]
    fn what_is_no_page() {
        let bad = Err(StanzaCondition::BadRequest);
        for max in
            ["", " ", "-1", "+1", "many", "1.5", "1e3", "0x10", "4294967296", "99999999999999999999999"]
        {
            assert_eq!(read(&format!("<max>{max}</max>")), bad, "{max}");
        }
        assert!(read("<max>4294967295</max>").is_ok());
        for twice in ["<max>1</max>", "<before/>", "<after/>"] {
            assert_eq!(read(&twice.repeat(2)), bad, "{twice}");
        }
        assert_eq!(read("</set><set xmlns='http://jabber.org/protocol/rsm'>"), bad);
        assert_eq!(read("<index>0</index>"), Err(StanzaCondition::FeatureNotImplemented));
        for place in ["before", "after"] {
            assert_eq!(
                read(&format!("<{place}>09af3-cc343-b409f</{place}>")),
                Err(StanzaCondition::ItemNotFound)
            );
        }
    }
}
