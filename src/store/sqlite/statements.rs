//! The writer's SQL, each statement looked up once a transaction.

use rusqlite::{CachedStatement, Connection, Result};

/// A statement of the writer.
#[derive(Clone, Copy)]
pub(crate) enum Sql {
    Begin,
    Commit,
    Put,
    Delete,
    Lives,
    Value,
    Append,
    Places,
    SetPlaces,
    Drop,
    Index,
    Indexed,
    Unindex,
    Erased,
    Cleared,
    Old,
    Weight,
    Texts,
    Find,
    Lose,
    Merge,
    EraseRows,
    EraseName,
    Named,
    Name,
    Mark,
    Note,
    Forget,
}

const COUNT: usize = Sql::Forget as usize + 1;

impl Sql {
    const fn text(self) -> &'static str {
        match self {
            Sql::Begin => "BEGIN IMMEDIATE",
            Sql::Commit => "COMMIT",
            // Nothing for an owner who is gone: nobody could ever reach or remove it.
            Sql::Put => {
                "INSERT INTO kv (owner, collection, key, value) SELECT ?1, ?2, ?3, ?4
                 WHERE ?1 = 0 OR EXISTS (SELECT 1 FROM owner WHERE id = ?1)
                 ON CONFLICT DO UPDATE SET value = excluded.value"
            }
            Sql::Lives => "SELECT 1 FROM owner WHERE id = ?1",
            Sql::Delete => "DELETE FROM kv WHERE owner = ?1 AND collection = ?2 AND key = ?3",
            Sql::Value => "SELECT value FROM kv WHERE owner = ?1 AND collection = ?2 AND key = ?3",
            Sql::Append => {
                "INSERT INTO frame (id, owner_a, peer_a, owner_b, peer_b, wait_a, frame)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING"
            }
            Sql::Places => {
                "SELECT owner_a, peer_a, owner_b, peer_b, wait_a, wait_b, length(frame) FROM frame WHERE id = ?1"
            }
            Sql::SetPlaces => {
                "UPDATE frame SET owner_a = ?2, peer_a = ?3, owner_b = ?4, peer_b = ?5, wait_a = ?6, wait_b = ?7
                 WHERE id = ?1"
            }
            Sql::Drop => "DELETE FROM frame WHERE id = ?1",
            Sql::Index => "INSERT INTO entry (list, id, peer) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            Sql::Indexed => "SELECT id FROM entry WHERE list = ?1 LIMIT ?2",
            Sql::Unindex => "DELETE FROM entry WHERE list = ?1 AND id = ?2",
            Sql::Erased => "INSERT INTO erased (list) VALUES (?1) ON CONFLICT DO NOTHING",
            Sql::Cleared => "DELETE FROM erased WHERE list = ?1",
            Sql::Old => "SELECT id, owner_a IS NOT NULL FROM frame WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?3",
            Sql::Weight => {
                "SELECT ifnull(sum(length(frame)), 0) FROM frame
                 WHERE id > ?1 AND id <= ?2 AND owner_a IS NOT NULL"
            }
            Sql::Texts => "SELECT id, owner_a, owner_b, frame FROM frame WHERE id > ?1 ORDER BY id LIMIT ?2",
            Sql::Find => "INSERT INTO search (rowid, owners, text) VALUES (?1, ?2, ?3)",
            Sql::Lose => "DELETE FROM search WHERE rowid = ?1",
            Sql::Merge => "INSERT INTO search (search, rank) VALUES ('merge', ?1)",
            Sql::EraseRows => "DELETE FROM kv WHERE owner = ?1",
            Sql::EraseName => "DELETE FROM owner WHERE id = ?1",
            Sql::Named => "SELECT 1 FROM owner WHERE name = ?1",
            Sql::Name => "INSERT INTO owner (name) VALUES (?1)",
            Sql::Mark => "UPDATE meta SET value = ?2 WHERE key = ?1",
            Sql::Note => "INSERT INTO journal (notes) VALUES (?1)",
            Sql::Forget => "DELETE FROM journal",
        }
    }
}

/// The statements that one transaction has used so far.
pub(crate) struct Statements<'c> {
    pub(crate) connection: &'c Connection,
    ready: [Option<CachedStatement<'c>>; COUNT],
}

impl<'c> Statements<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Statements<'c> {
        Statements { connection, ready: [const { None }; COUNT] }
    }

    /// The statement, prepared.
    pub(crate) fn of(&mut self, sql: Sql) -> Result<&mut CachedStatement<'c>> {
        let place = &mut self.ready[sql as usize];
        match place {
            Some(statement) => Ok(statement),
            None => Ok(place.insert(self.connection.prepare_cached(sql.text())?)),
        }
    }
}
