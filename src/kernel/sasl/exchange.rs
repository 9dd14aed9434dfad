//! One authentication, from the mechanism's name to success or failure.

use super::credentials::{Credentials, Iterations, ScramKeys};
use super::mechanisms;
use super::plain::{self, PlainCheck, PlainVerdict};
use super::scram::{ClientFirst, ServerFirst};
use super::{ChannelBindings, Condition, Hash, Mechanism, Plain, Policy, SaslFailure, ServerSecret};
use crate::ports::Random;
use std::sync::Arc;
use subtle::Choice;
use wire::jid::BareJid;
use zeroize::Zeroizing;

/// The longest message that is looked at, in bytes. RFC 4616 §2 wants three times 255; a JID and a password of
/// the greatest length fit.
pub const MAX_MESSAGE: usize = 4096;

/// What an authentication on one stream goes by.
#[derive(Clone)]
pub struct Context {
    /// The stream's domain, prepared.
    pub domain: String,
    /// What the operator allows.
    pub policy: Policy,
    /// What TLS gives to bind to.
    pub bindings: ChannelBindings,
    /// Bare JIDs that the client's verified certificate names and that it may be on this stream:
    /// accounts of `domain` for a client, domains for a server.
    pub certificate: Vec<BareJid>,
    /// Makes the salts of accounts that do not exist.
    pub secret: ServerSecret,
    /// The count that new credentials get; accounts that do not exist show it too.
    pub iterations: Iterations,
    /// For nonces.
    pub random: Arc<dyn Random>,
}

impl Context {
    /// The mechanisms to offer, in order.
    pub fn mechanisms(&self) -> Vec<Mechanism> {
        mechanisms(&self.policy, &self.bindings, !self.certificate.is_empty())
    }

    fn offers_channel_binding(&self) -> bool {
        self.mechanisms().iter().any(|mechanism| matches!(mechanism, Mechanism::Scram { plus: true, .. }))
    }
}

/// Who the peer has proven to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// An account of the stream's domain.
    Account(BareJid),
    /// Nobody in particular, with what it chose to say about itself (RFC 4505), not to be trusted.
    Anonymous {
        /// Trace information for the log.
        trace: Option<String>,
    },
    /// One of [`Context::certificate`].
    Certificate(BareJid),
}

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Send `<challenge/>`; go on with [`Exchange::respond`].
    Challenge(Vec<u8>),
    /// Look the account up; go on with [`Exchange::credentials`]. Ask the throttle here.
    NeedCredentials {
        /// Whose; it may not exist.
        account: BareJid,
    },
    /// Run it where it may take its time; go on with [`Exchange::computed`].
    Compute(PlainCheck),
    /// The peer is in.
    Success {
        /// As whom.
        identity: Identity,
        /// To be sent in `<success/>`.
        additional_data: Option<Vec<u8>>,
    },
    /// It is not.
    Failure(SaslFailure),
}

/// One authentication. A new `<auth/>` starts a new one and drops this (RFC 6120 §6.4.2).
///
/// Answers to an earlier exchange (an account's credentials, a verdict) change nothing here and give `None`.
pub struct Exchange {
    context: Arc<Context>,
    state: State,
    proven: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exchange(..)")
    }
}

enum State {
    /// No initial response was given: the first response is it.
    Initial(Mechanism),
    Plain {
        account: BareJid,
        password: Zeroizing<String>,
    },
    Computing {
        account: BareJid,
        exchange: Arc<()>,
        /// The password, should it be right and what is stored of it incomplete.
        proven: Option<Zeroizing<String>>,
    },
    Scram {
        account: BareJid,
        hash: Hash,
        first: Box<ClientFirst>,
    },
    Proof {
        account: BareJid,
        sent: Box<ServerFirst>,
    },
    Over,
}

/// The next state with what is to be done to get there, or the failure.
type Next = Result<(State, Step), SaslFailure>;

impl Exchange {
    /// `<auth/>`: the peer chose a mechanism. `initial` is `None` without an initial response and empty for `=`.
    pub fn start(mechanism: &str, initial: Option<&[u8]>, context: Arc<Context>) -> (Exchange, Step) {
        let mut exchange = Exchange { context, state: State::Over, proven: None };
        let next = exchange.choose(mechanism).and_then(|mechanism| match initial {
            // RFC 4422 §5: all our mechanisms have the client begin, so an empty challenge asks it to.
            None => Ok((State::Initial(mechanism), Step::Challenge(Vec::new()))),
            Some(data) => exchange.first(mechanism, data),
        });
        let step = exchange.enter(next);
        (exchange, step)
    }

