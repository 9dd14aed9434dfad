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
    Index,
    Indexed,
    UnindexUpTo,
    Unindex,
    DropFrame,
    Unlist,
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
                "INSERT INTO frame (id, owner_a, owner_b, frame) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING"
            }
            Sql::Index => "INSERT INTO entry (owner, id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            Sql::Indexed => "SELECT id FROM entry WHERE owner = ?1 AND id <= ?2",
            Sql::UnindexUpTo => "DELETE FROM entry WHERE owner = ?1 AND id <= ?2",
            Sql::Unindex => "DELETE FROM entry WHERE owner = ?1 AND id = ?2",
            // The frame goes if nobody else owns it ...
            Sql::DropFrame => {
                "DELETE FROM frame WHERE id = ?1
                 AND (owner_a IS NULL OR owner_a = ?2) AND (owner_b IS NULL OR owner_b = ?2)"
            }
            // ... and else loses this owner, if it has it.
            Sql::Unlist => {
                "UPDATE frame SET owner_a = nullif(owner_a, ?2), owner_b = nullif(owner_b, ?2)
                 WHERE id = ?1 AND (owner_a = ?2 OR owner_b = ?2)"
            }
            Sql::EraseRows => "DELETE FROM kv WHERE owner = ?1",
            Sql::EraseName => "DELETE FROM owner WHERE id = ?1",
            Sql::Named => "SELECT 1 FROM owner WHERE name = ?1",
            Sql::Name => "INSERT INTO owner (name) VALUES (?1)",
            Sql::Mark => "UPDATE meta SET value = ?1 WHERE key = 'mark'",
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
