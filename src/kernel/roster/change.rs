//! What comes of an operation on a roster.

use super::item::Item;
use super::state::Effect;
use crate::ports::{Batch, Collection, Owner};
use wire::jid::Jid;

/// The table that rosters are stored in: a row for each contact, its key the contact's address.
pub const COLLECTION: Collection = "roster";

/// The key of the one row that is no contact: from which version on a client can be brought up to date by pushes.
/// No address is empty.
pub(super) const HISTORY_KEY: &str = "";

/// What is to be done after a roster has changed, or instead of changing it. The roster in memory has changed
/// already; the rows must be committed with or before the effects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Change {
    /// Whom it is about; where there are subscription stanzas or presence to send, a bare address.
    pub contact: Jid,
    /// Rows of [`COLLECTION`] to write.
    pub rows: Vec<Row>,
    /// What to do, in this order.
    pub effects: Vec<Effect>,
    /// The `<query/>` to push to every interested session, where the effects say [`Effect::Push`].
    pub push: Option<String>,
}

/// One row to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// Write it.
    Put {
        /// The key.
        key: String,
        /// The JSON.
        value: Vec<u8>,
    },
    /// Remove it.
    Delete {
        /// The key.
        key: String,
    },
}

impl Change {
    pub(super) fn nothing(contact: Jid) -> Change {
        Change { contact, rows: Vec::new(), effects: Vec::new(), push: None }
    }

    /// Adds the rows to a batch.
    pub fn store(&self, owner: Owner, batch: Batch) -> Batch {
        self.rows.iter().fold(batch, |batch, row| match row {
            Row::Put { key, value } => batch.put(COLLECTION, owner, key.as_str(), value.clone().into()),
            Row::Delete { key } => batch.delete(COLLECTION, owner, key.as_str()),
        })
    }

    /// Whether the stanza that caused the change is routed (outbound) or delivered (inbound).
    pub fn passes(&self) -> bool {
        self.effects.contains(&Effect::Pass)
    }
}

impl Row {
    pub(super) fn put(item: &Item) -> Row {
        Row::Put { key: item.jid.as_str().to_owned(), value: item.to_row() }
    }

    pub(super) fn delete(jid: &Jid) -> Row {
        Row::Delete { key: jid.as_str().to_owned() }
    }

    pub(super) fn history(floor: u64) -> Row {
        Row::Put { key: HISTORY_KEY.to_owned(), value: floor.to_string().into_bytes() }
    }
}
