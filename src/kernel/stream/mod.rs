//! A client's stream from its first byte to its last: RFC 6120 §4 to §7, without the socket.
//!
//! The driver hands in what it reads ([`ClientStream::receive`]), polls ([`ClientStream::poll`]) and writes what the
//! [`Outbox`] holds. It is told when to start TLS and when to end. One deadline covers the negotiation up to the
//! bound session.

mod client;
mod early;
mod login;
mod management;

pub(crate) use management::Resumable;
pub use management::{Answer, CannotResume, StreamHandle};

use crate::engine::Engine;
use crate::hooks::Phase;
use crate::outbox::{Ending, Entry, Handled, Intake, Outbox, StreamNumber, Taken};
use crate::panics::caught;
use crate::ports::{Millis, Task};
use crate::sasl::ChannelBindings;
use crate::session::SessionRef;
use crate::users::Users;
use login::{Login, Turn};
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use wire::error::{StanzaError, StreamCondition, StreamError};
use wire::frame::{Frame, Kind, RawFrame, XmlWriter};
use wire::framer::{Event, Framer, StreamHeader};
use wire::jid::{BareJid, Jid, prepare_domain};
use wire::ns;

/// Language tags on a stream, in bytes. Longer ones are ignored.
const LONGEST_LANG: usize = 64;

/// Where a stream comes from.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// The client's network address, for limits and logs.
    pub address: Option<IpAddr>,
    /// TLS in use, with what identifies it.
    pub bindings: ChannelBindings,
    /// Identities in the client's certificate, verified.
    pub certified: Vec<BareJid>,
}

impl Peer {
    /// The address, for logs.
    fn shown(&self) -> String {
        self.address.map_or_else(|| "-".to_owned(), |address| address.to_string())
    }
}

/// What the driver is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Write everything that waits, then start TLS and call [`ClientStream::secured`].
    StartTls,
}

/// One stream.
pub struct ClientStream {
    framer: Framer,
    core: Core,
    /// Stanzas may wait in the framer, because the outbox was full.
    held_back: bool,
}

struct Core {
    engine: Arc<Engine>,
    outbox: Arc<Outbox>,
    /// Which of the outbox's streams this is.
    number: StreamNumber,
    peer: Peer,
    deadline: Millis,
    /// The domain that the client addressed; fixed by the first header.
    domain: String,
    lang: Option<String>,
    /// Our header has gone out since the last restart.
    opened: bool,
    stage: Stage,
    login: Login,
    /// Logged in under a throw-away address.
    anonymous: bool,
    /// The account made for that, to be removed at the end.
    visitor: Option<BareJid>,
    /// The session that was, while the writer still works on what it was sent.
    former: Option<SessionRef>,
    /// What must end before the next element is looked at.
    busy: Option<Busy>,
}

enum Stage {
    /// Not logged in.
    Stranger,
    /// `<proceed/>` is out, TLS not yet up.
    Securing,
    /// Logged in, no resource yet.
    Known(BareJid),
    /// A session.
    Bound(SessionRef),
    /// Nothing is looked at any more.
    Over,
}

enum Busy {
    Task(Task),
    Login(Pin<Box<dyn Future<Output = Turn> + Send>>),
    Bind(Pin<Box<dyn Future<Output = Result<SessionRef, StanzaError>> + Send>>, Frame),
    /// What has to be waited for before a session can be resumed.
    Resume {
        wait: Task,
        token: String,
        h: u32,
        answer: Answer,
    },
}

/// What follows from an element, once it is let go.
enum Then {
    Go,
    Secure,
}

impl ClientStream {
    /// A stream that has just been accepted.
    pub fn new(engine: &Arc<Engine>, peer: Peer) -> ClientStream {
        let settings = engine.settings();
        let framer = Framer::new(settings.before_login, engine.hooks.load().namespaces());
        let core = Core {
            engine: engine.clone(),
            outbox: Arc::new(Outbox::new(settings.outbox)),
            number: StreamNumber::default(),
            peer,
            deadline: engine.ports.clock.now() + settings.negotiation,
            domain: String::new(),
            lang: None,
            opened: false,
            stage: Stage::Stranger,
            login: Login::default(),
            anonymous: false,
            visitor: None,
            former: None,
            busy: None,
        };
        ClientStream { framer, core, held_back: false }
    }

