//! Driving one connection: reads, lets the stream work, and writes what waits, as far as each can go.
//!
//! **Invariant:** a connection at rest holds no read or write buffer of ours. Reading uses one buffer per thread,
//! writing one that is given back when it has been taken.

use super::bucket::Bucket;
use super::connection::Context;
use super::metered::Metering;
use super::patience::{Patience, Wait};
use crate::config::Rate;
use kernel::outbox::{Ending, Handled};
use kernel::panics::caught;
use kernel::stream::{ClientStream, Step};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context as Cx, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use wire::error::{StreamCondition, StreamError};

/// Read at once.
const READ: usize = 16 * 1024;
/// Written at once: two full TLS records.
const WRITE: usize = 32 * 1024;
/// So much is still read after our end of the stream has closed, so that the peer gets to see why.
const LINGER_BYTES: usize = 1 << 20;

thread_local! {
    static INPUT: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// How driving a connection came to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// TLS is to start.
    StartTls,
    /// It is over.
    Closed,
}

/// Serves a stream until it ends or TLS is to start.
pub(super) async fn drive<S: AsyncRead + AsyncWrite + Metering + Unpin>(
    io: &mut S,
    client: &mut ClientStream,
    context: &Context,
    address: SocketAddr,
) -> End {
    let mut drive = Drive::new(context);
    let end = poll_fn(|cx| {
        loop {
            if let Ok(poll) = caught(|| drive.poll(Pin::new(io), client, context, cx)) {
                return poll;
            }
            if drive.broken || !drive.break_off(client, address) {
                return Poll::Ready(End::Closed);
            }
        }
    })
    .await;
    if end == End::Closed {
        if caught(|| client.closed()).is_err() {
            tracing::error!(%address, "the end of a connection panicked");
        }
        if drive.ended {
            linger(io, drive.patience.linger(Instant::now())).await;
        }
    }
    end
}

async fn linger<S: AsyncRead + Unpin>(io: &mut S, time: Duration) {
    let mut bytes = 0;
    let reading = poll_fn(|cx| {
        loop {
            match ready!(read(Pin::new(&mut *io), cx, |input| input.len())) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(read) => bytes += read,
            }
            if bytes > LINGER_BYTES {
                return Poll::Ready(());
            }
        }
    });
    let _ = tokio::time::timeout(time, reading).await;
}

