//! The accounts that a client's certificate names (RFC 6120 §13.7.1.4: the `XmppAddr` identifier).

use rustls::server::ServerConnection;
use wire::jid::BareJid;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// id-on-xmppAddr.
const XMPP_ADDR: &str = "1.3.6.1.5.5.7.8.5";

/// The addresses in the certificate that the client showed and that was verified, prepared. Empty without one.
pub fn certified(connection: &ServerConnection) -> Vec<BareJid> {
    let certificate = connection.peer_certificates().and_then(|chain| chain.first());
    certificate.map(|certificate| addresses(certificate)).unwrap_or_default()
}

pub(super) fn addresses(certificate: &[u8]) -> Vec<BareJid> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::OtherName(kind, value) if kind.to_id_string() == XMPP_ADDR => utf8_string(value),
        _ => None,
    });
    names.filter_map(|name| BareJid::parse(name).ok()).filter(|jid| jid.local().is_some()).collect()
}

/// The text of `[0] EXPLICIT UTF8String`, in DER.
fn utf8_string(value: &[u8]) -> Option<&str> {
    const EXPLICIT_0: u8 = 0xA0;
    const UTF8_STRING: u8 = 0x0C;
    let value = contents(value, EXPLICIT_0).unwrap_or(value);
    std::str::from_utf8(contents(value, UTF8_STRING)?).ok()
}

/// The contents of one DER element with that tag, which must be all there is.
fn contents(der: &[u8], tag: u8) -> Option<&[u8]> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(*first), rest),
        // The long form; an address needs two bytes of length at most.
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), rest.get(2..)?),
        _ => return None,
    };
    (*found == tag && rest.len() == length).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, OtherNameValue, SanType};

    fn certificate(names: &[&str]) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names
            .iter()
            .map(|name| {
                let oid = vec![1, 3, 6, 1, 5, 5, 7, 8, 5];
                SanType::OtherName((oid, OtherNameValue::Utf8String((*name).to_owned())))
            })
            .collect();
        params.subject_alt_names.push(SanType::DnsName("juliet.example".try_into().unwrap()));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn accounts_are_found_and_nothing_else() {
        let long = format!("{}@example.com", "a".repeat(200));
        let der = certificate(&[
            "Juliet@example.com",
            "example.com",
            "juliet@example.com/x",
            "not an address",
            &long,
        ]);
        let found: Vec<String> = addresses(&der).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["juliet@example.com", long.as_str()]);
        assert!(addresses(b"nonsense").is_empty());
        assert!(addresses(&certificate(&[])).is_empty());
    }
}
