//! Contact addresses: whom to write to about this server, as a data form in its service discovery.

#[cfg(test)]
mod tests;

use kernel::hooks::{Hooks, Scope};
use kernel::{ConfigError, Env, OptionDoc, Xep};
use serde::Deserialize;
use std::sync::Arc;
use wire::frame::XmlWriter;

/// Options: addresses by what they are for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    abuse: Vec<String>,
    admin: Vec<String>,
    feedback: Vec<String>,
    sales: Vec<String>,
    security: Vec<String>,
    status: Vec<String>,
    support: Vec<String>,
}

impl Config {
    /// In the order of the fields' names.
    fn kinds(self) -> [(&'static str, Vec<String>); 7] {
        [
            ("abuse", self.abuse),
            ("admin", self.admin),
            ("feedback", self.feedback),
            ("sales", self.sales),
            ("security", self.security),
            ("status", self.status),
            ("support", self.support),
        ]
    }
}

/// XEP-0157.
pub(crate) struct Contact {
    /// The form; none if there are no addresses.
    form: Option<String>,
}

impl Xep for Contact {
    const NUMBER: u16 = 157;
    const NAME: &'static str = "contact";
    const TITLE: &'static str = "Contact Addresses for XMPP Services";
    const VERSION: &'static str = "1.1.1";
    const OPTIONS: &'static [OptionDoc] = &[
        option(
            "abuse",
            "Where to report abuse, such as [\"mailto:abuse@example.org\"]. All kinds take URIs.",
        ),
        option("admin", "How to reach the administrators, such as [\"xmpp:me@example.org\"]."),
        option("feedback", "Where to send praise and complaints."),
        option("sales", "Where to buy."),
        option("security", "Where to report security problems."),
        option(
            "status",
            "Pages that tell whether the service is up, such as [\"https://status.example.org\"].",
        ),
        option("support", "Where users get help."),
    ];
    type Config = Config;

    fn new(config: Config, _: &mut Env) -> Result<Contact, ConfigError> {
        Ok(Contact { form: form(config)? })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        if let Some(form) = &self.form {
            hooks.extended_info(Scope::SERVER, form.clone());
        }
    }
}

const fn option(name: &'static str, doc: &'static str) -> OptionDoc {
    OptionDoc { name, default: "[]", doc }
}

fn form(config: Config) -> Result<Option<String>, ConfigError> {
    let mut out = XmlWriter::new();
    out.start("x").attr("xmlns", "jabber:x:data").attr("type", "result");
    out.start("field").attr("var", "FORM_TYPE").attr("type", "hidden");
    out.text_element("value", "http://jabber.org/network/serverinfo").end();
    let mut any = false;
    for (kind, addresses) in config.kinds() {
        if addresses.is_empty() {
            continue;
        }
        any = true;
        out.start("field").attr("var", &format!("{kind}-addresses")).attr("type", "list-multi");
        for address in addresses {
            check(kind, &address)?;
            out.text_element("value", &address);
        }
        out.end();
    }
    Ok(any.then(|| out.into_string()))
}

/// XEP-0157 §3: status addresses must be URIs, the others should be; a client can only do something with those.
fn check(kind: &str, address: &str) -> Result<(), ConfigError> {
    let scheme = address.split_once(':').map(|(scheme, rest)| (scheme, rest.is_empty()));
    let is_uri = scheme.is_some_and(|(scheme, empty)| {
        // RFC 3986 §3.1
        !empty
            && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    });
    if is_uri && !address.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Ok(());
    }
    let why = format!(
        "\"{address}\" is not a URI; write \"mailto:{address}\", \"xmpp:{address}\" or \"https://…\""
    );
    Err(ConfigError::new(kind, why))
}