    /// `<response/>`.
    pub fn respond(&mut self, data: &[u8]) -> Step {
        let next = match std::mem::replace(&mut self.state, State::Over) {
            State::Initial(mechanism) => self.first(mechanism, data),
            State::Proof { account, sent } => finish_scram(account, &sent, data),
            _ => Err(SaslFailure::malformed("no response is expected now")),
        };
        self.enter(next)
    }

    /// The account that [`Step::NeedCredentials`] asked for, or `None` if there is none. Returns `None` if it was
    /// not asked for. Where the lookup failed, drop the exchange and answer temporary-auth-failure.
    #[must_use]
    pub fn credentials(&mut self, account: &BareJid, found: Option<&Credentials>) -> Option<Step> {
        let asked = match &self.state {
            State::Plain { account: asked, .. } | State::Scram { account: asked, .. } => asked == account,
            _ => false,
        };
        if !asked {
            return None;
        }
        let context = &self.context;
        // Made for known accounts too, so that both take the same time.
        let stand_in = |hash| ScramKeys::fake(hash, &context.secret, account.as_str(), context.iterations);
        let next = match std::mem::replace(&mut self.state, State::Over) {
            State::Plain { account, password } => {
                let keys = found.and_then(Credentials::cheapest);
                let known = Choice::from(u8::from(keys.is_some()));
                let stand_in = stand_in(Hash::Sha1);
                let keys = keys.cloned().unwrap_or(stand_in);
                let exchange = Arc::new(());
                let lacking = found.is_some_and(|found| found.lack(context.iterations));
                let proven = lacking.then(|| password.clone());
                let check = PlainCheck { exchange: exchange.clone(), password, keys, known };
                (State::Computing { account, exchange, proven }, Step::Compute(check))
            }
            State::Scram { account, hash, first } => {
                let keys = found.and_then(|found| found.keys(hash));
                let known = Choice::from(u8::from(keys.is_some()));
                let stand_in = stand_in(hash);
                let keys = keys.cloned().unwrap_or(stand_in);
                let (sent, message) = first.challenge(keys, known, &context.random.token());
                (State::Proof { account, sent: Box::new(sent) }, Step::Challenge(message))
            }
            state => (state, Step::Failure(SaslFailure::malformed("no credentials are expected now"))),
        };
        Some(self.enter(Ok(next)))
    }

    /// What the [`PlainCheck`] found. Returns `None` if it belongs to another exchange.
    #[must_use]
    pub fn computed(&mut self, verdict: PlainVerdict) -> Option<Step> {
        if !matches!(&self.state, State::Computing { exchange, .. } if verdict.is_for(exchange)) {
            return None;
        }
        let State::Computing { account, proven, .. } = std::mem::replace(&mut self.state, State::Over) else {
            return None;
        };
        let next = if verdict.right {
            self.proven = proven;
            succeed(Identity::Account(account), None)
        } else {
            Err(SaslFailure::silent(Condition::NotAuthorized, "wrong password or no such account")
                .of(&account))
        };
        Some(self.enter(next))
    }

    /// After a success: the password, if keys for it are missing in the credentials or were derived with fewer
    /// iterations than new ones get. See [`Credentials::complete`].
    pub fn take_proven(&mut self) -> Option<Zeroizing<String>> {
        self.proven.take()
    }

    fn enter(&mut self, next: Next) -> Step {
        match next {
            Ok((state, step)) => {
                self.state = state;
                step
            }
            Err(failure) => {
                self.state = State::Over;
                Step::Failure(failure)
            }
        }
    }

    fn choose(&self, name: &str) -> Result<Mechanism, SaslFailure> {
        const UNKNOWN: SaslFailure =
            SaslFailure::silent(Condition::InvalidMechanism, "mechanism not offered");
        let mechanism = Mechanism::from_name(name).ok_or(UNKNOWN)?;
        if self.context.mechanisms().contains(&mechanism) {
            Ok(mechanism)
        } else if mechanism == Mechanism::Plain && self.context.policy.plain != Plain::Never {
            // RFC 6120 §6.5.4
            Err(SaslFailure::silent(Condition::EncryptionRequired, "PLAIN without TLS"))
        } else {
            Err(UNKNOWN)
        }
    }

