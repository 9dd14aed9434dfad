//! Free ports that stay ours.

use socket2::{Domain, Socket, Type};
use std::net::SocketAddr;

/// A port of the loopback; port 0 asks for any. As long as this lives the system gives it to nobody who asks for any port, while a
/// server that allows the reuse of addresses can listen there, again and again: between a crash and a restart no other
/// program gets it.
#[derive(Debug)]
pub(super) struct Reserved {
    _socket: Socket,
    address: SocketAddr,
}

impl Reserved {
    pub(super) fn new(wanted: SocketAddr) -> Reserved {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_reuse_address(true).expect("an option");
        socket.bind(&wanted.into()).unwrap_or_else(|error| panic!("{wanted}: {error}"));
        let address = socket.local_addr().expect("an address").as_socket().expect("an IPv4 address");
        Reserved { _socket: socket, address }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}
