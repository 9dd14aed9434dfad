//! The server under test, its accounts, and who is logged in.

use crate::tap::{Failure, Outcome, within};
use crate::user::{Login, User};
use sasl::common::Credentials;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio_xmpp::connect::{DirectTlsServerConnector, DnsConfig, ServerConnector, StartTlsServerConnector};
use tokio_xmpp::xmlstream::{StreamHeader, Timeouts, XmppStream};
use tokio_xmpp::{Error, client_login};
use xmpp_parsers::jid::Jid;
use xmpp_parsers::ns;
use xmpp_parsers::presence::{Presence, Type};
use xmpp_parsers::sasl::DefinedCondition;
use xmpp_parsers::stream_features::StreamFeatures;

/// What the program is told.
#[derive(Deserialize)]
pub struct Told {
    pub host: String,
    pub port: u16,
    pub tls_port: u16,
    pub domain: String,
    pub ca: String,
    pub accounts: BTreeMap<String, Account>,
    #[serde(default)]
    pub only: String,
}

#[derive(Deserialize)]
pub struct Account {
    pub jid: Jid,
    pub password: String,
}

#[derive(Clone)]
pub struct World {
    pub told: Arc<Told>,
    open: Arc<Mutex<Vec<User>>>,
}

impl World {
    pub fn new(told: Told) -> Self {
        Self { told: Arc::new(told), open: Arc::default() }
    }

    pub fn account(&self, name: &str) -> Outcome<&Account> {
        self.told
            .accounts
            .get(name)
            .ok_or_else(|| Failure::Wrong(format!("no account {name} in the argument")))
    }

    pub fn login(&self, name: &str) -> Outcome<Login> {
        let Account { jid, password } = self.account(name)?;
        let address = format!("{}:{}", self.told.host, self.told.port);
        Ok(Login { jid: jid.clone(), password: password.clone(), direct_tls: false, address })
    }

    pub fn direct_tls(&self, name: &str) -> Outcome<Login> {
        let address = format!("{}:{}", self.told.host, self.told.tls_port);
        Ok(Login { direct_tls: true, address, ..self.login(name)? })
    }

    pub async fn log_in(&self, how: Login) -> Outcome<User> {
        let user = match User::log_in(how.clone()).await {
            Ok(user) => user,
            // The library tells nobody why it tries again and again.
            Err(_) => {
                let why = attempt(&how).await?;
                return Err(Failure::Wrong(format!("{} cannot log in: {why:?}", how.jid)));
            }
        };
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(user.clone());
        Ok(user)
    }

    pub async fn online(&self, how: Login) -> Outcome<User> {
        let user = self.log_in(how).await?;
        user.come_online().await?;
        Ok(user)
    }

    pub async fn user(&self, name: &str) -> Outcome<User> {
        self.online(self.login(name)?).await
    }

    /// Two users online who don't know each other, whatever tests before this one left.
    pub async fn strangers(&self, one: &str, other: &str) -> Outcome<(User, User)> {
        let (one, other) = (self.log_in(self.login(one)?).await?, self.log_in(self.login(other)?).await?);
        one.forget(&other.bare()).await?;
        other.forget(&one.bare()).await?;
        for user in [&one, &other] {
            user.come_online().await?;
            user.forget_all();
        }
        Ok((one, other))
    }

    /// Two users online who see each other.
    pub async fn friends(&self, one: &str, other: &str) -> Outcome<(User, User)> {
        let (one, other) = self.strangers(one, other).await?;
        befriend(&one, &other).await?;
        Ok((one, other))
    }

    /// Ends what a test left open.
    pub async fn close_all(&self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        for user in open {
            if let Err(why) = user.leave().await {
                eprintln!("{why:?}");
            }
        }
    }
}

/// Both ask, both accept, both see each other.
pub async fn befriend(one: &User, other: &User) -> Outcome {
    for (asking, asked) in [(one, other), (other, one)] {
        asking.send_presence(&asked.bare(), Type::Subscribe).await?;
        asked.presence(asking.bare(), Type::Subscribe).await?;
        asked.send_presence(&asking.bare(), Type::Subscribed).await?;
        asking.presence(asked.bare(), Type::Subscribed).await?;
        asking.presence(asked.full(), Type::None).await?;
    }
    Ok(())
}

/// Logs in once and says what came of it: `tokio_xmpp::Client` would try for ever.
pub async fn attempt(how: &Login) -> Outcome<Result<(), Error>> {
    let dns = DnsConfig::addr(&how.address);
    let attempt = async {
        match how.direct_tls {
            true => authenticate(how, DirectTlsServerConnector(dns)).await.map(drop),
            false => authenticate(how, StartTlsServerConnector(dns)).await.map(drop),
        }
    };
    within(attempt, || format!("the login of {} did not end", how.jid)).await
}

/// A stream that is logged in, without a resource.
pub async fn authenticate<C: ServerConnector>(
    how: &Login,
    server: C,
) -> Result<(StreamFeatures, XmppStream<C::Stream>), Error> {
    let (stream, binding) = server.connect(&how.jid, ns::JABBER_CLIENT, Timeouts::tight()).await?;
    let (features, stream) = stream.recv_features().await?;
    let user = how.jid.node().map(|node| node.to_string()).unwrap_or_default();
    let credentials = Credentials::default().with_username(user).with_password(how.password.clone());
    let credentials = credentials.with_channel_binding(binding);
    let stream = client_login(stream, features.sasl_mechanisms, credentials).await?;
    let to = Some(how.jid.domain().as_str().into());
    let stream = stream.send_header(StreamHeader { to, from: None, id: None }).await?;
    Ok(stream.recv_features().await?)
}

pub fn not_authorized(outcome: &Result<(), Error>) -> bool {
    use tokio_xmpp::error::AuthError::Fail;
    matches!(outcome, Err(Error::Auth(Fail(DefinedCondition::NotAuthorized))))
}

/// A text that no other test uses.
pub fn unique(text: &str) -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{text} {now:x}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Presence with nothing but its type, to a room and the like.
pub fn directed(type_: Type, to: &Jid) -> Presence {
    Presence::new(type_).with_to(to.clone())
}
