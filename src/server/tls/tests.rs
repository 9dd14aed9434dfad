use super::*;
use crate::config::{Text, load_text};
use rcgen::{CertificateParams, KeyPair as RcgenPair};
use rustls::client::{ClientConfig, ClientConnection, Resumption};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ServerConnection;
use rustls::{HandshakeKind, RootCertStore, SupportedProtocolVersion};
use sha2::{Digest, Sha256, Sha384};
use std::fs;
use std::path::Path;

/// A directory with a certificate for each of `names`, all their own authorities.
struct Site {
    directory: tempfile::TempDir,
}

impl Site {
    fn new(names: &[&str]) -> Site {
        let site = Site { directory: tempfile::tempdir().expect("directory") };
        for name in names {
            site.write(name, name, (2020, 2049));
        }
        site
    }

    fn write(&self, file: &str, name: &str, years: (i32, i32)) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("name");
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let key = RcgenPair::generate().expect("key");
        let certificate = params.self_signed(&key).expect("certificate");
        fs::write(self.path(&format!("{file}.crt")), certificate.pem()).expect("written");
        fs::write(self.path(&format!("{file}.key")), key.serialize_pem()).expect("written");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn certificate(&self, name: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.path(&format!("{name}.crt"))).expect("certificate")
    }

    fn config(&self, text: &str) -> Config {
        let text = Text { name: "stentor.toml", text: Some(text), base: self.directory.path() };
        load_text(&text, [], &[]).map_err(|error| error.to_string()).expect("usable").config
    }

    fn two_domains(&self) -> Config {
        self.config(
            "domains = [\"a.example\", \"b.example\"]\n[tls]\ncertificate = \"a.example.crt\"\nkey = \
             \"a.example.key\"\n[domain.\"b.example\".tls]\ncertificate = \"b.example.crt\"\nkey = \"b.example.key\"",
        )
    }

    fn client(
        &self,
        trusted: &[&str],
        version: &'static SupportedProtocolVersion,
        alpn: &[&str],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        for name in trusted {
            roots.add(self.certificate(name)).expect("root");
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]);
        let mut config = builder.expect("version").with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}

/// Moves bytes to and fro until both ends are content.
fn shake(client: &mut ClientConnection, server: &mut ServerConnection) -> Result<(), rustls::Error> {
    for _ in 0..10 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).expect("memory");
        }
        let mut rest = wire.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest).expect("memory");
            server.process_new_packets()?;
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).expect("memory");
        }
        let mut rest = wire.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).expect("memory");
            client.process_new_packets()?;
        }
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok(())
}

fn connect(
    certificates: &Certificates,
    client: &Arc<ClientConfig>,
    name: &str,
    purpose: Purpose,
) -> Result<(ClientConnection, ServerConnection, Arc<Identity>), rustls::Error> {
    let identity = certificates.choose(Some(name));
    let name = ServerName::try_from(name.to_owned()).expect("name");
    let mut client = ClientConnection::new(client.clone(), name)?;
    let mut server = ServerConnection::new(identity.config(purpose))?;
    shake(&mut client, &mut server)?;
    Ok((client, server, identity))
}

#[test]
fn both_versions_give_the_certificate_asked_for_and_equal_bindings() {
    let site = Site::new(&["a.example", "b.example"]);
    let (certificates, warnings) = Certificates::load(&site.two_domains(), SelfMade::Keep).expect("loaded");
    assert_eq!(warnings, []);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = Arc::new(site.client(&["a.example", "b.example"], version, &["xmpp-client"]));
        for name in ["a.example", "b.example"] {
            let (client, server, identity) =
                connect(&certificates, &client, name, Purpose::DirectClient).expect("handshake");
            assert_eq!(server.protocol_version(), Some(version.version));
            let shown = client.peer_certificates().expect("certificate");
            assert_eq!(shown, [site.certificate(name)]);
            assert_eq!(identity.end_point(), Some(Sha256::digest(&shown[0]).as_slice()));
            assert_eq!(server.alpn_protocol(), Some(b"xmpp-client".as_slice()));

            let theirs = client.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""));
            let ours = exporter(&server).expect("after the handshake");
            assert_eq!(Ok(ours), theirs);
            assert_ne!(ours, [0; 32]);
        }
        let (_, server, _) =
            connect(&certificates, &client, "a.example", Purpose::StartTls).expect("handshake");
        assert_eq!(server.alpn_protocol(), None);
    }
}

