//! Telling whether a data directory could be opened, without opening it: nothing is made, locked or migrated.

use super::open::{DATABASE, LOCK, MARKER, OpenError};
use super::schema::{APPLICATION, MIGRATIONS};
use rustix::fs::{Access, access};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::Path;

/// What is in a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// No database yet; one could be made.
    Nothing,
    /// A database that could be opened, and migrated first if it is older.
    Database,
    /// A running server.
    InUse,
}

pub(super) fn inspect(data: &Path) -> Result<Found, OpenError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| OpenError::Io(path, error)
    };
    check_writable(data).map_err(io(data))?;
    if is_locked(&data.join(LOCK)).map_err(io(&data.join(LOCK)))? {
        return Ok(Found::InUse);
    }
    let database = data.join(DATABASE);
    let known = data.join(MARKER).try_exists().map_err(io(data))?;
    let mut header = Vec::new();
    match OpenOptions::new().read(true).write(true).open(&database) {
        Ok(file) => file.take(HEADER).read_to_end(&mut header).map_err(io(&database))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound && known => {
            return Err(OpenError::Missing(database));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(OpenError::Io(database, error)),
    };
    if header.is_empty() {
        return if known { Err(OpenError::Emptied(database)) } else { Ok(Found::Nothing) };
    }
    let Some(header) = Header::read(&header) else {
        return Err(OpenError::Corrupt(database, "file is not a database".to_owned()));
    };
    // After a crash, the newest of all may be in the write-ahead log alone; that is read at the start.
    let logged = data.join(format!("{DATABASE}-wal")).metadata().is_ok_and(|log| log.len() > 0);
    match (header.application, header.version) {
        (APPLICATION, version) if version > MIGRATIONS.len() => {
            Err(OpenError::Newer(database, version, MIGRATIONS.len()))
        }
        (APPLICATION, _) => Ok(Found::Database),
        (0, 0) if logged => Ok(Found::Nothing),
        (0, 0) if header.is_blank && known => Err(OpenError::Emptied(database)),
        (0, 0) if header.is_blank => Ok(Found::Nothing),
        _ => Err(OpenError::Foreign(database)),
    }
}

/// Bytes at the beginning of a SQLite file that say what it is (<https://sqlite.org/fileformat2.html>, §1.3).
const HEADER: u64 = 100;

struct Header {
    application: i32,
    version: usize,
    /// It has no tables.
    is_blank: bool,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Header> {
        if !bytes.starts_with(b"SQLite format 3\0") {
            return None;
        }
        let number = |at: usize| Some(i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        Some(Header {
            application: number(68)?,
            version: usize::try_from(number(60)?).unwrap_or(0),
            // The schema's cookie changes with every change of the schema.
            is_blank: number(40)? == 0,
        })
    }
}

/// The directory, or if there is none, the place where it would be made.
fn check_writable(data: &Path) -> io::Result<()> {
    let absolute = std::path::absolute(data)?;
    let mut there = absolute.as_path();
    while let (Err(error), Some(parent)) = (there.metadata(), there.parent()) {
        if error.kind() != io::ErrorKind::NotFound {
            return Err(error);
        }
        there = parent;
    }
    if !there.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(access(there, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// Whether another process holds the lock. It is taken for a moment to find out.
fn is_locked(lock: &Path) -> io::Result<bool> {
    let file = match File::open(lock) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
