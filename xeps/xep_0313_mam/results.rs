//! What a query is answered with.

use super::find::Page;
use super::query::Query;
use super::{NS, rsm};
use crate::forward::write_forwarded;
use bytes::Bytes;
use kernel::ports::LogId;
use kernel::time::stamp;
use wire::frame::XmlWriter;

/// §4.2: one result, as a message from the archive to who asked.
pub(super) fn result(archive: &str, asker: &str, query: &Query, id: LogId, stanza: &Bytes) -> Bytes {
    let mut out = XmlWriter::new();
    out.start("message").attr("from", archive).attr("to", asker);
    out.start("result").attr("xmlns", NS).attr("id", &id.to_text()).attr_opt("queryid", query.id.as_deref());
    // Stored frames are text.
    let stanza = std::str::from_utf8(stanza).unwrap_or_default();
    write_forwarded(&mut out, stanza, Some(id.received()));
    Bytes::from(out.into_string())
}

/// §4.3.2: the end of a page. Flipping it does not change its ends (§4.3.4).
pub(super) fn fin(query: &Query, page: &Page) -> String {
    let mut out = XmlWriter::new();
    out.start("fin").attr("xmlns", NS);
    if page.complete {
        out.attr("complete", "true");
    }
    // What has just come may not be found yet.
    if query.filter.words.is_some() {
        out.attr("stable", "false");
    }
    let ends = page.entries.first().zip(page.entries.last());
    rsm::write(&mut out, ends.map(|((first, _), (last, _))| (*first, *last)));
    out.into_string()
}

/// §5: the first and the last message there is.
pub(super) fn metadata(ends: Option<(LogId, LogId)>) -> String {
    let mut out = XmlWriter::new();
    out.start("metadata").attr("xmlns", NS);
    if let Some((first, last)) = ends {
        for (name, id) in [("start", first), ("end", last)] {
            let timestamp = stamp(id.received());
            out.start(name).attr("id", &id.to_text()).attr("timestamp", &timestamp).end();
        }
    }
    out.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result() {
        let id = LogId(0x0000_0000_0010_0003);
        let stanza = Bytes::from_static(b"<message from='a@b/c' to='d@e'><body>hi</body></message>");
        let query = Query { id: Some("f'27".to_owned()), ..Query::default() };
        assert_eq!(
            result("d@e", "d@e/f", &query, id, &stanza),
            "<message from='d@e' to='d@e/f'><result xmlns='urn:xmpp:mam:2' id='0000000000100003' queryid='f&apos;27'>\
             <forwarded xmlns='urn:xmpp:forward:0'>\
             <delay xmlns='urn:xmpp:delay' stamp='1970-01-01T00:00:00.001Z'/>\
             <message xmlns='jabber:client' from='a@b/c' to='d@e'><body>hi</body></message>\
             </forwarded></result></message>"
        );
    }

    #[test]
    fn ends() {
        let mut page = Page { entries: Vec::new(), complete: true };
        let set = "<set xmlns='http://jabber.org/protocol/rsm'";
        let mut query = Query::default();
        assert_eq!(fin(&query, &page), format!("<fin xmlns='urn:xmpp:mam:2' complete='true'>{set}/></fin>"));
        page.entries = vec![(LogId(1), Bytes::new()), (LogId(2), Bytes::new())];
        page.complete = false;
        query.filter.words = Some("x".to_owned());
        assert_eq!(
            fin(&query, &page),
            format!(
                "<fin xmlns='urn:xmpp:mam:2' stable='false'>{set}><first>0000000000000001</first>\
                 <last>0000000000000002</last></set></fin>"
            )
        );
        assert_eq!(metadata(None), "<metadata xmlns='urn:xmpp:mam:2'/>");
    }
}
