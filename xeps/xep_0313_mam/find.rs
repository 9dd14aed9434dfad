//! Finding the entries of a page.
//!
//! The store cuts an archive by id and by the hash of an address. What it returns is looked at again here, and reading goes
//! on until the page is full, so that pages are never shorter than they have to be and `complete` is exact.

use super::form::not_found;
use super::query::Query;
use bytes::Bytes;
use kernel::ports::{LogId, LogPage, Order, StoreError};
use kernel::{Account, Archive, Excerpt};
use wire::error::StanzaError;
use wire::frame::Frame;
use wire::jid::{BareJid, Jid, JidView};

/// Bytes of stanzas that one page has at most, but for the last of them: a page is in memory until it is sent.
const PAGE: usize = 1 << 20;
/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;
/// Entries that are read at once where many of them may not match.
const LOOK: usize = 100;

/// Results, in the order of the archive.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) entries: Vec<(LogId, Bytes)>,
    /// Nothing more matches beyond them, in the direction of the query.
    pub(super) complete: bool,
}

/// Why there is no page.
pub(super) enum Failure {
    /// The query is to blame.
    Refused(StanzaError),
    /// The store is.
    Store(StoreError),
}

impl From<StanzaError> for Failure {
    fn from(error: StanzaError) -> Failure {
        Failure::Refused(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Store(error)
    }
}

/// A page of at most `most` entries.
///
/// # Errors
/// item-not-found for an id that is not in the archive; the store can't be read.
pub(super) async fn find(
    archive: &Archive,
    account: &Account,
    query: &Query,
    most: usize,
) -> Result<Page, Failure> {
    let Query { filter, page, .. } = query;
    let search = Search { archive, account, query };
    // §4.1.3, §4.3.2: "not present in the archive", whatever else is asked for.
    for id in [filter.before, filter.after, page.before, page.after].into_iter().flatten() {
        search.entry(id).await?.ok_or_else(not_found)?;
    }
    let order = if page.backwards { Order::Descending } else { Order::Ascending };
    let mut found = match &filter.ids {
        Some(ids) if page.backwards => search.pick(ids.iter().rev(), most).await?,
        Some(ids) => search.pick(ids.iter(), most).await?,
        None => search.scan(order, most).await?,
    };
    if page.backwards {
        found.entries.reverse();
    }
    Ok(found)
}

struct Search<'a> {
    archive: &'a Archive,
    account: &'a Account,
    query: &'a Query,
}

impl Search<'_> {
    /// One entry of the archive.
    async fn entry(&self, id: LogId) -> Result<Option<Bytes>, StoreError> {
        let page = self.archive.page(self.account, only(id)).await?;
        Ok(page.entries.into_iter().next().map(|(_, stanza)| stanza))
    }

    /// Those of these entries that match.
    async fn pick(&self, ids: impl Iterator<Item = &LogId>, most: usize) -> Result<Page, Failure> {
        let mut gathering = Gathering::new(most);
        for id in ids {
            // All have to be there, even those that do not match or are on another page.
            let stanza = self.entry(*id).await?.ok_or_else(not_found)?;
            let inside = self.after().is_none_or(|after| *id > after)
                && self.before().is_none_or(|before| *id < before);
            if inside && self.matches(&stanza) && self.has_words(*id).await? {
                gathering.add(*id, stanza);
            }
        }
        Ok(gathering.page(true))
    }

    async fn has_words(&self, id: LogId) -> Result<bool, StoreError> {
        let Some(words) = &self.query.filter.words else { return Ok(true) };
        Ok(!self.archive.search(self.account, words, only(id)).await?.entries.is_empty())
    }

    /// Reads on until the page is full.
    async fn scan(&self, order: Order, most: usize) -> Result<Page, Failure> {
        let mut gathering = Gathering::new(most);
        let (mut after, mut before) = (self.after(), self.before());
        loop {
            // One more than fits tells whether there is more.
            let room = most.saturating_sub(gathering.entries.len()) + 1;
            let limit = if self.query.filter.with.as_ref().is_some_and(|with| !with.is_bare()) {
                room.max(LOOK)
            } else {
                room
            };
            let with = self.query.filter.with.as_ref().map(Jid::bare);
            let excerpt = Excerpt { with, after, before, order, limit, max_bytes: CHUNK };
            let read = self.read(excerpt).await?;
            let Some(last) = read.entries.last().map(|(id, _)| *id) else {
                return Ok(gathering.page(true));
            };
            for (id, stanza) in read.entries {
                if self.matches(&stanza) && !gathering.add(id, stanza) {
                    return Ok(gathering.page(false));
                }
            }
            if read.complete {
                return Ok(gathering.page(true));
            }
            match order {
                Order::Ascending => after = Some(last),
                Order::Descending => before = Some(last),
            }
        }
    }

    async fn read(&self, excerpt: Excerpt) -> Result<LogPage, StoreError> {
        match &self.query.filter.words {
            Some(words) => self.archive.search(self.account, words, excerpt).await,
            None => self.archive.page(self.account, excerpt).await,
        }
    }

    /// Only what is above this.
    fn after(&self) -> Option<LogId> {
        let Query { filter, page, .. } = self.query;
        let start = filter.start.and_then(|start| LogId::at(start).0.checked_sub(1)).map(LogId);
        [filter.after, page.after, start].into_iter().flatten().max()
    }

    /// Only what is below this.
    fn before(&self) -> Option<LogId> {
        let Query { filter, page, .. } = self.query;
        let end = filter.end.map(|end| LogId::at(kernel::ports::WallMillis(end.0.saturating_add(1))));
        [filter.before, page.before, end].into_iter().flatten().min()
    }

    fn matches(&self, stanza: &Bytes) -> bool {
        self.query.filter.with.as_ref().is_none_or(|with| is_with(stanza, with, self.account.jid()))
    }
}

