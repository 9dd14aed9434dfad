//! A user with a client: what must come is waited for.

use crate::tap::{Failure, Outcome, PATIENCE, within};
use crate::{check, need};
use futures::StreamExt;
use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;
use tokio_xmpp::connect::DnsConfig;
use tokio_xmpp::xmlstream::Timeouts;
use tokio_xmpp::{Client, Event, IqRequest, IqResponse, IqResponseToken};
use xmpp_parsers::disco::{DiscoInfoQuery, DiscoInfoResult};
use xmpp_parsers::iq::Iq;
use xmpp_parsers::jid::{BareJid, FullJid, Jid};
use xmpp_parsers::message::{Lang, Message, MessageType};
use xmpp_parsers::minidom::Element;
use xmpp_parsers::ns;
use xmpp_parsers::ping::Ping;
use xmpp_parsers::presence::{Presence, Type};
use xmpp_parsers::roster::{Item, Roster, Subscription};
use xmpp_parsers::stanza::Stanza;
use xmpp_parsers::stanza_error::{DefinedCondition, ErrorType, StanzaError};
use xmpp_parsers::stream_features::StreamFeatures;

/// How somebody logs in.
#[derive(Clone)]
pub struct Login {
    pub jid: Jid,
    pub password: String,
    pub direct_tls: bool,
    /// Host and port.
    pub address: String,
}

/// A client that is logged in. Dropping it does not end it: `leave` does.
#[derive(Clone)]
pub struct User(Arc<Inner>);

struct Inner {
    jid: FullJid,
    features: StreamFeatures,
    commands: mpsc::UnboundedSender<Command>,
    inbox: Arc<Inbox>,
}

#[derive(Default)]
struct Inbox {
    stanzas: Mutex<Vec<Stanza>>,
    resumed: AtomicUsize,
    arrived: Notify,
}

enum Command {
    Send(Box<Stanza>, oneshot::Sender<io::Result<()>>),
    Ask(Option<Jid>, IqRequest, oneshot::Sender<IqResponseToken>),
    End(oneshot::Sender<()>),
}

impl User {
    /// Connects and binds; sends no presence.
    pub async fn log_in(how: Login) -> Outcome<Self> {
        let dns = DnsConfig::addr(&how.address);
        let (jid, password) = (how.jid.clone(), how.password.clone());
        let mut client = match how.direct_tls {
            true => Client::new_direct_tls_with_config(jid, password, dns, Timeouts::tight()),
            false => Client::new_starttls(jid, password, dns, Timeouts::tight()),
        };
        let online = within(client.next(), || format!("{} was not logged in", how.jid)).await?;
        let Some(Event::Online { bound_jid, features, .. }) = online else {
            return Err(Failure::Wrong(format!("{} did not come online but: {online:?}", how.jid)));
        };
        let jid = bound_jid
            .try_into_full()
            .map_err(|jid| Failure::Wrong(format!("bound to {jid}, without resource")))?;
        let inbox = Arc::new(Inbox::default());
        let (commands, orders) = mpsc::unbounded_channel();
        tokio::spawn(live(client, orders, Arc::clone(&inbox)));
        Ok(Self(Arc::new(Inner { jid, features, commands, inbox })))
    }

    /// Fetches the roster and becomes available.
    pub async fn come_online(&self) -> Outcome {
        self.roster().await?;
        self.send(Presence::available()).await?;
        self.presence(self.full(), Type::None).await?;
        Ok(())
    }

    pub async fn leave(&self) -> Outcome {
        let (done, ended) = oneshot::channel();
        let _ = self.0.commands.send(Command::End(done));
        let _ = within(ended, || format!("the stream of {} was not closed", self.0.jid)).await?;
        Ok(())
    }

    pub fn full(&self) -> Jid {
        self.0.jid.clone().into()
    }

    pub fn bare(&self) -> BareJid {
        self.0.jid.to_bare()
    }

    pub fn account(&self) -> Jid {
        self.bare().into()
    }

    pub fn domain(&self) -> Jid {
        BareJid::from_parts(None, self.0.jid.domain()).into()
    }

    pub fn stream_features(&self) -> &StreamFeatures {
        &self.0.features
    }

    pub async fn send(&self, stanza: impl Into<Stanza>) -> Outcome {
        let (done, sent) = oneshot::channel();
        let _ = self.0.commands.send(Command::Send(Box::new(stanza.into()), done));
        within(sent, || format!("{} could not send", self.0.jid)).await???;
        Ok(())
    }

    pub async fn send_presence(&self, to: &BareJid, type_: Type) -> Outcome {
        self.send(Presence::new(type_).with_to(to.clone())).await
    }

    pub async fn chat(&self, to: impl Into<Jid>, body: &str) -> Outcome {
        self.send(Message::chat(to.into()).with_body(Lang::new(), body.to_owned())).await
    }

