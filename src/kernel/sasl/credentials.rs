//! What is stored of a password: per hash a salt, an iteration count, StoredKey and ServerKey (RFC 5802 §3).

use super::crypto::{Hash, Secret, ServerSecret};
use super::prepare;
use crate::ports::Random;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// An account's password in the form in which it is stored: as JSON, with keys in base64.
///
/// From it neither the password nor a login can be made, only a password guess be checked. An account taken over
/// from another server may have keys for fewer hashes; the mechanisms of the others then fail for it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    #[serde(rename = "sha-1", default, skip_serializing_if = "Option::is_none", with = "stored::sha1")]
    sha1: Option<ScramKeys>,
    #[serde(rename = "sha-256", default, skip_serializing_if = "Option::is_none", with = "stored::sha256")]
    sha256: Option<ScramKeys>,
    #[serde(rename = "sha-512", default, skip_serializing_if = "Option::is_none", with = "stored::sha512")]
    sha512: Option<ScramKeys>,
}

impl Credentials {
    /// Prepares the password (RFC 8265 §4) and derives the keys for all hashes. Heavy: tens of milliseconds per 10,000
    /// iterations; run it where nothing waits for it.
    pub fn derive(
        password: &str,
        iterations: Iterations,
        salts: &Salts,
    ) -> Result<Credentials, PasswordError> {
        let mut credentials = Credentials::default();
        credentials.complete(password, iterations, salts)?;
        Ok(credentials)
    }

    /// The keys for one hash.
    pub fn keys(&self, hash: Hash) -> Option<&ScramKeys> {
        match hash {
            Hash::Sha1 => self.sha1.as_ref(),
            Hash::Sha256 => self.sha256.as_ref(),
            Hash::Sha512 => self.sha512.as_ref(),
        }
    }

    /// Sets the keys for their hash.
    pub fn insert(&mut self, keys: ScramKeys) {
        let place = match keys.hash {
            Hash::Sha1 => &mut self.sha1,
            Hash::Sha256 => &mut self.sha256,
            Hash::Sha512 => &mut self.sha512,
        };
        *place = Some(keys);
    }

    /// The keys that a plain password is checked against: of the cheapest hash there is. All are as sure, for nobody
    /// finds another password with the same StoredKey; and who has stolen the keys searches with the cheapest, too.
    pub(super) fn cheapest(&self) -> Option<&ScramKeys> {
        Hash::ALL.into_iter().rev().find_map(|hash| self.keys(hash))
    }

    /// Is this the password? Some five times as cheap as [`Credentials::derive`].
    pub fn verify_plain(&self, password: &str) -> bool {
        let Some(password) = prepare::password(password) else { return false };
        self.cheapest().is_some_and(|keys| keys.verify_plain(&password).into())
    }

    /// Keys for a hash are missing, or were derived with fewer iterations.
    pub(super) fn lack(&self, iterations: Iterations) -> bool {
        Hash::ALL.into_iter().any(|hash| self.lack_keys(hash, iterations))
    }

    fn lack_keys(&self, hash: Hash, iterations: Iterations) -> bool {
        self.keys(hash).is_none_or(|keys| keys.iterations < iterations)
    }

    /// Derives the keys that are missing or have fewer iterations. As heavy as [`Credentials::derive`]; `password` must
    /// be the one that the others were derived from.
    pub fn complete(
        &mut self,
        password: &str,
        iterations: Iterations,
        salts: &Salts,
    ) -> Result<(), PasswordError> {
        for hash in Hash::ALL {
            if self.lack_keys(hash, iterations) {
                self.insert(ScramKeys::derive(hash, password, iterations, salts.of(hash))?);
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(Hash::ALL.into_iter().filter_map(|hash| self.keys(hash))).finish()
    }
}

/// The password does not pass the OpaqueString profile (RFC 8265 §4.2): empty, or with control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordError;

impl std::fmt::Display for PasswordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the password is empty or has characters that a password cannot have")
    }
}

impl std::error::Error for PasswordError {}

