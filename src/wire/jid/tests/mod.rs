//! The examples of the RFCs, each rule at its edge, and the properties that all of it rests on.

mod examples;
mod properties;
mod rules;
mod types;

use super::{Jid, JidError, prepare_domain, prepare_local, prepare_resource};

fn parse(text: &str) -> Result<String, JidError> {
    Jid::parse(text).map(|jid| jid.to_string())
}

fn local(text: &str) -> Result<String, JidError> {
    prepare_local(text).map(String::from)
}

fn domain(text: &str) -> Result<String, JidError> {
    prepare_domain(text).map(String::from)
}

fn resource(text: &str) -> Result<String, JidError> {
    prepare_resource(text).map(String::from)
}
