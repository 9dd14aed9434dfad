//! Requests that the server itself sends, and the answers it waits for.

use crate::engine::Engine;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;
use wire::frame::{Frame, StanzaType};
use wire::jid::{BareJid, Jid};

/// Requests that may be unanswered at once. More are not sent.
const OPEN: usize = 10_000;
/// Those to one account or domain: who doesn't answer must not keep others from being asked.
const OPEN_TO_ONE: usize = 16;

/// The requests without an answer yet.
#[derive(Default)]
pub(crate) struct Asked {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    /// By id.
    questions: HashMap<String, Question>,
    /// How many there are to each bare address.
    to: HashMap<BareJid, usize>,
}

impl Open {
    /// False if there are too many.
    fn add(&mut self, id: &str, to: &Jid) -> bool {
        let count = self.to.get(to.bare_str()).copied().unwrap_or(0);
        if self.questions.len() >= OPEN || count >= OPEN_TO_ONE {
            return false;
        }
        self.to.insert(to.bare(), count + 1);
        self.questions.insert(id.to_owned(), Question { to: to.clone(), answer: None, waker: None });
        true
    }

    fn remove(&mut self, id: &str) {
        let Some(question) = self.questions.remove(id) else { return };
        if let Entry::Occupied(mut count) = self.to.entry(question.to.bare()) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

struct Question {
    to: Jid,
    answer: Option<Frame>,
    waker: Option<Waker>,
}

impl Asked {
    /// Takes an answer. The id was unpredictable, and only who was asked may answer.
    pub(crate) fn answer(&self, frame: &Frame) {
        let (Some(id), Some(from)) = (frame.id(), frame.from()) else { return };
        let mut open = self.open.lock();
        let Some(question) = open.questions.get_mut(&*id) else { return };
        if question.answer.is_some() || question.to.as_str() != from {
            return;
        }
        question.answer = Some(frame.clone());
        let waker = question.waker.take();
        drop(open);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, id: &str, waker: &Waker) -> Option<Frame> {
        let mut open = self.open.lock();
        let question = open.questions.get_mut(id)?;
        question.waker = Some(waker.clone());
        question.answer.take()
    }
}

/// Forgets the question when nobody waits any more.
struct Waiting<'a> {
    engine: &'a Engine,
    id: &'a str,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.engine.asked.open.lock().remove(self.id);
    }
}

impl Engine {
    /// Sends a request of that type and waits for its answer, a result or an error. `None` if none came in time, or if too
    /// many wait already.
    pub(crate) async fn request(
        self: &Arc<Self>,
        type_: StanzaType,
        from: &str,
        to: &Jid,
        payload: &str,
        within: Duration,
    ) -> Option<Frame> {
        let id = self.ports.random.token();
        if !self.asked.open.lock().add(&id, to) {
            return None;
        }
        let _waiting = Waiting { engine: self, id: &id };
        let request = Frame::iq().type_(type_).id(&id).from(from).to(to.as_str()).raw(payload).build();
        self.route(request.into());
        let mut timeout = self.ports.clock.sleep_until(self.ports.clock.now() + within);
        std::future::poll_fn(|context| match self.asked.poll(&id, context.waker()) {
            Some(answer) => Poll::Ready(Some(answer)),
            None => timeout.as_mut().poll(context).map(|()| None),
        })
        .await
    }
}