    /// The queue of what is to be written.
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.core.outbox
    }

    /// Moves what may be written now to `out`, until that holds `enough` bytes: [`Outbox::poll_take`].
    pub fn poll_take(&self, context: &mut Context<'_>, out: &mut Vec<u8>, enough: usize) -> Poll<Taken> {
        self.core.outbox.poll_take(self.core.number, context, out, enough)
    }

    /// The session, once bound.
    pub fn session(&self) -> Option<&SessionRef> {
        match &self.core.stage {
            Stage::Bound(session) => Some(session),
            _ => None,
        }
    }

    /// True if the session outlives the stream: then one that is dead is to be given up without a word.
    pub fn is_resumable(&self) -> bool {
        self.session().is_some_and(|session| session.management().resumption().is_some())
    }

    /// By when a session must be bound; once it is, by when the peer must acknowledge what it was asked to. `None` if
    /// nothing is due. To be looked at whenever something has been written or read.
    pub fn deadline(&self) -> Option<Millis> {
        match self.core.stage {
            Stage::Over => None,
            Stage::Bound(_) => self.core.acknowledgement_due(),
            _ => Some(self.core.deadline),
        }
    }

    /// The deadline has passed; for so long nothing has been heard of the peer, though it could have been. True if the
    /// connection is to be given up as lost.
    pub fn expire(&mut self, quiet: Duration) -> bool {
        if matches!(self.core.stage, Stage::Bound(_)) {
            return self.core.is_dead(quiet);
        }
        self.core.fail(StreamError::new(StreamCondition::ConnectionTimeout));
        false
    }

    /// True while reading on is useful: what came in has been looked at, and the peer takes what it asked for.
    pub fn wants_input(&self) -> bool {
        self.core.busy.is_none()
            && !matches!(self.core.stage, Stage::Over | Stage::Securing)
            && self.core.outbox.intake() == Intake::Open
    }

    /// True if [`ClientStream::poll`] stopped because the outbox was full: stanzas may wait that came in long ago. To
    /// be polled again as soon as [`ClientStream::wants_input`], since nothing else wakes it.
    pub fn is_held_back(&self) -> bool {
        self.held_back
    }

    /// Bytes from the peer.
    pub fn receive(&mut self, bytes: &[u8]) {
        if !matches!(self.core.stage, Stage::Over) {
            self.framer.receive(bytes);
        }
    }

    /// Works on what came in until more is needed. Never blocks.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<Step> {
        self.held_back = false;
        loop {
            if self.core.work(context).is_pending() {
                return Poll::Pending;
            }
            if self.core.login.take_restart() {
                self.restart();
            }
            if matches!(self.core.stage, Stage::Over | Stage::Securing) {
                return Poll::Pending;
            }
            if self.core.is_superseded() {
                self.core.finish_elsewhere();
                self.core.end();
                return Poll::Pending;
            }
            match self.core.outbox.intake() {
                Intake::Open => {}
                Intake::Later => {
                    self.held_back = true;
                    return Poll::Pending;
                }
                Intake::Over => {
                    // Somebody else ended it: a newer session of the same resource, or the administrator.
                    self.core.end();
                    return Poll::Pending;
                }
            }
            let then = match self.framer.next() {
                Ok(None) => return Poll::Pending,
                Ok(Some(event)) => self.core.take(event),
                Err(error) => Err(error.into()),
            };
            match then {
                Ok(Then::Go) => {}
                Ok(Then::Secure) if !self.framer.is_drained() => {
                    // RFC 6120 §5.4.3.3: what was sent in the clear behind <starttls/> must not be taken as secured.
                    // White space is nothing: go-sendxmpp ends its lines.
                    self.core.fail(StreamError::new(StreamCondition::PolicyViolation));
                }
                Ok(Then::Secure) => {
                    self.core.reply("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
                    self.core.stage = Stage::Securing;
                    return Poll::Ready(Step::StartTls);
                }
                Err(error) => self.core.fail(error),
            }
        }
    }

    /// RFC 6120 §4.3.3: a new stream on the same connection.
    fn restart(&mut self) {
        self.framer.reset();
        self.core.opened = false;
        if matches!(self.core.stage, Stage::Known(_)) {
            self.framer.set_limits(self.core.engine.settings().after_login);
        }
    }

    /// TLS is up.
    pub fn secured(&mut self, bindings: ChannelBindings, certified: Vec<BareJid>) {
        self.core.peer.bindings = bindings;
        self.core.peer.certified = certified;
        self.core.stage = Stage::Stranger;
        self.restart();
    }

    /// Ends the stream for a reason of ours, such as a deadline.
    pub fn fail(&mut self, error: StreamError) {
        self.core.fail(error);
    }

    /// The writer has handed these log entries to the network. They may be the last words of a session that has ended.
    pub fn written(&self, handled: &Handled) {
        if let Some(session) = self.session().or(self.core.former.as_ref()) {
            session.account().confirm(session, handled);
        }
    }

    /// The connection is gone. Contacts learn of it; what was not written finds another way.
    pub fn closed(&mut self) {
        if self.core.is_superseded() {
            self.core.finish_elsewhere();
        }
        self.core.abandon();
        if self.core.is_superseded() {
            self.core.end();
            self.core.let_go();
        }
        if self.core.fall_asleep() {
            return;
        }
        // First, so that what waits is in the log before anything that comes when nobody is there to take it.
        self.core.end();
        let left = self.core.outbox.close();
        let engine = self.core.engine.clone();
        if let Some(session) = self.core.former.take() {
            engine.perform(session.account(), None, session.account().release(&session));
            engine.return_unwritten(session.account(), left);
        }
        if let Some(jid) = self.core.visitor.take() {
            let users = Users::new(&engine);
            engine.ports.spawn.spawn(Box::pin(async move { users.dismiss_visitor(&jid).await }));
        }
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        // Perhaps because of a panic: another one would end the process.
        let _ = caught(|| self.closed());
    }
}