    /// The client's first message.
    fn first(&self, mechanism: Mechanism, data: &[u8]) -> Next {
        if data.len() > MAX_MESSAGE {
            return Err(TOO_LONG);
        }
        match mechanism {
            Mechanism::Plain => {
                let message = plain::parse(data)?;
                let account = self.authorize(message.username, message.authzid)?;
                let password = message.password.ok_or(IMPOSSIBLE_PASSWORD)?;
                let step = Step::NeedCredentials { account: account.clone() };
                Ok((State::Plain { account, password }, step))
            }
            Mechanism::Scram { hash, plus } => {
                let offered = self.context.offers_channel_binding();
                let first = ClientFirst::parse(data, plus, offered, &self.context.bindings)?;
                let account = self.authorize(&first.username, first.authzid.as_deref())?;
                let step = Step::NeedCredentials { account: account.clone() };
                Ok((State::Scram { account, hash, first: Box::new(first) }, step))
            }
            Mechanism::Anonymous => succeed(Identity::Anonymous { trace: trace(data)? }, None),
            Mechanism::External => succeed(Identity::Certificate(self.external(data)?), None),
        }
    }

    /// Prepares the user name and sees that the authorization identity is the user's own: the only one that
    /// anybody may act as here.
    fn authorize(&self, username: &str, authzid: Option<&str>) -> Result<BareJid, SaslFailure> {
        let domain = &self.context.domain;
        let account = BareJid::new(Some(username), domain)
            .map_err(|_| SaslFailure::silent(Condition::NotAuthorized, "not a possible user name"))?;
        let asked = match authzid {
            None => return Ok(account),
            // RFC 6120 §6.3.8: it is a bare JID.
            Some(jid) if jid.contains('@') => BareJid::parse(jid),
            // COMPAT: some clients repeat the user name here.
            Some(name) => BareJid::new(Some(name), domain),
        };
        if asked.is_ok_and(|asked| asked == account) {
            Ok(account)
        } else {
            Err(INVALID_AUTHZID.of(&account))
        }
    }

    /// RFC 4422 app. A, XEP-0178: the identity asked for must be in the certificate; without one, the certificate
    /// must leave no choice.
    fn external(&self, data: &[u8]) -> Result<BareJid, SaslFailure> {
        let authzid = std::str::from_utf8(data).ok().filter(|text| !text.contains('\0'));
        let authzid =
            authzid.ok_or(SaslFailure::malformed("the authorization identity is UTF-8 without NUL"))?;
        match (authzid, self.context.certificate.as_slice()) {
            ("", [only]) => Ok(only.clone()),
            ("", _) => Err(INVALID_AUTHZID),
            (named, identities) => {
                let jid = BareJid::parse(named).map_err(|_| INVALID_AUTHZID)?;
                if identities.contains(&jid) { Ok(jid) } else { Err(INVALID_AUTHZID) }
            }
        }
    }
}

const INVALID_AUTHZID: SaslFailure =
    SaslFailure::silent(Condition::InvalidAuthzid, "may not act as the identity asked for");
const IMPOSSIBLE_PASSWORD: SaslFailure =
    SaslFailure::silent(Condition::NotAuthorized, "not a possible password");
const TOO_LONG: SaslFailure = SaslFailure::malformed("the message is too long");

fn succeed(identity: Identity, additional_data: Option<Vec<u8>>) -> Next {
    Ok((State::Over, Step::Success { identity, additional_data }))
}

fn finish_scram(account: BareJid, sent: &ServerFirst, data: &[u8]) -> Next {
    if data.len() > MAX_MESSAGE {
        return Err(TOO_LONG.of(&account));
    }
    match sent.finish(data) {
        Ok(message) => succeed(Identity::Account(account), Some(message)),
        Err(failure) => Err(failure.of(&account)),
    }
}

/// RFC 4505 §2: nothing, or up to 255 characters. Control characters are not for a log.
fn trace(data: &[u8]) -> Result<Option<String>, SaslFailure> {
    const MALFORMED: SaslFailure =
        SaslFailure::malformed("trace information is up to 255 plain characters in UTF-8");
    let text = std::str::from_utf8(data).map_err(|_| MALFORMED)?;
    if text.chars().count() > 255 || text.contains(char::is_control) {
        return Err(MALFORMED);
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
