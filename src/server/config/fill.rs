//! How the settings are taken out of the merged tree, and checked against each other.

use super::diagnostic::suggest;
use super::environment::{self, Shape};
use super::reader::Reader;
use super::{Auth, ByteSize, Config, Domain, KeyPair, Limits, Listen, Log, Rate, Seconds, Text, Tls};
use super::{XepOptions, XepSettings};
use config::{Value, ValueKind};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Takes everything out of the tree. What is wrong is in the reader's diagnostics afterwards.
pub(super) fn read(reader: &mut Reader<'_>, text: &Text<'_>, xeps: &[XepOptions]) -> Config {
    let domains = read_domains(reader, text);
    let data = read_data(reader, text);
    let listen = Listen {
        c2s: reader.read("listen", "c2s"),
        c2s_tls: reader.read("listen", "c2s_tls"),
        s2s: reader.read("listen", "s2s"),
    };
    check_listen(reader, &listen);
    let tls = Tls { key_pair: read_key_pair(reader), required: reader.read("tls", "required") };
    let config = Config {
        admins: reader.read("", "admins"),
        data,
        listen,
        tls,
        auth: read_auth(reader),
        limits: read_limits(reader),
        log: Log { level: reader.read("log", "level"), format: reader.read("log", "format") },
        domain_tls: read_domain_tls(reader, &domains),
        xeps: read_xeps(reader, xeps),
        domains,
    };
    for admin in &config.admins {
        if !config.serves(admin.domain()) {
            let place = reader.place("", "admins");
            reader
                .out
                .warning(place, format!("the administrator {admin} is at a domain that is not served here"));
        }
    }
    config
}

fn read_domains(reader: &mut Reader<'_>, text: &Text<'_>) -> Vec<Domain> {
    let Some((domains, place)) = reader.read_optional::<Vec<Domain>>("", "domains") else {
        if text.text.is_some() && !reader.has("", "domains") {
            reader.out.error(text.name, "\"domains\" is missing; write: domains = [\"example.org\"]");
        }
        return reader.read_default("", "domains");
    };
    let mut seen = BTreeSet::new();
    for domain in &domains {
        if !seen.insert(domain) {
            reader.out.error(place.as_str(), format!("domains: \"{domain}\" stands there twice"));
        }
    }
    if domains.is_empty() {
        reader.out.error(place, "domains: the list is empty; write: domains = [\"example.org\"]");
        return reader.read_default("", "domains");
    }
    domains
}

/// Where the system keeps the data of services that it configures in [`SYSTEM_CONFIGURATION`].
const SYSTEM_DATA: &str = "/var/lib/stentor";
const SYSTEM_CONFIGURATION: &str = "/etc";

/// The default hangs on the place of the file alone, and not on systemd's `STATE_DIRECTORY`: a command in an
/// administrator's shell must come to the same place as the service.
fn read_data(reader: &mut Reader<'_>, text: &Text<'_>) -> PathBuf {
    if let Some((data, place)) = reader.read_optional::<String>("", "data") {
        return reader.anchor(&data, &place);
    }
    let default: String = reader.read_default("", "data");
    let beside = reader.base.join(default);
    let of_the_system =
        std::path::absolute(&beside).is_ok_and(|absolute| absolute.starts_with(SYSTEM_CONFIGURATION));
    if text.text.is_some() && of_the_system { PathBuf::from(SYSTEM_DATA) } else { beside }
}

/// Says so if systemd keeps another directory for the service than the one that is used by default.
pub(super) fn check_state_directory(reader: &mut Reader<'_>, data: &Path, state: &OsStr) {
    let kept = std::env::split_paths(state).collect::<Vec<_>>();
    let of_the_system = data == Path::new(SYSTEM_DATA) && !reader.has("", "data");
    if let Some(first) = kept.first().filter(|_| of_the_system && !kept.iter().any(|kept| kept == data)) {
        let first = first.display();
        reader.out.warning(
            "STATE_DIRECTORY",
            format!(
                "systemd keeps {first} for this service, but its data is in {SYSTEM_DATA}; write data = \"{first}\" into \
                 the configuration, where commands find it, too"
            ),
        );
    }
}

