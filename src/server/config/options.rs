//! The one table of all options of the server itself, and what is generated from it: the annotated default
//! configuration. Defaults stand here and nowhere else; the structs are filled from this table.

use super::xep::{ENABLED, OptionDoc, XepOptions};

/// A table of the file with its options. The root table has the empty name.
pub struct Section {
    /// `listen` in `[listen]`.
    pub name: &'static str,
    /// What it is about.
    pub doc: &'static str,
    /// In the order in which they are shown.
    pub options: &'static [OptionDoc],
}

const fn option(name: &'static str, default: &'static str, doc: &'static str) -> OptionDoc {
    OptionDoc { name, default, doc }
}

/// All sections but `[xep.*]` and `[domain.*]`.
pub const SECTIONS: &[Section] = &[
    Section {
        name: "",
        doc: "",
        options: &[
            option(
                "domains",
                "[\"localhost\"]",
                "The domains whose accounts live here: what stands after the @. The first one also answers \
                 clients that do not say which domain they want.",
            ),
            option("admins", "[]", "Accounts that may administer the server, such as \"me@example.org\"."),
            option(
                "data",
                "\"data\"",
                "Directory of the database, uploads and self-made certificates. If it is not set, that is data in the \
                 directory of this file, or /var/lib/stentor for a file below /etc. A path that does not start with \
                 / is taken from the directory of this file, here and everywhere below.",
            ),
        ],
    },
    Section {
        name: "listen",
        doc: "Where to wait for connections. [::] stands for all addresses, IPv4 included; an empty list switches \
              a listener off. Changes need a restart.",
        options: &[
            option("c2s", "[\"[::]:5222\"]", "Clients; encryption starts after a greeting (STARTTLS)."),
            option(
                "c2s_tls",
                "[\"[::]:5223\"]",
                "Clients; encrypted from the first byte (direct TLS, XEP-0368).",
            ),
            option("s2s", "[]", "Other servers. Known but not served yet: nothing listens here."),
        ],
    },
    Section {
        name: "tls",
        doc: "The certificate for all domains that have none of their own. A domain's own goes into \
              [domain.\"example.org\".tls], with the same two keys. A domain without any gets a self-made \
              certificate that clients will warn about. Read again on reload (SIGHUP).",
        options: &[
            option(
                "certificate",
                "",
                "PEM file with the certificate chain, the server's own first. Example: \
                 \"/etc/letsencrypt/live/example.org/fullchain.pem\"",
            ),
            option(
                "key",
                "",
                "PEM file with its private key, readable for the server only. Example: \
                 \"/etc/letsencrypt/live/example.org/privkey.pem\"",
            ),
            option(
                "required",
                "true",
                "Refuse clients that do not encrypt. Switch off for tests only: passwords would travel in the open.",
            ),
        ],
    },
    Section {
        name: "auth",
        doc: "How clients log in.",
        options: &[
            option(
                "scram_iterations",
                "10000",
                "Rounds of hashing for a new password, 4096 to 1000000. More make a stolen database harder to \
                 crack and each login slower. An older password with fewer gets as many when PLAIN brings it.",
            ),
            option("plain", "true", "Offer PLAIN (over TLS only), for clients that know no SCRAM."),
            option("anonymous", "false", "Let anybody in under a throw-away address (SASL ANONYMOUS)."),
            option(
                "external",
                "false",
                "Ask clients for a certificate and let them log in with it (SASL EXTERNAL). Needs external_ca.",
            ),
            option(
                "external_ca",
                "",
                "PEM file with the authorities that issue the clients' certificates. Example: \"clients-ca.pem\"",
            ),
        ],
    },
    Section {
        name: "limits",
        doc: "What one peer or account may use up.",
        options: &[
            option(
                "c2s_rate",
                "\"64 KiB/s\"",
                "What one client connection may send on average; beyond it the server reads more slowly. \
                 \"unlimited\" for load tests.",
            ),
            option(
                "connections_per_address",
                "64",
                "Connections at a time from one IP address (IPv6: one /64).",
            ),
            option(
                "max_stanza",
                "\"256 KiB\"",
                "Largest stanza of a client that has logged in, at least 10 KiB.",
            ),
            option(
                "max_stanza_before_login",
                "\"10 KiB\"",
                "Largest element before the login; RFC 6120 demands at least 10000 bytes.",
            ),
            option(
                "negotiation_timeout",
                "\"30 s\"",
                "A connection that has not logged in by then is closed.",
            ),
            option("sessions_per_account", "32", "Clients of one account online at a time."),
            option("session_queue", "\"1 MiB\"", "What may wait in memory for one slow client."),
            option("roster_items", "10000", "Contacts in one account's roster."),
            option(
                "idle_timeout",
                "\"10 m\"",
                "After so long a silence a client is asked whether it is still there.",
            ),
            option(
                "dead_timeout",
                "\"1 m\"",
                "A client that does not answer that within this time is disconnected.",
            ),
            option("idle_accounts", "\"64 MiB\"", "Memory for accounts of which no client is online."),
        ],
    },
    Section {
        name: "log",
        doc: "What is written to standard error.",
        options: &[
            option(
                "level",
                "\"info\"",
                "error, warn, info, debug or trace; also by part of the server: \"info,server=debug\".",
            ),
            option("format", "\"text\"", "text or json (one object a line)."),
        ],
    },
];

/// The options of a section; none for a section that is not in the table.
pub(super) fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}

/// A complete configuration file in which every option stands with its meaning, commented out at its default.
///
/// A line that starts with `#` and a space is prose; one that starts with `#` and a letter is an option to
/// uncomment. Only `domains` is set, because a file must have it.
pub fn annotated(xeps: &[XepOptions]) -> String {
    let mut text = String::new();
    prose(
        &mut text,
        "Configuration of Stentor. Every option is shown with its default; uncomment what you want to change. \
         `stentor check` tells what is wrong with this file. Each option can also be set by an environment \
         variable: STENTOR_LISTEN__C2S for c2s in [listen]; such a variable wins over the file, an empty one \
         counts as unset, and lists are separated by commas.",
    );
    for section in SECTIONS {
        text.push('\n');
        prose(&mut text, section.doc);
        if !section.name.is_empty() {
            text.push_str(&format!("[{}]\n", section.name));
        }
        options(&mut text, section.options);
    }
    for xep in xeps {
        text.push_str(&format!("\n[xep.{}]\n", xep.name));
        options(&mut text, &[ENABLED]);
        options(&mut text, xep.options);
    }
    text
}

fn options(text: &mut String, options: &[OptionDoc]) {
    for (index, option) in options.iter().enumerate() {
        if index > 0 && options.len() > 1 {
            text.push('\n');
        }
        prose(text, option.doc);
        match (option.name, option.default) {
            (_, "") => prose(text, &format!("{} has no default: it is not set.", option.name)),
            ("domains", default) => text.push_str(&format!("domains = {default}\n")),
            (name, default) => text.push_str(&format!("#{name} = {default}\n")),
        }
    }
}

/// Comment lines of at most 100 characters.
fn prose(text: &mut String, doc: &str) {
    let mut line = String::new();
    for word in doc.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > 98 {
            text.push_str(&format!("# {line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        text.push_str(&format!("# {line}\n"));
    }
}
