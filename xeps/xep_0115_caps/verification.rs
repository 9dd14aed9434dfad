//! The verification string: a hash over what an entity says of itself in service discovery (XEP-0115 §5).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minidom::Element;
use sha1::{Digest, Sha1};
use std::collections::BTreeSet;
use wire::ns;

const FORM: &str = "jabber:x:data";

/// What counts of a `disco#info` result, in the order of the hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Description {
    identities: BTreeSet<Identity>,
    features: BTreeSet<String>,
    forms: Vec<Form>,
}

/// Sorts by category, then type, then language (§5.1); `derive` compares strings by octet, field by field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    category: String,
    type_: String,
    lang: String,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Form {
    type_: String,
    /// Other fields: name and values, both sorted.
    fields: Vec<(String, Vec<String>)>,
}

/// Not to be believed, whatever it hashes to (§5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IllFormed {
    /// An identity, a feature or a form is there twice.
    Duplicate,
    /// A form says that it is of two types.
    TwoTypes,
    /// No identity, or one without category or type; a feature without name.
    Incomplete,
    /// A separator of the hashed text in a value: one hash could then mean several things (§9.3).
    Ambiguous,
}

impl Description {
    /// Reads the `<query/>` of a result.
    pub(super) fn parse(query: &Element) -> Result<Description, IllFormed> {
        let mut description =
            Description { identities: BTreeSet::new(), features: BTreeSet::new(), forms: Vec::new() };
        for child in query.children() {
            if child.is("identity", ns::DISCO_INFO) {
                let identity = Identity::parse(child)?;
                if !description.identities.insert(identity) {
                    return Err(IllFormed::Duplicate);
                }
            } else if child.is("feature", ns::DISCO_INFO) {
                let feature = clear(child.attr("var").ok_or(IllFormed::Incomplete)?)?;
                if !description.features.insert(feature) {
                    return Err(IllFormed::Duplicate);
                }
            } else if child.is("x", FORM)
                && let Some(form) = Form::parse(child)?
            {
                if description.forms.iter().any(|other| other.type_ == form.type_) {
                    return Err(IllFormed::Duplicate);
                }
                description.forms.push(form);
            }
        }
        if description.identities.is_empty() {
            // XEP-0030 §3.1: every entity has one.
            return Err(IllFormed::Incomplete);
        }
        description.forms.sort();
        Ok(description)
    }

    /// What the entity can do.
    pub(super) fn features(&self) -> &BTreeSet<String> {
        &self.features
    }

    /// §5.1, with SHA-1.
    pub(super) fn ver(&self) -> String {
        STANDARD.encode(Sha1::digest(self.text()))
    }

    /// The string S of §5.1.
    fn text(&self) -> String {
        let mut text = String::new();
        let mut add = |part: &str| {
            text.push_str(part);
            text.push('<');
        };
        for Identity { category, type_, lang, name } in &self.identities {
            add(&format!("{category}/{type_}/{lang}/{name}"));
        }
        self.features.iter().for_each(|feature| add(feature));
        for form in &self.forms {
            add(&form.type_);
            for (name, values) in &form.fields {
                add(name);
                values.iter().for_each(|value| add(value));
            }
        }
        text
    }
}

impl Identity {
    fn parse(element: &Element) -> Result<Identity, IllFormed> {
        let optional = |value: Option<&str>| clear(value.unwrap_or_default());
        let required = |name| clear(element.attr::<str>(name).ok_or(IllFormed::Incomplete)?);
        Ok(Identity {
            category: required("category")?,
            type_: required("type")?,
            lang: optional(element.attr_ns::<str, str>(ns::XML, "lang"))?,
            name: optional(element.attr("name"))?,
        })
    }
}

impl Form {
    /// `None` for a form that does not count: one without FORM_TYPE, or where that is not hidden (§5.4).
    fn parse(form: &Element) -> Result<Option<Form>, IllFormed> {
        let mut type_ = None;
        let mut fields = Vec::new();
        for field in form.children().filter(|child| child.is("field", FORM)) {
            let var = clear(field.attr("var").unwrap_or_default())?;
            let values = field.children().filter(|child| child.is("value", FORM));
            let mut values = values.map(|value| clear(&value.text())).collect::<Result<Vec<_>, _>>()?;
            values.sort();
            if var != "FORM_TYPE" {
                fields.push((var, values));
                continue;
            }
            values.dedup();
            if values.len() > 1 || type_.is_some() {
                return Err(IllFormed::TwoTypes);
            }
            if field.attr("type") == Some("hidden") {
                type_ = values.pop();
            }
        }
        fields.sort();
        Ok(type_.map(|type_| Form { type_, fields }))
    }
}

/// A part of the text that can be told from its neighbours.
fn clear(part: &str) -> Result<String, IllFormed> {
    if part.contains('<') { Err(IllFormed::Ambiguous) } else { Ok(part.to_owned()) }
}
