//! SASL on a client's stream: RFC 6120 §6 around [`crate::sasl`].

use super::{Busy, Core, Stage};
use crate::outbox::Ending;
use crate::ports::{StoreError, Value};
use crate::sasl::Credentials;
use crate::sasl::{
    Condition, Context, Exchange, Identity, Mechanism, PlainVerdict, SaslFailure, ServerSecret, Step,
    Verdict, channel_binding_element, decode_initial, decode_response, encode_challenge, encode_success,
};
use crate::users::Users;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use wire::error::{StreamCondition, StreamError};
use wire::frame::RawFrame;
use wire::jid::BareJid;
use zeroize::Zeroizing;

/// RFC 6120 §6.4.5: attempts on one stream.
const ATTEMPTS: u32 = 5;

/// Where the login of one stream stands.
#[derive(Default)]
pub(super) struct Login {
    exchange: Option<Exchange>,
    /// The account whose attempt the throttle counts.
    trying: Option<BareJid>,
    failures: u32,
    restart: bool,
    /// The row of the credentials, as it was read.
    row: Option<Value>,
    /// The password that it goes with, if it lacks keys.
    proven: Option<Zeroizing<String>>,
}

impl Login {
    /// True once after a success: the stream starts over.
    pub(super) fn take_restart(&mut self) -> bool {
        std::mem::take(&mut self.restart)
    }
}

/// What background work of a login brought.
pub(super) enum Turn {
    Found(BareJid, Box<Result<Option<(Credentials, Value)>, StoreError>>),
    Computed(Option<PlainVerdict>),
    /// Whether there is such an account.
    Vouched(BareJid, Result<bool, StoreError>),
}

impl Core {
    fn sasl_context(&self) -> Context {
        let settings = self.engine.settings();
        let certificate = self.peer.certified.iter().filter(|jid| jid.domain() == self.domain);
        Context {
            domain: self.domain.clone(),
            policy: settings.sasl.clone(),
            bindings: self.peer.bindings.clone(),
            certificate: certificate.cloned().collect(),
            secret: ServerSecret::new(self.engine.secret),
            iterations: settings.iterations,
            random: self.engine.ports.random.clone(),
        }
    }

    /// The mechanisms, and what they can bind to (XEP-0440).
    pub(super) fn offer(&self) -> String {
        let mechanisms = self.sasl_context().mechanisms();
        if mechanisms.is_empty() {
            return String::new();
        }
        let mut out = String::from("<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>");
        for mechanism in &mechanisms {
            out.push_str("<mechanism>");
            out.push_str(mechanism.name());
            out.push_str("</mechanism>");
        }
        out.push_str("</mechanisms>");
        if mechanisms.iter().any(|mechanism| matches!(mechanism, Mechanism::Scram { plus: true, .. })) {
            out.push_str(&channel_binding_element(&self.peer.bindings).unwrap_or_default());
        }
        out
    }

    /// `<auth/>`, `<response/>` or `<abort/>`.
    pub(super) fn sasl(&mut self, raw: &RawFrame<'_>) {
        let element = raw.element();
        let text = element.text();
        match raw.name() {
            "auth" => {
                self.abandon();
                let mechanism = element.attr("mechanism").unwrap_or_default();
                match decode_initial(&text) {
                    Ok(initial) => {
                        let (exchange, step) =
                            Exchange::start(mechanism, initial.as_deref(), Arc::new(self.sasl_context()));
                        self.login.exchange = Some(exchange);
                        self.step(step);
                    }
                    Err(failure) => self.step(Step::Failure(failure)),
                }
            }
            "response" => {
                let step = match (&mut self.login.exchange, decode_response(&text)) {
                    (Some(exchange), Ok(data)) => exchange.respond(&data),
                    (None, Ok(_)) => Step::Failure(SaslFailure::silent(
                        Condition::MalformedRequest,
                        "nothing to respond to",
                    )),
                    (_, Err(failure)) => Step::Failure(failure),
                };
                self.step(step);
            }
            "abort" => self.step(Step::Failure(SaslFailure::aborted())),
            _ => self.fail(StreamError::new(StreamCondition::UnsupportedStanzaType)),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Challenge(data) => {
                self.reply(&format!(
                    "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{}</challenge>",
                    encode_challenge(&data)
                ));
            }
            Step::NeedCredentials { account } => self.look_up(account),
            Step::Compute(check) => {
                let engine = self.engine.clone();
                self.busy = Some(Busy::Login(Box::pin(async move {
                    Turn::Computed(engine.compute(move || check.run()).await)
                })));
            }
            Step::Success { identity: Identity::Certificate(account), .. } => self.vouch(account),
            Step::Success { identity, additional_data } => self.succeed(identity, additional_data.as_deref()),
            Step::Failure(failure) => self.refuse(&failure),
        }
    }

    fn look_up(&mut self, account: BareJid) {
        if self.login.trying.is_none() {
            let now = self.engine.ports.clock.now();
            let verdict = self.engine.throttle.lock().allow(now, self.ip(), account.as_str());
            if let Verdict::Wait(wait) = verdict {
                if self.engine.idle_attempts.allow(self.ip()) {
                    tracing::warn!(address = %self.peer.shown(), %account, seconds = wait.as_secs(), "login refused: too many failures of late");
                }
                self.login.exchange = None;
                self.failed_once(&SaslFailure::silent(
                    Condition::TemporaryAuthFailure,
                    "too many failures of late",
                ));
                return;
            }
            self.login.trying = Some(account.clone());
        }
        let users = Users::new(&self.engine);
        self.busy = Some(Busy::Login(Box::pin(async move {
            let found = users.credentials(&account).await;
            Turn::Found(account, Box::new(found))
        })));
    }

