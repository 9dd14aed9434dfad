//! Certificates and keys out of PEM files. Errors name the file and say what to do.

use crate::config::{Diagnostics, Domain, KeyPair};
use rustls::RootCertStore;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use std::path::Path;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;

/// A chain with a key that belongs to it.
pub(super) struct Chain {
    pub(super) key: CertifiedKey,
}

impl Chain {
    /// Seconds since 1970 at which the server's certificate begins and ceases to hold.
    pub(super) fn validity(&self) -> Option<(i64, i64)> {
        let certificate = self.key.end_entity_cert().ok()?;
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        Some((parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp()))
    }
}

/// Reads a chain and its key and makes sure that they belong together.
pub(super) fn chain(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<Chain, String> {
    let certificates = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| match error {
        pem::Error::NoItemsFound => format!(
            "{}: no private key in this file; it must hold a \"BEGIN PRIVATE KEY\" section without a password",
            key.display()
        ),
        error => unreadable(key, &error),
    })?;
    match CertifiedKey::from_der(certificates, private, provider) {
        Ok(key) => Ok(Chain { key }),
        Err(rustls::Error::InconsistentKeys(_)) => Err(format!(
            "the key in {} does not belong to the first certificate in {}; the server's own certificate must stand \
             first, the authorities' after it",
            key.display(),
            certificate.display()
        )),
        Err(error) => Err(format!("{} and {} cannot be used: {error}", certificate.display(), key.display())),
    }
}

/// Reads the authorities for client certificates.
pub(super) fn roots(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(list) if list.is_empty() => Err(format!(
            "{}: no certificate in this file; it must hold \"BEGIN CERTIFICATE\" sections (PEM)",
            file.display()
        )),
        Ok(list) => Ok(list),
        Err(error) => Err(unreadable(file, &error)),
    }
}

fn unreadable(file: &Path, error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => format!("{}: {error}", file.display()),
        error => format!("{}: damaged PEM file: {error}", file.display()),
    }
}

/// Warns of a certificate that is not valid now or not for long.
pub(super) fn check_validity(chain: &Chain, place: &str, file: &Path, out: &mut Diagnostics) {
    const WEEK: i64 = 7 * 86_400;
    let Some((from, to)) = chain.validity() else { return };
    let now = ASN1Time::now().timestamp();
    let file = file.display();
    if now < from {
        out.warning(place, format!("{file}: this certificate is not valid yet; is the clock right?"));
    } else if to < now {
        out.warning(place, format!("{file}: this certificate EXPIRED; renew it, then reload the server"));
    } else if to < now + WEEK {
        out.warning(place, format!("{file}: this certificate expires in less than a week; renew it"));
    }
}

/// Warns if the certificate does not name the domain.
pub(super) fn check_name(pair: &KeyPair, domain: &Domain, out: &mut Diagnostics) {
    // The file was readable a moment ago; if it is gone now, the next load will say so.
    let Ok(certificate) = CertificateDer::from_pem_file(&pair.certificate) else { return };
    if !names(&certificate, domain) {
        let file = pair.certificate.display();
        out.warning(
            pair.place.as_str(),
            format!("{file}: this certificate does not name {domain}; clients of that domain will refuse it"),
        );
    }
}

/// True if the certificate is good for the domain (RFC 6125, subject alternative names only).
pub(super) fn names(certificate: &CertificateDer<'_>, domain: &Domain) -> bool {
    let (Ok(parsed), Ok(name)) =
        (ParsedCertificate::try_from(certificate), ServerName::try_from(domain.ascii()))
    else {
        return false;
    };
    verify_server_name(&parsed, &name).is_ok()
}
