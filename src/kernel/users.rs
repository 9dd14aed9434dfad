//! Accounts as the administrator sees them: create, password, remove, list.

use crate::account::{ACCOUNT, CREDENTIALS};
use crate::engine::Engine;
use crate::ports::{Batch, Op, Owner, StoreError, Swap, Ticket, Value};
use crate::sasl::{Credentials, Salts};
use crate::table::{decode, encode};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wire::jid::BareJid;
use zeroize::Zeroizing;

/// The row of an account without credentials that lasts for one stream.
const VISITOR: &str = "visitor";
/// The server's list of them.
const VISITORS: &str = "visitors";

/// Why an account could not be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserError {
    /// There is one of that address already.
    Exists,
    /// There is none of that address.
    NotFound,
    /// The domain is not served here.
    ForeignDomain,
    /// Empty, or with characters that no password may have (RFC 8265 §4.2).
    BadPassword,
    /// Storage failed.
    Store(StoreError),
}

impl std::fmt::Display for UserError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            UserError::Exists => f.write_str("the account exists already"),
            UserError::NotFound => f.write_str("there is no such account"),
            UserError::ForeignDomain => f.write_str("the domain is not served here; add it to `domains`"),
            UserError::BadPassword => {
                f.write_str("the password is empty or has characters that are not allowed")
            }
            UserError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for UserError {}

impl From<StoreError> for UserError {
    fn from(error: StoreError) -> UserError {
        UserError::Store(error)
    }
}

/// Creates, changes and removes accounts.
#[derive(Clone)]
pub struct Users {
    engine: Arc<Engine>,
}

impl Users {
    /// For that engine.
    pub fn new(engine: &Arc<Engine>) -> Users {
        Users { engine: engine.clone() }
    }

    /// Makes an account. Durable on return.
    ///
    /// # Errors
    /// It exists, the domain is foreign, the password is unusable, or storage failed.
    pub async fn create(&self, jid: &BareJid, password: &str) -> Result<(), UserError> {
        if jid.local().is_none() || !self.engine.serves(jid.domain()) {
            return Err(UserError::ForeignDomain);
        }
        let credentials = self.derive(password).await?;
        let first = Batch::new().put(ACCOUNT, Owner(-1), CREDENTIALS, encode(&credentials));
        match self.engine.ports.store.create_owner(jid.as_str(), first).await? {
            Some(_) => Ok(()),
            None => Err(UserError::Exists),
        }
    }

    /// Makes an account for somebody who logged in as nobody in particular (RFC 4505). It goes with
    /// [`Users::dismiss_visitor`], or at the next start.
    pub(crate) async fn admit_visitor(&self, jid: &BareJid) -> Result<(), StoreError> {
        let first = Batch::new().put(ACCOUNT, Owner(-1), VISITOR, Value::new()).put(
            VISITORS,
            Owner::SERVER,
            jid.as_str(),
            Value::new(),
        );
        self.engine.ports.store.create_owner(jid.as_str(), first).await.map(drop)
    }

    /// Removes a visitor's account, also one that is being made.
    pub(crate) async fn dismiss_visitor(&self, jid: &BareJid) {
        let mut removed = self.delete(jid).await;
        if removed == Err(UserError::NotFound) {
            // Whoever made it may have given up waiting for that. This comes after.
            removed = match self.admit_visitor(jid).await {
                Ok(()) => self.delete(jid).await,
                Err(error) => Err(error.into()),
            };
        }
        self.dismissed(jid, removed);
    }

    fn dismissed(&self, jid: &BareJid, removed: Result<(), UserError>) {
        match removed {
            Ok(()) => {
                self.engine.ports.store.submit(Batch::new().delete(VISITORS, Owner::SERVER, jid.as_str()));
            }
            // Tried again at the next start.
            Err(error) => tracing::error!(account = %jid, %error, "a visitor's account could not be removed"),
        }
    }

