//! Sending what is due: between the outbox, the accounts and the push services.
//!
//! What waits is stored, so that a restart loses no notification; of a message only that there is one. It is read back
//! within a minute of the start.

use super::notification::{self, Discretion};
use super::outbox::{Flight, Outbox, Outcome, Target, Verdict};
use super::registrations::{COLLECTION, Registration, Registrations, key};
use kernel::hooks::Reply;
use kernel::ports::{Clock, Millis, Owner, Random};
use kernel::{Account, Cache, Env, Router, Table, encode};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use wire::frame::Frame;
use wire::jid::{BareJid, FullJid, Jid};

/// How long a service may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A notification that waits. Keyed by account, service and node.
#[derive(Serialize, Deserialize)]
struct Waiting {
    /// Messages.
    count: u32,
    /// Failures so far.
    attempts: u32,
}

/// What outlives a reload of the options.
#[derive(Default)]
struct Sending(Mutex<State>);

#[derive(Default)]
struct State {
    outbox: Outbox,
    /// What waited before the last restart has been read back.
    restored: bool,
    /// When somebody will look again.
    timer: Option<Millis>,
    /// Notifications for which there was no room in this minute.
    lost: u64,
}

/// Publishes notifications.
pub(super) struct Publisher {
    pub(super) registrations: Cache<Registrations>,
    discretion: Discretion,
    interval: Duration,
    waiting: Table<Waiting>,
    router: Router,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    sending: Arc<Sending>,
}

impl Publisher {
    pub(super) fn new(env: &mut Env, interval: Duration, discretion: Discretion) -> Publisher {
        Publisher {
            registrations: env.cache(),
            discretion,
            interval,
            waiting: env.table("push_waiting"),
            router: env.router(),
            clock: env.clock(),
            random: env.random(),
            sending: env.shared(),
        }
    }

    /// Civil time in milliseconds.
    pub(super) fn wall(&self) -> i64 {
        self.clock.wall().0
    }

    /// Tells the enabled nodes of the account, but those of these sessions, of a message, if it deserves that.
    pub(super) fn tell(self: &Arc<Self>, account: &Arc<Account>, message: &Frame, but: &[FullJid]) {
        let Some((news, urgent)) = notification::news(message, &self.discretion) else { return };
        let targets: Vec<Target> = account.read(self.registrations, |list| {
            let target = |(service, node): (&Jid, &str)| Target {
                account: account.jid().clone(),
                service: service.clone(),
                node: node.to_owned(),
            };
            list.enabled(but).map(target).collect()
        });
        let now = self.clock.now();
        let mut state = self.sending.0.lock();
        for target in &targets {
            match state.outbox.add(now, target, news.clone(), urgent) {
                // Under the lock, so that what is stored comes and goes in the order of what it stands for.
                Some(true) => self.keep(target, news.count, 0),
                Some(false) => {}
                None => state.lost += 1,
            }
        }
        drop(state);
        self.send();
    }

    /// Sends what is due, and sees to it that what is not will be.
    fn send(self: &Arc<Self>) {
        let now = self.clock.now();
        let mut state = self.sending.0.lock();
        while let Some(flight) = state.outbox.next(now) {
            self.router.spawn(Box::pin(self.clone().publish(flight)));
        }
        let Some(at) = state.outbox.deadline() else { return };
        if state.timer.is_some_and(|timer| timer <= at) {
            return;
        }
        state.timer = Some(at);
        let this = self.clone();
        self.router.spawn(Box::pin(async move {
            this.clock.sleep_until(at).await;
            let mut state = this.sending.0.lock();
            // Unless there is an earlier one by now.
            if state.timer == Some(at) {
                state.timer = None;
            }
            drop(state);
            this.send();
        }));
    }

    /// §7: from the account, which the service knows by the client's registration.
    async fn publish(self: Arc<Self>, flight: Flight) {
        let target = flight.target.clone();
        let account = self.router.account(&target.account).await;
        let registration = |account: &Arc<Account>| {
            let one = |list: &Registrations| list.get(&target.service, &target.node).cloned();
            account.read(self.registrations, one).filter(Registration::is_enabled)
        };
        let registration = account.as_ref().and_then(registration);
        let (Some(account), Some(registration)) = (account, registration) else {
            return self.settle(None, &flight, Outcome::Gone, "");
        };
        let options = registration.options.as_deref();
        let payload = notification::payload(&target.node, &flight.news, &self.discretion, options);
        let from = target.account.as_str();
        let answer = self.router.request_set(from, &target.service, &payload, PATIENCE).await;
        let (outcome, reason) = notification::outcome(answer.as_ref());
        self.settle(Some(&account), &flight, outcome, &reason);
    }

    /// Draws the conclusions.
    fn settle(
        self: &Arc<Self>,
        account: Option<&Arc<Account>>,
        flight: &Flight,
        outcome: Outcome,
        reason: &str,
    ) {
        let target = &*flight.target;
        let mut noise = [0];
        self.random.fill(&mut noise);
        let now = self.clock.now();
        let verdict = {
            let mut state = self.sending.0.lock();
            let verdict = state.outbox.answered(now, flight, outcome, self.interval, noise[0]);
            match verdict {
                Verdict::Done | Verdict::GiveUp | Verdict::Disable => self.drop_kept(target),
                Verdict::Again(attempts) => self.keep(target, flight.news.count, attempts),
                Verdict::More | Verdict::Stale => {}
            }
            verdict
        };
        if let Some(account) = account {
            self.note(account, target, verdict, reason);
        }
        self.send();
    }

