//! The data form (XEP-0004) that says which messages a query is about.

use super::NS;
use crate::xep_0431_fulltext as fulltext;
use kernel::ports::{LogId, WallMillis};
use kernel::time;
use minidom::Element;
use std::collections::BTreeSet;
use wire::error::{StanzaCondition, StanzaError};
use wire::frame::XmlWriter;
use wire::jid::Jid;

const FORM: &str = "jabber:x:data";
/// Bytes of a text to be searched for: more than anybody types, and little work for the index.
const WORDS: usize = 1024;

/// What the messages have to be. Everything that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// Exchanged with that address.
    pub(super) with: Option<Jid>,
    /// Received then or later.
    pub(super) start: Option<WallMillis>,
    /// Received then or before.
    pub(super) end: Option<WallMillis>,
    /// Before that message.
    pub(super) before: Option<LogId>,
    /// After that message.
    pub(super) after: Option<LogId>,
    /// One of these, which are in order.
    pub(super) ids: Option<BTreeSet<LogId>>,
    /// With these words.
    pub(super) words: Option<String>,
}

/// An error with what is wrong.
pub(super) fn error(condition: StanzaCondition, text: impl Into<String>) -> StanzaError {
    StanzaError::new(condition).with_text(text.into())
}

pub(super) fn bad(text: impl Into<String>) -> StanzaError {
    error(StanzaCondition::BadRequest, text)
}

/// §4.1.3, §4.3.2: an id that is not in the archive. What is no id isn't either.
pub(super) fn not_found() -> StanzaError {
    StanzaError::new(StanzaCondition::ItemNotFound)
}

/// Reads the text of an id.
///
/// # Errors
/// item-not-found: no entry has it.
pub(super) fn id(text: &str) -> Result<LogId, StanzaError> {
    LogId::parse(text).ok_or_else(not_found)
}

impl Filter {
    /// Reads a submitted form. A field that is left blank is not filled in (XEP-0004 §3.2). `fulltext`: whether there is
    /// a field to search by (XEP-0431).
    ///
    /// # Errors
    /// It is no form for this, a field is unknown, or has a value that it can't have.
    pub(super) fn read(form: &Element, fulltext: bool) -> Result<Filter, StanzaError> {
        if form.attr("type") != Some("submit") {
            return Err(bad("The form is not submitted."));
        }
        let fields: Vec<&Element> = form.children().filter(|child| child.is("field", FORM)).collect();
        let mut filter = Filter::default();
        let mut seen = BTreeSet::new();
        for field in fields {
            let name = field.attr("var").ok_or_else(|| bad("A field has no name."))?;
            if !seen.insert(name) {
                return Err(bad(format!("The field {name} is there twice.")));
            }
            filter.set(name, &values(field), fulltext)?;
        }
        // §4.1: "The hidden FORM_TYPE field MUST be set to this protocol's namespace".
        if !seen.contains("FORM_TYPE") {
            return Err(bad("The form has no FORM_TYPE."));
        }
        Ok(filter)
    }

    fn set(&mut self, name: &str, values: &[String], fulltext: bool) -> Result<(), StanzaError> {
        let value = || match values {
            [] => Ok(None),
            [value] => Ok(Some(value.trim()).filter(|value| !value.is_empty())),
            _ => Err(bad(format!("The field {name} takes one value."))),
        };
        let moment = |text: &str| {
            // §4.1.2
            time::parse(text).ok_or_else(|| bad(format!("{name} is no date and time of XEP-0082.")))
        };
        match name {
            "FORM_TYPE" if value()? != Some(NS) => return Err(bad(format!("The FORM_TYPE is not {NS}."))),
            "FORM_TYPE" => {}
            "with" => {
                let with = value()?.map(Jid::parse).transpose();
                self.with = with.map_err(|_| error(StanzaCondition::JidMalformed, "with is no address."))?;
            }
            "start" => {
                // Messages have times in whole milliseconds: those of the one that has begun before are too early.
                let start = value()?.map(moment).transpose()?;
                self.start = start.map(|start| WallMillis(start.floor.0 + i64::from(!start.exact)));
            }
            "end" => self.end = value()?.map(moment).transpose()?.map(|end| end.floor),
            "before-id" => self.before = value()?.map(id).transpose()?,
            "after-id" => self.after = value()?.map(id).transpose()?,
            "ids" if values.is_empty() => {}
            "ids" => self.ids = Some(values.iter().map(|value| id(value.trim())).collect::<Result<_, _>>()?),
            fulltext::FIELD if fulltext => {
                let words = value()?;
                if words.is_some_and(|words| words.len() > WORDS) {
                    return Err(error(
                        StanzaCondition::PolicyViolation,
                        format!("At most {WORDS} bytes can be searched for."),
                    ));
                }
                self.words = words.map(str::to_owned);
            }
            // §4.1.5
            unknown => {
                return Err(error(
                    StanzaCondition::FeatureNotImplemented,
                    format!("There is no field {unknown}."),
                ));
            }
        }
        Ok(())
    }
}

