//! The messages of SCRAM (RFC 5802 §5 and §7), for any hash.

use super::credentials::ScramKeys;
use super::{ChannelBindings, Condition, SaslFailure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::{Choice, ConstantTimeEq};

/// What the client says about channel binding (gs2-cbind-flag).
#[derive(Debug, PartialEq, Eq)]
enum Flag<'a> {
    /// `n`: it cannot.
    Unsupported,
    /// `y`: it could, but believes that the server cannot.
    NotOffered,
    /// `p=`: it does, to a channel of this type.
    Bound(&'a str),
}

/// client-first-message, checked.
#[derive(Debug)]
pub(super) struct ClientFirst {
    /// As the user typed it, with `=2C` and `=3D` decoded.
    pub(super) username: String,
    pub(super) authzid: Option<String>,
    /// What the client's `c=` must hold: gs2-header and binding data (cbind-input).
    binding: Vec<u8>,
    /// client-first-message-bare, as received: it is hashed.
    bare: String,
    nonce: String,
}

impl ClientFirst {
    /// `plus`: the client chose the mechanism's -PLUS variant. `offered`: it could have.
    pub(super) fn parse(
        data: &[u8],
        plus: bool,
        offered: bool,
        bindings: &ChannelBindings,
    ) -> Result<ClientFirst, SaslFailure> {
        let text = text(data)?;
        let (flag, rest) = text.split_once(',').ok_or(MALFORMED_FIRST)?;
        let (authzid, bare) = rest.split_once(',').ok_or(MALFORMED_FIRST)?;
        let header = &text[..text.len() - bare.len()];
        let flag = parse_flag(flag)?;
        let authzid = match authzid {
            "" => None,
            named => Some(saslname(named.strip_prefix("a=").ok_or(MALFORMED_FIRST)?)?),
        };

        let mut attributes = bare.split(',');
        let first = attributes.next().unwrap_or_default();
        if first.starts_with("m=") {
            return Err(MANDATORY_EXTENSION);
        }
        let username = saslname(first.strip_prefix("n=").ok_or(MALFORMED_FIRST)?)?;
        let nonce =
            attributes.next().and_then(|attribute| attribute.strip_prefix("r=")).ok_or(MALFORMED_FIRST)?;
        if nonce.is_empty() || !nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(MALFORMED_FIRST);
        }
        attributes.try_for_each(|attribute| extension(attribute).ok_or(MALFORMED_FIRST)?)?;

        let data = match (flag, plus) {
            (Flag::Unsupported, false) => &[][..],
            // RFC 5802 §6: somebody on the way has taken the -PLUS mechanisms off the list.
            (Flag::NotOffered, false) if offered => return Err(DOWNGRADED),
            (Flag::NotOffered, false) => &[],
            (Flag::Bound(name), true) => bindings.data(name).ok_or(UNSUPPORTED_BINDING)?,
            (Flag::Unsupported | Flag::NotOffered, true) | (Flag::Bound(_), false) => {
                return Err(SaslFailure::malformed("the channel binding flag contradicts the mechanism"));
            }
        };
        let binding = [header.as_bytes(), data].concat();
        Ok(ClientFirst { username, authzid, binding, bare: bare.to_owned(), nonce: nonce.to_owned() })
    }

    /// The server-first-message, and what waits for the answer to it.
    pub(super) fn challenge(
        self,
        keys: ScramKeys,
        known: Choice,
        server_nonce: &str,
    ) -> (ServerFirst, Vec<u8>) {
        let nonce = self.nonce + server_nonce;
        let salt = STANDARD.encode(keys.salt());
        let message = format!("r={nonce},s={salt},i={}", keys.iterations().count());
        let transcript = format!("{},{message},", self.bare);
        (ServerFirst { keys, known, binding: self.binding, nonce, transcript }, message.into_bytes())
    }
}

/// The server-first-message is sent, the client's proof awaited.
pub(super) struct ServerFirst {
    keys: ScramKeys,
    /// The account exists. If not, `keys` are made up and the proof cannot be right.
    known: Choice,
    binding: Vec<u8>,
    nonce: String,
    /// AuthMessage (RFC 5802 §3) as far as it is known.
    transcript: String,
}