    /// Keeps with the account how it went, and tells the log where something is wrong.
    fn note(&self, account: &Arc<Account>, target: &Target, verdict: Verdict, reason: &str) {
        let Target { service, node, .. } = target;
        let trouble = match verdict {
            Verdict::Done | Verdict::More => None,
            Verdict::Again(_) | Verdict::GiveUp => Some((reason, false)),
            Verdict::Disable => Some((reason, true)),
            Verdict::Stale => return,
        };
        let jid = account.jid();
        match verdict {
            Verdict::Again(1) => {
                tracing::info!(account = %jid, %service, node, reason, "push: a notification failed; it is tried again");
            }
            Verdict::Again(attempts) => {
                tracing::debug!(account = %jid, %service, node, reason, attempts, "push: a notification failed again");
            }
            Verdict::GiveUp => {
                tracing::warn!(account = %jid, %service, node, reason, "push: a notification failed too often; it is dropped");
            }
            Verdict::Disable => {
                tracing::warn!(account = %jid, %service, node, reason, "push: the service refuses; the node is disabled until its client enables it again");
            }
            Verdict::Done | Verdict::More | Verdict::Stale => {}
        }
        let wall = self.clock.wall();
        let changed = |list: &Registrations| list.get(service, node)?.after(trouble, wall);
        // Mostly all goes well, and there is nothing to change.
        if account.read(self.registrations, |list| changed(list).is_none()) {
            return;
        }
        // Nothing waits for it to be durable; if it fails, the next failure is noted.
        let _ = account.change(self.registrations, |list, change| {
            if let Some(registration) = changed(list) {
                change.put(COLLECTION, &key(service, node), encode(&registration));
                list.update(service, node, registration);
            }
        });
    }

    /// §6. What is not enabled needs not be disabled, so that is no error.
    pub(super) fn disable(&self, account: &Arc<Account>, service: &Jid, node: Option<&str>) -> Reply {
        let (nodes, ticket) = account.change(self.registrations, |list, change| {
            let nodes = list.disable(service, node);
            nodes.iter().for_each(|node| change.delete(COLLECTION, &key(service, node)));
            nodes
        });
        for node in nodes {
            self.forget(&Target { account: account.jid().clone(), service: service.clone(), node });
        }
        Reply::After(ticket, None)
    }

    /// The service wants no more for that node.
    pub(super) fn revoke(self: &Arc<Self>, account: BareJid, service: Jid, node: String) {
        let this = self.clone();
        self.router.spawn(Box::pin(async move {
            if let Some(account) = this.router.account(&account).await {
                tracing::info!(account = %account.jid(), %service, node, "push: the service has revoked the node");
                let _ = this.disable(&account, &service, Some(&node));
            }
        }));
    }

    /// Nothing is to be told to that node any more.
    pub(super) fn forget(&self, target: &Target) {
        if self.sending.0.lock().outbox.forget(target) {
            self.drop_kept(target);
        }
    }

    pub(super) fn forget_account(&self, account: &BareJid) {
        let targets = self.sending.0.lock().outbox.of(account);
        targets.iter().for_each(|target| self.forget(target));
    }

    fn keep(&self, target: &Target, count: u32, attempts: u32) {
        // Nothing waits for it to be durable: without it, a crash costs one notification.
        let _ = self.waiting.put(Owner::SERVER, &row(target), &Waiting { count, attempts });
    }

    fn drop_kept(&self, target: &Target) {
        let _ = self.waiting.delete(Owner::SERVER, &row(target));
    }

    /// Reads back what waited before a restart, once; and tidies up.
    pub(super) async fn restore(self: &Arc<Self>) {
        let now = self.clock.now();
        let (restored, lost) = {
            let mut state = self.sending.0.lock();
            state.outbox.tidy(now);
            (state.restored, std::mem::take(&mut state.lost))
        };
        if lost > 0 {
            tracing::warn!(
                lost,
                "push: too many notifications wait for services that do not take them; others were dropped"
            );
        }
        if restored {
            return;
        }
        let rows = match self.waiting.list(Owner::SERVER).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::error!(%error, "push: the notifications that wait can't be read; trying again in a minute");
                return;
            }
        };
        {
            let mut state = self.sending.0.lock();
            state.restored = true;
            for (key, waiting) in rows {
                let known = target_of(&key).is_some_and(|target| {
                    state.outbox.restore(now, &target, waiting.count, waiting.attempts)
                });
                if !known {
                    let _ = self.waiting.delete(Owner::SERVER, &key);
                }
            }
        }
        self.send();
    }
}

/// Addresses contain no control characters.
fn row(target: &Target) -> String {
    format!("{}\n{}\n{}", target.account, target.service, target.node)
}

fn target_of(row: &str) -> Option<Target> {
    let mut parts = row.splitn(3, '\n');
    let (account, service, node) = (parts.next()?, parts.next()?, parts.next()?);
    let (account, service) = (BareJid::parse(account).ok()?, Jid::parse(service).ok()?);
    Some(Target { account, service, node: node.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows() {
        let target = Target {
            account: BareJid::parse("romeo@montague.lit").unwrap(),
            service: Jid::parse("push@client.lit/a b").unwrap(),
            node: "n\nm".to_owned(),
        };
        assert_eq!(target_of(&row(&target)), Some(target));
        for row in ["", "a@b.lit\npush.lit", "a@b.lit/c\npush.lit\nn", "a@b.lit\n@\nn"] {
            assert_eq!(target_of(row), None, "{row:?}");
        }
    }
}
