//! What a ledger comes to: the numbers, and each broken promise with its story.

use super::{Event, Ledger, Message, Row};
use crate::names::{Key, Name};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::time::Duration;

/// An answer that takes longer is none: nobody waits so long. A stalled store and a restart are well within.
const LATEST: Duration = Duration::from_secs(20);

/// What is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Promise {
    /// What was acknowledged arrives.
    NothingLost,
    /// Nothing arrives twice, resent or not.
    Once,
    /// From one sender to one receiver: in the order of sending.
    InOrder,
    /// What came back as an error does not arrive.
    ErrorsAreTrue,
    /// In the end every message is acknowledged or comes back.
    Acknowledged,
    /// One row in the archives of both, in order, by the id that it arrived with, and nobody else's.
    Archived,
    /// A session that asks within its window is resumed.
    Resumed,
    /// Every request gets an answer or an error, in time.
    Answered,
    /// Soon after its start the server is there.
    Ready,
    /// Stanzas arrive where they were addressed to, as they were sent.
    Addressed,
    /// Counts and elements are as XEP-0198 has them.
    Protocol,
}

/// One case of a broken promise.
#[derive(Clone, Debug)]
pub(crate) struct Breach {
    pub(crate) promise: Promise,
    pub(crate) text: String,
    about: Option<Key>,
    of: Option<(Duration, Name)>,
}

impl Breach {
    pub(super) fn new(promise: Promise, text: String) -> Breach {
        Breach { promise, text, about: None, of: None }
    }

    pub(super) fn about(promise: Promise, key: Key, text: String) -> Breach {
        Breach { about: Some(key), ..Breach::new(promise, text) }
    }

    pub(super) fn of(promise: Promise, at: Duration, who: Name, text: String) -> Breach {
        Breach { of: Some((at, who)), ..Breach::new(promise, text) }
    }
}

/// The figures of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) kills: usize,
    pub(crate) sent: usize,
    pub(crate) resent: usize,
    pub(crate) acknowledged: usize,
    pub(crate) refused: usize,
    pub(crate) received: usize,
    /// Rows in all archives; none if there is no archive.
    pub(crate) archived: Option<usize>,
    pub(crate) resumes_tried: usize,
    pub(crate) resumes_done: usize,
    pub(crate) requests: usize,
    /// Requests that were answered more than once.
    pub(crate) answered_again: usize,
    /// The longest time to an answer.
    pub(crate) longest_answer: Duration,
    pub(crate) slowest_start: Duration,
    pub(crate) breaches: Vec<Breach>,
}

impl Verdict {
    pub(crate) fn count(&self, promise: Promise) -> usize {
        self.breaches.iter().filter(|breach| breach.promise == promise).count()
    }
}

impl Ledger {
    /// To be asked when everything has been given its time.
    pub(crate) fn verdict(&self) -> Verdict {
        let count = |event| self.messages.values().map(|message| message.count(event)).sum::<usize>();
        let having = |event| self.messages.values().filter(|message| message.has(event)).count();
        let answer = |request: &super::Request| {
            request.answers.first().map(|first| first.saturating_sub(request.asked))
        };
        let mut verdict = Verdict {
            kills: self.kills,
            sent: self.messages.len(),
            resent: count(Event::Resent),
            acknowledged: having(Event::Acknowledged),
            refused: having(Event::Refused),
            received: having(Event::Received),
            archived: self.archives.as_ref().map(|all| all.values().map(Vec::len).sum()),
            resumes_tried: self.resumes_tried,
            resumes_done: self.resumes_done,
            requests: self.requests.len(),
            answered_again: self.requests.values().filter(|request| request.answers.len() > 1).count(),
            longest_answer: self.requests.values().filter_map(answer).max().unwrap_or_default(),
            slowest_start: self.starts.iter().max().copied().unwrap_or_default(),
            breaches: self.breaches.clone(),
        };
        let mut rows: HashMap<(Name, Key), usize> = HashMap::new();
        for (owner, archive) in self.archives.iter().flatten() {
            for (key, _) in archive {
                *rows.entry((*owner, *key)).or_default() += 1;
            }
        }
        let mut messages: Vec<(&Key, &Message)> = self.messages.iter().collect();
        messages.sort_unstable_by_key(|(key, message)| (message.history[0].0, **key));
        for (key, message) in messages {
            self.judge(*key, message, &rows, &mut verdict.breaches);
        }
        for (owner, archive) in self.archives.iter().flatten() {
            self.judge_archive(*owner, archive, &mut verdict.breaches);
        }
        let mut requests: Vec<_> =
            self.requests.iter().filter(|(_, it)| answer(it).is_none_or(|took| took > LATEST)).collect();
        requests.sort_unstable_by_key(|(_, request)| request.asked);
        for (id, request) in requests {
            let has =
                answer(request).map_or("no answer".to_owned(), |took| format!("an answer after {took:.1?}"));
            let text = format!("{} asked {id} at {:.3?} and has {has}", request.by, request.asked);
            verdict.breaches.push(Breach::of(Promise::Answered, request.asked, request.by, text));
        }
        verdict.breaches.sort_by_key(|breach| breach.promise);
        verdict
    }

