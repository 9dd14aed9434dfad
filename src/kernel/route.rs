//! Routing: which account, service or domain is a stanza for? (RFC 6120 §10, RFC 6121 §8)
//!
//! **Invariant:** works on the head of the frame; never waits, never copies the payload. What a delivery causes
//! is routed from the queue of its account ([`Engine::flush`]), in order.

use crate::account::{Account, Logged, Origin, Parcel};
use crate::accounts::{Found, Waiting};
use crate::done::work;
use crate::engine::Engine;
use crate::hooks::{Ask, Direction, Handler, Reply, Request, Scope, Stop, Target};
use crate::outbox::Entry;
use crate::panics::{Panicked, caught, caught_async};
use crate::ports::{Task, Ticket};
use crate::session::SessionRef;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wire::error::{StanzaCondition, StanzaError};
use wire::frame::{Frame, Kind, StanzaType};
use wire::jid::{Jid, JidView};

impl Engine {
    /// Routes a stanza with a validated `from` and a `to`.
    pub(crate) fn route(self: &Arc<Self>, parcel: Parcel) {
        if let Some(task) = self.route_for(parcel, None) {
            self.ports.spawn.spawn(task);
        }
    }

    /// Routes a stanza that one of our sessions sent. A request to a service comes back as the work of answering
    /// it: the stream lets it finish before it takes the next stanza (RFC 6120 §10.1).
    pub(crate) fn route_for(self: &Arc<Self>, parcel: Parcel, session: Option<&SessionRef>) -> Option<Task> {
        let to = parcel.frame.to();
        let Ok(view) = JidView::parse(to.as_deref().unwrap_or_default()) else {
            self.bounce(&parcel.frame, &StanzaError::new(StanzaCondition::JidMalformed));
            return None;
        };
        let nobodys = !self.serves(view.domain()) || view.local().is_none();
        if let Some(origin) = parcel.origin.as_ref().filter(|_| nobodys) {
            origin.session.account().unsend(origin);
            self.copy_sent(origin, &parcel.frame, None);
        }
        if !self.serves(view.domain()) {
            // RFC 6120 §10.4: no such server can be reached.
            self.bounce(&parcel.frame, &StanzaError::new(StanzaCondition::RemoteServerNotFound));
            return None;
        }
        if view.local().is_none() {
            return self.to_server(&parcel.frame, &view, session);
        }
        let account = match self.accounts.here(view.bare_str()) {
            Some(account) => account,
            None => {
                let jid = view.to_bare();
                let resource = view.resource().map(str::to_owned);
                drop(view);
                drop(to);
                let request = parcel.frame.kind() == Kind::Iq
                    && matches!(parcel.frame.type_(), StanzaType::Get | StanzaType::Set);
                // Whether the next stanza waits for the answer must not tell who is there, nor who is in memory. And
                // where stanzas are counted, none is before what it causes is on its way.
                let waits = |session: &&SessionRef| request || session.management().is_on();
                let asks = session.filter(waits).map(|session| (session.clone(), work()));
                let (asker, done) = asks.map(|(session, (work, done))| ((session, work), done)).unzip();
                match self.accounts.wait(&jid, parcel, resource.as_deref(), asker) {
                    // It came into memory between the two looks.
                    Found::Here(account, parcel) => {
                        return self.to_account(&account, parcel, resource.as_deref(), session);
                    }
                    Found::Load => self.start_loading(jid),
                    Found::Waits => {}
                    Found::Overflow(parcel) => {
                        self.bounce(&parcel.frame, &StanzaError::new(StanzaCondition::ResourceConstraint));
                    }
                }
                return done.map(|done| Box::pin(done) as Task);
            }
        };
        let resource = view.resource().map(str::to_owned);
        drop(view);
        drop(to);
        self.to_account(&account, parcel, resource.as_deref(), session)
    }

