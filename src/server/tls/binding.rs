//! Channel bindings: what ties a SASL login to the TLS connection that it runs on.

use rustls::pki_types::CertificateDer;
use rustls::server::ServerConnection;
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::signature_algorithm::SignatureAlgorithm;

/// Channel binding data of type `tls-exporter` (RFC 9266 §2), the same on both ends of a connection. An error
/// before the handshake is complete.
///
/// In TLS 1.2 it is defined only with the extended master secret, which [`Identity`](super::Identity) demands.
pub fn exporter(connection: &ServerConnection) -> Result<[u8; 32], rustls::Error> {
    // "Context value: zero-length string": in TLS 1.2 an empty context differs from none (RFC 5705 §4).
    connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""))
}

/// Channel binding data of type `tls-server-end-point` (RFC 5929 §4.1): the certificate's hash, by the hash
/// function of its own signature, but SHA-256 instead of MD5 and SHA-1. `None` where the RFC leaves it undefined
/// (Ed25519 has no hash function of that kind) and for algorithms unknown here.
pub fn end_point(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let algorithm = &parsed.signature_algorithm;
    let mut oid = algorithm.algorithm.to_id_string();
    if let Ok(SignatureAlgorithm::RSASSA_PSS(params)) = SignatureAlgorithm::try_from(algorithm) {
        oid = params.hash_algorithm_oid().to_id_string();
    }
    match oid.as_str() {
        // RSA or ECDSA with MD5, SHA-1 or SHA-256; SHA-1 and SHA-256 as the hash of RSASSA-PSS.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.10045.4.1"
        | "1.3.14.3.2.26"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.3.2"
        | "2.16.840.1.101.3.4.2.1" => Some(Sha256::digest(certificate).to_vec()),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" | "2.16.840.1.101.3.4.2.2" => {
            Some(Sha384::digest(certificate).to_vec())
        }
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" | "2.16.840.1.101.3.4.2.3" => {
            Some(Sha512::digest(certificate).to_vec())
        }
        _ => None,
    }
}
