//! The tables, and how an older database becomes a newer one.
//!
//! A change of the schema is one more line in [`MIGRATIONS`]; lines that were released are never edited.

use super::Options;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Result};
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
    "
    -- A frame is in up to two archives, each with the other one's address, and waits for up to two owners. The first
    -- place of a pair is taken first. What was on a list until now was waiting.
    ALTER TABLE frame RENAME TO old_frame;
    CREATE TABLE frame (
        id      INTEGER PRIMARY KEY,
        owner_a INTEGER,
        peer_a  INTEGER,
        owner_b INTEGER,
        peer_b  INTEGER,
        wait_a  INTEGER,
        wait_b  INTEGER,
        frame   BLOB NOT NULL
    ) STRICT;
    INSERT INTO frame (id, wait_a, wait_b, frame)
        SELECT id, ifnull(owner_a, owner_b), iif(owner_a IS NULL, NULL, owner_b), frame FROM old_frame ORDER BY id;
    DROP TABLE old_frame;

    -- The lists: an owner's archive is 2 * owner, with the other one's address; what waits for it is 2 * owner + 1.
    ALTER TABLE entry RENAME TO old_entry;
    CREATE TABLE entry (
        list INTEGER NOT NULL,
        id   INTEGER NOT NULL,
        peer INTEGER,
        PRIMARY KEY (list, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX entry_by_peer ON entry (list, peer, id) WHERE peer IS NOT NULL;
    INSERT INTO entry (list, id) SELECT 2 * owner + 1, id FROM old_entry ORDER BY owner, id;
    DROP TABLE old_entry;

    -- Archives of owners who are gone, on their way out.
    CREATE TABLE erased (
        list INTEGER PRIMARY KEY
    ) STRICT;

    -- Words of archived frames up to the id 'searched'; whose archives they are in are words, too.
    CREATE VIRTUAL TABLE search USING fts5 (
        owners, text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
    );
    -- Its segments are merged when we say so: by itself it takes any time it likes, most of all when texts are deleted.
    INSERT INTO search (search, rank) VALUES ('automerge', 0), ('crisismerge', 1900), ('usermerge', 8);

    INSERT INTO meta (key, value) VALUES
        ('indexed', (SELECT ifnull(max(id), -1) FROM frame)),
        ('searched', -1), ('expired', -1), ('bytes', 0), ('newest', -1);
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
