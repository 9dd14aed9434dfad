//! One client with stream management: it counts, keeps what is not acknowledged, resumes or binds anew, and writes
//! everything into the ledger before it tells the server.

use crate::connection::{Connection, Cut, Incoming, attribute};
use crate::names::{Key, Name, letter};
use crate::world::{PASSWORD, World};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use wire::frame::{Frame, Kind, StanzaType};

const SM: &str = "urn:xmpp:sm:3";
const REQUEST: &str = "<r xmlns='urn:xmpp:sm:3'/>";
/// How long a client waits before it tries again, if nobody says that the server is there.
const AGAIN: Duration = Duration::from_millis(200);

/// What a client does about resumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// It wants to resume its sessions, and does.
    Kept,
    /// It has a session that can be resumed, and binds anew: as after a crash of its own.
    Forgotten,
    /// It does not know of resumption.
    NotWanted,
}

/// What a stanza in the queue is.
#[derive(Clone, Debug)]
enum What {
    Message(Key),
    Request(String),
    /// It belongs to this session and not to the next one.
    Passing,
}

/// A stanza that the server has not acknowledged.
#[derive(Clone, Debug)]
struct Outgoing {
    what: What,
    text: String,
    /// It came back as an error: a new session has no use for it. The old one still counts it.
    refused: bool,
}

impl Outgoing {
    fn new(what: What, text: &str) -> Outgoing {
        Outgoing { what, text: text.to_owned(), refused: false }
    }
}

/// What the server and the client know of each other beyond one connection.
struct Session {
    /// With it the session can be resumed.
    token: Option<String>,
    /// Stanzas that came and are in the ledger: `h`.
    received: u32,
    /// Stanzas of ours that the server has acknowledged.
    acknowledged: u32,
    /// It was told to end, and whether it has is not known.
    leaving: bool,
}

/// See the head of the file.
pub(crate) struct Client {
    pub(crate) name: Name,
    pub(crate) world: Arc<World>,
    /// Direct TLS or STARTTLS.
    direct: bool,
    token: Token,
    cuts: watch::Receiver<u64>,
    /// What it does not read stays with the server.
    pub(crate) narrow: bool,
    /// Its connection breaks: of what it writes now only a part arrives.
    pub(crate) breaks: bool,
    /// It does not answer `<r/>`.
    pub(crate) mute: bool,
    connection: Option<Connection>,
    session: Option<Session>,
    queue: VecDeque<Outgoing>,
    /// Requests without an answer, acknowledged or not.
    open: Vec<(String, String)>,
}

impl Client {
    pub(crate) fn new(world: Arc<World>, name: Name, token: Token) -> Client {
        Client {
            name,
            cuts: world.cuts(),
            world,
            direct: name.number.is_multiple_of(2),
            token,
            narrow: false,
            breaks: false,
            mute: false,
            connection: None,
            session: None,
            queue: VecDeque::new(),
            open: Vec::new(),
        }
    }