impl ServerFirst {
    /// Checks the client-final-message; returns the server-final-message.
    pub(super) fn finish(&self, data: &[u8]) -> Result<Vec<u8>, SaslFailure> {
        let text = text(data)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(MALFORMED_FINAL)?;
        let proof = STANDARD.decode(proof).map_err(|_| MALFORMED_FINAL)?;
        if proof.len() != self.keys.hash().size() {
            return Err(MALFORMED_FINAL);
        }
        let mut attributes = without_proof.split(',');
        let mut next =
            |name| attributes.next().and_then(|text| text.strip_prefix(name)).ok_or(MALFORMED_FINAL);
        let binding = STANDARD.decode(next("c=")?).map_err(|_| MALFORMED_FINAL)?;
        let nonce = next("r=")?;
        attributes.try_for_each(|attribute| extension(attribute).ok_or(MALFORMED_FINAL)?)?;

        if !bool::from(nonce.as_bytes().ct_eq(self.nonce.as_bytes())) {
            return Err(SaslFailure::silent(Condition::NotAuthorized, "the nonce is not ours"));
        }
        // RFC 5802 §6: always validated, also where nothing is bound.
        if !bool::from(binding.ct_eq(&self.binding)) {
            return Err(SaslFailure::explained(Condition::NotAuthorized, "channel bindings do not match"));
        }
        let auth_message = [self.transcript.as_bytes(), without_proof.as_bytes()];
        let right = self.keys.verify_proof(&proof, &auth_message) & self.known;
        let signature = self.keys.server_signature(&auth_message);
        if right.into() {
            Ok(format!("v={}", STANDARD.encode(&*signature)).into_bytes())
        } else if self.known.into() {
            Err(SaslFailure::silent(Condition::NotAuthorized, "wrong password"))
        } else {
            Err(SaslFailure::silent(Condition::NotAuthorized, "no such account, or no keys for this hash"))
        }
    }
}

const MALFORMED_FIRST: SaslFailure = SaslFailure::malformed("not a SCRAM client-first-message");
const MALFORMED_FINAL: SaslFailure = SaslFailure::malformed("not a SCRAM client-final-message");
const MANDATORY_EXTENSION: SaslFailure =
    SaslFailure::malformed("SCRAM extensions are not supported (extensions-not-supported)");
const DOWNGRADED: SaslFailure = SaslFailure::explained(
    Condition::NotAuthorized,
    "the server does support channel binding (server-does-support-channel-binding)",
);
const UNSUPPORTED_BINDING: SaslFailure =
    SaslFailure::explained(Condition::NotAuthorized, "unsupported-channel-binding-type");

/// RFC 5802 §7: UTF-8, no NUL anywhere.
fn text(data: &[u8]) -> Result<&str, SaslFailure> {
    std::str::from_utf8(data)
        .ok()
        .filter(|text| !text.contains('\0'))
        .ok_or(SaslFailure::malformed("SCRAM messages are UTF-8 without NUL"))
}

fn parse_flag(flag: &str) -> Result<Flag<'_>, SaslFailure> {
    match flag {
        "n" => Ok(Flag::Unsupported),
        "y" => Ok(Flag::NotOffered),
        _ => {
            let name = flag.strip_prefix("p=").ok_or(MALFORMED_FIRST)?;
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
            let named = !name.is_empty() && name.bytes().all(allowed);
            named.then_some(Flag::Bound(name)).ok_or(MALFORMED_FIRST)
        }
    }
}

/// Decodes a saslname. RFC 5802 §5.1: `=` stands only before `2C` or `3D`; anything else fails.
fn saslname(text: &str) -> Result<String, SaslFailure> {
    if text.is_empty() {
        return Err(MALFORMED_FIRST);
    }
    let mut parts = text.split('=');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2).ok_or(MALFORMED_FIRST)?;
        name.push(match code {
            "2C" | "2c" => ',',
            "3D" | "3d" => '=',
            _ => return Err(MALFORMED_FIRST),
        });
        name.push_str(rest);
    }
    Ok(name)
}

/// An attribute beyond the known ones. `None` if it is not one (attr-val); RFC 5802 §5.1: unknown ones are
/// ignored, but `m` is fatal.
fn extension(attribute: &str) -> Option<Result<(), SaslFailure>> {
    let (name, value) = attribute.split_once('=')?;
    let letter = matches!(name.as_bytes(), [letter] if letter.is_ascii_alphabetic());
    (letter && !value.is_empty()).then(|| if name == "m" { Err(MANDATORY_EXTENSION) } else { Ok(()) })
}
