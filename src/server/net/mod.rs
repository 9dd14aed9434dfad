//! Sockets: listeners, TLS handshakes, and the one task per connection that moves bytes between the network and a
//! [`kernel::stream::ClientStream`].

mod bucket;
mod connection;
mod drive;
mod listen;
mod metered;
mod patience;
mod tally;

pub use connection::Context;
pub use listen::bind;
pub(crate) use listen::{explain, no_socket, probe};
pub use tally::Tally;