    /// Stanzas that wait for their acknowledgement.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn note(&self, what: String) {
        self.world.write(|ledger, at| ledger.note(at, Some(self.name), what));
    }

    /// Connects, and resumes the session or begins one; as often as it takes.
    pub(crate) async fn establish(&mut self) {
        let mut up = self.world.up();
        let mut last = String::new();
        while self.connection.is_none() {
            up.mark_unchanged();
            if let Err(Cut(why)) = self.try_establish().await {
                self.connection = None;
                // Everybody hears that when the server is down.
                if why != last && !why.contains("Connection refused") {
                    self.note(format!("cannot log in: {why}"));
                    last = why;
                }
                let _ = tokio::time::timeout(AGAIN, up.changed()).await;
            }
        }
    }

    async fn try_establish(&mut self) -> Result<(), Cut> {
        let mut connection = Connection::open(&self.world.target, self.direct, self.narrow).await?;
        connection.log_in(&self.name.to_string(), PASSWORD).await?;
        if self.resume(&mut connection).await? {
            self.note(format!("resumed; {} stanzas to send again", self.queue.len()));
        } else {
            connection.bind("one").await?;
            self.begin(&mut connection).await?;
            self.note(format!("new session; {} stanzas to send", self.queue.len()));
        }
        self.connection = Some(connection);
        let queue: Vec<Outgoing> = self.queue.iter().cloned().collect();
        self.write(&queue, true).await
    }

    /// False if there is nothing to resume, or the server refuses.
    async fn resume(&mut self, connection: &mut Connection) -> Result<bool, Cut> {
        let Some(session) = &self.session else { return Ok(false) };
        let Some(token) = &session.token else { return Ok(false) };
        let h = session.received;
        connection.send(&format!("<resume xmlns='{SM}' h='{h}' previd='{token}'/>")).await?;
        let answer = match connection.due().await {
            Ok(Incoming::Frame(answer)) => answer,
            Ok(Incoming::Close) => return Err(Cut("the stream was closed instead of resumed".to_owned())),
            Err(Cut(why)) => {
                // An error about this attempt would come again each time.
                if why.starts_with('<') && !why.contains("system-shutdown") {
                    self.session = None;
                    self.not_resumed(&why);
                }
                return Err(Cut(why));
            }
        };
        match answer.name() {
            "resumed" => {
                self.world.write(|ledger, _| {
                    ledger.resume_tried();
                    ledger.resumed();
                });
                if let Some(session) = &mut self.session {
                    session.leaving = false;
                }
                self.acknowledge(&answer);
                Ok(true)
            }
            "failed" => {
                // XEP-0198 §5: what it has handled although the session is gone.
                if attribute(&answer, "h").is_some() {
                    self.acknowledge(&answer);
                }
                // A session that was told to end may have ended.
                if self.session.take().is_some_and(|session| !session.leaving) {
                    let why = answer.elements().next().map(|child| child.name.to_owned()).unwrap_or_default();
                    self.not_resumed(&why);
                }
                Ok(false)
            }
            _ => Err(Cut(format!("the answer to <resume/> is {}", answer.as_str()))),
        }
    }

    fn not_resumed(&self, why: &str) {
        self.world.write(|ledger, at| {
            ledger.resume_tried();
            ledger.not_resumed(at, self.name, why);
        });
    }

    /// A new session: what the last one left unacknowledged, and requests without an answer, go first.
    async fn begin(&mut self, connection: &mut Connection) -> Result<(), Cut> {
        let resume = if self.token == Token::NotWanted { "" } else { " resume='true'" };
        connection.send(&format!("<enable xmlns='{SM}'{resume}/>")).await?;
        let enabled = connection.expect("enabled").await?;
        let token = attribute(&enabled, "id").filter(|_| self.token == Token::Kept);
        self.session = Some(Session { token, received: 0, acknowledged: 0, leaving: false });
        let mut rest = std::mem::take(&mut self.queue);
        rest.retain(|stanza| !stanza.refused && !matches!(stanza.what, What::Passing));
        self.queue.push_back(Outgoing::new(What::Passing, "<presence/>"));
        // Acknowledged, but its answer went with the session.
        for (id, text) in &self.open {
            if !rest.iter().any(|stanza| matches!(&stanza.what, What::Request(other) if other == id)) {
                self.queue.push_back(Outgoing::new(What::Request(id.clone()), text));
            }
        }
        self.queue.append(&mut rest);
        Ok(())
    }

    /// Sends messages and requests, and asks for an acknowledgement if told to.
    pub(crate) async fn say(
        &mut self,
        messages: &[(Key, String)],
        requests: &[(String, String)],
        acknowledge: bool,
    ) -> Result<(), Cut> {
        let mut stanzas = Vec::new();
        for (key, text) in messages {
            stanzas.push(Outgoing::new(What::Message(*key), text));
        }
        for (id, text) in requests {
            self.open.push((id.clone(), text.clone()));
            stanzas.push(Outgoing::new(What::Request(id.clone()), text));
        }
        self.queue.extend(stanzas.iter().cloned());
        self.write(&stanzas, acknowledge).await
    }

    async fn write(&mut self, stanzas: &[Outgoing], acknowledge: bool) -> Result<(), Cut> {
        let mut text = String::new();
        self.world.write(|ledger, at| {
            for stanza in stanzas {
                match &stanza.what {
                    What::Message(key) => ledger.sent(at, *key),
                    What::Request(id) => ledger.asked(at, id, self.name),
                    What::Passing => {}
                }
                text.push_str(&stanza.text);
            }
        });
        if acknowledge && !self.queue.is_empty() {
            text.push_str(REQUEST);
        }
        self.send(&text).await
    }

    async fn send(&mut self, text: &str) -> Result<(), Cut> {
        let connection = self.connection.as_mut().ok_or_else(|| Cut("not connected".to_owned()))?;
        // All text here is ASCII.
        let part = if self.breaks { text.len() / 2 } else { text.len() };
        if part == 0 { Ok(()) } else { connection.send(&text[..part]).await }
    }

    /// Asks for an acknowledgement.
    pub(crate) async fn ask(&mut self) -> Result<(), Cut> {
        self.send(REQUEST).await
    }

    /// Acknowledges all that is in the ledger.
    pub(crate) async fn tell(&mut self) -> Result<(), Cut> {
        let h = self.session.as_ref().map_or(0, |session| session.received);
        self.send(&format!("<a xmlns='{SM}' h='{h}'/>")).await
    }

    /// The next thing from the server. Nothing is lost if it is no longer waited for.
    pub(crate) async fn next(&mut self) -> Result<Incoming, Cut> {
        let Some(connection) = &mut self.connection else { return Err(Cut("not connected".to_owned())) };
        tokio::select! {
            biased;
            _ = self.cuts.changed() => {
                self.breaks = true;
                Err(Cut("the network broke down".to_owned()))
            }
            incoming = connection.next() => incoming,
        }
    }

    /// Does with it what is to be done.
    pub(crate) async fn take(&mut self, incoming: Incoming) -> Result<(), Cut> {
        let frame = match incoming {
            Incoming::Frame(frame) => frame,
            Incoming::Close => return Err(Cut("the server closed the stream".to_owned())),
        };
        if frame.kind() == Kind::Other {
            match frame.name() {
                "r" if !self.mute => self.tell().await?,
                "a" => self.acknowledge(&frame),
                _ => {}
            }
            return Ok(());
        }
        let mut reply = None;
        let id = frame.id().unwrap_or_default().into_owned();
        match (frame.kind(), frame.type_()) {
            (Kind::Message, type_) => {
                if let Some(key) = Key::parse(&id) {
                    match type_ {
                        StanzaType::Error => self.refused(key),
                        _ => self.received(key, &frame),
                    }
                }
            }
            (Kind::Iq, StanzaType::Result | StanzaType::Error) => {
                self.open.retain(|(open, _)| *open != id);
                self.world.write(|ledger, at| ledger.answered(at, &id));
            }
            (Kind::Iq, _) => reply = Some(answer(&frame, &id)),
            _ => {}
        }
        if let Some(session) = &mut self.session {
            session.received = session.received.wrapping_add(1);
        }
        if let Some(text) = reply {
            self.queue.push_back(Outgoing::new(What::Passing, &text));
            self.send(&text).await?;
        }
        Ok(())
    }

    fn refused(&mut self, key: Key) {
        self.world.write(|ledger, at| ledger.refused(at, key));
        for stanza in &mut self.queue {
            stanza.refused |= matches!(stanza.what, What::Message(other) if other == key);
        }
    }

    /// Also looks whether it is what its sender wrote, and by which id the archive knows it.
    fn received(&self, key: Key, frame: &Frame) {
        let domain = &self.world.target.domain;
        let from = frame.from().unwrap_or_default();
        let body = frame.child("body", wire::ns::CLIENT).map(|body| body.text()).unwrap_or_default();
        let is_right =
            from.starts_with(&format!("{}@{domain}/", Name::sender(key.sender))) && body == letter(key);
        // XEP-0359 §5: only the account's own server says this.
        let account = format!("{}@{domain}", self.name);
        let ids = frame.elements().filter(|child| child.is("stanza-id", "urn:xmpp:sid:0"));
        let mut own = ids.filter(|id| id.attr("by").is_some_and(|by| by == account.as_str()));
        let id = own.next().and_then(|id| id.attr("id").map(|id| id.into_owned()));
        self.world.write(|ledger, at| {
            ledger.received(at, key, self.name);
            if !is_right {
                ledger.spoiled(key, frame.as_str());
            }
            if let Some(id) = id {
                ledger.identified(key, id);
            }
        });
    }

    /// Takes an `h`.
    fn acknowledge(&mut self, frame: &Frame) {
        let Some(session) = &mut self.session else { return };
        let h = attribute(frame, "h").and_then(|h| h.parse::<u32>().ok());
        let covered = h.map(|h| h.wrapping_sub(session.acknowledged) as usize);
        let Some(covered) = covered.filter(|covered| *covered <= self.queue.len()) else {
            let (from, to) = (session.acknowledged, self.queue.len());
            let what = format!(
                "{}, although {from} were acknowledged before and {to} more were sent",
                frame.as_str()
            );
            self.world.write(|ledger, at| ledger.broken(at, self.name, what));
            return;
        };
        session.acknowledged = session.acknowledged.wrapping_add(covered as u32);
        self.world.write(|ledger, at| {
            for stanza in self.queue.drain(..covered) {
                if let What::Message(key) = stanza.what {
                    ledger.acknowledged(at, key);
                }
            }
        });
    }

    /// The connection is of no more use, or is dropped without a word; the session stays.
    pub(crate) fn cut(&mut self, why: &str) {
        self.connection = None;
        self.breaks = false;
        self.note(format!("cut off: {why}"));
    }

    /// Ends the session. What comes after the last acknowledgement is for the next one, and not written down.
    pub(crate) async fn leave(&mut self) -> Result<(), Cut> {
        self.tell().await?;
        if let Some(session) = &mut self.session {
            session.leaving = true;
        }
        self.send("</stream:stream>").await?;
        let connection = self.connection.as_mut().ok_or_else(|| Cut("not connected".to_owned()))?;
        while let Incoming::Frame(_) = connection.due().await? {}
        self.connection = None;
        self.session = None;
        self.note("logged out".to_owned());
        Ok(())
    }
}

/// A client must answer; this one can nothing but pong.
fn answer(frame: &Frame, id: &str) -> String {
    let to = frame.from().map(|from| format!(" to='{from}'")).unwrap_or_default();
    if frame.child("ping", "urn:xmpp:ping").is_some() {
        return format!("<iq type='result' id='{id}'{to}/>");
    }
    format!(
        "<iq type='error' id='{id}'{to}><error type='cancel'>\
         <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    )
}
