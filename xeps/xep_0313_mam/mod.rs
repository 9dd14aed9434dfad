//! The message archive (XEP-0313): accounts look up what was said.
//!
//! The kernel stores what [`worth`] deems worth it and the account wants ([`crate::xep_0441_mamprefs`]); here queries are
//! answered, page by page ([`mod@find`]), and what is old is let go ([`retention`]).
//!
//! **Invariant:** an archive is shown to nobody but its account, and who else asks does not learn whether there is one.

mod extensions;
mod find;
mod form;
mod query;
mod results;
mod retention;
mod rsm;
#[cfg(test)]
mod tests;
mod worth;

use crate::xep_0441_mamprefs::{COLLECTION, Preferences, Prefs, Wanted};
use find::{Failure, find};
use kernel::hooks::{Ask, Direction, Hooks, Passing, Reply, Request, Scope};
use kernel::options::ByteSize;
use kernel::ports::{Clock, LogId, Order, StoreError, Ticket};
use kernel::{Account, Archive, Cache, ConfigError, Env, Excerpt, OptionDoc, Table, Xep, encode};
use query::Query;
use retention::Age;
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wire::error::{StanzaCondition, StanzaError};
use wire::jid::JidView;

pub(crate) use extensions::Extensions;

pub(crate) const NS: &str = "urn:xmpp:mam:2";
const EXTENDED: &str = "urn:xmpp:mam:2#extended";

/// `[xep.mam]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// What accounts want that have not said.
    pub(crate) default: Wanted,
    /// Messages on a page, if the query doesn't say.
    pub(crate) page: u32,
    /// Messages on a page at most.
    pub(crate) max: u32,
    /// How long messages are kept.
    pub(crate) keep: Age,
    /// Bytes of all archives.
    pub(crate) size: ByteSize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            default: Wanted::Always,
            page: 50,
            max: 250,
            keep: Age::Unlimited,
            size: ByteSize::mib(4096),
        }
    }
}

/// XEP-0313.
pub(crate) struct Mam {
    config: Config,
    archive: Archive,
    clock: Arc<dyn Clock>,
    extensions: Arc<Extensions>,
    prefs: Cache<Preferences>,
    rows: Table<Prefs>,
}

impl Xep for Mam {
    const NUMBER: u16 = 313;
    const NAME: &'static str = "mam";
    const TITLE: &'static str = "Message Archive Management";
    const VERSION: &'static str = "1.1.3";
    const OPTIONS: &'static [OptionDoc] = &[
        OptionDoc {
            name: "default",
            default: "\"always\"",
            doc: "What is archived for accounts that have not said what they want: always (everything), never (nothing), \
                  or roster (only what is exchanged with contacts).",
        },
        OptionDoc {
            name: "page",
            default: "50",
            doc: "Messages on a page of results, if the client does not say.",
        },
        OptionDoc { name: "max", default: "250", doc: "Messages on a page of results at most." },
        OptionDoc {
            name: "keep",
            default: "\"unlimited\"",
            doc: "How long messages are kept, such as \"365 d\", or \"unlimited\".",
        },
        OptionDoc {
            name: "size",
            default: "\"4 GiB\"",
            doc: "What all archives together may take, about. Beyond it, the oldest messages go.",
        },
    ];
    type Config = Config;

    fn new(config: Config, env: &mut Env) -> Result<Mam, ConfigError> {
        if config.max == 0 || config.page == 0 {
            let key = if config.max == 0 { "max" } else { "page" };
            return Err(ConfigError::new(
                key,
                "a page has room for one message at least; set it to 1 or more",
            ));
        }
        let extensions: Arc<Extensions> = env.shared();
        extensions.archive.store(true, Ordering::Relaxed);
        Ok(Mam {
            config,
            archive: env.archive(),
            clock: env.clock(),
            extensions,
            prefs: env.cache(),
            rows: env.table(COLLECTION),
        })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        // §7: announced at "JIDs hosting an archive", to whom they tell anything.
        let accounts = Scope::OWN | Scope::ACCOUNT;
        hooks.iq(accounts, NS, Ask::Both, &self, Self::serve);
        hooks.feature(accounts, EXTENDED);
        // XEP-0059 §4: otherwise clients SHOULD NOT ask for pages.
        hooks.feature(accounts, rsm::NS);
        hooks.archive(&self, worth::archiving, Self::wanted);
        hooks.every_minute(&self, Self::forget);
    }
}

