//! What is queued for a group commit, the same for every engine.

use crate::oneshot::{Pending, Reply, oneshot};
use kernel::ports::batch::{check, check_swap, fill_in, weigh, weigh_swap};
use kernel::ports::{Batch, Commit, LogId, Op, Owner, StoreError, Swap, Ticket};

/// One call of the port that writes. Jobs take effect in the order in which they were queued.
pub(crate) enum Job {
    Batch(Batch),
    Swap(Swap, Reply<bool>),
    Create(Newcomer, Reply<Option<Owner>>),
    /// Takes what is older than this out of archives, at most so many frames; fewer if that would take long.
    Expire(LogId, usize, Reply<Expired>),
    /// Makes texts that have come lately searchable, as far as that does not take long.
    Texts(Reply<()>),
    /// Lets a test look at, and meddle with, the engine inside its transaction.
    #[cfg(test)]
    Meddle(Box<dyn FnMut(&rusqlite::Connection) + Send>),
}

/// What one step of an expiry has done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expired {
    /// So many frames went.
    pub(crate) went: usize,
    /// There are no more.
    pub(crate) over: bool,
}

/// An owner to be made.
pub(crate) struct Newcomer {
    pub(crate) name: String,
    /// Its first rows, with [`kernel::ports::batch::NEW_OWNER`] for the owner.
    pub(crate) first: Batch,
}

impl Job {
    pub(crate) fn batch(batch: Batch) -> Result<Job, StoreError> {
        accept(check(&batch))?;
        Ok(Job::Batch(batch))
    }

    pub(crate) fn swap(swap: Swap) -> Result<(Job, Pending<bool>), StoreError> {
        accept(check_swap(&swap))?;
        let (reply, pending) = oneshot();
        Ok((Job::Swap(swap, reply), pending))
    }

    pub(crate) fn create(name: &str, first: Batch) -> Result<(Job, Pending<Option<Owner>>), StoreError> {
        let mut filled = first.clone();
        fill_in(&mut filled, Owner::SERVER);
        accept(check(&filled))?;
        let (reply, pending) = oneshot();
        Ok((Job::Create(Newcomer { name: name.to_owned(), first }, reply), pending))
    }

    pub(crate) fn expire(below: LogId, limit: usize) -> (Job, Pending<Expired>) {
        let (reply, pending) = oneshot();
        (Job::Expire(below, limit, reply), pending)
    }

    pub(crate) fn texts() -> (Job, Pending<()>) {
        let (reply, pending) = oneshot();
        (Job::Texts(reply), pending)
    }

    /// True if it does nothing but take entries off a log.
    pub(crate) fn is_removal(&self) -> bool {
        match self {
            Job::Batch(batch) => {
                batch.ops.iter().all(|op| matches!(op, Op::Remove { .. })) && !batch.ops.is_empty()
            }
            _ => false,
        }
    }

    fn weight(&self) -> usize {
        match self {
            Job::Batch(batch) => weigh(batch),
            Job::Swap(swap, _) => weigh_swap(swap),
            Job::Create(newcomer, _) => weigh(&newcomer.first) + newcomer.name.len(),
            Job::Expire(..) | Job::Texts(_) => 0,
            #[cfg(test)]
            Job::Meddle(_) => 0,
        }
    }

    fn fail(self) {
        match self {
            Job::Batch(_) => {}
            Job::Swap(_, reply) => reply.say(Err(StoreError::NotCommitted)),
            Job::Create(_, reply) => reply.say(Err(StoreError::NotCommitted)),
            Job::Expire(.., reply) => reply.say(Err(StoreError::NotCommitted)),
            Job::Texts(reply) => reply.say(Err(StoreError::NotCommitted)),
            #[cfg(test)]
            Job::Meddle(_) => {}
        }
    }
}

/// A refusal is a fault in this program, so it is logged.
fn accept(checked: Result<(), &'static str>) -> Result<(), StoreError> {
    checked.map_err(|why| {
        tracing::error!(why, "refused to queue a change");
        StoreError::NotCommitted
    })
}

/// What becomes durable together.
pub(crate) struct Group {
    pub(crate) commit: Commit,
    pub(crate) jobs: Vec<Job>,
    pub(crate) bytes: usize,
}

impl Group {
    pub(crate) fn new() -> Group {
        Group { commit: Commit::new(), jobs: Vec::new(), bytes: 0 }
    }

    /// Adds a job; returns its weight too.
    pub(crate) fn push(&mut self, job: Job) -> (Ticket, usize) {
        let weight = job.weight();
        self.bytes += weight;
        self.jobs.push(job);
        (self.commit.ticket(), weight)
    }

    /// Nothing of it took effect.
    pub(crate) fn fail(self) {
        self.commit.complete(false);
        self.jobs.into_iter().for_each(Job::fail);
    }
}

/// The ticket of what was never queued.
pub(crate) fn failed() -> Ticket {
    Commit::new().ticket()
}
