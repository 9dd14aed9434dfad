use super::*;
use crate::testing::context;

const DOMAIN: &str = "domains = [\"localhost\"]\n";

/// A server started on one configuration and told to reload another.
async fn reloaded(before: &str, after: &str) -> (Arc<Context>, bool) {
    let directory = tempfile::tempdir().expect("a directory");
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    std::fs::write(directory.path().join("cert.pem"), made.cert.pem()).expect("written");
    std::fs::write(directory.path().join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    let context = context(&format!("{DOMAIN}{before}"), directory.path()).await;
    let before = context.certificates.choose(None);
    let file = directory.path().join("stentor.toml");
    let domains = if after.starts_with("domains") { "" } else { DOMAIN };
    std::fs::write(&file, format!("{domains}{after}")).expect("written");
    reload(&context, Some(&file), xeps::ALL, &assemble::options(xeps::ALL));
    let same = Arc::ptr_eq(&before, &context.certificates.choose(None));
    (context, same)
}

const CERTIFICATE: &str = "[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";

#[tokio::test]
async fn a_reload_takes_over_limits_login_and_administrators() {
    let (context, _) = reloaded(
        "",
        "admins = [\"me@localhost\"]\n[limits]\nmax_stanza = \"20 KiB\"\nsessions_per_account = 2\n\
         [auth]\nplain = false\nscram_iterations = 20000\n",
    )
    .await;
    let settings = context.engine.settings();
    assert_eq!(settings.admins.len(), 1);
    assert_eq!(settings.after_login.stanza_bytes, 20 << 10);
    assert_eq!(settings.sessions, 2);
    assert_eq!(settings.sasl.plain, kernel::sasl::Plain::Never);
    assert_eq!(settings.iterations.count(), 20_000);
}

#[tokio::test]
async fn a_reload_that_is_refused_changes_nothing_at_all() {
    for refused in ["[xep.ping]\nenabled = false\n", "[xep.register]\nopen = 7\n"] {
        let (context, same) =
            reloaded(CERTIFICATE, &format!("{CERTIFICATE}[limits]\nsessions_per_account = 2\n{refused}"))
                .await;
        assert!(same, "the certificate was exchanged for {refused}");
        assert_eq!(context.engine.settings().sessions, 32, "{refused}");
        assert_eq!(context.config.load().limits.sessions_per_account, 32, "{refused}");
    }
}

#[tokio::test]
async fn what_needs_a_restart_stays_as_it_is() {
    let (context, same) = reloaded(
        "",
        &format!("domains = [\"localhost\", \"new.example\"]\ndata = \"elsewhere\"\n{CERTIFICATE}"),
    )
    .await;
    assert!(!same);
    let config = context.config.load();
    assert!(!config.serves("new.example") && !context.engine.serves("new.example"));
    assert!(config.data.ends_with("data"), "{}", config.data.display());
}