    fn judge(
        &self,
        key: Key,
        message: &Message,
        rows: &HashMap<(Name, Key), usize>,
        breaches: &mut Vec<Breach>,
    ) {
        let [acknowledged, refused, received] =
            [Event::Acknowledged, Event::Refused, Event::Received].map(|event| message.count(event));
        let mut breach = |promise, text| breaches.push(Breach::about(promise, key, text));
        if acknowledged > 0 && refused == 0 && received == 0 {
            breach(Promise::NothingLost, format!("{key} was acknowledged and never arrived"));
        }
        if received > 1 {
            breach(Promise::Once, format!("{key} arrived {received} times"));
        }
        if refused > 0 && received > 0 && !message.was_sent_after_its_error() {
            breach(Promise::ErrorsAreTrue, format!("{key} came back as an error and arrived"));
        }
        if acknowledged == 0 && refused == 0 {
            breach(Promise::Acknowledged, format!("{key} was neither acknowledged nor refused"));
        }
        if self.archives.is_none() || refused > 0 || acknowledged + received == 0 {
            return;
        }
        for owner in [Name::sender(key.sender), Name::receiver(key.receiver)] {
            // Counted here and not there, for what is not there at all has no row to be judged.
            let rows = rows.get(&(owner, key)).copied().unwrap_or_default();
            if rows != 1 {
                breach(Promise::Archived, format!("{key} has {rows} rows in the archive of {owner}"));
            }
        }
    }

    fn judge_archive(&self, owner: Name, archive: &[Row], breaches: &mut Vec<Breach>) {
        let mut last: BTreeMap<(u16, u16), u32> = BTreeMap::new();
        for (key, id) in archive {
            let last = last.entry((key.sender, key.receiver)).or_default();
            let mut breach = |what: &str| {
                breaches.push(Breach::about(Promise::Archived, *key, format!("{key} {what} {owner}")))
            };
            let is_sent_here = owner == Name::receiver(key.receiver);
            if !Ledger::is_owner(owner, *key) || !self.messages.contains_key(key) {
                breach("does not belong into the archive of");
            } else if key.number < *last {
                breach("stands after a later one in the archive of");
            } else if is_sent_here && self.ids.get(key).is_some_and(|arrived| arrived != id) {
                breach("had another id when it arrived than in the archive of");
            }
            *last = key.number.max(*last);
        }
    }

    /// What happened around a broken promise, a line each.
    pub(crate) fn story(&self, breach: &Breach) -> String {
        /// So many lines at most: enough for a message that lived through three kills.
        const LINES: usize = 24;
        let mut lines: Vec<(Duration, String)> = Vec::new();
        let mut people = Vec::new();
        let mut span = (Duration::ZERO, Duration::ZERO);
        if let Some(key) = breach.about {
            people = vec![Name::sender(key.sender), Name::receiver(key.receiver)];
            if let Some(message) = self.messages.get(&key) {
                let time = |at: &(Duration, Event)| at.0;
                span = (
                    message.history.first().map(time).unwrap_or_default(),
                    message.history.last().map(time).unwrap_or_default(),
                );
                lines.extend(message.history.iter().map(|(at, event)| (*at, format!("* {event:?}"))));
            }
        }
        if let Some((at, who)) = breach.of {
            people = vec![who];
            span = (at.saturating_sub(Duration::from_secs(2)), at);
        }
        // What led to it, and what came of it.
        let span = (span.0.saturating_sub(Duration::from_millis(500)), span.1 + Duration::from_secs(1));
        if !people.is_empty() {
            let near = self.notes.iter().filter(|(at, who, _)| {
                (span.0..=span.1).contains(at) && who.is_none_or(|who| people.contains(&who))
            });
            lines.extend(near.map(|(at, who, what)| {
                (*at, who.map_or_else(|| what.clone(), |who| format!("{who}: {what}")))
            }));
        }
        lines.sort_by_key(|(at, _)| *at);
        let mut out = String::new();
        for (at, line) in lines.iter().take(LINES) {
            let _ = writeln!(out, "      {:>9.3} s  {line}", at.as_secs_f64());
        }
        if lines.len() > LINES {
            let _ = writeln!(out, "      and {} more lines", lines.len() - LINES);
        }
        out
    }
}
