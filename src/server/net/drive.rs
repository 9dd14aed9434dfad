//! Driving one connection: reads, lets the stream work, and writes what waits, as far as each can go.
//!
//! **Invariant:** a connection at rest holds no read or write buffer of ours. Reading uses one buffer per thread,
//! writing one that is given back when it has been taken.

use super::bucket::Bucket;
use super::connection::Context;
use super::metered::{Meter, Metering};
use crate::config::Rate;
use kernel::outbox::{Ending, Intake};
use kernel::ports::LogId;
use kernel::stream::{ClientStream, Step};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context as Cx, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use wire::error::{StreamCondition, StreamError};

/// Read at once.
const READ: usize = 16 * 1024;
/// Written at once: two full TLS records.
const WRITE: usize = 32 * 1024;
/// A peer that takes nothing of what is written for so long is gone.
pub(super) const STALL: Duration = Duration::from_secs(600);
/// So long after the end of a stream its socket is dropped, whatever the peer does. What was not written goes back to
/// the account.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long and how much is still read after our end of the stream has closed, so that the peer gets to see why; and
/// how long a stream that has ended waits for a peer that takes nothing.
const LINGER: Duration = Duration::from_secs(2);
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
) -> End {
    let mut drive = Drive::new(context);
    let end = poll_fn(|cx| drive.poll(Pin::new(io), client, context, cx)).await;
    if end == End::Closed {
        client.closed();
        if drive.ended {
            linger(io, drive.farewell(Instant::now()).min(LINGER)).await;
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
    log: Vec<LogId>,
    ending: Option<Ending>,
    /// Our side has been closed in order.
    ended: bool,
    bucket: Bucket,
    heard: Instant,
    /// Since when the stream is over.
    over: Option<Instant>,
    /// A sign of life was asked for at this time.
    asked: Option<Instant>,
    idle: Duration,
    dead: Duration,
    timer: Pin<Box<Sleep>>,
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
            log: Vec::new(),
            ending: None,
            ended: false,
            bucket: Bucket::new(rate, now),
            heard: now,
            over: None,
            asked: None,
            idle: config.limits.idle_timeout.duration(),
            dead: config.limits.dead_timeout.duration(),
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
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
                    let _ = client.outbox().poll_take(cx, &mut self.output, 0);
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
                            self.heard(Instant::now());
                            continue;
                        }
                        Poll::Pending => {}
                    }
                }
                pause
            } else {
                Duration::ZERO
            };
            match self.wait(client, context, io.meter(), pause, cx) {
                Wait::Sleep => return Poll::Pending,
                Wait::Again => {}
                Wait::GiveUp => {
                    tracing::debug!("the peer takes nothing any more");
                    return Poll::Ready(End::Closed);
                }
            }
        }
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
                if let Poll::Ready(taken) = client.outbox().poll_take(cx, &mut self.output, WRITE) {
                    self.log.extend(taken.log);
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
                        if !self.log.is_empty() {
                            client.written(&std::mem::take(&mut self.log));
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

    /// A sign of life.
    fn heard(&mut self, at: Instant) {
        self.heard = at;
        self.asked = None;
    }

    /// What is left of the time for the end of the stream.
    fn farewell(&self, now: Instant) -> Duration {
        self.over.map_or(FAREWELL, |over| FAREWELL.saturating_sub(now - over))
    }

    /// Looks at the deadlines and sleeps until the next.
    fn wait(
        &mut self,
        client: &mut ClientStream,
        context: &Context,
        meter: Meter,
        pause: Duration,
        cx: &mut Cx<'_>,
    ) -> Wait {
        loop {
            let now = Instant::now();
            let mut next = STALL;
            if let Some(deadline) = client.deadline() {
                let left = deadline - context.engine.ports.clock.now();
                if left.is_zero() {
                    client.fail(StreamError::new(StreamCondition::ConnectionTimeout));
                    return Wait::Again;
                }
                next = next.min(left);
            }
            let mut blocked = meter.blocked;
            let mut patience = STALL;
            if client.outbox().intake() == Intake::Over {
                let over = *self.over.get_or_insert(now);
                match self.farewell(now) {
                    Duration::ZERO => return Wait::GiveUp,
                    left => next = next.min(left),
                }
                patience = LINGER;
                blocked = blocked.map(|since| since.max(over));
            }
            if let Some(since) = blocked {
                match patience.saturating_sub(now - since) {
                    // It takes nothing, not even the reason.
                    Duration::ZERO => return Wait::GiveUp,
                    left => next = next.min(left),
                }
            }
            if let Some(session) = client.session() {
                if !client.wants_input() || blocked.is_some() {
                    // Nothing is read now, or a question would not get through: silence proves nothing.
                    self.heard(now);
                } else if let Some(moved) = meter.moved.filter(|moved| *moved > self.heard) {
                    self.heard(moved);
                }
                let quiet = now - self.heard;
                match self.asked {
                    Some(asked) => {
                        let left = self.dead.saturating_sub(now - asked);
                        if left.is_zero() {
                            client.fail(StreamError::new(StreamCondition::ConnectionTimeout));
                            return Wait::Again;
                        }
                        next = next.min(left);
                    }
                    None if quiet >= self.idle => {
                        context.engine.ask_sign_of_life(session);
                        self.asked = Some(now);
                        return Wait::Again;
                    }
                    None => next = next.min(self.idle - quiet),
                }
            }
            if !pause.is_zero() {
                next = next.min(pause);
            }
            let until = now + next.max(Duration::from_millis(1));
            // A timer that is early enough is left alone: setting it anew for each stanza would cost more than
            // one look too many.
            if self.timer.is_elapsed() || self.timer.deadline() > until {
                self.timer.as_mut().reset(until);
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Wait::Sleep;
            }
            if !pause.is_zero() {
                return Wait::Again;
            }
        }
    }
}

/// What [`Drive::wait`] came to.
enum Wait {
    /// Nothing to do until somebody wakes the task.
    Sleep,
    /// Something changed: all is to be tried again.
    Again,
    /// The peer does not take what is written.
    GiveUp,
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
