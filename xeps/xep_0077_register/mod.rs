//! In-band registration (XEP-0077): strangers make accounts if that is open, users change their password and remove
//! their account.

mod pace;
mod request;
#[cfg(test)]
mod tests;

use kernel::hooks::{Ask, Feature, Hooks, Phase, Reply, Request, Scope, Target};
use kernel::options::Limit;
use kernel::outbox::Entry;
use kernel::ports::Clock;
use kernel::{ConfigError, Env, OptionDoc, Router, SessionRef, UserError, Xep};
use pace::Pace;
use parking_lot::Mutex;
use request::{Form, Wish};
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::Arc;
use wire::error::{ErrorType, StanzaCondition, StanzaError};
use wire::frame::{StanzaType, XmlWriter};
use wire::jid::BareJid;

const NS: &str = "jabber:iq:register";

/// `[xep.register]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Whether strangers may make accounts.
    pub(crate) open: bool,
    /// How many they may try to make from one address.
    pub(crate) per_address_per_hour: Limit,
    /// Shown to who registers.
    pub(crate) instructions: String,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            open: false,
            per_address_per_hour: Limit::AtMost(10),
            instructions: "Choose a user name and a password.".to_owned(),
        }
    }
}

/// The XEP.
pub(crate) struct Register {
    config: Config,
    router: Router,
    clock: Arc<dyn Clock>,
    pace: Mutex<Pace>,
}

impl Xep for Register {
    const NUMBER: u16 = 77;
    const NAME: &'static str = "register";
    const TITLE: &'static str = "In-Band Registration";
    const VERSION: &'static str = "2.4";
    const OPTIONS: &'static [OptionDoc] = &[
        OptionDoc {
            name: "open",
            default: "false",
            doc: "Lets anybody make an account. Users can change their password and remove their account either way.",
        },
        OptionDoc {
            name: "per_address_per_hour",
            default: "10",
            doc: "Accounts that may be asked for from one IPv4 address or IPv6 /64 network in an hour, or \"unlimited\".",
        },
        OptionDoc {
            name: "instructions",
            default: "\"Choose a user name and a password.\"",
            doc: "Shown by clients to who registers.",
        },
    ];
    type Config = Config;

    fn new(config: Config, env: &mut Env) -> Result<Self, ConfigError> {
        let pace = Mutex::new(Pace::new(config.per_address_per_hour));
        Ok(Register { config, router: env.router(), clock: env.clock(), pace })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        if self.config.open {
            hooks.stream_feature(Feature {
                phase: Phase::BeforeLogin,
                xml: "<register xmlns='http://jabber.org/features/iq-register'/>".to_owned(),
            });
        }
        hooks.iq_before_login(NS, &self, Self::greet);
        hooks.iq(Scope::SERVER | Scope::OWN, NS, Ask::Both, &self, Self::serve);
    }
}

impl Register {
    /// A stranger asks.
    async fn greet(self: Arc<Self>, request: Request) -> Reply {
        let Target::Stream { domain, address } = &request.target else {
            return Reply::error(StanzaCondition::ServiceUnavailable);
        };
        if !self.config.open {
            // §3.1: "If the host does not support In-Band Registration".
            return Reply::error(StanzaCondition::ServiceUnavailable);
        }
        if request.ask == Ask::Get {
            return Reply::Xml(self.fields());
        }
        match Wish::read(&request.payload()) {
            // §3.2 and §3.3: not registered, so there is nothing to remove.
            Wish::Remove => Reply::error(StanzaCondition::UnexpectedRequest),
            Wish::Account(form) => self.create(domain, *address, &form).await.into(),
            Wish::Nonsense => Reply::error(StanzaCondition::BadRequest),
        }
    }

    fn fields(&self) -> String {
        let mut out = XmlWriter::new();
        out.start("query").attr("xmlns", NS);
        out.text_element("instructions", &self.config.instructions);
        out.text_element("username", "").text_element("password", "");
        out.into_string()
    }

    async fn create(&self, domain: &str, address: Option<IpAddr>, form: &Form) -> Result<Reply, StanzaError> {
        // §3.1: all of the required information, and no empty password.
        let (username, password) =
            form.complete().ok_or_else(|| not_acceptable("User name and password are required."))?;
        let jid = BareJid::new(Some(username), domain)
            .map_err(|_| not_acceptable("This can't be a user name here."))?;
        if !self.pace.lock().allows(address, self.clock.now()) {
            return Err(StanzaError::new(StanzaCondition::ResourceConstraint)
                .with_type(ErrorType::Wait)
                .with_text("Too many accounts from this address; try again later."));
        }
        self.router.users().create(&jid, password).await.map_err(refusal)?;
        tracing::info!(account = %jid, address = address.map(tracing::field::display), "account registered");
        Ok(Reply::Done)
    }