fn values(field: &Element) -> Vec<String> {
    field.children().filter(|child| child.is("value", FORM)).map(Element::text).collect()
}

/// The form of a query, if there is one.
///
/// # Errors
/// There are several.
pub(super) fn submitted(query: &Element) -> Result<Option<&Element>, StanzaError> {
    let mut forms = query.children().filter(|child| child.is("x", FORM));
    let form = forms.next();
    if forms.next().is_some() {
        return Err(bad("There are several forms."));
    }
    Ok(form)
}

/// §4.1.5: all fields there are, in `<query/>`.
pub(super) fn empty(fulltext: bool) -> String {
    let mut out = XmlWriter::new();
    out.start("query").attr("xmlns", NS);
    out.start("x").attr("xmlns", FORM).attr("type", "form");
    out.start("field").attr("type", "hidden").attr("var", "FORM_TYPE").text_element("value", NS).end();
    let fields = [
        ("jid-single", "with"),
        ("text-single", "start"),
        ("text-single", "end"),
        ("text-single", "before-id"),
    ];
    for (type_, name) in fields.into_iter().chain([("text-single", "after-id")]) {
        out.start("field").attr("type", type_).attr("var", name).end();
    }
    // "the list of all possible ids MUST NOT be provided", instead the list is open to any value (XEP-0122).
    out.start("field").attr("type", "list-multi").attr("var", "ids");
    out.start("validate").attr("xmlns", "http://jabber.org/protocol/xdata-validate");
    out.attr("datatype", "xs:string").start("open").end().end().end();
    if fulltext {
        out.start("field").attr("type", "text-single").attr("var", fulltext::FIELD).end();
    }
    out.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>";

    fn read_form(xml: &str) -> Result<Filter, StanzaCondition> {
        Filter::read(&xml.parse().unwrap(), true).map_err(|error| error.condition)
    }

    fn read(fields: &str) -> Result<Filter, StanzaCondition> {
        read_form(&format!("<x xmlns='{FORM}' type='submit'>{TYPE}{fields}</x>"))
    }

    fn field(name: &str, values: &[&str]) -> String {
        let values: String = values.iter().map(|value| format!("<value>{value}</value>")).collect();
        format!("<field var='{name}'>{values}</field>")
    }

    fn one(name: &str, value: &str) -> Result<Filter, StanzaCondition> {
        read(&field(name, &[value]))
    }

    #[test]
    fn all_fields() {
        let fields = [
            field("with", &["Juliet@Capulet.lit/balcony"]),
            field("start", &["1970-01-01T00:00:01Z"]),
            field("end", &["1970-01-01T02:00:01.5+02:00"]),
            field("before-id", &["00000000000000ff"]),
            field("after-id", &[" 0000000000000001\n"]),
            field("ids", &["0000000000000003", "0000000000000002", "0000000000000003"]),
            field(fulltext::FIELD, &[" arth thou "]),
        ];
        let expected = Filter {
            with: Some(Jid::parse("juliet@capulet.lit/balcony").unwrap()),
            start: Some(WallMillis(1000)),
            end: Some(WallMillis(1500)),
            before: Some(LogId(255)),
            after: Some(LogId(1)),
            ids: Some(BTreeSet::from([LogId(2), LogId(3)])),
            words: Some("arth thou".to_owned()),
        };
        assert_eq!(read(&fields.concat()), Ok(expected));
        assert_eq!(read(""), Ok(Filter::default()));
    }

    #[test]
    fn blank_fields_are_not_filled_in() {
        for name in ["with", "start", "end", "before-id", "after-id", fulltext::FIELD] {
            assert_eq!(read(&field(name, &[])), Ok(Filter::default()), "{name}");
            assert_eq!(one(name, ""), Ok(Filter::default()), "{name}");
            assert_eq!(one(name, " "), Ok(Filter::default()), "{name}");
        }
        assert_eq!(read(&field("ids", &[])), Ok(Filter::default()));
    }

    #[test]
    fn times_are_cut_so_that_nothing_too_early_or_too_late_matches() {
        let start = |text| one("start", text).unwrap().start.unwrap().0;
        let end = |text| one("end", text).unwrap().end.unwrap().0;
        assert_eq!((start("1970-01-01T00:00:00.001Z"), end("1970-01-01T00:00:00.001Z")), (1, 1));
        assert_eq!((start("1970-01-01T00:00:00.0011Z"), end("1970-01-01T00:00:00.0011Z")), (2, 1));
        assert_eq!((start("1969-12-31T23:59:59.9999Z"), end("1969-12-31T23:59:59.9999Z")), (0, -1));
    }

    #[test]
    fn what_is_no_form_for_this() {
        let bad = Err(StanzaCondition::BadRequest);
        assert_eq!(read_form(&format!("<x xmlns='{FORM}'>{TYPE}</x>")), bad);
        assert_eq!(read_form(&format!("<x xmlns='{FORM}' type='cancel'>{TYPE}</x>")), bad);
        assert_eq!(read_form(&format!("<x xmlns='{FORM}' type='submit'/>")), bad);
        assert_eq!(
            read_form(&format!("<x xmlns='{FORM}' type='submit'>{}</x>", field("FORM_TYPE", &["urn:x"]))),
            bad
        );
        assert_eq!(
            read_form(&format!("<x xmlns='{FORM}' type='submit'>{}</x>", field("FORM_TYPE", &[]))),
            bad
        );
        assert_eq!(read(TYPE), bad, "twice");
        assert_eq!(read("<field><value>x</value></field>"), bad);
        let several = format!("<query xmlns='{NS}'><x xmlns='{FORM}'/><x xmlns='{FORM}'/></query>");
        assert!(submitted(&several.parse().unwrap()).is_err());
        let none = format!("<query xmlns='{NS}'><x xmlns='urn:x'/></query>");
        assert_eq!(submitted(&none.parse().unwrap()), Ok(None));
    }

    #[test]
    fn values_that_fields_cannot_have() {
        let bad = Err(StanzaCondition::BadRequest);
        for name in ["start", "end"] {
            for text in ["yesterday", "2010-07-10", "2010-07-10T23:08:25", "2010-13-10T23:08:25Z", "0"] {
                assert_eq!(one(name, text), bad, "{name} {text}");
            }
        }
        for name in ["with", "start", "end", "before-id", "after-id", fulltext::FIELD] {
            assert_eq!(read(&field(name, &["a@b", "a@b"])), bad, "{name}");
            assert_eq!(read(&[field(name, &[]), field(name, &[])].concat()), bad, "{name}");
        }
        assert_eq!(one("with", "a@b@c"), Err(StanzaCondition::JidMalformed));
        for name in ["before-id", "after-id", "ids"] {
            for id in ["nobody", "09af3-cc343-b409f", "00000000000000FF", "ff"] {
                assert_eq!(one(name, id), Err(StanzaCondition::ItemNotFound), "{name} {id}");
            }
        }
        assert_eq!(one("ids", ""), Err(StanzaCondition::ItemNotFound), "an empty id is none that is there");
        assert_eq!(one(fulltext::FIELD, &"x".repeat(1025)), Err(StanzaCondition::PolicyViolation));
        assert!(one(fulltext::FIELD, &"x".repeat(1024)).is_ok());
    }

    #[test]
    fn unknown_fields() {
        let unknown = Err(StanzaCondition::FeatureNotImplemented);
        for name in ["{http://example.com/}free-text-search", "include-groupchat", "With", ""] {
            assert_eq!(one(name, "true"), unknown, "{name}");
        }
        let form = format!("<x xmlns='{FORM}' type='submit'>{TYPE}{}</x>", field(fulltext::FIELD, &["x"]));
        let without = Filter::read(&form.parse().unwrap(), false).map_err(|error| error.condition);
        assert_eq!(without, unknown);
    }

    #[test]
    fn the_empty_form_has_all_fields() {
        let names = |fulltext| {
            let query: Element = empty(fulltext).parse().unwrap();
            let form = query.get_child("x", FORM).unwrap();
            assert_eq!(form.attr("type"), Some("form"));
            form.children().map(|field| field.attr("var").unwrap().to_owned()).collect::<Vec<_>>()
        };
        let fields = ["FORM_TYPE", "with", "start", "end", "before-id", "after-id", "ids"];
        assert_eq!(names(false), fields);
        assert_eq!(names(true), [&fields[..], &[fulltext::FIELD]].concat());
    }
}