impl Mam {
    /// XEP-0441 §2.3: whether the account wants what passes it.
    fn wanted(&self, passing: &Passing<'_>) -> bool {
        let other = match passing.direction {
            Direction::In => passing.frame.from(),
            Direction::Out => passing.frame.to(),
        };
        let Some(other) = other.as_deref().and_then(|other| JidView::parse(other).ok()) else { return false };
        let in_roster = || passing.account.knows(&other.to_bare());
        if self.has_preferences() {
            passing.account.read(self.prefs).want(self.config.default, &other, in_roster)
        } else {
            Prefs::of(self.config.default).want(&other, in_roster)
        }
    }

    fn has_preferences(&self) -> bool {
        self.extensions.preferences.load(Ordering::Relaxed)
    }

    async fn serve(self: Arc<Self>, request: Request) -> Reply {
        // §8.1
        if !request.is_own() {
            return Reply::error(StanzaCondition::Forbidden);
        }
        let account = match request.account() {
            Ok(account) => account,
            Err(error) => return error.into(),
        };
        match (request.ask, request.payload_name()) {
            (Ask::Set, "query") => self.query(account, &request).await.unwrap_or_else(Into::into),
            (Ask::Get, "query") => Reply::Xml(form::empty(self.has_fulltext())),
            (Ask::Get, "metadata") => self.metadata(account).await.into(),
            (_, "prefs") if !self.has_preferences() => {
                // XEP-0441 §2.1
                Reply::error(StanzaCondition::FeatureNotImplemented)
            }
            (Ask::Get, "prefs") => self.preferences(account),
            (Ask::Set, "prefs") => self.prefer(account, &request).into(),
            _ => Reply::error(StanzaCondition::BadRequest),
        }
    }

    fn has_fulltext(&self) -> bool {
        self.extensions.fulltext.load(Ordering::Relaxed)
    }

    /// §4
    async fn query(&self, account: &Arc<Account>, request: &Request) -> Result<Reply, Failure> {
        let query = Query::read(&request.payload(), self.has_fulltext())?;
        if query.filter.ids.as_ref().is_some_and(|ids| ids.len() > self.config.max as usize) {
            let text = format!("At most {} messages can be fetched by their ids at once.", self.config.max);
            return Err(form::error(StanzaCondition::PolicyViolation, text).into());
        }
        // §4.3.1: "a server MAY place a reasonable limit on how many stanzas may be pushed".
        let most = query.page.max.unwrap_or(self.config.page).min(self.config.max);
        self.settled(account).committed().await?;
        let page = find(&self.archive, account, &query, most as usize).await?;
        let fin = results::fin(&query, &page);
        let mut entries = page.entries;
        if query.flipped {
            entries.reverse();
        }
        let asker = request.from.as_str();
        for (id, stanza) in entries {
            let result = results::result(account.jid().as_str(), asker, &query, id, &stanza);
            if !request.send(result).await {
                // Who asked is gone, and misses the answer, too.
                break;
            }
        }
        Ok(Reply::Xml(fin))
    }

    /// §5
    async fn metadata(&self, account: &Arc<Account>) -> Result<Reply, StoreError> {
        self.settled(account).committed().await?;
        let first = self.end(account, Order::Ascending).await?;
        let last = self.end(account, Order::Descending).await?;
        Ok(Reply::Xml(results::metadata(first.zip(last))))
    }

    async fn end(&self, account: &Account, order: Order) -> Result<Option<LogId>, StoreError> {
        let excerpt = Excerpt { with: None, after: None, before: None, order, limit: 1, max_bytes: 0 };
        let page = self.archive.page(account, excerpt).await?;
        Ok(page.entries.first().map(|(id, _)| *id))
    }

    /// Durable when all is that has been written so far: reads see only what is, and who has just sent a message, or set
    /// preferences, is to find it there.
    fn settled(&self, account: &Account) -> Ticket {
        self.rows.write(account.owner(), [])
    }

    /// XEP-0441 §2.1
    fn preferences(&self, account: &Arc<Account>) -> Reply {
        let prefs = account.read(self.prefs, |prefs| prefs.applied(self.config.default));
        Reply::After(self.settled(account), Some(prefs.to_xml()))
    }

    /// XEP-0441 §2.1: sets the preferences, and tells how they are applied.
    fn prefer(&self, account: &Arc<Account>, request: &Request) -> Result<Reply, StanzaError> {
        let prefs = Prefs::read(&request.payload())?;
        let xml = prefs.to_xml();
        let ((), ticket) = account.change(self.prefs, |current, change| {
            change.put(COLLECTION, Preferences::ROW, encode(&prefs));
            current.0 = Some(prefs);
        });
        Ok(Reply::After(ticket, Some(xml)))
    }

    async fn forget(self: Arc<Self>) {
        // What failed is logged where it did, and tried again in a minute.
        let _ = retention::forget(&self.archive, &self.clock, self.config.keep, self.config.size).await;
    }
}