    /// Removes what visitors of an earlier run left behind.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn dismiss_visitors(&self) -> Result<(), UserError> {
        for (name, _) in self.engine.ports.store.list(VISITORS, Owner::SERVER).await? {
            if let Ok(jid) = BareJid::parse(&name) {
                let removed = self.delete(&jid).await;
                self.dismissed(
                    &jid,
                    removed.or_else(|error| match error {
                        UserError::NotFound => Ok(()),
                        error => Err(error),
                    }),
                );
            }
        }
        Ok(())
    }

    /// Sets the password. Durable on return.
    ///
    /// # Errors
    /// There is no such account, the password is unusable, or storage failed.
    pub async fn set_password(&self, jid: &BareJid, password: &str) -> Result<(), UserError> {
        let store = &self.engine.ports.store;
        let owner = store.owner(jid.as_str()).await?.ok_or(UserError::NotFound)?;
        let credentials = self.derive(password).await?;
        store.submit(Batch::new().put(ACCOUNT, owner, CREDENTIALS, encode(&credentials))).committed().await?;
        Ok(())
    }

    /// Removes an account with everything it stored, ends its sessions and its contacts' subscriptions to it.
    ///
    /// # Errors
    /// There is no such account, or storage failed.
    pub async fn delete(&self, jid: &BareJid) -> Result<(), UserError> {
        self.delete_answering(jid, |_| {}).await
    }

    /// [`Users::delete`] at the request of one of the account's own sessions: `answer` queues the answer, to be seen
    /// when the ticket is durable, before the sessions are ended. The session's stream ends on the way, and with it
    /// what it waits for: to be called from work that was spawned.
    ///
    /// # Errors
    /// The same.
    pub async fn delete_answering(
        &self,
        jid: &BareJid,
        answer: impl FnOnce(&Ticket) + Send,
    ) -> Result<(), UserError> {
        let engine = &self.engine;
        let account = engine.account(jid).await.ok_or(UserError::NotFound)?;
        // From here on no message is kept for it, and the store takes no rows for who is gone: nothing is written
        // behind the removal.
        account.condemn();
        let ticket = engine.ports.store.submit(Batch::new().with(Op::Erase { owner: account.owner() }));
        answer(&ticket);
        engine.perform(&account, None, account.erase());
        if let Err(error) = ticket.committed().await {
            account.restore();
            return Err(error.into());
        }
        engine.accounts.forget(&account);
        for forget in &engine.hooks.load().erased {
            forget(jid);
        }
        account.take_leave();
        engine.flush(&account);
        Ok(())
    }

    /// Addresses of a domain's accounts in order, after `after`, at most `limit`.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn list(&self, after: &str, limit: usize) -> Result<Vec<BareJid>, UserError> {
        let owners = self.engine.ports.store.owners(after, limit).await?;
        Ok(owners.into_iter().filter_map(|(name, _)| BareJid::parse(&name).ok()).collect())
    }

    /// Whether there is such an account.
    pub(crate) async fn exists(&self, jid: &BareJid) -> Result<bool, StoreError> {
        Ok(self.engine.ports.store.owner(jid.as_str()).await?.is_some())
    }

    /// The stored credentials, and their row as it is; `None` if there is no such account.
    pub(crate) async fn credentials(
        &self,
        jid: &BareJid,
    ) -> Result<Option<(Credentials, Value)>, StoreError> {
        // One read, whether there is such an account or not: they must look alike.
        let row = self.engine.ports.store.look_up(jid.as_str(), ACCOUNT, CREDENTIALS).await?;
        row.map(|row| Ok((decode(ACCOUNT, CREDENTIALS, &row)?, row))).transpose()
    }

    /// Derives the keys that `row` lacks from the password, which it has proven right. Where the password has been
    /// changed since the row was read, it stays.
    pub(crate) async fn renew(&self, jid: &BareJid, row: Value, password: Zeroizing<String>) {
        // One at a time: the logins after a change of the iterations must not wait for each other's keys. The next login
        // of an account that is passed over brings the password again.
        let Some(_turn) = Turn::take(&self.engine) else { return };
        if let Err(error) = self.complete(jid, row, password).await {
            tracing::error!(account = %jid, %error, "keys for the password could not be stored");
        }
    }

    async fn complete(
        &self,
        jid: &BareJid,
        row: Value,
        password: Zeroizing<String>,
    ) -> Result<(), StoreError> {
        let store = &self.engine.ports.store;
        let Some(owner) = store.owner(jid.as_str()).await? else { return Ok(()) };
        let mut credentials: Credentials = decode(ACCOUNT, CREDENTIALS, &row)?;
        let salts = Salts::new(&*self.engine.ports.random);
        let iterations = self.engine.settings().iterations;
        let completed = move || credentials.complete(&password, iterations, &salts).map(|()| credentials);
        let Some(Ok(credentials)) = self.engine.compute(completed).await else { return Ok(()) };
        let (key, new) = (CREDENTIALS.to_owned(), Some(encode(&credentials)));
        store.swap(Swap { collection: ACCOUNT, owner, key, expected: Some(row), new }).await?;
        Ok(())
    }

    /// Key derivation takes milliseconds of CPU: it runs where it holds up nobody.
    async fn derive(&self, password: &str) -> Result<Credentials, UserError> {
        let password = password.to_owned();
        let salts = Salts::new(&*self.engine.ports.random);
        let iterations = self.engine.settings().iterations;
        let derived = self.engine.compute(move || Credentials::derive(&password, iterations, &salts)).await;
        derived.ok_or(UserError::Store(StoreError::Closed))?.map_err(|_| UserError::BadPassword)
    }
}

/// The turn of one account's keys to be derived anew.
struct Turn<'a>(&'a Engine);

impl Turn<'_> {
    fn take(engine: &Engine) -> Option<Turn<'_>> {
        (!engine.renewing.swap(true, Ordering::Acquire)).then(|| Turn(engine))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.renewing.store(false, Ordering::Release);
    }
}