    /// A certificate may name an account that has been removed, or never was.
    fn vouch(&mut self, account: BareJid) {
        let users = Users::new(&self.engine);
        self.busy = Some(Busy::Login(Box::pin(async move {
            let exists = users.exists(&account).await;
            Turn::Vouched(account, exists)
        })));
    }

    pub(super) fn turn(&mut self, turn: Turn) {
        let unavailable = || {
            Some(Step::Failure(SaslFailure::silent(
                Condition::TemporaryAuthFailure,
                "the account can't be read",
            )))
        };
        let Some(exchange) = &mut self.login.exchange else { return };
        let step = match turn {
            Turn::Found(account, found) => match *found {
                Ok(found) => {
                    let (credentials, row) = found.unzip();
                    self.login.row = row;
                    exchange.credentials(&account, credentials.as_ref())
                }
                Err(error) => {
                    tracing::error!(%account, %error, "credentials can't be read");
                    unavailable()
                }
            },
            Turn::Computed(Some(verdict)) => {
                let step = exchange.computed(verdict);
                self.login.proven = exchange.take_proven();
                step
            }
            Turn::Computed(None) => unavailable(),
            Turn::Vouched(account, Ok(true)) => return self.succeed(Identity::Certificate(account), None),
            Turn::Vouched(account, Ok(false)) => Some(Step::Failure(SaslFailure {
                account: Some(account),
                ..SaslFailure::silent(Condition::NotAuthorized, "the certificate is for no account here")
            })),
            Turn::Vouched(account, Err(error)) => {
                tracing::error!(%account, %error, "the account can't be looked up");
                unavailable()
            }
        };
        if let Some(step) = step {
            self.step(step);
        }
    }

    fn succeed(&mut self, identity: Identity, data: Option<&[u8]>) {
        self.login.exchange = None;
        let anonymous = matches!(identity, Identity::Anonymous { .. });
        let jid = match identity {
            Identity::Account(jid) | Identity::Certificate(jid) => Ok(jid),
            // RFC 4505: the server chooses an identity that nobody else has.
            Identity::Anonymous { .. } => BareJid::new(Some(&self.engine.ports.random.token()), &self.domain),
        };
        let Ok(jid) = jid else {
            return self.refuse(&SaslFailure::silent(Condition::NotAuthorized, "the identity is no address"));
        };
        if let Some(account) = self.login.trying.take() {
            let now = self.engine.ports.clock.now();
            self.engine.throttle.lock().succeeded(now, self.ip(), account.as_str());
        }
        tracing::info!(address = %self.peer.shown(), account = %jid, "login");
        self.reply(&format!(
            "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{}</success>",
            encode_success(data)
        ));
        let (password, row) = (self.login.proven.take(), self.login.row.take());
        if let (Some(password), Some(row)) = (password, row) {
            let (users, account) = (Users::new(&self.engine), jid.clone());
            let renewal = async move { users.renew(&account, row, password).await };
            self.engine.ports.spawn.spawn(Box::pin(renewal));
        }
        self.anonymous = anonymous;
        self.stage = Stage::Known(jid);
        self.login.restart = true;
    }

    fn refuse(&mut self, failure: &SaslFailure) {
        self.login.exchange = None;
        self.login.row = None;
        let account = self.login.trying.take();
        let mut counts = false;
        if let Some(account) = &account {
            counts = failure.is_guess();
            let now = self.engine.ports.clock.now();
            let mut throttle = self.engine.throttle.lock();
            if counts {
                throttle.failed(now, self.ip(), account.as_str());
            } else {
                throttle.abandoned(now, self.ip(), account.as_str());
            }
        }
        // One stable line per failed login: tools that block addresses read it. How many of them are guesses, the
        // throttle limits; what is none costs a stranger nothing.
        if counts || self.engine.idle_attempts.allow(self.ip()) {
            tracing::warn!(
                address = %self.peer.shown(),
                account = failure.account.as_ref().or(account.as_ref()).map_or("-", BareJid::as_str),
                condition = failure.condition.as_str(),
                reason = failure.reason,
                "login failed"
            );
        }
        self.failed_once(failure);
    }

    fn failed_once(&mut self, failure: &SaslFailure) {
        self.reply(&failure.element());
        self.login.failures += 1;
        if self.login.failures >= ATTEMPTS {
            self.outbox.end(Ending::Error(
                StreamError::new(StreamCondition::PolicyViolation).with_text("too many failed logins"),
            ));
            self.end();
        }
    }

    /// A new attempt begins, or the stream ends, while one is under way.
    pub(super) fn abandon(&mut self) {
        self.login.exchange = None;
        self.login.row = None;
        if let Some(account) = self.login.trying.take() {
            let now = self.engine.ports.clock.now();
            self.engine.throttle.lock().abandoned(now, self.ip(), account.as_str());
        }
    }

    fn ip(&self) -> IpAddr {
        self.peer.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}
