//! The data directory: who may use it, what is in it, what is refused.

use super::Options;
use super::schema::{self, Content};
use rusqlite::backup::Backup;
use rusqlite::{Connection, ErrorCode};
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file in the data directory.
pub const DATABASE: &str = "stentor.db";
pub(super) const LOCK: &str = "stentor.lock";
pub(super) const MARKER: &str = "stentor.id";

const MARKER_TEXT: &str = "\
A Stentor database was made in this directory. While this file is here, Stentor refuses to start without it,
so that a lost mount or a mistyped path is not taken for a new server.
";

/// Why the store does not open.
#[derive(Debug)]
pub enum OpenError {
    /// Another process has this data directory open.
    Locked(PathBuf),
    /// There has been a database here, and now there is none.
    Missing(PathBuf),
    /// There has been a database here, and now the file is empty.
    Emptied(PathBuf),
    /// A newer Stentor has written it: version found, version known.
    Newer(PathBuf, usize, usize),
    /// The file is damaged, with SQLite's words.
    Corrupt(PathBuf, String),
    /// The file is a SQLite database of another program.
    Foreign(PathBuf),
    /// The file system cannot do what write-ahead logging needs.
    NoWriteAhead(PathBuf),
    /// The operating system refuses.
    Io(PathBuf, io::Error),
    /// SQLite refuses for another reason.
    Sqlite(PathBuf, String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Locked(path) => {
                write!(
                    f,
                    "{} is in use by another process, which a running Stentor is; stop that, or set another \"data\" \
                     for this one",
                    path.display()
                )
            }
            OpenError::Missing(path) => write!(
                f,
                "{} is gone, but {MARKER} beside it says that it was there. Is the right disk mounted, the right \
                 directory configured? Put the database back; to start anew and empty, remove {MARKER}",
                path.display()
            ),
            OpenError::Emptied(path) => write!(
                f,
                "{} is empty, but {MARKER} beside it says that it was in use. Restore it from a backup; to start \
                 anew and empty, remove both files",
                path.display()
            ),
            OpenError::Newer(path, found, known) => write!(
                f,
                "{} has version {found} and this program knows versions up to {known}: run the newer one, or \
                 restore the backup that it made before it migrated",
                path.display()
            ),
            OpenError::Corrupt(path, why) => {
                write!(f, "{} is damaged ({why}): restore it from a backup", path.display())
            }
            OpenError::Foreign(path) => {
                write!(f, "{} is a SQLite database, but not Stentor's", path.display())
            }
            OpenError::NoWriteAhead(path) => write!(
                f,
                "{} is on a file system without shared memory, such as a network mount: use a local disk",
                path.display()
            ),
            OpenError::Io(path, error) => write!(
                f,
                "{}: {error}; \"data\" must name a directory that the server's user may write, or that can be made",
                path.display()
            ),
            OpenError::Sqlite(path, why) => write!(f, "{}: {why}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {}

impl OpenError {
    pub(crate) fn sqlite(path: &Path, error: rusqlite::Error) -> OpenError {
        let damaged =
            matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase));
        let make = if damaged { OpenError::Corrupt } else { OpenError::Sqlite };
        make(path.to_owned(), error.to_string())
    }
}

/// A data directory that is ours as long as this lives.
pub(crate) struct Place {
    data: PathBuf,
    _lock: File,
}

impl Place {
    /// Makes the directory if there is none, and locks it.
    pub(crate) fn take(data: &Path) -> Result<Place, OpenError> {
        make_directory(data).map_err(|error| OpenError::Io(data.to_owned(), error))?;
        let path = data.join(LOCK);
        let lock = private_file(&path).map_err(|error| OpenError::Io(path.clone(), error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Place { data: data.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked(data.to_owned())),
            Err(TryLockError::Error(error)) => Err(OpenError::Io(path, error)),
        }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.data.join(DATABASE)
    }

    /// Opens the database, makes it if this is a new directory, brings it up to date if it is older.
    pub(crate) fn connect(&self, options: &Options, migrations: &[&str]) -> Result<Connection, OpenError> {
        let database = self.database();
        let marker = self.data.join(MARKER);
        let io = |error| OpenError::Io(database.clone(), error);
        let sqlite = |error| OpenError::sqlite(&database, error);

        let known = marker.try_exists().map_err(io)?;
        if known && !database.try_exists().map_err(io)? {
            return Err(OpenError::Missing(database));
        }
        // Made here and not by SQLite, so that nobody else may read it; SQLite's other files take the same mode.
        private_file(&database).and_then(|file| file.sync_all()).map_err(io)?;
        let mut connection = schema::connect(&database, options).map_err(sqlite)?;
        let version = match schema::content(&connection).map_err(sqlite)? {
            Content::Empty if known => return Err(OpenError::Emptied(database)),
            Content::Empty => 0,
            Content::Version(version) => version,
            Content::Foreign => return Err(OpenError::Foreign(database)),
        };
        if version > migrations.len() {
            return Err(OpenError::Newer(database, version, migrations.len()));
        }
        if !schema::write_ahead(&connection).map_err(sqlite)? {
            return Err(OpenError::NoWriteAhead(database));
        }
        if version < migrations.len() {
            if version > 0 {
                self.back_up(&connection, version)?;
            }
            schema::migrate(&mut connection, version, migrations).map_err(sqlite)?;
            tracing::info!(database = %database.display(), from = version, to = migrations.len(), "schema migrated");
        }
        if !known {
            self.write_marker(&marker).map_err(|error| OpenError::Io(marker.clone(), error))?;
        }
        Ok(connection)
    }

    /// Copies the database, as it is before a migration from `version`, to a file beside it.
    fn back_up(&self, from: &Connection, version: usize) -> Result<(), OpenError> {
        let path = self.data.join(format!("stentor-version-{version}.db"));
        let part = self.data.join(format!("stentor-version-{version}.db.part"));
        let io = |error| OpenError::Io(part.clone(), error);
        let copy = || -> rusqlite::Result<()> {
            let mut to = Connection::open(&part)?;
            Backup::new(from, &mut to)?.run_to_completion(1_000, Duration::ZERO, None)?;
            to.close().map_err(|(_, error)| error)
        };
        // Left over from an attempt that was interrupted.
        if part.try_exists().map_err(io)? {
            std::fs::remove_file(&part).map_err(io)?;
        }
        private_file(&part).map_err(io)?;
        copy().map_err(|error| OpenError::sqlite(&part, error))?;
        File::open(&part).and_then(|file| file.sync_all()).map_err(io)?;
        std::fs::rename(&part, &path).and_then(|()| sync_directory(&self.data)).map_err(io)?;
        tracing::info!(backup = %path.display(), "database copied before its migration");
        Ok(())
    }

    fn write_marker(&self, marker: &Path) -> io::Result<()> {
        let mut file = private_file(marker)?;
        file.write_all(MARKER_TEXT.as_bytes())?;
        file.sync_all()?;
        sync_directory(&self.data)
    }
}

fn make_directory(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> =
        path.ancestors().take_while(|part| !part.as_os_str().is_empty() && !part.exists()).collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    // Without its own name, a power cut would take the directory with all that was durable in it.
    for made in missing {
        let parent = made.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_directory(parent.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

/// Opens a file for writing, and makes it for our eyes only if there is none.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes new names in the directory durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path).and_then(|directory| directory.sync_all())
}