#[test]
fn direct_tls_is_for_xmpp_clients_only() {
    let site = Site::new(&["a.example", "b.example"]);
    let (certificates, _) = Certificates::load(&site.two_domains(), SelfMade::Keep).expect("loaded");
    let with = |alpn: &[&str]| {
        let client = Arc::new(site.client(&["a.example"], &rustls::version::TLS13, alpn));
        connect(&certificates, &client, "a.example", Purpose::DirectClient).map(|_| ())
    };
    assert!(matches!(with(&["http/1.1"]), Err(rustls::Error::NoApplicationProtocol)));
    assert_eq!(with(&[]), Ok(()));
}

#[test]
fn names_below_a_domain_and_unknown_ones_are_answered() {
    let site = Site::new(&["a.example", "b.example"]);
    let (certificates, _) = Certificates::load(&site.two_domains(), SelfMade::Keep).expect("loaded");
    let is = |name: Option<&str>, other: &str| {
        Arc::ptr_eq(&certificates.choose(name), &certificates.choose(Some(other)))
    };
    assert!(is(Some("rooms.B.example."), "b.example"));
    assert!(is(Some("xb.example"), "a.example") && is(None, "a.example") && is(Some(""), "a.example"));
    assert!(!is(Some("b.example"), "a.example"));
}

#[test]
fn sessions_are_resumed_by_ticket_but_not_after_a_reload() {
    let site = Site::new(&["a.example", "b.example"]);
    let config = site.two_domains();
    let (certificates, _) = Certificates::load(&config, SelfMade::Keep).expect("loaded");
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut client = site.client(&["a.example"], version, &[]);
        client.resumption = Resumption::in_memory_sessions(8);
        let client = Arc::new(client);
        let kind = || {
            let (client, server, _) =
                connect(&certificates, &client, "a.example", Purpose::StartTls).expect("handshake");
            let theirs = client.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""));
            assert_eq!(exporter(&server), theirs);
            server.handshake_kind()
        };
        assert_eq!(kind(), Some(HandshakeKind::Full));
        assert_eq!(kind(), Some(HandshakeKind::Resumed));
        certificates.reload(&config).expect("reloaded");
        assert_eq!(kind(), Some(HandshakeKind::Full));
    }
}

#[test]
fn a_reload_takes_the_new_certificate_and_a_failed_one_changes_nothing() {
    let site = Site::new(&["a.example", "b.example"]);
    let config = site.two_domains();
    let (certificates, _) = Certificates::load(&config, SelfMade::Keep).expect("loaded");
    let before = certificates.choose(None);
    fs::write(site.path("b.example.crt"), "nonsense").expect("written");
    let said = certificates.reload(&config).expect_err("no certificate").to_string();
    assert!(said.contains("b.example.crt: no certificate in this file"), "{said}");
    assert!(Arc::ptr_eq(&certificates.choose(None), &before));

    site.write("b.example", "b.example", (2020, 2049));
    site.write("a.example", "a.example", (2020, 2049));
    certificates.reload(&config).expect("reloaded");
    let client = Arc::new(site.client(&["a.example"], &rustls::version::TLS13, &[]));
    let (client, ..) = connect(&certificates, &client, "a.example", Purpose::StartTls).expect("the new one");
    assert_eq!(client.peer_certificates(), Some([site.certificate("a.example")].as_slice()));
}