    /// A user asks.
    async fn serve(self: Arc<Self>, request: Request) -> Reply {
        let Some(session) = request.session.clone().filter(|session| is_home(&request.target, session))
        else {
            return Reply::Error(stranger(&request));
        };
        let own = session.account().jid().clone();
        if request.ask == Ask::Get {
            let mut out = XmlWriter::new();
            out.start("query").attr("xmlns", NS).start("registered").end();
            out.text_element("username", own.local().unwrap_or_default()).text_element("password", "");
            return Reply::Xml(out.into_string());
        }
        match Wish::read(&request.payload()) {
            Wish::Remove => self.remove(&request, session),
            Wish::Account(form) => self.change_password(&own, &form).await.into(),
            Wish::Nonsense => Reply::error(StanzaCondition::BadRequest),
        }
    }

    /// §3.3
    async fn change_password(&self, own: &BareJid, form: &Form) -> Result<Reply, StanzaError> {
        // An empty password never replaces one.
        let (username, password) = form.complete().ok_or(StanzaCondition::BadRequest)?;
        let meant = BareJid::new(Some(username), own.domain());
        if meant.as_ref() != Ok(own) {
            return Err(StanzaError::new(StanzaCondition::NotAllowed)
                .with_text("You can only change your own password."));
        }
        self.router.users().set_password(own, password).await.map_err(refusal)?;
        tracing::info!(account = %own, "password changed");
        Ok(Reply::Done)
    }

    /// §3.2: the answer, then `<not-authorized/>` on all of the account's streams.
    fn remove(&self, request: &Request, session: SessionRef) -> Reply {
        let account = session.account().jid().clone();
        let users = self.router.users();
        let done = request.frame.reply(StanzaType::Result, None);
        let failed = request.frame.error_reply(&StanzaCondition::InternalServerError.into(), None);
        // Not part of the stream's own work, which ends with the stream.
        self.router.spawn(Box::pin(async move {
            let answer = |ticket: &kernel::ports::Ticket| {
                let Some(done) = done else { return };
                let otherwise = failed.map(|frame| frame.bytes());
                let entry = Entry { otherwise, ..Entry::after(ticket.clone(), done.build().bytes()) };
                let _ = session.outbox().push_reply(entry);
            };
            match users.delete_answering(&account, answer).await {
                Ok(()) => tracing::info!(%account, "account removed at its user's request"),
                Err(error) => tracing::error!(%account, %error, "removing the account failed"),
            }
        }));
        Reply::Sent
    }
}

/// Whether the request went where the session's account is registered.
fn is_home(target: &Target, session: &SessionRef) -> bool {
    match target {
        Target::Server(domain) => domain == session.account().jid().domain(),
        Target::Account(account) => account.jid() == session.account().jid(),
        Target::Stream { .. } | Target::Nobody => false,
    }
}

/// Why somebody whose account is elsewhere is turned away.
fn stranger(request: &Request) -> StanzaError {
    let condition = match request.ask {
        Ask::Get => StanzaCondition::ServiceUnavailable,
        _ => match Wish::read(&request.payload()) {
            // §3.2: "not previously registered".
            Wish::Remove => StanzaCondition::RegistrationRequired,
            Wish::Account(_) => StanzaCondition::NotAllowed,
            Wish::Nonsense => StanzaCondition::BadRequest,
        },
    };
    condition.into()
}

fn not_acceptable(text: &'static str) -> StanzaError {
    StanzaError::new(StanzaCondition::NotAcceptable).with_text(text)
}

fn refusal(error: UserError) -> StanzaError {
    match error {
        UserError::Exists => StanzaError::new(StanzaCondition::Conflict).with_text("The user name is taken."),
        UserError::BadPassword => not_acceptable("This can't be a password."),
        UserError::NotFound => StanzaCondition::ItemNotFound.into(),
        UserError::ForeignDomain => StanzaCondition::NotAllowed.into(),
        UserError::Store(_) => StanzaCondition::InternalServerError.into(),
    }
}
