//! Certificates made by the server itself, so that it runs at once. Written to `<data>/tls/` and kept: a client
//! that was told to trust one should not be asked again.

use super::SelfMade;
use super::load::{self, Chain};
use crate::config::Domain;
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use x509_parser::time::ASN1Time;

/// The self-made certificate of a domain: the one kept in `directory`, if it is still good, or a new one.
pub(super) fn chain(
    directory: &Path,
    domain: &Domain,
    keep: SelfMade,
    provider: &CryptoProvider,
) -> Result<Chain, String> {
    // A colon or a slash cannot be in a domain's ASCII form but in an address literal; those get no odd files.
    let name = domain.ascii().replace([':', '/', '[', ']'], "_");
    let (certificate, key) = (directory.join(format!("{name}.crt")), directory.join(format!("{name}.key")));
    if certificate.exists() && key.exists() {
        // What is damaged is not overwritten: somebody may have put a certificate of his own here.
        let chain = load::chain(&certificate, &key, provider)?;
        let now = ASN1Time::now().timestamp();
        if chain.validity().is_none_or(|(_, to)| now < to) {
            return Ok(chain);
        }
    }
    let made = make(domain).map_err(|error| format!("cannot make a certificate for {domain}: {error}"))?;
    if keep == SelfMade::Keep {
        let written = write(directory, &key, &made.key.serialize_pem(), 0o600)
            .and_then(|()| write(directory, &certificate, &made.certificate.pem(), 0o644));
        written.map_err(|error| {
            format!(
                "cannot write a self-made certificate to {}: {error}; make the data directory writable for the \
                 server, or set \"data\" or a certificate of your own",
                directory.display()
            )
        })?;
    }
    let private = PrivateKeyDer::try_from(made.key.serialize_der())
        .map_err(|error| format!("cannot make a key for {domain}: {error}"))?;
    let key = CertifiedKey::from_der(vec![made.certificate.der().clone()], private, provider)
        .map_err(|error| format!("cannot use the certificate made for {domain}: {error}"))?;
    Ok(Chain { key })
}

struct Made {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

/// A certificate with an ECDSA P-256 key for the domain and the names below it.
fn make(domain: &Domain) -> Result<Made, rcgen::Error> {
    let name = domain.ascii();
    let mut names = vec![name.clone()];
    if name.contains('.') && name.parse::<std::net::IpAddr>().is_err() {
        names.push(format!("*.{name}"));
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    // RFC 5280, appendix A: a common name has at most 64 characters. The names that count are above.
    let common: String = name.chars().take(64).collect();
    params.distinguished_name.push(DnType::CommonName, common);
    // Without end for the purpose: a change would ask every client for new trust.
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(Made { certificate, key })
}

/// Writes a file as a whole or not at all. Its mode holds from the first moment on.
fn write(directory: &Path, file: &Path, text: &str, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let mut half = file.as_os_str().to_owned();
    half.push(".new");
    match fs::remove_file(&half) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut out = OpenOptions::new().write(true).create_new(true).mode(mode).open(&half)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    fs::rename(&half, file)
}
