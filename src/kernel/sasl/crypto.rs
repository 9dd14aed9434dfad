//! The hash functions of SCRAM (RFC 5802 §2.2): H(), HMAC() and Hi(), chosen at run time.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes that are wiped when they go.
pub(super) type Secret = Zeroizing<Vec<u8>>;

/// A hash function that SCRAM is used with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-1 (RFC 5802). Its weakness to collisions does not touch HMAC.
    Sha1,
    /// SHA-256 (RFC 7677).
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// All, the strongest first.
    pub const ALL: [Hash; 3] = [Hash::Sha512, Hash::Sha256, Hash::Sha1];

    /// Bytes of its output.
    pub const fn size(self) -> usize {
        match self {
            Hash::Sha1 => 20,
            Hash::Sha256 => 32,
            Hash::Sha512 => 64,
        }
    }

    /// Its name in stored credentials, as in XEP-0300.
    pub const fn name(self) -> &'static str {
        match self {
            Hash::Sha1 => "sha-1",
            Hash::Sha256 => "sha-256",
            Hash::Sha512 => "sha-512",
        }
    }

    /// H()
    pub(super) fn digest(self, data: &[u8]) -> Secret {
        Zeroizing::new(match self {
            Hash::Sha1 => Sha1::digest(data).to_vec(),
            Hash::Sha256 => Sha256::digest(data).to_vec(),
            Hash::Sha512 => Sha512::digest(data).to_vec(),
        })
    }

    /// HMAC() over the parts, joined.
    pub(super) fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Secret {
        match self {
            Hash::Sha1 => mac::<Hmac<Sha1>>(key, parts),
            Hash::Sha256 => mac::<Hmac<Sha256>>(key, parts),
            Hash::Sha512 => mac::<Hmac<Sha512>>(key, parts),
        }
    }

    /// Hi(), which is PBKDF2 with one block of output: the heavy one, linear in `iterations`.
    pub(super) fn salted_password(self, password: &[u8], salt: &[u8], iterations: u32) -> Secret {
        let mut out = Zeroizing::new(vec![0; self.size()]);
        match self {
            Hash::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, iterations, &mut out),
            Hash::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut out),
            Hash::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, iterations, &mut out),
        }
        out
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Secret {
    #[allow(
        clippy::expect_used,
        reason = "the error is for block ciphers; HMAC hashes or pads a key of any length"
    )]
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        Mac::update(&mut mac, part);
    }
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}

/// A secret of this deployment, from which the salts of accounts that do not exist are made. It must survive
/// restarts: a salt that changes gives the unknown account away.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ServerSecret([u8; 32]);

impl ServerSecret {
    /// Takes 32 unpredictable bytes.
    pub const fn new(bytes: [u8; 32]) -> ServerSecret {
        ServerSecret(bytes)
    }

    pub(super) fn hmac(&self, hash: Hash, purpose: &str, account: &str) -> Secret {
        // NUL cannot be part of a JID, so no two inputs join to the same text.
        hash.hmac(&self.0, &[purpose.as_bytes(), b"\0", hash.name().as_bytes(), b"\0", account.as_bytes()])
    }
}

impl std::fmt::Debug for ServerSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerSecret(..)")
    }
}