    /// A stanza for an account in memory.
    fn to_account(
        self: &Arc<Self>,
        account: &Arc<Account>,
        parcel: Parcel,
        resource: Option<&str>,
        session: Option<&SessionRef>,
    ) -> Option<Task> {
        account.used.store(self.ports.clock.now().0, Ordering::Relaxed);
        if resource.is_none() && parcel.frame.kind() == Kind::Iq {
            return self.ask_account(account, parcel.frame, session);
        }
        let mut parcel = parcel;
        let outcome = account.deliver(&mut parcel, resource);
        if let Some(origin) = parcel.origin.as_ref().filter(|_| outcome.logged.is_none()) {
            origin.session.account().unsend(origin);
        }
        if let Some(origin) = &parcel.origin
            && origin.session.account().jid() != account.jid()
        {
            self.copy_sent(origin, &parcel.frame, outcome.logged.as_ref());
        }
        self.perform(account, Some(&parcel.frame), outcome);
        None
    }

    /// The sender's other sessions get copies of a message, whatever becomes of it.
    fn copy_sent(self: &Arc<Self>, origin: &Origin, frame: &Frame, logged: Option<&Logged>) {
        let sender = origin.session.account();
        let outcome = sender.copy_sent(origin, frame, logged);
        self.perform(sender, None, outcome);
    }

    /// The same from background work.
    pub(crate) fn hand_over(
        self: &Arc<Self>,
        account: &Arc<Account>,
        parcel: Parcel,
        resource: Option<&str>,
    ) {
        if let Some(task) = self.to_account(account, parcel, resource, None) {
            self.ports.spawn.spawn(task);
        }
    }

    /// The stanza need wait no more: its account has come into memory, or there is none.
    pub(crate) fn go_on(self: &Arc<Self>, waiting: Waiting, account: Option<&Arc<Account>>) {
        let Waiting { parcel, resource, asker } = waiting;
        let session = asker.as_ref().map(|(session, _)| session);
        let task = match account {
            Some(account) => self.to_account(account, parcel, resource.as_deref(), session),
            None => self.no_such_user(parcel, session),
        };
        if let Some(task) = task {
            self.ports.spawn.spawn(Box::pin(async move {
                task.await;
                drop(asker);
            }));
        }
    }

    /// An IQ for the account itself (RFC 6121 §8.5.2.1.3): answered on its behalf.
    pub(crate) fn ask_account(
        self: &Arc<Self>,
        account: &Arc<Account>,
        frame: Frame,
        session: Option<&SessionRef>,
    ) -> Option<Task> {
        let verdict = account.filter(&frame, Direction::In);
        self.flush(account);
        let frame = match verdict {
            Ok(replaced) => replaced.unwrap_or(frame),
            Err(Stop::Drop) => return None,
            Err(Stop::Bounce(error)) => {
                self.bounce(&frame, &error);
                return None;
            }
        };
        let own = session.is_some_and(|session| session.account().jid() == account.jid())
            || frame.from().is_some_and(|from| {
                JidView::parse(&from).is_ok_and(|from| from.bare_str() == account.jid().as_str())
            });
        let scope = if own { Scope::OWN } else { Scope::ACCOUNT };
        self.ask(frame, Target::Account(account.clone()), scope, session)
    }

    /// RFC 6120 §10.5.1 and §10.5.2: the domain, with or without a resource.
    fn to_server(
        self: &Arc<Self>,
        frame: &Frame,
        to: &JidView<'_>,
        session: Option<&SessionRef>,
    ) -> Option<Task> {
        match frame.kind() {
            Kind::Iq if to.resource().is_none() => {
                let target = Target::Server(to.domain().to_owned());
                self.ask(frame.clone(), target, Scope::SERVER, session)
            }
            Kind::Iq => {
                self.bounce(frame, &StanzaError::new(StanzaCondition::ServiceUnavailable));
                None
            }
            Kind::Message => {
                if !matches!(frame.type_(), StanzaType::Headline | StanzaType::Error) {
                    self.bounce(frame, &StanzaError::new(StanzaCondition::ServiceUnavailable));
                }
                None
            }
            // A server has no presence and subscribes to nobody.
            Kind::Presence | Kind::Other => None,
        }
    }