impl Core {
    /// Goes on with what keeps the stream busy. Ready when nothing does.
    fn work(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.busy {
                None => return Poll::Ready(()),
                Some(Busy::Task(task)) => {
                    std::task::ready!(task.as_mut().poll(context));
                    self.busy = None;
                }
                Some(Busy::Login(login)) => {
                    let turn = std::task::ready!(login.as_mut().poll(context));
                    self.busy = None;
                    self.turn(turn);
                }
                Some(Busy::Resume { wait, .. }) => {
                    std::task::ready!(wait.as_mut().poll(context));
                    if let Some(Busy::Resume { token, h, answer, .. }) = self.busy.take() {
                        self.resume(&token, h, answer);
                    }
                }
                Some(Busy::Bind(bind, _)) => {
                    let bound = std::task::ready!(bind.as_mut().poll(context));
                    if let Some(Busy::Bind(_, request)) = self.busy.take() {
                        self.bound(bound, &request);
                    }
                }
            }
        }
    }

    fn reply(&self, xml: &str) {
        let _ = self.outbox.push_reply(Entry::now(xml.to_owned()));
    }

    /// Sends a stream error and closes. The header goes first if the client has none yet (RFC 6120 §4.9.1.2).
    fn fail(&mut self, error: StreamError) {
        if matches!(self.stage, Stage::Over) {
            return;
        }
        tracing::debug!(address = %self.peer.shown(), %error, "stream error");
        if !self.opened && !matches!(self.stage, Stage::Securing) {
            self.open(None);
        }
        self.outbox.end(Ending::Error(error));
        self.end();
    }

    /// Nothing more is read. A session stays until the writer is done and the connection closes.
    fn end(&mut self) {
        self.busy = None;
        let over = std::mem::replace(&mut self.stage, Stage::Over);
        if let Stage::Bound(session) = over
            && !self.is_superseded()
            && !self.engine.keeps(&session)
        {
            self.engine.leave(self.former.insert(session));
        }
    }

    /// Handles what came in, unless the session is another stream's by now: that must not say a count in the middle.
    fn take(&mut self, event: Event<'_>) -> Result<Then, StreamError> {
        let counted = match &self.stage {
            Stage::Bound(session) if session.management().is_on() => Some(session.management().clone()),
            _ => None,
        };
        let _turn = counted.as_ref().map(|management| management.turn.lock());
        if self.is_superseded() { Ok(Then::Go) } else { self.handle(event) }
    }

    fn handle(&mut self, event: Event<'_>) -> Result<Then, StreamError> {
        match event {
            Event::Header(header) => self.header(&header).map(|()| Then::Go),
            Event::Close => {
                if let Stage::Bound(session) = &self.stage {
                    session.management().say_closed();
                }
                // RFC 6120 §4.4: the other side closes too.
                self.outbox.end(Ending::Clean);
                self.end();
                Ok(Then::Go)
            }
            Event::Stanza(raw) => self.element(&raw),
        }
    }

    /// RFC 6120 §4.7: the client's header, ours, and the features.
    fn header(&mut self, header: &StreamHeader) -> Result<(), StreamError> {
        // Stanzas without a language of their own get it: what is longer than a language tag (RFC 5646 §4.4.1) would
        // have each of them grow.
        self.lang =
            header.lang.clone().filter(|lang| lang.len() <= LONGEST_LANG).or_else(|| self.lang.take());
        let to = header.to.as_deref().ok_or_else(|| StreamError::new(StreamCondition::ImproperAddressing))?;
        let domain = prepare_domain(to).map_err(|_| StreamError::new(StreamCondition::HostUnknown))?;
        if !self.engine.serves(&domain) || !(self.domain.is_empty() || self.domain == *domain) {
            return Err(StreamError::new(StreamCondition::HostUnknown));
        }
        self.domain = domain.into_owned();
        self.open(header.from.as_deref());
        // §4.7.5: only 1.x is spoken here.
        if header.version.is_none_or(|(major, _)| major < 1) {
            return Err(StreamError::new(StreamCondition::UnsupportedVersion));
        }
        self.features();
        Ok(())
    }

    fn open(&mut self, from: Option<&str>) {
        self.opened = true;
        let mut out = XmlWriter::new();
        out.raw("<?xml version='1.0'?>");
        out.start("stream:stream")
            .attr("xmlns", ns::CLIENT)
            .attr("xmlns:stream", ns::STREAMS)
            .attr("version", "1.0");
        out.attr("id", &self.engine.ports.random.token());
        let domain = if self.domain.is_empty() { self.engine.domains().first() } else { Some(&self.domain) };
        if let Some(domain) = domain {
            out.attr("from", domain);
        }
        // §4.7.2: only where it is certain whom the answer reaches.
        if let Some(from) = from.filter(|_| self.peer.bindings.tls).and_then(|from| Jid::parse(from).ok()) {
            out.attr("to", from.bare().as_str());
        }
        // §4.7.4: the language of our explanations, whatever was asked for.
        out.attr("xml:lang", "en");
        self.reply(&out.into_open_string());
    }

    /// RFC 6120 §4.3.2.
    fn features(&self) {
        let mut out = String::from("<stream:features>");
        let hooks = self.engine.hooks.load();
        let announce = |out: &mut String, phase| {
            for feature in hooks.features.iter().filter(|feature| feature.phase == phase) {
                out.push_str(&feature.xml);
            }
        };
        if let Stage::Known(_) = self.stage {
            out.push_str("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>");
            out.push_str("<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>");
            announce(&mut out, Phase::AfterLogin);
        } else {
            let required = self.engine.settings().require_tls;
            if !self.peer.bindings.tls {
                // §5.4.1: a feature that is required is announced alone.
                out.push_str("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>");
                out.push_str(if required { "<required/></starttls>" } else { "</starttls>" });
            }
            if self.peer.bindings.tls || !required {
                out.push_str(&self.offer());
                announce(&mut out, Phase::BeforeLogin);
            }
        }
        out.push_str("</stream:features>");
        self.reply(&out);
    }

    fn element(&mut self, raw: &RawFrame<'_>) -> Result<Then, StreamError> {
        if raw.kind() == Kind::Other && matches!(self.stage, Stage::Bound(_) | Stage::Known(_)) {
            let handler = self.engine.hooks.load().nonzas.get(raw.namespace()).cloned();
            if let Some(handler) = handler {
                handler(&raw.element(), &mut StreamHandle(self))?;
                return Ok(Then::Go);
            }
        }
        if let Stage::Bound(session) = &self.stage {
            if session.management().is_verbose() {
                // What was taken before is done.
                self.engine.settle_count(session);
            }
            session.management().count();
            if let Some(task) = client::receive(&self.engine, session, raw, self.lang.as_deref())? {
                self.occupy(task);
            }
            return Ok(Then::Go);
        }
        match (raw.kind(), &self.stage) {
            (Kind::Iq, Stage::Known(jid)) => {
                let jid = jid.clone();
                self.bind(raw, &jid)?;
                Ok(Then::Go)
            }
            (Kind::Iq, _) => {
                self.ask_before_login(raw)?;
                Ok(Then::Go)
            }
            // RFC 6120 §4.9.3.12, §7.1: nothing is routed before a resource is bound.
            (Kind::Message | Kind::Presence, _) | (Kind::Other, Stage::Known(_)) => {
                Err(StreamError::new(StreamCondition::NotAuthorized))
            }
            (Kind::Other, _) => self.negotiate(raw),
        }
    }

    /// An element of STARTTLS or SASL.
    fn negotiate(&mut self, raw: &RawFrame<'_>) -> Result<Then, StreamError> {
        match (raw.namespace(), raw.name()) {
            (ns::TLS, "starttls") if !self.peer.bindings.tls => Ok(Then::Secure),
            (ns::TLS, "starttls") => {
                // RFC 6120 §5.4.2.2: failure, and the stream ends.
                self.reply("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
                self.outbox.end(Ending::Clean);
                self.end();
                Ok(Then::Go)
            }
            (ns::SASL, _) if self.peer.bindings.tls || !self.engine.settings().require_tls => {
                self.sasl(raw);
                Ok(Then::Go)
            }
            // §5.3.1: TLS is mandatory to negotiate here.
            (ns::SASL, _) => Err(StreamError::new(StreamCondition::PolicyViolation)),
            _ => Err(StreamError::new(StreamCondition::UnsupportedStanzaType)),
        }
    }
}
