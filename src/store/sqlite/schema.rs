//! The tables, and how an older database becomes a newer one.
//!
//! A change of the schema is one more line in [`MIGRATIONS`]; lines that were released are never edited.

use super::Options;
use super::tail::Row;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Result};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// Tells our file from other SQLite files: "STNR".
pub(super) const APPLICATION: i32 = 0x5354_4e52;

/// Pages in the write-ahead log at which a commit moves them into the database.
const CHECKPOINT_PAGES: i32 = 2_000;

/// The n-th script leads from version n to n + 1.
pub(crate) const MIGRATIONS: &[&str] = &[
    "
    -- Accounts, rooms. AUTOINCREMENT: an id is never given out again.
    CREATE TABLE owner (
        id   INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE
    ) STRICT;

    CREATE TABLE kv (
        owner      INTEGER NOT NULL,
        collection TEXT NOT NULL,
        key        TEXT NOT NULL,
        value      BLOB NOT NULL,
        PRIMARY KEY (owner, collection, key)
    ) STRICT, WITHOUT ROWID;

    -- The log: a frame once, in id order, with those on whose list it (still) is.
    CREATE TABLE frame (
        id      INTEGER PRIMARY KEY,
        owner_a INTEGER,
        owner_b INTEGER,
        frame   BLOB NOT NULL
    ) STRICT;

    -- The lists. Rows of frames above the mark may be missing here: those are the tail.
    CREATE TABLE entry (
        owner INTEGER NOT NULL,
        id    INTEGER NOT NULL,
        PRIMARY KEY (owner, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE meta (
        key   TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO meta (key, value) VALUES ('mark', -1);
",
    "
    -- What a run leaves to the next one: the notes of one commit a row, each with its length before it.
    CREATE TABLE journal (
        id    INTEGER PRIMARY KEY,
        notes BLOB NOT NULL
    ) STRICT;
",
];

/// What a file turned out to be.
pub(crate) enum Content {
    /// Nothing is in it.
    Empty,
    /// Ours, of that version.
    Version(usize),
    /// Another program's.
    Foreign,
}

/// A connection that writes. The file must exist.
pub(crate) fn connect(database: &Path, options: &Options) -> Result<Connection> {
    let connection = Connection::open_with_flags(
        database,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    settle_in(&connection, options.cache_bytes)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok(connection)
}

/// A connection that reads.
pub(crate) fn connect_reading(database: &Path, cache_bytes: usize) -> Result<Connection> {
    let connection = Connection::open_with_flags(
        database,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    settle_in(&connection, cache_bytes)?;
    Ok(connection)
}

fn settle_in(connection: &Connection, cache_bytes: usize) -> Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(32);
    // Otherwise a prepared statement is planned anew whenever a parameter is bound to another value: twice the cost of
    // each look-up here, whose plan is always the same.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Negative: in KiB.
    connection.pragma_update(None, "cache_size", -(i64::try_from(cache_bytes / 1024).unwrap_or(i64::MAX)))
}

/// Switches to write-ahead logging; false if the file system cannot (no shared memory, as on network mounts).
pub(crate) fn write_ahead(connection: &Connection) -> Result<bool> {
    connection.query_row("PRAGMA journal_mode = WAL", [], |row| Ok(row.get_ref(0)?.as_str()? == "wal"))
}

/// Looks at what the file is.
pub(crate) fn content(connection: &Connection) -> Result<Content> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (number("application_id")?, number("user_version")?) {
        (APPLICATION, version) => Content::Version(usize::try_from(version).unwrap_or(0)),
        (0, 0) if tables == 0 => Content::Empty,
        _ => Content::Foreign,
    })
}

/// Applies the migrations above `version`, all or none.
pub(crate) fn migrate(connection: &mut Connection, version: usize, migrations: &[&str]) -> Result<()> {
    let transaction = connection.transaction()?;
    for script in migrations.iter().skip(version) {
        transaction.execute_batch(script)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", i32::try_from(migrations.len()).unwrap_or(i32::MAX))?;
    transaction.commit()
}

/// The mark, and the tail above it.
pub(crate) fn tail(connection: &Connection) -> Result<(i64, BTreeSet<Row>)> {
    let mark = connection
        .query_row("SELECT value FROM meta WHERE key = 'mark'", [], |row| row.get(0))
        .optional()?
        .unwrap_or(-1);
    let mut tail = BTreeSet::new();
    let mut frames = connection.prepare("SELECT id, owner_a, owner_b FROM frame WHERE id > ?1")?;
    let mut rows = frames.query([mark])?;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        for owner in [row.get::<_, Option<i64>>(1)?, row.get(2)?].into_iter().flatten() {
            tail.insert((owner, id));
        }
    }
    Ok((mark, tail))
}
