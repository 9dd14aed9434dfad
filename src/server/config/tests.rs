use super::*;
use std::fs;
use std::sync::LazyLock;

static XEPS: LazyLock<[XepOptions; 2]> = LazyLock::new(|| {
    [
        XepOptions {
            name: "mam",
            options: &[
                OptionDoc { name: "default", default: "\"always\"", doc: "Whose messages are archived." },
                OptionDoc { name: "page", default: "50", doc: "Entries in a page." },
                OptionDoc { name: "until", default: "", doc: "Nothing set by default." },
            ],
        },
        XepOptions {
            name: "register",
            options: &[OptionDoc { name: "open", default: "false", doc: "Let anybody make an account." }],
        },
    ]
});

fn read_with(text: Option<&str>, variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let source = Text { name: "stentor.toml", text, base: Path::new("/base") };
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    load_text(&source, variables, &*XEPS)
}

fn read(text: &str) -> Result<Loaded, ConfigError> {
    read_with(Some(&format!("domains = [\"example.org\"]\n{text}")), &[])
}

/// What is said about a file whose first line is a good `domains`.
#[track_caller]
fn errors(text: &str) -> String {
    read(text).expect_err("this configuration is wrong").to_string()
}

fn config(text: &str) -> Config {
    read(text).map_err(|error| error.to_string()).expect("this configuration is right").config
}

#[test]
fn without_a_file_localhost_is_served() {
    let config = read_with(None, &[]).expect("defaults").config;
    assert_eq!(config.main_domain().as_str(), "localhost");
    assert_eq!(config.listen.c2s, ["[::]:5222".parse().expect("address")]);
    assert_eq!(config.limits.max_stanza, ByteSize(256 << 10));
    assert_eq!(config.limits.c2s_rate.to_string(), "64 KiB/s");
    assert_eq!(config.limits.negotiation_timeout, Seconds(30));
    assert!(config.tls.required && config.tls.key_pair.is_none() && config.auth.external.is_none());
}

#[test]
fn an_unknown_key_is_shown_with_its_line_and_a_suggestion() {
    assert_eq!(
        errors("[listen]\nc2z = [\"[::]:5222\"]"),
        "stentor.toml:3: unknown key \"c2z\" in [listen]; did you mean \"c2s\"?"
    );
    assert_eq!(
        errors("[listn]\nc2s = []"),
        "stentor.toml:2: unknown table [listn]; did you mean \"listen\"?"
    );
    assert!(
        errors("quite_else = 1")
            .starts_with("stentor.toml:2: unknown key \"quite_else\"; known are: domains")
    );
    assert!(errors("[tls]\nadmins = []").contains("must stand above the first [table]"));
    assert!(errors("max_stanza = \"1 MiB\"").contains("(\"max_stanza\" belongs under [limits])"));
    assert!(errors("listen = 3").contains("is a table: write [listen]"));
}

#[test]
fn all_errors_are_told_at_once() {
    let said = errors(
        "[limits]\nmax_stanza = 5\nsessions_per_account = 0\nroster_items = \"many\"\nidle_timeout = \"2 d\"\n\
         [tls]\nrequired = \"yes\"\n[log]\nlevel = \"inof\"\n[xep.mam]\npag = 3",
    );
    let lines: Vec<&str> = said.lines().collect();
    let expected = [
        "stentor.toml:12: unknown key \"pag\" in [xep.mam]; did you mean \"page\"?",
        "stentor.toml:3: limits.max_stanza: expected a size such as \"256 KiB\" or \"10 MiB\", found \"5\"; a number \
         needs its unit: write \"5 B\"",
        "stentor.toml:4: limits.sessions_per_account is out of range; allowed is from 1 to 10000",
        "stentor.toml:5: limits.roster_items: expected a whole number, found \"many\"",
        "stentor.toml:6: limits.idle_timeout is out of range; allowed is 1 s to 1 d",
        "stentor.toml:8: tls.required: expected true or false, found \"yes\"",
        "stentor.toml:10: log.level: unknown level \"inof\"; did you mean \"info\"?",
    ];
    for line in expected {
        assert!(lines.contains(&line), "{line}\nis not in\n{said}");
    }
    assert_eq!(lines.len(), expected.len(), "{said}");
}