    /// Hands a request to the service for its namespace, and an answer to who waits for it.
    fn ask(
        self: &Arc<Self>,
        frame: Frame,
        target: Target,
        scope: Scope,
        session: Option<&SessionRef>,
    ) -> Option<Task> {
        let ask = match frame.type_() {
            StanzaType::Get => Ask::Get,
            StanzaType::Set => Ask::Set,
            _ => {
                self.asked.answer(&frame);
                return None;
            }
        };
        let hooks = self.hooks.load();
        let handler = frame.payload().and_then(|payload| hooks.iq.get(payload.ns)?.find(ask, scope).cloned());
        let Some(handler) = handler else {
            self.bounce_to(&frame, &StanzaError::new(StanzaCondition::ServiceUnavailable), session);
            return None;
        };
        let from = Jid::parse(&frame.from().unwrap_or_default()).ok()?;
        let request = Request { frame, from, target, ask, session: session.cloned() };
        Some(self.answer(handler, request))
    }

    /// The work of answering one request: exactly one answer, whatever the handler does.
    pub(crate) fn answer(self: &Arc<Self>, handler: Arc<dyn Handler>, request: Request) -> Task {
        let engine = self.clone();
        Box::pin(async move {
            let (frame, session) = (request.frame.clone(), request.session.clone());
            let reply = guarded(&*handler, request).await;
            engine.reply(&frame, reply, session.as_ref());
        })
    }

    fn reply(self: &Arc<Self>, request: &Frame, reply: Reply, session: Option<&SessionRef>) {
        let (ticket, xml) = match reply {
            Reply::Error(error) => return self.bounce_to(request, &error, session),
            Reply::Sent => return,
            Reply::Done => (None, None),
            Reply::Xml(xml) => (None, Some(xml)),
            Reply::After(ticket, xml) => (Some(ticket), xml),
        };
        let xml = xml.as_deref().unwrap_or_default();
        let Some(session) = session else {
            self.route(Parcel { ticket, owed: true, ..result(request, xml).into() });
            return;
        };
        let _ = session.outbox().push_reply(answer(request, ticket, xml));
    }

    fn bounce_to(self: &Arc<Self>, frame: &Frame, error: &StanzaError, session: Option<&SessionRef>) {
        match session {
            Some(session) => {
                if let Some(reply) = frame.error_reply(error, None) {
                    let _ = session.outbox().push_reply(Entry::now(reply.bytes()));
                }
            }
            None => self.bounce(frame, error),
        }
    }

    /// Returns a stanza to its sender as an error, unless it is one itself or an answer (RFC 6120 §8.3.1).
    pub(crate) fn bounce(self: &Arc<Self>, frame: &Frame, error: &StanzaError) {
        if let Some(reply) = frame.error_reply(error, None) {
            // An error never bounces, so this goes one level deep.
            self.route(Parcel { owed: true, ..reply.into() });
        }
    }

    /// RFC 6121 §8.5.1. Requests are answered as an account answers strangers.
    fn no_such_user(self: &Arc<Self>, parcel: Parcel, session: Option<&SessionRef>) -> Option<Task> {
        let frame = &parcel.frame;
        if let Some(origin) = &parcel.origin {
            origin.session.account().unsend(origin);
            self.copy_sent(origin, frame, None);
        }
        match frame.kind() {
            Kind::Message if frame.type_() == StanzaType::Headline => {}
            Kind::Message => self.bounce(frame, &StanzaError::new(StanzaCondition::ServiceUnavailable)),
            Kind::Iq => {
                let to = frame.to().unwrap_or_default();
                if JidView::parse(&to).is_ok_and(|to| to.resource().is_none()) {
                    return self.ask(frame.clone(), Target::Nobody, Scope::ACCOUNT, session);
                }
                let hooks = self.hooks.load();
                let refusal = frame.payload().and_then(|payload| hooks.nobody.get(payload.ns));
                let refusal = refusal.filter(|_| frame.type_() == StanzaType::Get);
                let unavailable = StanzaCondition::ServiceUnavailable;
                self.bounce(frame, &StanzaError::new(*refusal.unwrap_or(&unavailable)));
            }
            Kind::Presence if frame.type_() == StanzaType::Probe => {
                if let (Some(from), Some(to)) = (frame.from(), frame.to()) {
                    let (Ok(from), Ok(to)) = (Jid::parse(&from), Jid::parse(&to)) else { return None };
                    let mut reply = Frame::presence()
                        .type_(StanzaType::Unsubscribed)
                        .from(to.bare().as_str())
                        .to(from.bare().as_str());
                    if let Some(id) = frame.id() {
                        reply = reply.id(&id);
                    }
                    self.route(reply.build().into());
                }
            }
            Kind::Presence | Kind::Other => {}
        }
        None
    }
}

