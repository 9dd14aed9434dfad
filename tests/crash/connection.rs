//! A client's connection: TCP, TLS, the stream up to the login. It knows nothing of sessions.

use base64::prelude::{BASE64_STANDARD, Engine};
use minidom::Element;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tests::stream::trusting;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use wire::frame::{Frame, Kind, StanzaType};
use wire::framer::{Event, Framer, Limits};
use wire::ns::{self, NsTable};

/// How long one step of a login, or one write, may take.
const STEP: Duration = Duration::from_secs(20);

/// Where the server is.
#[derive(Clone)]
pub(crate) struct Target {
    /// For STARTTLS.
    pub(crate) c2s: SocketAddr,
    /// For direct TLS.
    pub(crate) c2s_tls: SocketAddr,
    pub(crate) domain: String,
    /// Kept, for clients that come back save themselves half of the handshake where the server lets them.
    pub(crate) starttls: Arc<ClientConfig>,
    pub(crate) direct_tls: Arc<ClientConfig>,
}

impl Target {
    pub(crate) fn new(c2s: SocketAddr, c2s_tls: SocketAddr, domain: &str) -> Target {
        Target {
            c2s,
            c2s_tls,
            domain: domain.to_owned(),
            starttls: Arc::new(trusting(&[])),
            direct_tls: Arc::new(trusting(&[b"xmpp-client"])),
        }
    }
}

/// Why a connection is of no more use.
#[derive(Debug)]
pub(crate) struct Cut(pub(crate) String);

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<std::io::Error> for Cut {
    fn from(error: std::io::Error) -> Cut {
        // TLS has much to say about an end without a farewell.
        let ended = error.kind() == std::io::ErrorKind::UnexpectedEof;
        Cut(if ended { "the connection ended".to_owned() } else { error.to_string() })
    }
}

trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// What comes from the server.
pub(crate) enum Incoming {
    /// A first-level element, complete.
    Frame(Frame),
    /// `</stream:stream>`
    Close,
}

/// One connection.
pub(crate) struct Connection {
    pipe: Box<dyn Pipe>,
    framer: Framer,
    buffer: Box<[u8]>,
    domain: String,
}

impl Connection {
    /// Connects, secures and opens a stream; with direct TLS or STARTTLS. With `narrow`, the system takes little for
    /// who does not read: then the server has to keep it.
    pub(crate) async fn open(target: &Target, direct: bool, narrow: bool) -> Result<Connection, Cut> {
        let socket = TcpSocket::new_v4()?;
        if narrow {
            socket.set_recv_buffer_size(4096)?;
        }
        let socket = socket.connect(if direct { target.c2s_tls } else { target.c2s }).await?;
        socket.set_nodelay(true)?;
        let mut connection = Connection {
            pipe: Box::new(socket),
            framer: framer(),
            buffer: vec![0; 16 * 1024].into_boxed_slice(),
            domain: target.domain.clone(),
        };
        if direct {
            connection = connection.encrypted(&target.direct_tls).await?;
        } else {
            connection.header().await?;
            connection.send(&format!("<starttls xmlns='{}'/>", ns::TLS)).await?;
            connection.expect("proceed").await?;
            connection = connection.encrypted(&target.starttls).await?;
        }
        connection.header().await?;
        Ok(connection)
    }

    async fn encrypted(self, config: &Arc<ClientConfig>) -> Result<Connection, Cut> {
        let connector = TlsConnector::from(config.clone());
        let name = ServerName::try_from(self.domain.clone()).map_err(|error| Cut(error.to_string()))?;
        let tls = timeout(STEP, connector.connect(name, self.pipe));
        let tls = tls.await.map_err(|_| Cut("the TLS handshake takes too long".to_owned()))??;
        Ok(Connection { pipe: Box::new(tls), framer: framer(), ..self })
    }

    /// Opens the stream and returns its features.
    async fn header(&mut self) -> Result<Frame, Cut> {
        self.send(&format!(
            "<?xml version='1.0'?><stream:stream to='{}' version='1.0' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>",
            self.domain
        ))
        .await?;
        self.expect("features").await
    }

    /// Logs in with PLAIN and opens the stream that awaits a session. Returns its features.
    pub(crate) async fn log_in(&mut self, user: &str, password: &str) -> Result<Frame, Cut> {
        let plain = BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
        self.send(&format!("<auth xmlns='{}' mechanism='PLAIN'>{plain}</auth>", ns::SASL)).await?;
        self.expect("success").await?;
        self.framer.reset();
        self.header().await
    }

    /// Binds a resource.
    pub(crate) async fn bind(&mut self, resource: &str) -> Result<(), Cut> {
        self.send(&format!(
            "<iq type='set' id='bind'><bind xmlns='{}'><resource>{resource}</resource></bind></iq>",
            ns::BIND
        ))
        .await?;
        let answer = self.expect("iq").await?;
        if answer.type_() == StanzaType::Result { Ok(()) } else { Err(Cut(answer.as_str().to_owned())) }
    }

    /// The next element, which must have that name.
    pub(crate) async fn expect(&mut self, name: &str) -> Result<Frame, Cut> {
        match self.due().await? {
            Incoming::Frame(frame) if frame.name() == name => Ok(frame),
            Incoming::Frame(frame) => Err(Cut(format!("a {name} was due, not {}", frame.as_str()))),
            Incoming::Close => Err(Cut(format!("a {name} was due, not the end of the stream"))),
        }
    }

    /// The next thing, in the time of a step.
    pub(crate) async fn due(&mut self) -> Result<Incoming, Cut> {
        timeout(STEP, self.next()).await.map_err(|_| Cut(format!("nothing came within {STEP:?}")))?
    }

    /// The next thing. Nothing is lost if it is no longer waited for.
    pub(crate) async fn next(&mut self) -> Result<Incoming, Cut> {
        loop {
            let broken = |error| Cut(format!("the server's XML is broken: {error:?}"));
            match self.framer.next().map_err(broken)? {
                Some(Event::Header(_)) => {}
                Some(Event::Stanza(frame)) => {
                    let frame = frame.to_frame();
                    if frame.kind() == Kind::Other
                        && frame.name() == "error"
                        && frame.namespace() == ns::STREAMS
                    {
                        return Err(Cut(frame.as_str().to_owned()));
                    }
                    return Ok(Incoming::Frame(frame));
                }
                Some(Event::Close) => return Ok(Incoming::Close),
                None => {
                    let length = self.pipe.read(&mut self.buffer).await?;
                    if length == 0 {
                        return Err(Cut("the connection ended".to_owned()));
                    }
                    self.framer.receive(&self.buffer[..length]);
                }
            }
        }
    }

    /// Writes all of it.
    pub(crate) async fn send(&mut self, text: &str) -> Result<(), Cut> {
        let writing = async {
            self.pipe.write_all(text.as_bytes()).await?;
            self.pipe.flush().await
        };
        Ok(timeout(STEP, writing)
            .await
            .map_err(|_| Cut(format!("the server reads nothing for {STEP:?}")))??)
    }
}

fn framer() -> Framer {
    // An archive's rows are wrapped.
    let limits = Limits { stanza_bytes: 1 << 20, ..Limits::after_login() };
    Framer::new(limits, Arc::new(NsTable::new(&[])))
}

/// An attribute of an element of stream management.
pub(crate) fn attribute(frame: &Frame, name: &str) -> Option<String> {
    let element: Element = frame.element();
    element.attr(name).map(str::to_owned)
}
