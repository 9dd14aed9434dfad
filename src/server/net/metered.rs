//! A socket that remembers whether its peer takes what is written. Only the lowest layer can tell: TLS accepts a good
//! deal that the socket has not taken.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;

/// What a socket remembers of its peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meter {
    /// Since when the peer has taken nothing although something waits.
    pub(super) blocked: Option<Instant>,
    /// When it last took something that had to wait. That is a sign of life; what goes out without waiting is none, for
    /// the network takes a good deal for a peer that has vanished.
    pub(super) moved: Option<Instant>,
}

impl Meter {
    fn note<T>(&mut self, poll: &Poll<io::Result<T>>) {
        match poll {
            Poll::Pending => {
                self.blocked.get_or_insert_with(Instant::now);
            }
            Poll::Ready(Ok(_)) if self.blocked.take().is_some() => self.moved = Some(Instant::now()),
            Poll::Ready(_) => {}
        }
    }
}

/// Anything on top of a metered socket.
pub(super) trait Metering {
    /// As of the last write.
    fn meter(&self) -> Meter;
}

/// The socket.
#[derive(Debug)]
pub(super) struct Metered<S> {
    socket: S,
    meter: Meter,
}

impl<S> Metered<S> {
    pub(super) fn new(socket: S) -> Metered<S> {
        Metered { socket, meter: Meter::default() }
    }
}

impl<S> Metering for Metered<S> {
    fn meter(&self) -> Meter {
        self.meter
    }
}

impl<S> Metering for TlsStream<Metered<S>> {
    fn meter(&self) -> Meter {
        self.get_ref().0.meter
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.meter.note(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bytes);
        self.meter.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.socket).poll_flush(cx);
        // Nothing moves here: at most it waits.
        if flushed.is_pending() {
            self.meter.note(&flushed);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.socket).poll_shutdown(cx);
        if shut.is_pending() {
            self.meter.note(&shut);
        }
        shut
    }
}
