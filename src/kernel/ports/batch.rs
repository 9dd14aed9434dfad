//! What every engine does with a batch before it takes it: refuse nonsense, weigh it, fill in a new owner.

use super::{Archived, Batch, LogEntry, LogId, Op, Owner, Swap};

/// The placeholder that a new owner's first rows carry.
pub const NEW_OWNER: Owner = Owner(-1);

/// SQLite keeps ids as signed integers, and an exclusive bound above the last id must be expressible.
pub const MAX_ID: u64 = i64::MAX as u64 - 1;

/// An engine may number the lists of an owner by its number.
pub const MAX_OWNER: i64 = i64::MAX / 4;

/// Well below SQLite's own limit of 10^9 bytes for a row.
const MAX_VALUE: usize = 256 << 20;

/// What an operation weighs beside its payload: its row, its place in the queue.
const OP_WEIGHT: usize = 64;

/// Says what is wrong with a batch. An engine refuses such a batch by itself, so that it cannot take the rest
/// of its group commit down with it.
///
/// # Errors
/// What is wrong.
pub fn check(batch: &Batch) -> Result<(), &'static str> {
    batch.ops.iter().try_for_each(|op| match op {
        Op::Put { owner, key, value, .. } => owned(*owner).and(sized(key.len().saturating_add(value.len()))),
        Op::Delete { owner, key, .. } => owned(*owner).and(sized(key.len())),
        Op::Append(entry) => {
            let archives = entry.archives.iter().flatten().map(|archived| archived.owner);
            archives.chain(entry.waiting).try_for_each(owned)?;
            between_two(entry)?;
            known(entry.id).and(sized(entry.frame.len()))
        }
        Op::Wait { owner, .. } | Op::Remove { owner, .. } | Op::Erase { owner } => owned(*owner),
        Op::Note(note) | Op::Checkpoint { note, .. } => sized(note.len()),
    })
}

/// The same for a conditional put.
///
/// # Errors
/// What is wrong.
pub fn check_swap(swap: &Swap) -> Result<(), &'static str> {
    let value = swap.new.as_ref().map_or(0, |value| value.len());
    owned(swap.owner).and(sized(swap.key.len().saturating_add(value)))
}

fn owned(owner: Owner) -> Result<(), &'static str> {
    match owner.0 {
        ..0 => Err("negative owner"),
        0..=MAX_OWNER => Ok(()),
        _ => Err("owner above 2^61 - 1"),
    }
}

/// So that an engine has room for all who may wait for a frame in two places.
fn between_two(entry: &LogEntry) -> Result<(), &'static str> {
    let owners = distinct(entry.archives).map(|archived| archived.map(|archived| archived.owner));
    let third = owners[1].is_some() && entry.waiting.is_some() && !owners.contains(&entry.waiting);
    if third { Err("waits for a third owner") } else { Ok(()) }
}

fn known(id: LogId) -> Result<(), &'static str> {
    if id.0 > MAX_ID { Err("log id above 2^63 - 2") } else { Ok(()) }
}

fn sized(bytes: usize) -> Result<(), &'static str> {
    if bytes > MAX_VALUE { Err("value above 256 MiB") } else { Ok(()) }
}

/// About how many bytes a batch is while it is queued.
pub fn weigh(batch: &Batch) -> usize {
    batch.ops.iter().map(|op| OP_WEIGHT + payload(op)).sum::<usize>().max(OP_WEIGHT)
}

/// The same for a conditional put.
pub fn weigh_swap(swap: &Swap) -> usize {
    OP_WEIGHT + swap.key.len() + swap.new.as_ref().map_or(0, |value| value.len())
}

fn payload(op: &Op) -> usize {
    match op {
        Op::Put { key, value, .. } => key.len() + value.len(),
        Op::Delete { key, .. } => key.len(),
        Op::Append(entry) => entry.frame.len(),
        Op::Wait { ids, .. } | Op::Remove { ids, .. } => ids.len() * size_of::<LogId>(),
        Op::Erase { .. } => 0,
        Op::Note(note) | Op::Checkpoint { note, .. } => note.len(),
    }
}

/// Puts `owner` where the batch says [`NEW_OWNER`].
pub fn fill_in(batch: &mut Batch, owner: Owner) {
    let fill = |place: &mut Owner| {
        if *place == NEW_OWNER {
            *place = owner;
        }
    };
    for op in &mut batch.ops {
        match op {
            Op::Put { owner, .. }
            | Op::Delete { owner, .. }
            | Op::Wait { owner, .. }
            | Op::Remove { owner, .. }
            | Op::Erase { owner } => fill(owner),
            Op::Append(entry) => {
                entry.archives.iter_mut().flatten().for_each(|archived| fill(&mut archived.owner));
                entry.waiting.iter_mut().for_each(fill);
            }
            Op::Note(_) | Op::Checkpoint { .. } => {}
        }
    }
}

/// The archives an entry goes into: none, one or two different ones, the first one's first.
pub fn distinct(archives: [Option<Archived>; 2]) -> [Option<Archived>; 2] {
    match archives {
        [Some(a), Some(b)] if a.owner == b.owner => [Some(a), None],
        [None, Some(b)] => [Some(b), None],
        others => others,
    }
}
