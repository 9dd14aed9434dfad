//! How long a connection waits, and for what: the login, a sign of life, room in the socket, the end.

use super::connection::Context;
use super::metered::Meter;
use crate::config::Limits;
use kernel::outbox::Intake;
use kernel::stream::ClientStream;
use std::pin::Pin;
use std::task::Context as Cx;
use std::time::Duration;
use tokio::time::{Instant, Sleep};
use wire::error::{StreamCondition, StreamError};

/// A peer that takes nothing of what is written for so long is gone.
pub(super) const STALL: Duration = Duration::from_secs(600);
/// So long after the end of a stream its socket is dropped, whatever the peer does. What was not written goes back to
/// the account.
pub(super) const FAREWELL: Duration = Duration::from_secs(10);
/// How long the peer is still listened to after our end of the stream has closed; and how long a stream that
/// has ended waits for a peer that takes nothing.
const LINGER: Duration = Duration::from_secs(2);

/// The deadlines of one connection.
pub(super) struct Patience {
    /// The last sign of life.
    heard: Instant,
    /// Since when the stream is over.
    over: Option<Instant>,
    /// A sign of life was asked for at this time.
    asked: Option<Instant>,
    idle: Duration,
    dead: Duration,
    timer: Pin<Box<Sleep>>,
}

/// What [`Patience::wait`] came to.
pub(super) enum Wait {
    /// Nothing to do until somebody wakes the task.
    Sleep,
    /// Something changed: all is to be tried again.
    Again,
    /// The peer does not take what is written.
    GiveUp,
}

impl Patience {
    pub(super) fn new(limits: &Limits, now: Instant) -> Patience {
        Patience {
            heard: now,
            over: None,
            asked: None,
            idle: limits.idle_timeout.duration(),
            dead: limits.dead_timeout.duration(),
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
        }
    }

    /// A sign of life.
    pub(super) fn heard(&mut self, at: Instant) {
        self.heard = at;
        self.asked = None;
    }

    /// How long the peer's last words are still listened to, after our end of the stream has closed.
    pub(super) fn linger(&self, now: Instant) -> Duration {
        self.farewell(now).min(LINGER)
    }

    /// What is left of the time for the end of the stream.
    fn farewell(&self, now: Instant) -> Duration {
        self.over.map_or(FAREWELL, |over| FAREWELL.saturating_sub(now - over))
    }

    /// Looks at the deadlines and sleeps until the next.
    pub(super) fn wait(
        &mut self,
        client: &mut ClientStream,
        context: &Context,
        meter: Meter,
        pause: Duration,
        cx: &mut Cx<'_>,
    ) -> Wait {
        loop {
            let now = Instant::now();
            let mut next = STALL;
            let mut blocked = meter.blocked;
            if !client.wants_input() || blocked.is_some() || !pause.is_zero() {
                // Nothing is read now, or a question would not get through: silence proves nothing.
                self.heard(now);
            } else if let Some(moved) = meter.moved.filter(|moved| *moved > self.heard) {
                self.heard(moved);
            }
            if let Some(deadline) = client.deadline() {
                let left = deadline - context.engine.ports.clock.now();
                if left.is_zero() {
                    return if client.expire(now - self.heard) { Wait::GiveUp } else { Wait::Again };
                }
                next = next.min(left);
            }
            let mut patience = STALL;
            if client.outbox().intake() == Intake::Over {
                let over = *self.over.get_or_insert(now);
                match self.farewell(now) {
                    Duration::ZERO => return Wait::GiveUp,
                    left => next = next.min(left),
                }
                patience = LINGER;
                blocked = blocked.map(|since| since.max(over));
            }
            if let Some(since) = blocked {
                match patience.saturating_sub(now - since) {
                    // It takes nothing, not even the reason.
                    Duration::ZERO => return Wait::GiveUp,
                    left => next = next.min(left),
                }
            }
            if let Some(session) = client.session() {
                let quiet = now - self.heard;
                match self.asked {
                    Some(asked) => {
                        let left = self.dead.saturating_sub(now - asked);
                        if left.is_zero() && client.is_resumable() {
                            return Wait::GiveUp;
                        }
                        if left.is_zero() {
                            client.fail(StreamError::new(StreamCondition::ConnectionTimeout));
                            return Wait::Again;
                        }
                        next = next.min(left);
                    }
                    None if quiet >= self.idle => {
                        context.engine.ask_sign_of_life(session);
                        self.asked = Some(now);
                        return Wait::Again;
                    }
                    None => next = next.min(self.idle - quiet),
                }
            }
            if !pause.is_zero() {
                next = next.min(pause);
            }
            let until = now + next.max(Duration::from_millis(1));
            // A timer that is early enough is left alone: setting it anew for each stanza would cost more than
            // one look too many.
            if self.timer.is_elapsed() || self.timer.deadline() > until {
                self.timer.as_mut().reset(until);
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Wait::Sleep;
            }
            if !pause.is_zero() {
                return Wait::Again;
            }
        }
    }
}