#[test]
fn what_is_wrong_with_a_certificate_is_said() {
    let site = Site::new(&["a.example", "b.example"]);
    fs::copy(site.path("b.example.key"), site.path("a.example.key")).expect("copied");
    let said = |site: &Site| Certificates::load(&site.two_domains(), SelfMade::Keep).map(|_| ());
    let error = said(&site).expect_err("keys differ").to_string();
    assert!(error.contains("a.example.key does not belong to the first certificate in"), "{error}");
    assert!(error.starts_with("stentor.toml:3: "), "{error}");
    fs::write(site.path("a.example.key"), "").expect("written");
    assert!(
        said(&site).expect_err("no key").to_string().contains("a.example.key: no private key in this file")
    );

    site.write("a.example", "other.example", (2020, 2021));
    let (_, warnings) = Certificates::load(&site.two_domains(), SelfMade::Keep).expect("usable");
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.iter().any(|line| line.contains("EXPIRED")), "{warnings:?}");
    assert!(warnings.iter().any(|line| line.contains("does not name a.example")), "{warnings:?}");
}

#[test]
fn a_domain_without_certificate_gets_a_self_made_one_and_keeps_it() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new(&[]);
    let config = site.config("domains = [\"localhost\", \"c.example\"]");
    let file = |name: &str| site.path("data/tls").join(name);

    let (_, warnings) = Certificates::load(&config, SelfMade::InMemory).expect("made");
    assert!(!site.path("data").exists(), "a check leaves nothing behind");
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].message.starts_with("c.example HAS NO CERTIFICATE"));

    let (first, _) = Certificates::load(&config, SelfMade::Keep).expect("made");
    assert!(first.choose(None).is_self_made());
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&file("localhost.key")), 0o600);
    assert_eq!(mode(&site.path("data/tls")), 0o700);
    let (second, _) = Certificates::load(&config, SelfMade::Keep).expect("kept");
    assert_eq!(first.choose(None).end_point(), second.choose(None).end_point());

    let client = {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(file("c.example.crt")).expect("written")).expect("root");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        Arc::new(builder.expect("versions").with_root_certificates(roots).with_no_client_auth())
    };
    connect(&second, &client, "c.example", Purpose::StartTls).expect("trusted once it is trusted");
}

#[test]
fn external_asks_for_a_certificate_that_may_be_declined() {
    let site = Site::new(&["a.example", "me"]);
    let config = site.config(
        "domains = [\"a.example\"]\n[tls]\ncertificate = \"a.example.crt\"\nkey = \"a.example.key\"\n[auth]\nexternal \
         = true\nexternal_ca = \"me.crt\"",
    );
    let (certificates, _) = Certificates::load(&config, SelfMade::Keep).expect("loaded");
    let without = Arc::new(site.client(&["a.example"], &rustls::version::TLS13, &[]));
    let (_, server, _) = connect(&certificates, &without, "a.example", Purpose::StartTls).expect("declined");
    assert_eq!(server.peer_certificates(), None);

    let mut roots = RootCertStore::empty();
    roots.add(site.certificate("a.example")).expect("root");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from_pem_file(site.path("me.key")).expect("key");
    let with = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![site.certificate("me")], key)
        .expect("client certificate");
    let (_, server, _) =
        connect(&certificates, &Arc::new(with), "a.example", Purpose::StartTls).expect("accepted");
    assert_eq!(server.peer_certificates(), Some([site.certificate("me")].as_slice()));
}

#[test]
fn the_end_point_hash_follows_the_signature() {
    let signed = |algorithm| {
        let key = RcgenPair::generate_for(algorithm).expect("key");
        let params = CertificateParams::new(vec!["a.example".to_owned()]).expect("name");
        params.self_signed(&key).expect("certificate").der().clone()
    };
    let sha256 = signed(&rcgen::PKCS_ECDSA_P256_SHA256);
    assert_eq!(end_point(&sha256), Some(Sha256::digest(&sha256).to_vec()));
    let sha384 = signed(&rcgen::PKCS_ECDSA_P384_SHA384);
    assert_eq!(end_point(&sha384), Some(Sha384::digest(&sha384).to_vec()));
    assert_eq!(end_point(&signed(&rcgen::PKCS_ED25519)), None);
}
