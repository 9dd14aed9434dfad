//! Stream features announced during negotiation.

/// At which point of the negotiation a feature is announced (RFC 6120 §4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The stream is confidential; nobody has logged in.
    BeforeLogin,
    /// Logged in; about to bind.
    AfterLogin,
}

/// A feature that is only announced: what a client does about it is an IQ or a stanza later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// When.
    pub phase: Phase,
    /// The child of `<stream:features/>`.
    pub xml: String,
}

/// Makes the XML of a feature once everything is registered.
pub(crate) type Late = std::sync::Arc<dyn Fn() -> String + Send + Sync>;
