//! Telling systemd how the server is: the `sd_notify` protocol, one datagram a word. Does nothing where no
//! `NOTIFY_SOCKET` is set.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// What can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State<'a> {
    /// Start or reload is complete.
    Ready,
    /// A reload has begun; ends with [`State::Ready`].
    Reloading,
    /// The server is going down.
    Stopping,
    /// A line for `systemctl status`.
    Status(&'a str),
}

/// Sends a state to the supervisor, if there is one.
pub fn notify(state: State<'_>) -> io::Result<()> {
    match std::env::var_os("NOTIFY_SOCKET") {
        Some(socket) => send(socket.as_bytes(), state),
        None => Ok(()),
    }
}

fn send(socket: &[u8], state: State<'_>) -> io::Result<()> {
    let text = match state {
        State::Ready => "READY=1".to_owned(),
        State::Reloading => "RELOADING=1".to_owned(),
        State::Stopping => "STOPPING=1".to_owned(),
        // A line break would begin another word of the protocol.
        State::Status(status) => format!("STATUS={}", status.replace('\n', " ")),
    };
    // A leading @ stands for the abstract namespace.
    let address = match socket.split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(socket))?,
    };
    UnixDatagram::unbound()?.send_to_addr(text.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_arrives_as_one_datagram() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let supervisor = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str().as_bytes(), State::Status("serving\nREADY=1")).unwrap();
        let mut buffer = [0; 64];
        let length = supervisor.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"STATUS=serving READY=1");
    }

    #[test]
    fn abstract_names_begin_with_an_at_sign() {
        let name = format!("stentor-notify-{}", std::process::id());
        let supervisor =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name.as_bytes()).unwrap()).unwrap();
        send(format!("@{name}").as_bytes(), State::Ready).unwrap();
        let mut buffer = [0; 64];
        let length = supervisor.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"READY=1");
    }
}
