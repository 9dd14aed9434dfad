//! The answering side, in the daemon.

use super::{AdminRequest, AdminResponse, MAX_REQUEST};
use crate::seldom::Seldom;
use std::future::Future;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// A client that connects and says nothing is dropped after this.
const PATIENCE: Duration = Duration::from_secs(10);

/// Commands at work at a time; more wait in the socket's backlog.
const AT_ONCE: usize = 16;

/// Opens the socket with mode 0600. One that a dead server left is replaced; if a live one listens there, that is
/// `AddrInUse`. Must be called within a tokio runtime.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            let why = format!("{} is in the way and no socket; remove it", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
        Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => {
                let why = format!("another server listens at {} and uses this data", path.display());
                return Err(io::Error::new(io::ErrorKind::AddrInUse, why));
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(error),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Between bind and chmod anybody could connect. So it is born in a closed directory and moved out once it
    // has its mode. The name is short, so that wherever the final path fits into an address this one does.
    let directory = path.with_file_name("sock.new");
    let born = directory.join("s");
    // What a server left that was killed at this very moment.
    let _ = std::fs::remove_file(&born);
    let _ = std::fs::remove_dir(&directory);
    std::fs::DirBuilder::new().mode(0o700).create(&directory)?;
    let opened = UnixListener::bind(&born).and_then(|listener| {
        std::fs::set_permissions(&born, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&born, path)?;
        Ok(listener)
    });
    let _ = std::fs::remove_file(&born);
    let _ = std::fs::remove_dir(&directory);
    opened
}

/// Answers requests until it is dropped.
pub async fn serve<H, F>(listener: UnixListener, handler: H)
where
    H: Fn(AdminRequest) -> F + Send + Sync + 'static,
    F: Future<Output = AdminResponse> + Send,
{
    let handler = Arc::new(handler);
    let free = Arc::new(Semaphore::new(AT_ONCE));
    // Dropping the set, with this future, ends what is at work.
    let mut at_work = tokio::task::JoinSet::new();
    let mut complaint = Seldom::default();
    loop {
        let Ok(place) = free.clone().acquire_owned().await else { return };
        while at_work.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let handler = handler.clone();
                at_work.spawn(async move {
                    if let Err(error) = converse(stream, &*handler).await {
                        tracing::debug!(%error, "a command went away");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                if complaint.due() {
                    tracing::warn!(%error, "the admin socket cannot accept; trying again");
                }
                // Out of file descriptors, most likely: trying at once would only burn the processor.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn converse<H, F>(mut stream: UnixStream, handler: &H) -> io::Result<()>
where
    H: Fn(AdminRequest) -> F,
    F: Future<Output = AdminResponse>,
{
    let (read, mut write) = stream.split();
    let mut line = Vec::new();
    let mut limited = BufReader::new(read.take(MAX_REQUEST));
    tokio::time::timeout(PATIENCE, limited.read_until(b'\n', &mut line)).await??;
    let response = if line.last() != Some(&b'\n') {
        AdminResponse::Error { message: "the request is too long or broke off".to_owned() }
    } else {
        match serde_json::from_slice(&line) {
            Ok(request) => handler(request).await,
            Err(error) => AdminResponse::Error {
                message: format!(
                    "the server does not understand this request: {error}; are both of one version?"
                ),
            },
        }
    };
    let mut answer = serde_json::to_vec(&response)?;
    answer.push(b'\n');
    tokio::time::timeout(PATIENCE, write.write_all(&answer)).await??;
    tokio::time::timeout(PATIENCE, write.shutdown()).await?
}