    async fn ask(
        &self,
        to: Option<Jid>,
        request: IqRequest,
    ) -> Outcome<Result<Option<Element>, StanzaError>> {
        let (done, token) = oneshot::channel();
        let what = format!("{request:?}");
        let _ = self.0.commands.send(Command::Ask(to, request, done));
        let answer = within(token, || "the request was not sent".to_owned()).await??;
        match within(answer, || format!("no answer to {what}")).await?? {
            IqResponse::Result(payload) => Ok(Ok(payload)),
            IqResponse::Error(error) => Ok(Err(error)),
        }
    }

    /// A request and its result, as the library's types.
    pub async fn get<A>(&self, to: impl Into<Option<Jid>>, what: impl Into<Element>) -> Outcome<A>
    where
        A: TryFrom<Element>,
        A::Error: std::fmt::Display,
    {
        let what = what.into();
        let to = to.into();
        match self.ask(to.clone(), IqRequest::Get(what.clone())).await? {
            Ok(Some(payload)) => {
                let text = String::from(&payload);
                A::try_from(payload).map_err(|why| Failure::Wrong(format!("{why}: {text}")))
            }
            Ok(None) => Err(Failure::Wrong(format!("an empty result for {}", String::from(&what)))),
            Err(error) => Err(refusal(to, &what, &error)),
        }
    }

    pub async fn set(
        &self,
        to: impl Into<Option<Jid>>,
        what: impl Into<Element>,
    ) -> Outcome<Option<Element>> {
        let what = what.into();
        let to = to.into();
        let answer = self.ask(to.clone(), IqRequest::Set(what.clone())).await?;
        answer.map_err(|error| refusal(to, &what, &error))
    }

    /// The error that a request must get.
    pub async fn refused(&self, to: impl Into<Option<Jid>>, request: IqRequest) -> Outcome<StanzaError> {
        let what = format!("{request:?}");
        match self.ask(to.into(), request).await? {
            Err(error) => Ok(error),
            Ok(result) => {
                Err(Failure::Wrong(format!("an error must come for {what}, but there came {result:?}")))
            }
        }
    }

    /// Takes the first stanza that fits, waiting for it.
    pub async fn receive<T>(&self, what: &str, fits: impl Fn(&Stanza) -> Option<T>) -> Outcome<T> {
        let inbox = &self.0.inbox;
        let search = async {
            loop {
                let arrival = inbox.arrived.notified();
                if let Some(found) = inbox.take(&fits) {
                    return found;
                }
                arrival.await;
            }
        };
        match timeout(PATIENCE, search).await {
            Ok(found) => Ok(found),
            Err(_) => Err(Failure::Wrong(format!(
                "{} did not get {what} within {} s; there is {:?}",
                self.0.jid,
                PATIENCE.as_secs(),
                inbox.stanzas()
            ))),
        }
    }

    /// Presence from a full or bare address.
    pub async fn presence(&self, from: impl Into<Jid>, type_: Type) -> Outcome<Presence> {
        let from = from.into();
        let known = |it: &Jid| *it == from || (from.is_bare() && it.to_bare() == from.to_bare());
        self.receive(&format!("presence of type {type_:?} from {from}"), |stanza| match stanza {
            Stanza::Presence(it) if it.type_ == type_ && it.from.as_ref().is_some_and(known) => {
                Some(it.clone())
            }
            _ => None,
        })
        .await
    }

    /// The message with this body.
    pub async fn message(&self, body: &str) -> Outcome<Message> {
        self.any_message(&format!("the message “{body}”"), |it| it.bodies.values().any(|it| it == body)).await
    }

    pub async fn any_message(&self, what: &str, fits: impl Fn(&Message) -> bool) -> Outcome<Message> {
        self.receive(what, |stanza| match stanza {
            Stanza::Message(it) if fits(it) => Some(it.clone()),
            _ => None,
        })
        .await
    }

    pub async fn message_error(&self) -> Outcome<(Message, StanzaError)> {
        let mut message = self.any_message("an error", |it| it.type_ == MessageType::Error).await?;
        match message.extract_payload::<StanzaError>()? {
            Some(error) => Ok((message, error)),
            None => Err(Failure::Wrong(format!("no <error/> in {message:?}"))),
        }
    }

    /// Proves that nothing fits of all that was caused before.
    pub async fn nothing(&self, what: &str, fits: impl Fn(&Stanza) -> bool) -> Outcome {
        // Stanzas for this session that were there before stand before the answer to this.
        self.ping(self.domain()).await?;
        let found = self.0.inbox.take(|stanza| fits(stanza).then(|| format!("{stanza:?}")));
        check!(found.is_none(), "{} must not get {what}, but got {found:?}", self.0.jid);
        Ok(())
    }

    pub async fn ping(&self, to: Jid) -> Outcome {
        match self.ask(Some(to.clone()), IqRequest::Get(Ping.into())).await? {
            Ok(_) => Ok(()),
            Err(error) => Err(refusal(Some(to), &Ping.into(), &error)),
        }
    }