fn check_listen(reader: &mut Reader<'_>, listen: &Listen) {
    let mut seen: BTreeMap<SocketAddr, &str> = BTreeMap::new();
    for (name, addresses) in [("c2s", &listen.c2s), ("c2s_tls", &listen.c2s_tls), ("s2s", &listen.s2s)] {
        for address in addresses {
            // Port 0 lets the system choose, another one each time.
            let earlier = if address.port() == 0 { None } else { seen.insert(*address, name) };
            if let Some(earlier) = earlier {
                let place = reader.place("listen", name);
                reader.out.error(place, format!("listen.{name}: {address} is taken by listen.{earlier}"));
            }
        }
    }
    let mut wide = listen.c2s.iter().chain(&listen.c2s_tls).filter(|address| address.ip().is_unspecified());
    if let Some((covered, by)) =
        wide.find_map(|by| Some((seen.keys().find(|other| covers(*by, **other))?, by)))
    {
        let name = seen[covered];
        let place = reader.place("listen", name);
        reader
            .out
            .error(place, format!("listen.{name}: {by} includes {covered} already; take one of them out"));
    }
    if listen.c2s.is_empty() && listen.c2s_tls.is_empty() {
        let place = reader.place("listen", "c2s");
        reader.out.warning(place, "listen.c2s and listen.c2s_tls are empty: no client can connect");
    }
    if !listen.s2s.is_empty() {
        let place = reader.place("listen", "s2s");
        reader.out.warning(place, "listen.s2s: other servers are not served yet; nothing will listen there");
    }
}

/// True if whoever listens on the one address listens on the other one, too. [::] includes IPv4.
fn covers(wide: SocketAddr, other: SocketAddr) -> bool {
    wide != other
        && wide.port() == other.port()
        && wide.port() != 0
        && wide.ip().is_unspecified()
        && (wide.is_ipv6() || other.is_ipv4())
}

fn read_key_pair(reader: &mut Reader<'_>) -> Option<KeyPair> {
    let certificate = reader.path("tls", "certificate");
    let key = reader.path("tls", "key");
    pair(reader, certificate, key, "[tls]")
}

type Located = Option<(PathBuf, String)>;

fn pair(reader: &mut Reader<'_>, certificate: Located, key: Located, shown: &str) -> Option<KeyPair> {
    let (certificate, key) = match (certificate, key) {
        (None, None) => return None,
        (Some((_, place)), None) => {
            reader.out.error(place, format!("{shown} has a certificate but no \"key\""));
            return None;
        }
        (None, Some((_, place))) => {
            reader.out.error(place, format!("{shown} has a key but no \"certificate\""));
            return None;
        }
        (Some(certificate), Some(key)) => (certificate, key),
    };
    check_readable(reader, &certificate.0, &certificate.1);
    if check_readable(reader, &key.0, &key.1) {
        warn_if_open(reader, &key.0, &key.1);
    }
    Some(KeyPair { certificate: certificate.0, key: key.0, place: certificate.1 })
}

fn check_readable(reader: &mut Reader<'_>, file: &Path, place: &str) -> bool {
    let opened = std::fs::File::open(file).and_then(|file| file.metadata());
    let problem = match opened {
        Ok(metadata) if metadata.is_dir() => "this is a directory, not a file".to_owned(),
        Ok(_) => return true,
        Err(error) => match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::PermissionDenied => {
                "this user may not read it; let the server's user or group read the file and all directories \
                 above it"
                    .to_owned()
            }
            _ => error.to_string(),
        },
    };
    reader.out.error(place, format!("{}: {problem}", file.display()));
    false
}

fn warn_if_open(reader: &mut Reader<'_>, key: &Path, place: &str) {
    use std::os::unix::fs::PermissionsExt;
    let open = std::fs::metadata(key).is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0);
    if open {
        let file = key.display();
        reader.out.warning(
            place,
            format!("{file}: everybody on this machine can read the private key; run: chmod o= {file}"),
        );
    }
}

fn read_auth(reader: &mut Reader<'_>) -> Auth {
    let external: bool = reader.read("auth", "external");
    let authorities = reader.path("auth", "external_ca");
    let external = match (external, authorities) {
        (true, Some((file, place))) => check_readable(reader, &file, &place).then_some(file),
        (true, None) => {
            let place = reader.place("auth", "external");
            reader
                .out
                .error(place, "auth.external needs \"external_ca\": who may issue the clients' certificates");
            None
        }
        (false, _) => None,
    };
    Auth {
        scram_iterations: reader.number("auth", "scram_iterations", 4096..=1_000_000),
        plain: reader.read("auth", "plain"),
        anonymous: reader.read("auth", "anonymous"),
        external,
    }
}

