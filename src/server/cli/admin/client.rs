//! The asking side. Blocking: a command has nothing else to do.

use super::{AdminRequest, AdminResponse};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Long enough for a server that is busy with a checkpoint and for a hash of a million rounds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A list of a million accounts fits; something that is not our server cannot fill the memory.
const MAX_RESPONSE: u64 = 256 << 20;

/// Sends a request to the server that listens at `path`. `NotFound` and `ConnectionRefused` mean that none runs.
pub fn ask(path: &Path, request: &AdminRequest) -> io::Result<AdminResponse> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream).take(MAX_RESPONSE).read_line(&mut answer)?;
    if !answer.ends_with('\n') {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer broke off"));
    }
    Ok(serde_json::from_str(&answer)?)
}