/// The answer to a request of a stream that has not logged in, as a stanza without `to`: the stranger has no address.
pub(crate) async fn answer_stranger(handler: Arc<dyn Handler>, request: Request) -> Option<Frame> {
    let frame = request.frame.clone();
    let (ticket, xml) = match guarded(&*handler, request).await {
        Reply::Error(error) => (None, Err(error)),
        Reply::Sent => return None,
        Reply::Done => (None, Ok(None)),
        Reply::Xml(xml) => (None, Ok(Some(xml))),
        Reply::After(ticket, xml) => (Some(ticket), Ok(xml)),
    };
    let failed = match ticket {
        Some(ticket) => ticket.committed().await.is_err(),
        None => false,
    };
    let answer = if failed { Err(StanzaError::new(StanzaCondition::InternalServerError)) } else { xml };
    Some(to_stranger(&frame, answer.map(Option::unwrap_or_default)))
}

/// The answer to a request of a stranger: a child, or nothing, or an error.
pub(crate) fn to_stranger(request: &Frame, answer: Result<String, StanzaError>) -> Frame {
    let (type_, xml) = match answer {
        Ok(xml) => (StanzaType::Result, xml),
        Err(error) => (StanzaType::Error, error.to_xml()),
    };
    let mut builder = Frame::iq().type_(type_);
    if let Some(id) = request.id() {
        builder = builder.id(&id);
    }
    if let Some(to) = request.to() {
        builder = builder.from(&to);
    }
    builder.raw(&xml).build()
}

/// A result for a request, from whom it was sent to (RFC 6120 §8.2.3).
pub(crate) fn result(request: &Frame, xml: &str) -> Frame {
    let mut builder = Frame::iq().type_(StanzaType::Result).id(&request.id().unwrap_or_default());
    if let Some(to) = request.to() {
        builder = builder.from(&to);
    }
    if let Some(from) = request.from() {
        builder = builder.to(&from);
    }
    builder.raw(xml).build()
}

/// The result as an entry, to be seen when `ticket` is durable; an error if that fails.
pub(crate) fn answer(request: &Frame, ticket: Option<Ticket>, xml: &str) -> Entry {
    let error = StanzaError::new(StanzaCondition::InternalServerError);
    let otherwise = ticket.as_ref().and_then(|_| request.error_reply(&error, None));
    Entry {
        head: result(request, xml).bytes(),
        ticket,
        otherwise: otherwise.map(|frame| frame.bytes()),
        ..Entry::default()
    }
}

/// Runs a handler. A panic ends this request alone.
async fn guarded(handler: &dyn Handler, request: Request) -> Reply {
    let namespace = request.frame.payload().map(|payload| payload.ns.to_owned()).unwrap_or_default();
    let answer = match caught(|| handler.handle(request)) {
        Ok(answer) => caught_async(answer).await,
        Err(panicked) => Err(panicked),
    };
    answer.unwrap_or_else(|Panicked| {
        tracing::error!(namespace, "a request handler panicked; the request gets internal-server-error");
        Reply::error(StanzaCondition::InternalServerError)
    })
}
