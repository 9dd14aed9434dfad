//! How an authentication fails (RFC 6120 §6.5).

use wire::jid::BareJid;

/// The condition that the peer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The peer gave up.
    Aborted,
    /// The account may not be used now. Said only after the right password.
    AccountDisabled,
    /// The credentials are too old.
    CredentialsExpired,
    /// The mechanism needs TLS.
    EncryptionRequired,
    /// Not base64.
    IncorrectEncoding,
    /// May not act as that identity.
    InvalidAuthzid,
    /// No such mechanism here.
    InvalidMechanism,
    /// Violates the mechanism's syntax.
    MalformedRequest,
    /// Policy asks for more.
    MechanismTooWeak,
    /// Wrong password, no such account, or anything that is better not disclosed.
    NotAuthorized,
    /// The server's fault; later it may work.
    TemporaryAuthFailure,
}

impl Condition {
    /// Its element name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Condition::Aborted => "aborted",
            Condition::AccountDisabled => "account-disabled",
            Condition::CredentialsExpired => "credentials-expired",
            Condition::EncryptionRequired => "encryption-required",
            Condition::IncorrectEncoding => "incorrect-encoding",
            Condition::InvalidAuthzid => "invalid-authzid",
            Condition::InvalidMechanism => "invalid-mechanism",
            Condition::MalformedRequest => "malformed-request",
            Condition::MechanismTooWeak => "mechanism-too-weak",
            Condition::NotAuthorized => "not-authorized",
            Condition::TemporaryAuthFailure => "temporary-auth-failure",
        }
    }
}

/// A failed authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaslFailure {
    /// For the peer.
    pub condition: Condition,
    /// For the people at the peer's end; never tells whether an account exists.
    pub text: Option<&'static str>,
    /// For the log only: what happened in truth.
    pub reason: &'static str,
    /// For the log and the throttle only: the account that was asked for, where it got that far.
    pub account: Option<BareJid>,
}

impl SaslFailure {
    /// A failure whose reason stays in the log.
    pub const fn silent(condition: Condition, reason: &'static str) -> SaslFailure {
        SaslFailure { condition, text: None, reason, account: None }
    }

    /// A failure whose reason the peer may read.
    pub const fn explained(condition: Condition, reason: &'static str) -> SaslFailure {
        SaslFailure { condition, text: Some(reason), reason, account: None }
    }

    /// The answer to `<abort/>` (RFC 6120 §6.4.4).
    pub const fn aborted() -> SaslFailure {
        SaslFailure::silent(Condition::Aborted, "aborted by the peer")
    }

    pub(super) const fn malformed(reason: &'static str) -> SaslFailure {
        SaslFailure::explained(Condition::MalformedRequest, reason)
    }

    pub(super) fn of(mut self, account: &BareJid) -> SaslFailure {
        self.account = Some(account.clone());
        self
    }

    /// Was this a wrong guess at an account's password? Then the throttle counts it.
    pub fn is_guess(&self) -> bool {
        self.condition == Condition::NotAuthorized && self.account.is_some()
    }

    /// The `<failure/>` element of RFC 6120 §6.5.
    pub fn element(&self) -> String {
        let condition = self.condition.as_str();
        // The texts are constants of this crate, without markup.
        let text = self.text.map(|text| format!("<text xml:lang='en'>{text}</text>")).unwrap_or_default();
        format!("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><{condition}/>{text}</failure>")
    }
}

impl std::fmt::Display for SaslFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.condition.as_str(), self.reason)
    }
}

impl std::error::Error for SaslFailure {}