fn read_limits(reader: &mut Reader<'_>) -> Limits {
    let t = "limits";
    // RFC 6120 §13.12: a limit below 10000 bytes would break lawful stanzas.
    let stanza = |size: &ByteSize| (10_000..=64 << 20).contains(&size.0);
    let time = |time: &Seconds| (1..=86_400).contains(&time.0);
    let size = |size: &ByteSize| size.0 >= 64 << 10;
    let limits = Limits {
        c2s_rate: reader.bounded(
            t,
            "c2s_rate",
            |rate| !matches!(rate, Rate::BytesPerSecond(bytes) if bytes.get() < 1024),
            "\"1 KiB/s\" or more",
        ),
        connections_per_address: reader.number(t, "connections_per_address", 1..=1_000_000),
        max_stanza: reader.bounded(t, "max_stanza", stanza, "10000 B to 64 MiB"),
        max_stanza_before_login: reader.bounded(t, "max_stanza_before_login", stanza, "10000 B to 64 MiB"),
        negotiation_timeout: reader.bounded(t, "negotiation_timeout", time, "1 s to 1 d"),
        sessions_per_account: reader.number(t, "sessions_per_account", 1..=10_000),
        session_queue: reader.bounded(t, "session_queue", size, "64 KiB or more"),
        roster_items: reader.number(t, "roster_items", 1..=1_000_000),
        idle_timeout: reader.bounded(t, "idle_timeout", time, "1 s to 1 d"),
        dead_timeout: reader.bounded(t, "dead_timeout", time, "1 s to 1 d"),
        idle_accounts: reader.read(t, "idle_accounts"),
    };
    if limits.max_stanza_before_login > limits.max_stanza {
        let place = reader.place(t, "max_stanza_before_login");
        reader.out.error(place, "limits.max_stanza_before_login must not be larger than max_stanza");
    }
    if limits.session_queue < limits.max_stanza {
        let place = reader.place(t, "session_queue");
        reader.out.error(place, "limits.session_queue must hold at least one stanza of max_stanza");
    }
    limits
}

fn read_domain_tls(reader: &mut Reader<'_>, domains: &[Domain]) -> BTreeMap<Domain, KeyPair> {
    let mut pairs = BTreeMap::new();
    for (name, table) in reader.tables("domain") {
        let file = |key: &str, reader: &mut Reader<'_>| -> Located {
            let ValueKind::Table(table) = &table.kind else { return None };
            let ValueKind::Table(tls) = &table.get("tls")?.kind else { return None };
            let shown = format!("domain.\"{name}\".tls.{key}");
            let (text, place) = reader.parse::<String>(tls.get(key)?, &shown, "")?;
            Some((reader.anchor(&text, &place), place))
        };
        let certificate = file("certificate", reader);
        let key = file("key", reader);
        let shown = format!("[domain.\"{name}\".tls]");
        let place = certificate.as_ref().or(key.as_ref()).map(|(_, place)| place.clone()).unwrap_or_default();
        match name.parse::<Domain>() {
            Err(why) => reader.out.error(place, format!("{shown}: {why}")),
            Ok(domain) if !domains.contains(&domain) => {
                let advice = suggest(domain.as_str(), domains.iter().map(Domain::as_str));
                reader.out.error(place, format!("{shown}: this domain is not in \"domains\"{advice}"));
            }
            Ok(domain) => {
                if let Some(pair) = pair(reader, certificate, key, &shown) {
                    pairs.insert(domain, pair);
                }
            }
        }
    }
    pairs
}

fn read_xeps(reader: &mut Reader<'_>, xeps: &[XepOptions]) -> BTreeMap<String, XepSettings> {
    let mut all = BTreeMap::new();
    for (name, value) in reader.tables("xep") {
        let ValueKind::Table(options) = value.kind else { continue };
        if !xeps.iter().any(|xep| xep.name == name) {
            continue;
        }
        let mut settings = XepSettings::silent(&name);
        for (key, value) in options {
            let shown = format!("xep.{name}.{key}");
            let variable = environment::variable(&format!("xep.{name}"), &key);
            let from_environment = value.origin() == Some(environment::ENVIRONMENT);
            if key == "enabled" {
                if let Some((enabled, _)) = reader.parse::<bool>(&value, &shown, &variable) {
                    settings.enabled = enabled;
                }
                continue;
            }
            let (value, place) = match from_environment {
                true => (environment::interpret(&value, Shape::Toml), variable),
                false => {
                    let place = value.origin().unwrap_or_default().to_owned();
                    (value, place)
                }
            };
            settings.places.insert(key.clone(), place);
            settings.table.insert(key, toml_value(value));
        }
        all.insert(name, settings);
    }
    all
}

fn toml_value(value: Value) -> toml::Value {
    match value.kind {
        ValueKind::Boolean(yes) => yes.into(),
        ValueKind::I64(number) => number.into(),
        ValueKind::Float(number) => number.into(),
        ValueKind::Array(items) => toml::Value::Array(items.into_iter().map(toml_value).collect()),
        ValueKind::Table(table) => {
            toml::Value::Table(table.into_iter().map(|(key, value)| (key, toml_value(value))).collect())
        }
        ValueKind::String(text) => text.into(),
        // The file yields no other kinds.
        other => other.to_string().into(),
    }
}
