//! How far things have got in the log: a few ids and a sum, most of them kept in the `meta` table.

use super::tail::{Row, archive, waiting};
use rusqlite::{Connection, Result};
use std::collections::BTreeMap;

/// What the writer knows about the log. A transaction works on a copy, which counts once it has committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Every frame up to this id has its index rows in the table.
    pub(crate) settled: i64,
    /// No frame above this id has any: a sweep that has not been round may have got so far.
    pub(crate) indexed: i64,
    /// Every archived frame up to this id can be searched.
    pub(crate) searched: i64,
    /// No frame up to this id is in an archive.
    pub(crate) expired: i64,
    /// Bytes of the archived frames up to `settled`.
    pub(crate) bytes: i64,
    /// The highest id of a frame that went when there was none above it.
    pub(crate) newest: i64,
    /// The highest id there ever was. Not stored: it is `newest`, or that of a frame.
    pub(crate) top: i64,
    /// Bytes of all archived frames. Not stored: those above `settled` are added up at the start.
    pub(crate) total: i64,
}

impl Marks {
    /// What the database says, and the tail that belongs to it.
    pub(crate) fn read(connection: &Connection) -> Result<(Marks, BTreeMap<Row, i64>)> {
        let mut stored = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
        let mut value = |key: &str| stored.query_row([key], |row| row.get::<_, i64>(0));
        let mut marks = Marks {
            settled: value("mark")?,
            indexed: value("indexed")?,
            searched: value("searched")?,
            expired: value("expired")?,
            bytes: value("bytes")?,
            newest: value("newest")?,
            top: -1,
            total: 0,
        };
        (marks.top, marks.total) = (marks.newest.max(top(connection)?), marks.bytes);
        let mut tail = BTreeMap::new();
        let mut frames = connection.prepare_cached(
            "SELECT id, owner_a, peer_a, owner_b, peer_b, wait_a, wait_b, length(frame) FROM frame WHERE id > ?1",
        )?;
        let mut rows = frames.query([marks.settled])?;
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            for place in [1, 3] {
                if let Some(owner) = row.get(place)? {
                    tail.insert((archive(owner), id), row.get(place + 1)?);
                }
            }
            for place in [5, 6] {
                if let Some(owner) = row.get(place)? {
                    tail.insert((waiting(owner), id), 0);
                }
            }
            if row.get::<_, Option<i64>>(1)?.is_some() {
                marks.total += row.get::<_, i64>(7)?;
            }
        }
        Ok((marks, tail))
    }

    /// What has to be stored, by key, where it differs from `before`.
    pub(crate) fn since(self, before: Marks) -> impl Iterator<Item = (&'static str, i64)> {
        let stored = |marks: Marks| {
            [
                ("mark", marks.settled),
                ("indexed", marks.indexed),
                ("searched", marks.searched),
                ("expired", marks.expired),
                ("bytes", marks.bytes),
                ("newest", marks.newest),
            ]
        };
        stored(self).into_iter().zip(stored(before)).filter(|(new, old)| new != old).map(|(new, _)| new)
    }
}

/// The highest id of a frame; -1 if there is none.
pub(crate) fn top(connection: &Connection) -> Result<i64> {
    connection.prepare_cached("SELECT ifnull(max(id), -1) FROM frame")?.query_row([], |row| row.get(0))
}
