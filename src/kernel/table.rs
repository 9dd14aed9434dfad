//! Typed rows over the storage port, as XEPs use them.

use crate::ports::{Batch, Owner, Store, StoreError, Ticket, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::sync::Arc;

/// A table of `T`, one row per (owner, key), stored as JSON.
pub struct Table<T> {
    name: &'static str,
    store: Arc<dyn Store>,
    rows: PhantomData<fn() -> T>,
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Table { name: self.name, store: self.store.clone(), rows: PhantomData }
    }
}

impl<T: Serialize + DeserializeOwned> Table<T> {
    /// The table of that name.
    pub fn new(name: &'static str, store: Arc<dyn Store>) -> Table<T> {
        Table { name, store, rows: PhantomData }
    }

    /// One row.
    ///
    /// # Errors
    /// Reading failed, or the row does not decode.
    pub async fn get(&self, owner: Owner, key: &str) -> Result<Option<T>, StoreError> {
        let value = self.store.get(self.name, owner, key).await?;
        value.map(|value| decode(self.name, key, &value)).transpose()
    }

    /// All rows of an owner, by key.
    ///
    /// # Errors
    /// Reading failed, or a row does not decode.
    pub async fn list(&self, owner: Owner) -> Result<Vec<(String, T)>, StoreError> {
        let rows = self.store.list(self.name, owner).await?;
        rows.into_iter()
            .map(|(key, value)| Ok((decode(self.name, &key, &value)?, key)))
            .map(|row| row.map(|(value, key)| (key, value)))
            .collect()
    }

    /// Sets a row. Seen by others once the ticket is durable.
    pub fn put(&self, owner: Owner, key: &str, value: &T) -> Ticket {
        self.store.submit(Batch::new().put(self.name, owner, key, encode(value)))
    }

    /// Removes a row.
    pub fn delete(&self, owner: Owner, key: &str) -> Ticket {
        self.store.submit(Batch::new().delete(self.name, owner, key))
    }

    /// Sets rows and removes those without a value, all of them or none.
    pub fn write(&self, owner: Owner, rows: impl IntoIterator<Item = (String, Option<T>)>) -> Ticket {
        let batch = rows.into_iter().fold(Batch::new(), |batch, (key, value)| match value {
            Some(value) => batch.put(self.name, owner, key, encode(&value)),
            None => batch.delete(self.name, owner, key),
        });
        self.store.submit(batch)
    }
}

/// The stored form of a value.
pub fn encode<T: Serialize>(value: &T) -> Value {
    // Fails only for maps with keys that are no strings, which no stored type has.
    serde_json::to_vec(value).unwrap_or_default().into()
}

/// Reads the stored form.
///
/// # Errors
/// [`StoreError::Damaged`], naming the row.
pub fn decode<T: DeserializeOwned>(table: &str, key: &str, value: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(value).map_err(|error| StoreError::Damaged(format!("{table}/{key}: {error}")))
}
