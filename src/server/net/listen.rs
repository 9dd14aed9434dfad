//! Listeners: bound before anything else starts, so that a port in use is an error of the start.

use super::connection::{self, Context};
use crate::seldom::Seldom;
use crate::tls::Purpose;
use kernel::panics::caught_async;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

const BACKLOG: i32 = 4096;
/// Pause after the system refused a connection, as when it is out of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Bound listeners for clients.
pub struct Listeners {
    /// With what each connection begins.
    pub sockets: Vec<(TcpListener, Purpose)>,
}

/// Binds all addresses.
///
/// # Errors
/// Text for the administrator: which address, and why not.
pub fn bind(plain: &[SocketAddr], direct: &[SocketAddr]) -> Result<Listeners, String> {
    let with = |addresses: &[SocketAddr], purpose| {
        addresses.iter().map(move |address| (*address, purpose)).collect::<Vec<_>>()
    };
    let mut sockets = Vec::new();
    for (address, purpose) in
        with(plain, Purpose::StartTls).into_iter().chain(with(direct, Purpose::DirectClient))
    {
        sockets.push((listener(address).map_err(|error| explain(address, &error))?, purpose));
    }
    Ok(Listeners { sockets })
}

/// The addresses that cannot be bound now. Nothing listens there, not even for a moment.
pub(crate) fn probe(plain: &[SocketAddr], direct: &[SocketAddr]) -> Vec<(SocketAddr, io::Error)> {
    let all = plain.iter().chain(direct);
    all.filter_map(|address| Some((*address, bound(*address).err()?))).collect()
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = bound(address)?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn bound(address: SocketAddr) -> io::Result<Socket> {
    match socket(address) {
        // A machine without IPv6 can still serve "all addresses".
        Err(error)
            if address.is_ipv6() && address.ip().is_unspecified() && error.raw_os_error() == Some(97) =>
        {
            socket(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())))
        }
        other => other,
    }
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    // Accepted connections inherit these.
    socket.set_tcp_nodelay(true)?;
    // Finds peers that vanished while nothing is sent.
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(120)).with_interval(Duration::from_secs(30));
    socket.set_tcp_keepalive(&keepalive)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

pub(crate) fn explain(address: SocketAddr, error: &io::Error) -> String {
    let what = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there; stop it, or choose another port in [listen]"
        }
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need the right to bind them; choose a higher one in [listen]"
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address; correct it in [listen]",
        _ => "correct it in [listen]",
    };
    format!("cannot listen on {address} ({error}): {what}")
}

/// Why the socket for commands cannot be opened.
pub(crate) fn no_socket(socket: &Path, error: &io::Error) -> String {
    let advice = match error.kind() {
        // Such an address has a hundred bytes or so.
        io::ErrorKind::InvalidInput => "; set \"data\" to a directory with a shorter path",
        _ => "",
    };
    format!("the socket for commands, {}: {error}{advice}", socket.display())
}

impl Listeners {
    /// Accepts connections until the future is dropped.
    pub async fn serve(self, context: Arc<Context>) {
        let mut tasks = tokio::task::JoinSet::new();
        for (listener, purpose) in self.sockets {
            let context = context.clone();
            tasks.spawn(accept(listener, purpose, context));
        }
        while tasks.join_next().await.is_some() {}
    }
}

async fn accept(listener: TcpListener, purpose: Purpose, context: Arc<Context>) {
    let mut complaint = Seldom::default();
    loop {
        match listener.accept().await {
            Ok((socket, address)) => {
                let limit = context.config.load().limits.connections_per_address;
                let Some(counted) = context.tally.count(address.ip(), limit) else {
                    if context.refusals.allow(address.ip()) {
                        tracing::warn!(address = %address.ip(), limit, "connection refused: too many from this address");
                    }
                    continue;
                };
                let context = context.clone();
                tokio::spawn(async move {
                    let served = caught_async(connection::serve(socket, address, purpose, &context)).await;
                    if served.is_err() {
                        tracing::error!(%address, "a connection panicked");
                    }
                    drop(counted);
                });
            }
            Err(error) => {
                if complaint.due() {
                    tracing::error!(%error, "accepting connections fails; trying again");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::SockRef;

    #[test]
    fn accepted_connections_inherit_the_options() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listeners = bind(&["127.0.0.1:0".parse().unwrap()], &[]).unwrap();
            let listener = &listeners.sockets[0].0;
            let address = listener.local_addr().unwrap();
            let (client, accepted) = tokio::join!(tokio::net::TcpStream::connect(address), listener.accept());
            let (_client, accepted) = (client.unwrap(), accepted.unwrap().0);
            assert!(accepted.nodelay().unwrap());
            assert!(SockRef::from(&accepted).keepalive().unwrap());
            assert_eq!(SockRef::from(&accepted).tcp_keepalive_time().unwrap(), Duration::from_secs(120));
        });
    }
}