#[test]
fn broken_toml_is_shown_with_its_line_and_nothing_else() {
    let said = errors("[listen\nc2s = []");
    assert!(said.starts_with("stentor.toml:2: not valid TOML: "), "{said}");
    assert!(!said.contains("domains"), "{said}");
}

#[test]
fn domains_are_there_once_and_well_formed() {
    let said = |text| read_with(Some(text), &[]).expect_err("wrong domains").to_string();
    assert!(said("").contains("\"domains\" is missing"));
    assert!(said("domains = []").contains("stentor.toml:1: domains: the list is empty"));
    assert!(said("domains = [\"a.org\", \"A.org\"]").contains("\"a.org\" stands there twice"));
    assert!(said("domains = \"a.org\"").contains("expected a list, found \"a.org\"; write [\"a.org\"]"));
    // An item of a list has a line of its own.
    assert!(
        said("domains = [\n\"a.org\",\n\"me@a.org\"]")
            .starts_with("stentor.toml:3: domains: expected a domain")
    );
}

#[test]
fn addresses_are_checked() {
    assert!(errors("[listen]\nc2s = [\":5222\"]").contains("write \"[::]:5222\""));
    assert!(errors("[listen]\nc2s = [5222]").contains("write \"[::]:5222\""));
    assert!(
        errors("[listen]\nc2s = [\"[::]:5222\", \"127.0.0.1:5222\"]").contains("includes 127.0.0.1:5222")
    );
    let warned = read("[listen]\nc2s = []\nc2s_tls = []").expect("it can be used").warnings;
    assert!(warned.iter().any(|warning| warning.message.contains("no client can connect")), "{warned:?}");
    assert!(errors("[listen]\nc2s = [\"localhost:5222\"]").contains("names are not looked up"));
    assert!(
        errors("[listen]\nc2s = [\"[::]:5223\"]")
            .contains("listen.c2s_tls: [::]:5223 is taken by listen.c2s")
    );
    let loaded = read("[listen]\nc2s = [\"[::1]:0\", \"[::1]:0\"]\ns2s = [\"[::]:5269\"]").expect("usable");
    assert!(loaded.warnings[0].message.contains("not served yet"), "{:?}", loaded.warnings);
}

