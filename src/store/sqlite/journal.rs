//! The rows of the journal: the notes of one commit, each with its length before it.

use kernel::ports::Value;
use rusqlite::{Connection, Error, Result, types::Type};

/// Adds a note to a row.
pub(crate) fn write(row: &mut Vec<u8>, note: &[u8]) {
    // Notes are below 256 MiB (`batch::check`).
    let length = u32::try_from(note.len()).unwrap_or(u32::MAX);
    row.extend_from_slice(&length.to_be_bytes());
    row.extend_from_slice(note);
}

/// The last row; 0 if there is none.
pub(crate) fn last(connection: &Connection) -> Result<i64> {
    connection.query_row("SELECT ifnull(max(id), 0) FROM journal", [], |row| row.get(0))
}

/// All notes, in order.
pub(crate) fn read(connection: &Connection) -> Result<Vec<Value>> {
    let mut found = connection.prepare_cached("SELECT notes FROM journal ORDER BY id")?;
    let mut rows = found.query([])?;
    let mut notes = Vec::new();
    while let Some(row) = rows.next()? {
        let mut rest = Value::from(row.get::<_, Vec<u8>>(0)?);
        while !rest.is_empty() {
            let damaged = || Error::FromSqlConversionFailure(0, Type::Blob, "a note is cut short".into());
            let (length, _) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
            let end = 4 + u32::from_be_bytes(*length) as usize;
            if rest.len() < end {
                return Err(damaged());
            }
            notes.push(rest.slice(4..end));
            rest = rest.slice(end..);
        }
    }
    Ok(notes)
}
