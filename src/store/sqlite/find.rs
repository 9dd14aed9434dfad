//! Full-text search: a word index (FTS5) without the texts themselves, which are in the frames.
//!
//! Frames get into it later, in id order, many at a time: the index is built in segments, and few large ones cost a
//! fraction of many small ones. How far it has got is a mark; a frame that comes with an id below it is indexed at
//! once. The archives that a frame is in are words of it in a column of their own, so that a search only meets what
//! is in the searcher's.

use super::Text;
use super::change::Change;
use super::page::{Filling, Snapshot, bounds};
use super::statements::Sql;
use super::tail::{Tail, archive};
use kernel::ports::{List, LogPage, Order, Search};
use rusqlite::{Connection, Result};
use std::fmt::Write;

/// Bytes of frames that are looked at in one transaction.
const BYTES: usize = 1 << 20;

/// Pages of the index that are merged after each step: what a step adds is written again four or five times until it
/// is in the largest segment of ten million texts, at 20 pages for a thousand texts.
const MERGED: i64 = 128;

/// Words of one search that count, and their bytes.
const WORDS: usize = 32;
const WORD_BYTES: usize = 1_024;

impl Change<'_> {
    /// Indexes the texts of the next frames; false if there may be more.
    pub(crate) fn index_texts(&mut self, text: Text, frames: usize) -> Result<bool> {
        let (mut texts, mut bytes, mut seen) = (Vec::new(), 0, 0);
        let mut rows = self
            .sql
            .of(Sql::Texts)?
            .query((self.marks.searched, i64::try_from(frames).unwrap_or(i64::MAX)))?;
        let mut to = self.marks.searched;
        while bytes < BYTES
            && let Some(row) = rows.next()?
        {
            (to, seen) = (row.get(0)?, seen + 1);
            let owners: [Option<i64>; 2] = [row.get(1)?, row.get(2)?];
            let frame = row.get_ref(3)?.as_blob()?;
            bytes += frame.len();
            if owners[0].is_some()
                && let Some(text) = text(frame)
            {
                texts.push((to, owners, text));
            }
        }
        drop(rows);
        for (id, owners, text) in texts {
            self.sql.of(Sql::Find)?.execute((id, words_of(owners), text))?;
        }
        self.sql.of(Sql::Merge)?.execute([MERGED])?;
        self.marks.searched = to;
        Ok(seen < frames && bytes < BYTES)
    }

    /// Indexes the text of one frame.
    pub(crate) fn find(&mut self, id: i64, owners: [Option<i64>; 2], frame: &[u8]) -> Result<()> {
        let Some(text) = self.text.and_then(|text| text(frame)) else { return Ok(()) };
        self.sql.of(Sql::Find)?.execute((id, words_of(owners), text)).map(drop)
    }
}

fn words_of(owners: [Option<i64>; 2]) -> String {
    let mut words = String::new();
    for owner in owners.into_iter().flatten() {
        let _ = write!(words, "{owner} ");
    }
    words
}

/// What the user typed as an expression of FTS5: each word in quotes, so that nothing in it has a meaning.
/// `None` if there are none.
fn expression(search: &Search) -> Option<String> {
    let mut expression = format!("owners : \"{}\" AND text : (", search.page.owner.0);
    let begin = expression.len();
    let words = search.words.split(|c: char| c.is_whitespace() || c == '\0').filter(|word| !word.is_empty());
    for word in words.take(WORDS) {
        if expression.len() - begin + word.len() > WORD_BYTES {
            break;
        }
        let _ = write!(expression, " \"{}\"", word.replace('"', "\"\""));
    }
    (expression.len() > begin).then(|| expression + ")")
}

macro_rules! found {
    ($order:literal) => {
        concat!(
            "SELECT frame.id, frame FROM search CROSS JOIN frame ON frame.id = search.rowid
             WHERE search MATCH ?1 AND search.rowid > ?2 AND search.rowid < ?3
             AND ((owner_a = ?4 AND (?5 IS NULL OR peer_a = ?5)) OR (owner_b = ?4 AND (?5 IS NULL OR peer_b = ?5)))
             ORDER BY search.rowid ",
            $order
        )
    };
}

/// Entries of an archive with certain words.
pub(crate) fn search(connection: &Connection, tail: &Tail, search: &Search) -> Result<LogPage> {
    let mut filling = Filling::new(search.page);
    let Some(expression) = expression(search).filter(|_| search.page.list == List::Archive) else {
        return Ok(filling.done());
    };
    if tail.is_erased(archive(search.page.owner.0)) {
        return Ok(filling.done());
    }
    let _one_moment = Snapshot::begin(connection)?;
    let mut found = connection.prepare_cached(match search.page.order {
        Order::Ascending => found!("ASC"),
        Order::Descending => found!("DESC"),
    })?;
    let (low, high) = bounds(&search.page);
    let peer = search.page.peer.map(|peer| peer.0.cast_signed());
    let mut rows = found.query((expression, low, high, search.page.owner.0, peer))?;
    while let Some(row) = rows.next()? {
        if filling.take(row.get(0)?, row.get_ref(1)?)?.is_break() {
            break;
        }
    }
    Ok(filling.done())
}