/// The excerpt that has just this entry.
fn only(id: LogId) -> Excerpt {
    let after = id.0.checked_sub(1).map(LogId);
    let before = id.0.checked_add(1).map(LogId);
    Excerpt { with: None, after, before, order: Order::Ascending, limit: 1, max_bytes: 0 }
}

/// A page in the making.
struct Gathering {
    entries: Vec<(LogId, Bytes)>,
    most: usize,
    bytes: usize,
    overflowed: bool,
}

impl Gathering {
    fn new(most: usize) -> Gathering {
        Gathering { entries: Vec::new(), most, bytes: 0, overflowed: false }
    }

    /// False if there is no room for it, nor for any other from then on.
    fn add(&mut self, id: LogId, stanza: Bytes) -> bool {
        let room = self.entries.len() < self.most && self.bytes < PAGE && !self.overflowed;
        if room {
            self.bytes += stanza.len();
            self.entries.push((id, stanza));
        }
        self.overflowed |= !room;
        room
    }

    fn page(self, all_seen: bool) -> Page {
        Page { entries: self.entries, complete: all_seen && !self.overflowed }
    }
}

/// §4.1.1: whether a stanza in the archive of `own` is from or to an address: of a bare one, any resource.
///
/// With the account's own address, what the user sent to themselves: from and to one of the account's addresses, "as
/// otherwise every message in the archive would match". With a resource, that one has to be among them.
fn is_with(stanza: &Bytes, with: &Jid, own: &BareJid) -> bool {
    let Ok(frame) = Frame::parse(stanza.clone()) else { return false };
    let (from, to) = (frame.from(), frame.to());
    // Without one of them it is the account itself.
    let view = |address: &'_ Option<std::borrow::Cow<'_, str>>| {
        let text = address.as_deref().unwrap_or(own.as_str());
        JidView::parse(text).ok().map(|view| view.to_jid())
    };
    let ends = [view(&from), view(&to)];
    let is = |end: &Option<Jid>| {
        end.as_ref()
            .is_some_and(|end| if with.is_bare() { end.bare_str() == with.as_str() } else { end == with })
    };
    if with.bare_str() == own.as_str() {
        let own_end = |end: &Option<Jid>| end.as_ref().is_some_and(|end| end.bare_str() == own.as_str());
        return ends.iter().all(own_end) && ends.iter().any(is);
    }
    ends.iter().any(is)
}

impl From<Failure> for kernel::hooks::Reply {
    fn from(failure: Failure) -> kernel::hooks::Reply {
        match failure {
            Failure::Refused(error) => error.into(),
            Failure::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let own = BareJid::parse("juliet@capulet.lit").unwrap();
        let check = |with: &str, from: &str, to: &str| {
            let to = if to.is_empty() { String::new() } else { format!("to='{to}'") };
            let stanza = Bytes::from(format!("<message from='{from}' {to}/>"));
            is_with(&stanza, &Jid::parse(with).unwrap(), &own)
        };
        let (romeo, orchard, garden) =
            ("romeo@montague.lit", "romeo@montague.lit/orchard", "romeo@montague.lit/garden");
        let (juliet, balcony, chamber) =
            ("juliet@capulet.lit", "juliet@capulet.lit/balcony", "juliet@capulet.lit/chamber");
        // A bare address stands for all resources, a full one for itself.
        for there in [romeo, orchard, "Romeo@Montague.lit/garden"] {
            assert!(check(romeo, there, juliet) && check(romeo, balcony, there), "{there}");
        }
        assert!(check(orchard, orchard, juliet) && check(orchard, balcony, orchard));
        assert!(!check(orchard, garden, juliet) && !check(orchard, balcony, romeo));
        assert!(!check("montague.lit", orchard, juliet), "a domain is an address of its own");
        assert!(
            check("montague.lit", "montague.lit", juliet) && check("montague.lit", "montague.lit/x", juliet)
        );
        // Oneself
        assert!(
            check(juliet, balcony, juliet) && check(juliet, balcony, chamber) && check(juliet, juliet, "")
        );
        assert!(!check(juliet, balcony, romeo) && !check(juliet, orchard, juliet));
        assert!(check(balcony, balcony, juliet) && check(balcony, chamber, balcony));
        assert!(!check(balcony, chamber, juliet) && !check(balcony, balcony, romeo));
        assert!(!is_with(&Bytes::from_static(b"no stanza"), &Jid::parse(juliet).unwrap(), &own));
    }
}
