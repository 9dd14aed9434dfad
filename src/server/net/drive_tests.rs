use super::*;
use crate::net::metered::Metered;
use crate::net::patience::{FAREWELL, STALL};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::hooks::{Hooks, Offline};
use kernel::stream::Peer;
use kernel::{ConfigError, Env, Listed, Users, Xep};
use std::path::Path;
use std::sync::Arc;
use std::sync::{Mutex, mpsc};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use wire::jid::BareJid;

/// Small limits, so that a test fills them.
const CONFIG: &str = "domains = [\"localhost\"]
[tls]
required = false
[auth]
scram_iterations = 4096
[limits]
max_stanza = \"10000 B\"
max_stanza_before_login = \"10000 B\"
session_queue = \"64 KiB\"
c2s_rate = \"unlimited\"
";

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
                      to='localhost' version='1.0'>";

const BIND: &str = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";

const DISCO: &str =
    "<iq type='get' id='q' to='localhost'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>";

/// Runs a test on virtual time. A task that never lets go would stop that time, and the test with it, so the real
/// clock is watched from outside.
fn on_virtual_time<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("a runtime").block_on(test());
        done.send(()).expect("somebody waits");
    });
    ended.recv_timeout(Duration::from_secs(60)).expect("the test ends, and well");
}

async fn context() -> Arc<Context> {
    context_with(xeps::ALL).await
}

async fn context_with(list: &[Listed]) -> Arc<Context> {
    let context = crate::testing::context_with(CONFIG, Path::new(""), list).await;
    let romeo = BareJid::parse("romeo@localhost").expect("an address");
    Users::new(&context.engine).create(&romeo, "montague").await.expect("made");
    context
}

/// The server's end of a connection, being driven.
fn start<S>(io: S, context: &Arc<Context>) -> JoinHandle<End>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let context = context.clone();
    let mut io = Metered::new(io);
    tokio::spawn(async move {
        let mut client = ClientStream::new(&context.engine, Peer::default());
        drive(&mut io, &mut client, &context, ([192, 0, 2, 1], 5).into()).await
    })
}

async fn until(io: &mut DuplexStream, text: &str) -> String {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = io.read(&mut buffer).await.expect("readable");
        assert!(read > 0, "{text} never came: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..read]);
        let so_far = String::from_utf8_lossy(&seen);
        if so_far.contains(text) {
            return so_far.into_owned();
        }
    }
}

async fn say(io: &mut DuplexStream, text: &str) {
    io.write_all(text.as_bytes()).await.expect("writable");
}

