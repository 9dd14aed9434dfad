//! Requests that the server itself sends, and the answers it waits for.

use crate::engine::Engine;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;
use wire::frame::{Frame, StanzaType};
use wire::jid::Jid;

/// Requests that may be unanswered at once. More are not sent.
const OPEN: usize = 10_000;

/// The requests without an answer yet, by id.
#[derive(Default)]
pub(crate) struct Asked {
    open: Mutex<HashMap<String, Question>>,
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
        let Some(question) = open.get_mut(&*id) else { return };
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
        let question = open.get_mut(id)?;
        question.waker = Some(waker.clone());
        question.answer.take()
    }
}

/// Forgets the question when nobody waits any more.
struct Open<'a> {
    engine: &'a Engine,
    id: &'a str,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.engine.asked.open.lock().remove(self.id);
    }
}

impl Engine {
    /// Sends a request and waits for its answer, a result or an error. `None` if none came in time, or if too
    /// many wait.
    pub(crate) async fn request(
        self: &Arc<Self>,
        from: &str,
        to: &Jid,
        payload: &str,
        within: Duration,
    ) -> Option<Frame> {
        let id = self.ports.random.token();
        {
            let mut open = self.asked.open.lock();
            if open.len() >= OPEN {
                return None;
            }
            open.insert(id.clone(), Question { to: to.clone(), answer: None, waker: None });
        }
        let _open = Open { engine: self, id: &id };
        let request =
            Frame::iq().type_(StanzaType::Get).id(&id).from(from).to(to.as_str()).raw(payload).build();
        self.route(request.into());
        let mut timeout = self.ports.clock.sleep_until(self.ports.clock.now() + within);
        std::future::poll_fn(|context| match self.asked.poll(&id, context.waker()) {
            Some(answer) => Poll::Ready(Some(answer)),
            None => timeout.as_mut().poll(context).map(|()| None),
        })
        .await
    }
}