    /// Waits until the session was resumed.
    pub async fn resumed(&self) -> Outcome {
        let inbox = &self.0.inbox;
        let search = async {
            loop {
                let arrival = inbox.arrived.notified();
                if inbox.resumed.load(Ordering::Relaxed) > 0 {
                    return;
                }
                arrival.await;
            }
        };
        within(search, || "the session was not resumed".to_owned()).await
    }

    pub async fn roster(&self) -> Outcome<Vec<Item>> {
        let request = Roster { ver: None, items: Vec::new() };
        Ok(self.get::<Roster>(None, request).await?.items)
    }

    pub async fn contact(&self, contact: &BareJid) -> Outcome<Option<Item>> {
        Ok(self.roster().await?.into_iter().find(|item| item.jid == *contact))
    }

    pub async fn forget(&self, contact: &BareJid) -> Outcome {
        if let Some(mut item) = self.contact(contact).await? {
            item.subscription = Subscription::Remove;
            item.groups.clear();
            self.set(None, Roster { ver: None, items: vec![item] }).await?;
        }
        Ok(())
    }

    /// What an address says of itself.
    pub async fn features(&self, of: impl Into<Option<Jid>>) -> Outcome<BTreeSet<String>> {
        Ok(self.get::<DiscoInfoResult>(of, DiscoInfoQuery { node: None }).await?.features)
    }

    pub async fn need(&self, feature: &str, what: &str) -> Outcome {
        need!(self.features(self.domain()).await?.contains(feature), what);
        Ok(())
    }

    pub fn forget_all(&self) {
        self.0.inbox.lock().clear();
    }

    pub fn stanzas(&self) -> Vec<Message> {
        let stanzas = self.0.inbox.lock();
        let messages = stanzas.iter().filter_map(|stanza| match stanza {
            Stanza::Message(message) => Some(message.clone()),
            _ => None,
        });
        messages.collect()
    }
}

fn refusal(to: Option<Jid>, what: &Element, error: &StanzaError) -> Failure {
    Failure::Wrong(format!(
        "{to:?} refused {}: {:?} {:?}",
        String::from(what),
        error.defined_condition,
        error.texts
    ))
}

impl Inbox {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Stanza>> {
        self.stanzas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stanzas(&self) -> Vec<String> {
        self.lock().iter().map(|stanza| format!("{stanza:?}")).collect()
    }

    fn take<T>(&self, fits: impl Fn(&Stanza) -> Option<T>) -> Option<T> {
        let mut stanzas = self.lock();
        let (index, found) =
            stanzas.iter().enumerate().find_map(|(index, it)| fits(it).map(|found| (index, found)))?;
        stanzas.remove(index);
        Some(found)
    }

    fn keep(&self, event: Event) -> Option<Iq> {
        let mut answer = None;
        match event {
            Event::Online { resumed: true, .. } => {
                self.resumed.fetch_add(1, Ordering::Relaxed);
            }
            // A session was lost. Who waits for what would have come in it will say so.
            Event::Online { .. } | Event::Disconnected(_) => eprintln!("{event:?}"),
            Event::Stanza(Stanza::Iq(iq)) => answer = answer_to(iq),
            Event::Stanza(stanza) => self.lock().push(stanza),
        }
        self.arrived.notify_waiters();
        answer
    }
}

/// What a client answers: roster pushes and pings.
fn answer_to(iq: Iq) -> Option<Iq> {
    let (from, id, known) = match iq {
        Iq::Get { from, id, payload, .. } => (from, id, payload.is("ping", ns::PING)),
        Iq::Set { from, id, payload, .. } => (from, id, payload.is("query", ns::ROSTER)),
        Iq::Result { .. } | Iq::Error { .. } => return None,
    };
    let (type_, condition) = (ErrorType::Cancel, DefinedCondition::ServiceUnavailable);
    Some(match known {
        true => Iq::Result { from: None, to: from, id, payload: None },
        false => {
            let error = StanzaError::new(type_, condition, "en", "");
            Iq::Error { from: None, to: from, id, error, payload: None }
        }
    })
}

async fn live(mut client: Client, mut orders: mpsc::UnboundedReceiver<Command>, inbox: Arc<Inbox>) {
    loop {
        tokio::select! {
            event = client.next() => {
                let Some(event) = event else { return };
                if let Some(answer) = inbox.keep(event) {
                    let _ = client.send_stanza(answer.into()).await;
                }
            }
            order = orders.recv() => match order {
                Some(Command::Send(stanza, done)) => {
                    let _ = done.send(client.send_stanza(*stanza).await.map(|_| ()));
                }
                Some(Command::Ask(to, request, done)) => {
                    let _ = done.send(client.send_iq(to, request).await);
                }
                Some(Command::End(done)) => {
                    let _ = client.send_end().await;
                    let _ = done.send(());
                    return;
                }
                None => return,
            },
        }
    }
}
