//! What a query asks for.

use super::NS;
use super::form::{Filter, bad, error, submitted};
use super::rsm::Rsm;
use minidom::Element;
use wire::error::{StanzaCondition, StanzaError};

/// Bytes of a query's own id, which each result repeats.
const QUERY_ID: usize = 1024;

/// A query (§4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// By which its results are known.
    pub(super) id: Option<String>,
    /// Which messages it is about.
    pub(super) filter: Filter,
    /// Which page of them.
    pub(super) page: Rsm,
    /// §4.3.4: the page is sent from its end.
    pub(super) flipped: bool,
}

impl Query {
    /// Reads `<query/>`. `fulltext`: whether archives can be searched.
    ///
    /// # Errors
    /// See [`Filter::read`] and [`Rsm::read`]; a node, or a query id that is too long.
    pub(super) fn read(query: &Element, fulltext: bool) -> Result<Query, StanzaError> {
        // §6.1.3: it "is reserved for use with pubsub archives"; an account has but one archive.
        if query.attr("node").is_some() {
            return Err(error(StanzaCondition::FeatureNotImplemented, "An account's archive has no nodes."));
        }
        let id = query.attr("queryid").map(str::to_owned);
        if id.as_ref().is_some_and(|id| id.len() > QUERY_ID) {
            return Err(bad(format!("The queryid has more than {QUERY_ID} bytes.")));
        }
        let form = submitted(query)?.map(|form| Filter::read(form, fulltext)).transpose()?;
        Ok(Query {
            id,
            filter: form.unwrap_or_default(),
            page: Rsm::read(query)?,
            flipped: query.has_child("flip-page", NS),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::ports::WallMillis;

    fn read(xml: &str) -> Result<Query, StanzaCondition> {
        Query::read(&xml.parse().unwrap(), false).map_err(|error| error.condition)
    }

    #[test]
    fn queries() {
        assert_eq!(read("<query xmlns='urn:xmpp:mam:2'/>"), Ok(Query::default()));
        let query = read(
            "<query xmlns='urn:xmpp:mam:2' queryid='f27'><x xmlns='jabber:x:data' type='submit'>\
             <field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>\
             <field var='start'><value>1970-01-01T00:00:00Z</value></field></x>\
             <set xmlns='http://jabber.org/protocol/rsm'><max>10</max></set><flip-page/></query>",
        );
        let expected = Query {
            id: Some("f27".to_owned()),
            filter: Filter { start: Some(WallMillis(0)), ..Filter::default() },
            page: Rsm { max: Some(10), ..Rsm::default() },
            flipped: true,
        };
        assert_eq!(query, Ok(expected));
    }

    #[test]
    fn what_is_no_query() {
        let node = "<query xmlns='urn:xmpp:mam:2' node='urn:xmpp:microblog:0'/>";
        assert_eq!(read(node), Err(StanzaCondition::FeatureNotImplemented));
        let query =
            |id: usize| read(&format!("<query xmlns='urn:xmpp:mam:2' queryid='{}'/>", "x".repeat(id)));
        assert_eq!(query(1025), Err(StanzaCondition::BadRequest));
        assert!(query(1024).is_ok());
    }
}
