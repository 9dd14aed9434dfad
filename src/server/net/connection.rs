//! One connection from its acceptance to its end: the stream in the clear, the TLS handshake, the stream under TLS.

use super::drive::{End, drive};
use super::metered::Metered;
use super::patience::STALL;
use super::tally::Tally;
use crate::config::Config;
use crate::tls::{Certificates, Purpose, certified, exporter};
use arc_swap::ArcSwap;
use kernel::Engine;
use kernel::lines::Lines;
use kernel::sasl::ChannelBindings;
use kernel::stream::{ClientStream, Peer};
use rustls::server::Acceptor;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::LazyConfigAcceptor;

/// What all connections share.
pub struct Context {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Certificates by domain.
    pub certificates: Arc<Certificates>,
    /// Settings, as of the last reload.
    pub config: ArcSwap<Config>,
    /// Connections per address.
    pub tally: Tally,
    /// About connections that are refused.
    pub refusals: Lines,
    /// True once the server goes down. The engine ends sessions; this is for connections that have none yet.
    pub closing: watch::Sender<bool>,
}

impl Context {
    /// Completes when the server goes down.
    pub(super) fn closed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut closing = self.closing.subscribe();
        async move {
            // An error means that the sender is gone, and the server with it.
            let _ = closing.wait_for(|closing| *closing).await;
        }
    }
}

/// Serves one accepted connection to its end.
pub(super) async fn serve(socket: TcpStream, address: SocketAddr, purpose: Purpose, context: &Context) {
    let peer = Peer { address: Some(address.ip().to_canonical()), ..Peer::default() };
    let mut client = Box::new(ClientStream::new(&context.engine, peer));
    let mut socket = Metered::new(socket);
    if purpose == Purpose::StartTls
        && Box::pin(drive(&mut socket, &mut client, context, address)).await != End::StartTls
    {
        return;
    }
    // The deadline of the negotiation covers the handshake, too.
    let left = client.deadline().map_or(STALL, |deadline| deadline - context.engine.ports.clock.now());
    let handshake = tokio::time::timeout(left, Box::pin(secure(socket, purpose, context)));
    let secured = tokio::select! {
        secured = handshake => secured,
        // There is no stream yet to say it on.
        () = context.closed() => return,
    };
    match secured {
        Ok(Ok((mut tls, bindings))) => {
            let certified = certified(tls.get_ref().1);
            client.secured(bindings, certified);
            drive(&mut *tls, &mut client, context, address).await;
        }
        Ok(Err(error)) => tracing::debug!(%address, %error, "TLS handshake failed"),
        Err(_) => tracing::debug!(%address, "TLS handshake took too long"),
    }
}

type Tls = tokio_rustls::server::TlsStream<Metered<TcpStream>>;

async fn secure(
    socket: Metered<TcpStream>,
    purpose: Purpose,
    context: &Context,
) -> io::Result<(Box<Tls>, ChannelBindings)> {
    let start = LazyConfigAcceptor::new(Acceptor::default(), socket).await?;
    let identity = context.certificates.choose(start.client_hello().server_name());
    let tls = start.into_stream(identity.config(purpose)).await?;
    let bindings = ChannelBindings {
        tls: true,
        exporter: exporter(tls.get_ref().1).ok(),
        server_end_point: identity.end_point().map(<[u8]>::to_vec),
    };
    Ok((Box::new(tls), bindings))
}
