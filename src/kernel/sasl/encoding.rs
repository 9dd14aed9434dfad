//! SASL data in XML: base64 (RFC 4648 §4), where `=` stands for data of no length (RFC 6120 §6.4.2).

use super::{Condition, SaslFailure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const INCORRECT: SaslFailure = SaslFailure::silent(Condition::IncorrectEncoding, "not base64");

/// The text of `<auth/>`: nothing is no initial response, `=` an empty one.
pub fn decode_initial(text: &str) -> Result<Option<Vec<u8>>, SaslFailure> {
    if text.is_empty() { Ok(None) } else { decode_response(text).map(Some) }
}

/// The text of `<response/>`, where nothing and `=` both mean empty.
pub fn decode_response(text: &str) -> Result<Vec<u8>, SaslFailure> {
    if text.is_empty() || text == "=" {
        return Ok(Vec::new());
    }
    // RFC 6120 §13.9.1: characters outside the alphabet are rejected, not skipped, and so is misplaced padding.
    STANDARD.decode(text).map_err(|_| INCORRECT)
}

/// The text of `<challenge/>`.
pub fn encode_challenge(data: &[u8]) -> String {
    STANDARD.encode(data)
}

/// The text of `<success/>`. RFC 6120 §6.4.6: additional data of no length are written `=`.
pub fn encode_success(data: Option<&[u8]>) -> String {
    match data {
        None => String::new(),
        Some([]) => "=".to_owned(),
        Some(data) => STANDARD.encode(data),
    }
}