#[test]
fn certificates_must_be_there_and_their_key_closed() {
    let directory = tempfile::tempdir().expect("directory");
    let path = |name: &str| directory.path().join(name);
    fs::write(path("cert.pem"), "").expect("written");
    fs::write(path("key.pem"), "").expect("written");
    set_mode(&path("key.pem"), 0o644);
    let source = |text| {
        let text = format!("domains = [\"example.org\"]\n{text}");
        load_text(&Text { name: "stentor.toml", text: Some(&text), base: directory.path() }, [], &*XEPS)
    };

    let open = source("[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"").expect("usable");
    assert!(open.warnings[0].to_string().starts_with("stentor.toml:4: warning: "), "{:?}", open.warnings);
    assert!(open.warnings[0].message.contains("chmod o="));
    set_mode(&path("key.pem"), 0o640);
    let closed = source("[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"").expect("usable");
    assert_eq!(closed.warnings, []);
    assert_eq!(closed.config.tls.key_pair.expect("set").key, path("key.pem"));

    let said = |text| source(text).expect_err("wrong").to_string();
    assert!(
        said("[tls]\ncertificate = \"gone.pem\"\nkey = \"key.pem\"")
            .contains("gone.pem: there is no such file")
    );
    assert!(said("[tls]\ncertificate = \"cert.pem\"").contains("has a certificate but no \"key\""));
    assert!(
        said("[domain.\"example.org\".tls]\ncertificate = \"gone.pem\"\nkey = \"key.pem\"").contains(":3: ")
    );
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode set");
}

#[test]
fn a_domain_may_have_its_own_certificate() {
    let directory = tempfile::tempdir().expect("directory");
    for name in ["c", "k", "own-c", "own-k"] {
        fs::write(directory.path().join(name), "").expect("written");
    }
    let text = "domains = [\"a.org\", \"b.org\"]\n[tls]\ncertificate = \"c\"\nkey = \"k\"\n\
                [domain.\"b.org\".tls]\ncertificate = \"own-c\"\nkey = \"own-k\"";
    let text = Text { name: "x", text: Some(text), base: directory.path() };
    let config = load_text(&text, [], &*XEPS).expect("usable").config;
    let of = |domain: usize| config.key_pair(&config.domains[domain]).expect("pair").certificate.clone();
    assert_eq!((of(0), of(1)), (directory.path().join("c"), directory.path().join("own-c")));

    assert!(
        errors("[domain.\"exmple.org\".tls]\ncertificate = \"c\"\nkey = \"k\"")
            .contains("not in \"domains\"; did")
    );
    assert!(
        errors("[domain.example.org.tls]\ncertificate = \"c\"").contains("a domain with dots needs quotes")
    );
    assert!(errors("[domain.\"example.org\"]\ntsl = 1").contains("did you mean \"tls\"?"));
}

#[test]
fn the_environment_wins_over_the_file() {
    let text = Some("domains = [\"a.org\"]\n[limits]\nmax_stanza = \"1 MiB\"\n[listen]\nc2s = []");
    let config = read_with(
        text,
        &[
            ("STENTOR_DOMAINS", "b.org, c.org"),
            ("STENTOR_LISTEN__C2S", "[\"127.0.0.1:1\", \"127.0.0.1:2\"]"),
            ("STENTOR_LISTEN__C2S_TLS", "[::1]:3"),
            ("STENTOR_LIMITS__SESSIONS_PER_ACCOUNT", "7"),
            ("STENTOR_LIMITS__MAX_STANZA", ""),
            ("STENTOR_DATA", "elsewhere"),
            ("STENTOR_AUTH__PLAIN", "false"),
            ("STENTOR_XEP__MAM__PAGE", "20"),
            ("STENTOR_XEP__MAM__DEFAULT", "roster"),
            ("STENTOR_XEP__REGISTER__ENABLED", "false"),
            ("OTHER_LISTEN__C2S", "nonsense"),
        ],
    );
    let loaded = config.map_err(|error| error.to_string()).expect("usable");
    let config = loaded.config;
    assert_eq!(loaded.warnings, []);
    assert_eq!(config.domains.iter().map(Domain::as_str).collect::<Vec<_>>(), ["b.org", "c.org"]);
    assert_eq!(config.listen.c2s.len(), 2);
    assert_eq!(config.listen.c2s_tls, ["[::1]:3".parse().expect("address")]);
    assert_eq!((config.limits.sessions_per_account, config.auth.plain), (7, false));
    assert_eq!(config.limits.max_stanza, ByteSize(1 << 20), "an empty variable is unset");
    assert_eq!(config.data, Path::new("elsewhere"), "not from the file's directory");
    assert_eq!(config.xep("mam").table, toml::toml! { page = 20 default = "roster" });
    assert_eq!(config.xep("mam").places["page"], "STENTOR_XEP__MAM__PAGE");
    assert!(!config.xep("register").enabled && config.xep("mam").enabled);
}

fn data(base: &str, text: Option<&str>, variables: &[(&str, &str)]) -> Loaded {
    let text = Text { name: "stentor.toml", text, base: Path::new(base) };
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    load_text(&text, variables, &[]).expect("usable")
}

#[test]
fn data_is_beside_the_file_or_where_systems_keep_it() {
    let file = Some("domains = [\"example.org\"]");
    let at = |base| data(base, file, &[]).config.data;
    assert_eq!(at("/srv/chat"), Path::new("/srv/chat/data"));
    assert_eq!(at(""), Path::new("data"));
    assert_eq!(at("/etc/stentor"), Path::new("/var/lib/stentor"));
    assert_eq!(at("/etc"), Path::new("/var/lib/stentor"));
    assert_eq!(at("/etcetera"), Path::new("/etcetera/data"));
    assert_eq!(data("", None, &[]).config.data, Path::new("data"));
    // What is set, holds.
    let set = data("/etc/stentor", Some("domains = [\"example.org\"]\ndata = \"data\""), &[]);
    assert_eq!(set.config.data, Path::new("/etc/stentor/data"));
    assert_eq!(data("/etc/stentor", file, &[("STENTOR_DATA", "/x")]).config.data, Path::new("/x"));
}

/// A command in a shell knows nothing of the service's environment, so the default cannot come from there.
#[test]
fn another_state_directory_is_a_warning() {
    let file = Some("domains = [\"example.org\"]");
    let warnings = |base, text, state| data(base, text, &[("STATE_DIRECTORY", state)]).warnings;
    let warned = warnings("/etc/stentor", file, "/var/lib/chat");
    assert!(warned[0].message.contains("data = \"/var/lib/chat\""), "{warned:?}");
    assert_eq!(warnings("/etc/stentor", file, "/var/lib/other:/var/lib/stentor"), []);
    assert_eq!(warnings("/srv/chat", file, "/var/lib/chat"), []);
    let set = Some("domains = [\"example.org\"]\ndata = \"/var/lib/chat\"");
    assert_eq!(warnings("/etc/stentor", set, "/var/lib/chat"), []);
}

#[test]
fn a_wrong_variable_is_called_by_its_name() {
    let said = read_with(None, &[("STENTOR_LIMITS__ROSTER_ITEMS", "many")]).expect_err("wrong").to_string();
    assert_eq!(
        said,
        "STENTOR_LIMITS__ROSTER_ITEMS: limits.roster_items: expected a whole number, found \"many\""
    );
    let loaded = read_with(None, &[("STENTOR_LISTEN__C2Z", "1"), ("STENTOR_PORT", "tcp://10.0.0.1:5222")]);
    let warnings = loaded.expect("usable").warnings;
    assert!(warnings[0].message.ends_with("did you mean \"STENTOR_LISTEN__C2S\"?"), "{warnings:?}");
    assert_eq!(warnings.len(), 2);
}

#[test]
fn xep_tables_are_passed_through() {
    let config = config("[xep.mam]\nenabled = false\npage = 5");
    let mam = config.xep("mam");
    assert_eq!((mam.enabled, mam.places["page"].as_str()), (false, "stentor.toml:4"));
    assert_eq!(mam.table, toml::toml! { page = 5 });
    assert!(config.xep("register").enabled);
    assert!(
        errors("[xep.mom]\npage = 1")
            .contains("stentor.toml:2: unknown XEP [xep.mom]; did you mean \"mam\"?")
    );
    assert!(
        errors("[xep.mam]\nenabled = 1").contains("stentor.toml:3: xep.mam.enabled: expected true or false")
    );

    let wrong = self::config("[xep.mam]\ndefault = \"roster\"\npage = \"five\"").xep("mam");
    let said = wrong.error("page", "not a number").to_string();
    assert_eq!(said, "stentor.toml:4: xep.mam.page: not a number");
}

#[test]
fn quantities_need_units_and_read_back_as_written() {
    for text in ["0 s", "30 s", "10 m", "36 h", "7 d"] {
        assert_eq!(text.parse::<Seconds>().map(|read| read.to_string()), Ok(text.to_owned()));
    }
    for text in ["0 B", "1 B", "256 KiB", "1 MiB", "3 GiB"] {
        assert_eq!(text.parse::<ByteSize>().map(|read| read.to_string()), Ok(text.to_owned()));
    }
    assert_eq!("10KiB".parse(), Ok(ByteSize(10_240)));
    assert_eq!("10 kB".parse(), Ok(ByteSize(10_000)));
    assert!("30".parse::<Seconds>().expect_err("no unit").contains("write \"30 s\""));
    assert!("1 kib".parse::<ByteSize>().expect_err("case").contains("did you mean \"1 KiB\"?"));
    assert!("99999999999 GiB".parse::<ByteSize>().expect_err("overflow").contains("too large"));
    for text in ["", "KiB", "-1 KiB", "1.5 MiB", "1 x", "18446744073709551616 B"] {
        assert!(text.parse::<ByteSize>().is_err(), "{text}");
    }
    assert_eq!("unlimited".parse(), Ok(Rate::Unlimited));
    assert!("64 KiB".parse::<Rate>().expect_err("no /s").contains("write \"64 KiB/s\""));
    assert!("0 B/s".parse::<Rate>().is_err());
}

#[test]
fn the_annotated_file_holds_every_option_at_its_default() {
    let text = annotated(&*XEPS);
    let defaults = read_with(None, &[]).expect("defaults").config;
    let as_it_is = read_with(Some(&text), &[]).map_err(|error| error.to_string()).expect("usable");
    assert_eq!(as_it_is.config.limits, defaults.limits);

    let bare = text.lines().map(|line| match line.strip_prefix('#') {
        Some(option) if option.starts_with(char::is_alphabetic) => option,
        _ => line,
    });
    let bare: Vec<&str> = bare.collect();
    let bare = bare.join("\n");
    let loaded = read_with(Some(&bare), &[]).map_err(|error| error.to_string()).expect("usable");
    assert_eq!(loaded.warnings, []);
    let mut uncommented = loaded.config;
    assert_eq!(uncommented.xep("mam").table, toml::toml! { default = "always" page = 50 });
    uncommented.xeps.clear();
    assert_eq!(uncommented, defaults);
    for section in SECTIONS {
        for option in section.options.iter().filter(|option| !option.default.is_empty()) {
            assert!(bare.contains(&format!("\n{} = {}", option.name, option.default)), "{}", option.name);
        }
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100));
}

#[test]
fn every_option_in_the_table_is_read() {
    // A value of a type that no option has must be refused by whoever reads it.
    for section in SECTIONS {
        for option in section.options {
            let setting = format!("{} = {{ no = \"type\" }}", option.name);
            let text = match section.name {
                "" if option.name == "domains" => setting,
                "" => format!("domains = [\"a.org\"]\n{setting}"),
                name => format!("domains = [\"a.org\"]\n[{name}]\n{setting}"),
            };
            let said = read_with(Some(&text), &[]).map(|_| ()).expect_err(&text).to_string();
            assert!(said.contains(&format!("{}: expected", option.name)) || said.contains("table"), "{said}");
        }
    }
}

#[test]
fn what_a_reload_cannot_change_is_named() {
    let old = config("");
    let new = config("data = \"new\"\n[listen]\nc2s = []\n[limits]\nroster_items = 5");
    assert_eq!(old.needs_restart(&new), ["data", "listen.c2s"]);
    let usable = new.clone().without_restart(&old);
    assert_eq!(old.needs_restart(&usable), [""; 0]);
    assert_eq!(usable.limits, new.limits);
}

#[test]
fn a_missing_file_is_a_clear_error() {
    let said = load(Some(Path::new("/nowhere/stentor.toml")), &*XEPS).expect_err("missing").to_string();
    assert!(
        said.starts_with("/nowhere/stentor.toml: cannot read the configuration: there is no such file"),
        "{said}"
    );
}
