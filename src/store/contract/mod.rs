//! What every engine has to do, run against each of them.

#![allow(clippy::unwrap_used)]

mod lists;
mod pages;
mod search;
mod tables;

use crate::{Memory, Options, Sqlite};
use bytes::Bytes;
use kernel::ports::{
    Archived, Batch, List, LogEntry, LogId, LogPage, LogQuery, Op, Order, Outcome, Owner, Peer, Search,
    Store, StoreError, Swap,
};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Waits for a future on this thread.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Submits, and waits until it is durable.
pub(crate) fn commit(store: &dyn Store, batch: Batch) {
    wait(store.submit(batch).committed()).unwrap();
}

/// The address of an owner.
pub(crate) fn peer(owner: i64) -> Peer {
    Peer::of(&format!("{owner}@example.org"))
}

/// A frame for archives: each owner's with the other one's address, or with its own if it is alone.
pub(crate) fn archived(id: u64, owners: &[i64], frame: &str) -> LogEntry {
    let archive = |place: usize| {
        let owner = owners.get(place)?;
        let other = owners.get(1 - place).unwrap_or(owner);
        Some(Archived { owner: Owner(*owner), peer: peer(*other) })
    };
    let frame = Bytes::copy_from_slice(frame.as_bytes());
    LogEntry { id: LogId(id), archives: [archive(0), archive(1)], waiting: None, frame }
}

pub(crate) fn entry(id: u64, owners: &[i64], frame: &str) -> Op {
    Op::Append(archived(id, owners, frame))
}

/// The same, with somebody for whom it waits.
pub(crate) fn awaited(id: u64, owners: &[i64], waiting: i64, frame: &str) -> Op {
    Op::Append(LogEntry { waiting: Some(Owner(waiting)), ..archived(id, owners, frame) })
}

pub(crate) fn remove(owner: i64, ids: &[u64]) -> Op {
    Op::Remove { owner: Owner(owner), ids: ids.iter().copied().map(LogId).collect() }
}

pub(crate) fn put_off(owner: i64, ids: &[u64]) -> Op {
    Op::Wait { owner: Owner(owner), ids: ids.iter().copied().map(LogId).collect() }
}

/// An owner's archive.
pub(crate) fn whole(owner: i64) -> LogQuery {
    LogQuery {
        owner: Owner(owner),
        list: List::Archive,
        peer: None,
        after: None,
        before: None,
        order: Order::Ascending,
        limit: usize::MAX,
        max_bytes: usize::MAX,
    }
}

/// What waits for an owner.
pub(crate) fn backlog(owner: i64) -> LogQuery {
    LogQuery { list: List::Waiting, ..whole(owner) }
}

pub(crate) fn ids(page: &LogPage) -> Vec<u64> {
    page.entries.iter().map(|(id, _)| id.0).collect()
}

fn list(store: &dyn Store, owner: i64) -> Vec<u64> {
    ids(&wait(store.page(whole(owner))).unwrap())
}

fn waiting(store: &dyn Store, owner: i64) -> Vec<u64> {
    ids(&wait(store.page(backlog(owner))).unwrap())
}

fn value(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

const ALICE: Owner = Owner(1);
const BOB: Owner = Owner(2);

/// Makes those two; what is put for nobody is not kept.
fn residents(store: &dyn Store) {
    for (name, owner) in [("alice@example.org", ALICE), ("bob@example.org", BOB)] {
        assert_eq!(wait(store.create_owner(name, Batch::new())), Ok(Some(owner)));
    }
}

/// Ten entries of ten bytes in two archives.
fn ten(store: &dyn Store) {
    for id in 1..=10 {
        commit(store, Batch::new().with(entry(id * 10, &[1, 2], "0123456789")));
    }
}

macro_rules! contract {
    ($($module:ident: $($name:ident)*;)*) => {
        mod memory {
            $($(#[test] fn $name() { super::$module::$name(&super::Memory::new()) })*)*
        }
        mod sqlite {
            $($(#[test] fn $name() { super::on_sqlite(super::searchable(), super::$module::$name) })*)*
        }
        /// The same with a tail so short that nearly everything is settled at once.
        mod sqlite_settling {
            $($(#[test] fn $name() {
                let options =
                    super::Options { tail_rows: 1, tail_rows_each: 0, settle_rows: 1, ..super::searchable() };
                super::on_sqlite(options, super::$module::$name)
            })*)*
        }
    };
}

/// Every text is searchable at once.
pub(crate) fn searchable() -> Options {
    Options { text: Some(kernel::ports::text), text_frames: 1, ..Options::default() }
}

fn on_sqlite(options: Options, test: impl FnOnce(&dyn Store)) {
    let directory = tempfile::tempdir().unwrap();
    test(&Sqlite::open(directory.path(), options).unwrap());
}

contract! {
    tables:
        a_value_is_put_replaced_and_deleted
        values_are_apart_by_table_owner_and_key
        a_list_is_in_key_order
        open_takes_the_tables_asked_for
        a_value_is_looked_up_by_its_owners_name
        a_batch_takes_effect_in_its_order
        a_swap_puts_only_what_was_expected
        swaps_and_batches_keep_their_order
        an_owner_is_made_once_with_its_rows
        owners_are_listed_by_name
        an_erased_owner_leaves_nothing
        what_is_put_for_nobody_is_not_kept
        an_owners_number_is_never_given_out_again
        nonsense_is_refused_alone
        the_backlog_is_empty_when_all_is_durable
        notes_stand_in_order_in_the_journal
        a_checkpoint_replaces_what_was_noted_before_it;
    pages:
        an_entry_is_on_each_owners_list
        an_id_is_appended_once
        entries_may_come_out_of_order
        a_page_is_cut_by_bounds_limit_and_bytes
        a_page_runs_backwards
        a_page_knows_whether_it_is_complete
        a_page_of_an_archive_can_be_of_one_address
        a_message_to_oneself_is_listed_once
        an_entry_without_owner_is_not_kept
        many_entries_are_paged_in_order
        bounds_beyond_all_ids_are_no_trouble
        entries_are_found_by_their_ids
        the_newest_id_is_known;
    lists:
        what_waits_is_a_list_of_its_own
        what_is_archived_can_wait_later
        removing_takes_single_entries_off_the_waiting_list
        a_frame_stays_as_long_as_it_is_on_a_list
        an_entry_taken_off_all_lists_may_come_again
        removing_what_is_not_there_changes_nothing
        both_may_wait_for_one_frame
        expiry_takes_the_oldest_out_of_all_archives
        what_waits_does_not_expire
        what_comes_late_expires_too
        the_extent_is_that_of_all_archives;
    search:
        words_are_searched_in_ones_own_archive
        a_search_is_cut_like_a_page
        what_is_typed_is_no_query_language
        what_left_the_archives_is_not_found;
}