/// How often a password is hashed. RFC 7677 §4 asks for 4,096 at least; more makes a stolen database more
/// expensive to search, and every login on a phone slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Iterations(u32);

impl Iterations {
    /// The least that is allowed.
    pub const MIN: u32 = 4_096;
    /// The most: above, a login takes seconds, and a typing error in the config stops all logins.
    pub const MAX: u32 = 5_000_000;

    /// `None` if out of bounds.
    pub const fn new(count: u32) -> Option<Iterations> {
        if Self::MIN <= count && count <= Self::MAX { Some(Iterations(count)) } else { None }
    }

    /// The number.
    pub const fn count(self) -> u32 {
        self.0
    }
}

impl Default for Iterations {
    fn default() -> Iterations {
        Iterations(10_000)
    }
}

impl TryFrom<u32> for Iterations {
    type Error = String;
    fn try_from(count: u32) -> Result<Iterations, String> {
        Iterations::new(count)
            .ok_or_else(|| format!("iterations must be between {} and {}", Iterations::MIN, Iterations::MAX))
    }
}

impl From<Iterations> for u32 {
    fn from(iterations: Iterations) -> u32 {
        iterations.0
    }
}

/// Fresh salts of 128 bits, one for each hash (XEP-0438, server storage: distinct for each user and hash).
#[derive(Clone, Debug)]
pub struct Salts([[u8; Salts::SIZE]; 3]);

impl Salts {
    /// Bytes of a salt.
    pub const SIZE: usize = 16;

    /// Draws new ones.
    pub fn new(random: &dyn Random) -> Salts {
        let mut salts = [[0; Salts::SIZE]; 3];
        for salt in &mut salts {
            random.fill(salt);
        }
        Salts(salts)
    }

    fn of(&self, hash: Hash) -> &[u8] {
        let [sha1, sha256, sha512] = &self.0;
        match hash {
            Hash::Sha1 => sha1,
            Hash::Sha256 => sha256,
            Hash::Sha512 => sha512,
        }
    }
}

/// StoredKey and ServerKey for one hash, with what they were derived with. Wiped when dropped.
#[derive(Clone)]
pub struct ScramKeys {
    hash: Hash,
    salt: Vec<u8>,
    iterations: Iterations,
    stored_key: Secret,
    server_key: Secret,
}

impl ScramKeys {
    /// Prepares the password and derives the keys.
    pub fn derive(
        hash: Hash,
        password: &str,
        iterations: Iterations,
        salt: &[u8],
    ) -> Result<ScramKeys, PasswordError> {
        let password = prepare::password(password).ok_or(PasswordError)?;
        let salted = hash.salted_password(password.as_bytes(), salt, iterations.count());
        let client_key = hash.hmac(&salted, &[b"Client Key"]);
        Ok(ScramKeys {
            hash,
            salt: salt.to_vec(),
            iterations,
            stored_key: hash.digest(&client_key),
            server_key: hash.hmac(&salted, &[b"Server Key"]),
        })
    }

    /// Keys as another server exported them. `None` if the keys are not of the hash's size or the salt is empty.
    pub fn import(
        hash: Hash,
        salt: Vec<u8>,
        iterations: Iterations,
        stored_key: Vec<u8>,
        server_key: Vec<u8>,
    ) -> Option<ScramKeys> {
        let (stored_key, server_key) = (Zeroizing::new(stored_key), Zeroizing::new(server_key));
        let fits = stored_key.len() == hash.size() && server_key.len() == hash.size() && !salt.is_empty();
        fits.then_some(ScramKeys { hash, salt, iterations, stored_key, server_key })
    }

    /// What stands in for the keys of an account that does not exist: always the same for the same account, and
    /// made from the deployment's secret, so that nobody can tell it from a real one.
    pub(super) fn fake(
        hash: Hash,
        secret: &ServerSecret,
        account: &str,
        iterations: Iterations,
    ) -> ScramKeys {
        let mut salt = secret.hmac(hash, "salt", account).to_vec();
        salt.truncate(Salts::SIZE);
        ScramKeys {
            hash,
            salt,
            iterations,
            stored_key: secret.hmac(hash, "stored key", account),
            server_key: secret.hmac(hash, "server key", account),
        }
    }

