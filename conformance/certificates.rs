//! A certificate authority for one run, and the certificate that all servers use.

use crate::Result;
use crate::report::today;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use std::fs::{self, Permissions};
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The files, all PEM.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    /// The authority, for clients.
    pub(crate) ca: PathBuf,
    /// The chain of the server: its certificate alone.
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    /// Chain and key in one file.
    pub(crate) both: PathBuf,
}

impl Certificates {
    /// Makes them in a folder: for a domain, its services, and an address.
    pub(crate) fn make(folder: &Path, domain: &str, address: Ipv4Addr) -> Result<Certificates> {
        // Erlang can't set a timer for the end of a certificate that is valid for thousands of years.
        let year: i32 = today().chars().take(4).collect::<String>().parse()?;
        let valid = |mut params: CertificateParams| {
            params.not_before = date_time_ymd(year - 1, 1, 1);
            params.not_after = date_time_ymd(year + 2, 1, 1);
            params
        };
        let ca_key = KeyPair::generate()?;
        let mut authority = valid(CertificateParams::new(Vec::new())?);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        authority.distinguished_name.push(DnType::CommonName, "Conformance Tests");
        let ca = authority.self_signed(&ca_key)?.pem();
        let issuer = Issuer::new(authority, ca_key);

        let key = KeyPair::generate()?;
        // An address of the loopback may be the domain.
        let mut names = vec![address.to_string()];
        if names[0] != domain {
            names.extend([domain.to_owned(), format!("*.{domain}")]);
        }
        let mut server = valid(CertificateParams::new(names)?);
        server.distinguished_name.push(DnType::CommonName, domain);
        server.use_authority_key_identifier_extension = true;
        // As public authorities have it: the root is not sent.
        let chain = server.signed_by(&key, &issuer)?.pem();
        let files = Certificates {
            ca: folder.join("ca.pem"),
            chain: folder.join("chain.pem"),
            key: folder.join("key.pem"),
            both: folder.join("both.pem"),
        };
        fs::write(&files.ca, ca)?;
        fs::write(&files.chain, &chain)?;
        for (file, content) in [(&files.key, String::new()), (&files.both, chain)] {
            fs::write(file, content + &key.serialize_pem())?;
            fs::set_permissions(file, Permissions::from_mode(0o600))?;
        }
        Ok(files)
    }
}