/// Logs in and returns the address of the session.
async fn log_in(io: &mut DuplexStream) -> String {
    say(io, HEADER).await;
    until(io, "</stream:features>").await;
    let plain = STANDARD.encode("\0romeo\0montague");
    say(io, &format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"))
        .await;
    until(io, "<success").await;
    say(io, HEADER).await;
    until(io, "</stream:features>").await;
    say(io, BIND).await;
    let bound = until(io, "</iq>").await;
    let jid = bound.split("<jid>").nth(1).and_then(|rest| rest.split("</jid>").next());
    jid.expect("an address").to_owned()
}

/// The server's end of a connection that takes nothing for a while, and then everything.
struct Gated {
    io: DuplexStream,
    open: Pin<Box<dyn Future<Output = ()> + Send>>,
    opened: bool,
}

impl AsyncRead for Gated {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Cx<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Gated {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Cx<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.opened {
            ready!(self.open.as_mut().poll(cx));
            self.opened = true;
        }
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[test]
fn requests_held_back_by_a_full_queue_are_answered_when_there_is_room() {
    on_virtual_time(|| async {
        let context = context().await;
        let (mut peer, io) = duplex(1 << 24);
        // Before the login is due.
        let open = Box::pin(tokio::time::sleep(Duration::from_secs(3)));
        start(Gated { io, open, opened: false }, &context);
        // One read; the answers are more than the queue takes.
        const REQUESTS: usize = 500;
        let header = HEADER.to_owned();
        let plain = STANDARD.encode("\0romeo\0montague");
        let auth = format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>");
        let request = "<iq type='get' to='localhost'/>".repeat(REQUESTS);
        let all = format!("{header}{auth}{header}{BIND}{request}");
        assert!(all.len() < READ, "{}", all.len());
        say(&mut peer, &all).await;
        let mut answers = String::new();
        // Reads end anywhere.
        while answers.matches("</iq>").count() < REQUESTS + 1 {
            let text = tokio::time::timeout(Duration::from_secs(10), until(&mut peer, ">")).await;
            answers.push_str(&text.expect("the answers go on"));
        }
    });
}

/// The server's end when the peer takes nothing: not even the end of TLS can be said.
struct Deaf(DuplexStream);

impl AsyncRead for Deaf {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Cx<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Deaf {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Cx<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Cx<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

/// A session whose peer stopped reading, and the time at which it was opened.
async fn blocked(context: &Arc<Context>) -> (DuplexStream, JoinHandle<End>) {
    let (mut peer, server) = duplex(16 * 1024);
    let driven = start(Deaf(server), context);
    log_in(&mut peer).await;
    for _ in 0..4 {
        say(&mut peer, &DISCO.repeat(20)).await;
    }
    (peer, driven)
}

#[test]
fn a_stream_that_ends_while_its_peer_does_not_read_is_given_up() {
    on_virtual_time(|| async {
        let context = context().await;
        let (mut peer, driven) = blocked(&context).await;
        // Long after the deadline for the login.
        tokio::time::sleep(Duration::from_secs(60)).await;
        let start = Instant::now();
        say(&mut peer, "</stream:stream>").await;
        driven.await.expect("no panic");
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    });
}

#[test]
fn a_peer_that_takes_nothing_and_says_nothing_is_given_up() {
    on_virtual_time(|| async {
        let context = context().await;
        let start = Instant::now();
        let (_peer, driven) = blocked(&context).await;
        driven.await.expect("no panic");
        assert!(start.elapsed() < STALL + Duration::from_secs(120), "{:?}", start.elapsed());
    });
}

#[test]
fn the_end_of_the_server_does_not_wait_for_a_peer_that_does_not_read() {
    on_virtual_time(|| async {
        let context = context().await;
        let (_peer, driven) = blocked(&context).await;
        let start = Instant::now();
        context.engine.shut_down();
        driven.await.expect("no panic");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    });
}

#[test]
fn a_peer_that_reads_drop_by_drop_does_not_hold_an_ended_stream_for_ever() {
    on_virtual_time(|| async {
        let context = context().await;
        let (mut peer, driven) = blocked(&context).await;
        context.engine.shut_down();
        let start = Instant::now();
        let sipping = tokio::spawn(async move {
            let mut one = [0];
            while peer.read(&mut one).await.is_ok_and(|read| read > 0) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        driven.await.expect("no panic");
        assert!(start.elapsed() <= FAREWELL + Duration::from_millis(1), "{:?}", start.elapsed());
        sipping.abort();
    });
}

#[test]
fn a_session_that_is_ended_from_elsewhere_does_not_wait_for_a_peer_that_does_not_read() {
    on_virtual_time(|| async {
        let context = context().await;
        let (_peer, driven) = blocked(&context).await;
        // Everything is at rest: only the end itself can wake the task.
        tokio::time::sleep(Duration::from_secs(60)).await;
        let start = Instant::now();
        context.engine.shut_down();
        driven.await.expect("no panic");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    });
}

#[test]
fn a_login_that_is_not_done_in_time_is_ended() {
    on_virtual_time(|| async {
        let context = context().await;
        let (mut peer, server) = duplex(1 << 16);
        let driven = start(server, &context);
        let start = Instant::now();
        until(&mut peer, "connection-timeout").await;
        assert_eq!(start.elapsed().as_secs() / 2, 15);
        driven.await.expect("no panic");
    });
}

/// A XEP with a mistake: it panics over a message that is to be kept.
struct Mistake;

impl Xep for Mistake {
    const NUMBER: u16 = 9999;
    const NAME: &'static str = "mistake";
    const TITLE: &'static str = "Mistake";
    const VERSION: &'static str = "0";
    type Config = toml::Table;

    fn new(_: toml::Table, _: &mut Env) -> Result<Mistake, ConfigError> {
        Ok(Mistake)
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        let worth = |frame: &wire::frame::Frame| panic!("{}", frame.as_str());
        hooks.offline(Offline { messages: 1, bytes: 1, worth, delay: |_, _| String::new() });
    }
}

/// What is logged on this thread while the guard lives.
fn logged() -> (Arc<Mutex<Vec<u8>>>, tracing::subscriber::DefaultGuard) {
    let text = Arc::new(Mutex::new(Vec::new()));
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .with_writer({
            let text = text.clone();
            move || Writer(text.clone())
        })
        .finish();
    (text, tracing::subscriber::set_default(subscriber))
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("unpoisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_panic_ends_one_session_in_order_and_nothing_else() {
    on_virtual_time(|| async {
        let (log, _guard) = logged();
        let context = context_with(&[Listed::of::<Mistake>()]).await;
        let (mut peer, server) = duplex(1 << 16);
        let driven = start(server, &context);
        let jid = log_in(&mut peer).await;
        let (mut other, server) = duplex(1 << 16);
        start(server, &context);
        log_in(&mut other).await;
        // Seen, but no place for messages.
        let negative = "<presence><priority>-1</priority></presence>";
        say(&mut other, negative).await;
        say(&mut peer, negative).await;
        until(&mut other, &jid).await;
        say(&mut peer, "<message to='romeo@localhost' type='chat'><body>cankerblossom</body></message>")
            .await;
        let last = until(&mut peer, "</stream:stream>").await;
        assert!(last.contains("<internal-server-error "), "{last}");
        let farewell = until(&mut other, "unavailable").await;
        assert!(farewell.contains(&jid), "{farewell}");
        drop(peer);
        driven.await.expect("no panic reaches the task");
        say(&mut other, DISCO).await;
        until(&mut other, "</iq>").await;

        let log = String::from_utf8(log.lock().expect("unpoisoned").clone()).expect("UTF-8");
        let lines: Vec<_> = log.lines().filter(|line| line.contains("panicked")).collect();
        assert!(
            matches!(lines[..], [line] if line.contains("ERROR") && line.contains("192.0.2.1") && line.contains(&jid)),
            "{log}"
        );
        assert!(!log.contains("cankerblossom"), "{log}");
    });
}

#[path = "silence_tests.rs"]
mod silence;