/// The state of driving one connection.
struct Drive {
    /// Taken from the outbox, not yet by the socket; `sent` of it are gone.
    output: Vec<u8>,
    sent: usize,
    /// Written, but perhaps still in the TLS layer.
    unflushed: bool,
    /// Confirmed when everything is flushed.
    handled: Handled,
    ending: Option<Ending>,
    /// Our side has been closed in order.
    ended: bool,
    /// Something panicked; only the end of the stream is still to be told.
    broken: bool,
    bucket: Bucket,
    patience: Patience,
    /// The end of the server, until there is a session: that is told by the engine, and holds less memory.
    closing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Drive {
    fn new(context: &Context) -> Drive {
        let config = context.config.load();
        let now = Instant::now();
        let rate = match config.limits.c2s_rate {
            Rate::Unlimited => None,
            Rate::BytesPerSecond(rate) => Some(rate.get()),
        };
        Drive {
            output: Vec::new(),
            sent: 0,
            unflushed: false,
            handled: Handled::default(),
            ending: None,
            ended: false,
            broken: false,
            bucket: Bucket::new(rate, now),
            patience: Patience::new(&config.limits, now),
            closing: Some(Box::pin(context.closed())),
        }
    }

    fn poll<S: AsyncRead + AsyncWrite + Metering>(
        &mut self,
        mut io: Pin<&mut S>,
        client: &mut ClientStream,
        context: &Context,
        cx: &mut Cx<'_>,
    ) -> Poll<End> {
        loop {
            if let Some(closing) = &mut self.closing {
                if closing.as_mut().poll(cx).is_ready() {
                    self.closing = None;
                    client.fail(StreamError::new(StreamCondition::SystemShutdown));
                } else if client.session().is_some() {
                    self.closing = None;
                }
            }
            let start_tls = client.poll(cx) == Poll::Ready(Step::StartTls);
            match self.write(io.as_mut(), client, cx) {
                Ok(true) => return Poll::Ready(End::Closed),
                Ok(false) if self.is_drained() => {}
                Ok(false) => {
                    // Takes nothing now, but learns of an end that somebody else decides: nothing else may wake a task
                    // whose peer does not read.
                    let _ = client.poll_take(cx, &mut self.output, 0);
                }
                Err(error) => {
                    tracing::debug!(%error, "connection lost while writing");
                    return Poll::Ready(End::Closed);
                }
            }
            if start_tls {
                // <proceed/> is a few bytes into an empty socket buffer; a peer that managed to fill that is no loss.
                return Poll::Ready(if self.is_drained() { End::StartTls } else { End::Closed });
            }
            let reads = client.wants_input();
            if reads && client.is_held_back() {
                // Writing has made room. What waits comes first; no new input may ever come.
                continue;
            }
            let pause = if reads {
                let pause = self.bucket.wait(Instant::now());
                if pause.is_zero() {
                    match read(io.as_mut(), cx, |input| {
                        client.receive(input);
                        input.len()
                    }) {
                        Poll::Ready(Ok(0)) => return Poll::Ready(End::Closed),
                        Poll::Ready(Err(error)) => {
                            tracing::debug!(%error, "connection lost while reading");
                            return Poll::Ready(End::Closed);
                        }
                        Poll::Ready(Ok(bytes)) => {
                            self.bucket.take(bytes);
                            self.patience.heard(Instant::now());
                            continue;
                        }
                        Poll::Pending => {}
                    }
                }
                pause
            } else {
                Duration::ZERO
            };
            match self.patience.wait(client, context, io.meter(), pause, cx) {
                Wait::Sleep => return Poll::Pending,
                Wait::Again => {}
                Wait::GiveUp => {
                    tracing::debug!("the peer takes nothing any more");
                    return Poll::Ready(End::Closed);
                }
            }
        }
    }

    /// After a panic: the peer learns that it is over, and so do its contacts. False if not even that works.
    fn break_off(&mut self, client: &mut ClientStream, address: SocketAddr) -> bool {
        self.broken = true;
        let session = client.session().map_or("-", |session| session.jid().as_str());
        tracing::error!(%address, session, "a connection panicked; it ends, and its session with it");
        let error = StreamError::new(StreamCondition::InternalServerError);
        let ended = caught(|| client.fail(error.clone()));
        // Perhaps it had come to its end already, or fell on the way there.
        client.outbox().end(Ending::Error(error));
        ended.is_ok()
    }

    fn is_drained(&self) -> bool {
        self.output.is_empty() && !self.unflushed
    }

    /// Writes as far as the socket takes it. `true` when the stream has ended and everything is out.
    fn write<S: AsyncWrite>(
        &mut self,
        mut io: Pin<&mut S>,
        client: &ClientStream,
        cx: &mut Cx<'_>,
    ) -> io::Result<bool> {
        loop {
            if self.output.is_empty() && self.ending.is_none() {
                self.output = OUTPUT.take();
                self.output.clear();
                if let Poll::Ready(taken) = client.poll_take(cx, &mut self.output, WRITE) {
                    self.handled.add(taken.handled);
                    if let Some(ending) = taken.ending {
                        if let Ending::Error(error) = &ending {
                            self.output.extend_from_slice(error.to_xml().as_bytes());
                        }
                        self.output.extend_from_slice(b"</stream:stream>");
                        self.ending = Some(ending);
                    }
                }
                if self.output.is_empty() {
                    self.give_back();
                }
            }
            if !self.output.is_empty() {
                match io.as_mut().poll_write(cx, &self.output[self.sent..])? {
                    Poll::Pending => return Ok(false),
                    Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(written) => {
                        self.sent += written;
                        self.unflushed = true;
                    }
                }
                if self.sent < self.output.len() {
                    continue;
                }
                self.give_back();
                if client.outbox().backlog() > 0 {
                    // More waits: it goes into the same flush.
                    continue;
                }
            }
            if self.unflushed {
                match io.as_mut().poll_flush(cx)? {
                    Poll::Pending => return Ok(false),
                    Poll::Ready(()) => {
                        self.unflushed = false;
                        if !self.handled.log.is_empty() {
                            client.written(&std::mem::take(&mut self.handled));
                        }
                        continue;
                    }
                }
            }
            if self.ending.is_some() {
                return match io.as_mut().poll_shutdown(cx) {
                    Poll::Ready(_) => {
                        self.ended = true;
                        Ok(true)
                    }
                    // Under TLS, what it has not taken goes before the farewell.
                    Poll::Pending => Ok(false),
                };
            }
            return Ok(false);
        }
    }

    /// The buffer goes back to the thread, unless it has grown beyond use.
    fn give_back(&mut self) {
        self.sent = 0;
        let mut output = std::mem::take(&mut self.output);
        if output.capacity() > 0 && output.capacity() <= 4 * WRITE {
            output.clear();
            OUTPUT.set(output);
        }
    }
}

/// Reads what is there into the thread's buffer. 0 at the end of the stream.
fn read<S: AsyncRead>(
    io: Pin<&mut S>,
    cx: &mut Cx<'_>,
    with: impl FnOnce(&[u8]) -> usize,
) -> Poll<io::Result<usize>> {
    INPUT.with_borrow_mut(|input| {
        let mut buffer = ReadBuf::new(input);
        ready!(io.poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(with(buffer.filled())))
    })
}

#[cfg(test)]
#[path = "drive_tests.rs"]
mod tests;