    pub(super) fn hash(&self) -> Hash {
        self.hash
    }

    pub(super) fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// How often the password was hashed.
    pub fn iterations(&self) -> Iterations {
        self.iterations
    }

    /// Checks a prepared password.
    pub(super) fn verify_plain(&self, prepared: &str) -> Choice {
        let salted = self.hash.salted_password(prepared.as_bytes(), &self.salt, self.iterations.count());
        self.is_client_key(&self.hash.hmac(&salted, &[b"Client Key"]))
    }

    /// RFC 5802 §3: ClientKey is the proof without the signature, and its hash must be StoredKey. `proof` must be
    /// of the hash's size.
    pub(super) fn verify_proof(&self, proof: &[u8], auth_message: &[&[u8]]) -> Choice {
        let mut client_key = self.hash.hmac(&self.stored_key, auth_message);
        client_key.iter_mut().zip(proof).for_each(|(byte, mask)| *byte ^= mask);
        self.is_client_key(&client_key) & proof.len().ct_eq(&self.hash.size())
    }

    /// RFC 5802 §3: what proves to the client that the server knows the password's keys.
    pub(super) fn server_signature(&self, auth_message: &[&[u8]]) -> Secret {
        self.hash.hmac(&self.server_key, auth_message)
    }

    fn is_client_key(&self, candidate: &[u8]) -> Choice {
        self.hash.digest(candidate).ct_eq(&self.stored_key)
    }
}

impl PartialEq for ScramKeys {
    fn eq(&self, other: &ScramKeys) -> bool {
        let same_keys = self.stored_key.ct_eq(&other.stored_key) & self.server_key.ct_eq(&other.server_key);
        self.hash == other.hash
            && self.salt == other.salt
            && self.iterations == other.iterations
            && same_keys.into()
    }
}

impl Eq for ScramKeys {}

impl std::fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({} iterations, ..)", self.hash.name(), self.iterations.count())
    }
}

/// The form in JSON. The hash is the key's name in the object above, hence one module for each.
mod stored {
    use super::*;
    use serde::de::Error;
    use serde::{Deserializer, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Stored {
        salt: String,
        iterations: Iterations,
        stored_key: Zeroizing<String>,
        server_key: Zeroizing<String>,
    }

    fn write<S: Serializer>(keys: &Option<ScramKeys>, serializer: S) -> Result<S::Ok, S::Error> {
        let form = keys.as_ref().map(|keys| Stored {
            salt: STANDARD.encode(&keys.salt),
            iterations: keys.iterations,
            stored_key: STANDARD.encode(&*keys.stored_key).into(),
            server_key: STANDARD.encode(&*keys.server_key).into(),
        });
        form.serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(hash: Hash, deserializer: D) -> Result<Option<ScramKeys>, D::Error> {
        let Some(form) = Option::<Stored>::deserialize(deserializer)? else { return Ok(None) };
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| D::Error::custom("not base64"));
        let stored_key = decode(&form.stored_key)?;
        let server_key = decode(&form.server_key)?;
        ScramKeys::import(hash, decode(&form.salt)?, form.iterations, stored_key, server_key)
            .ok_or_else(|| D::Error::custom("salt or keys are not of the hash's size"))
            .map(Some)
    }

    macro_rules! of_hash {
        ($name:ident, $hash:expr) => {
            pub(super) mod $name {
                use super::*;
                pub(in super::super) fn serialize<S: Serializer>(
                    keys: &Option<ScramKeys>,
                    serializer: S,
                ) -> Result<S::Ok, S::Error> {
                    write(keys, serializer)
                }
                pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
                    deserializer: D,
                ) -> Result<Option<ScramKeys>, D::Error> {
                    read($hash, deserializer)
                }
            }
        };
    }
    of_hash!(sha1, Hash::Sha1);
    of_hash!(sha256, Hash::Sha256);
    of_hash!(sha512, Hash::Sha512);
}
