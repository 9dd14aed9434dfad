//! Sessions and the journal: how they come back after a restart, and what a checkpoint says of them.

use super::awaited::Asked;
use super::waiting::{Form, Listing, Message};
use super::{Account, Bound, Outcome, State};
use crate::engine::Engine;
use crate::journal::{Event, Note, Recovered, Undelivered, is_after};
use crate::outbox::{Entry, Outbox, StreamNumber};
use crate::ports::{Batch, LogId, Op};
use crate::session::{Inner, Management, SessionId, SessionRef};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use wire::error::{ErrorType, StanzaCondition, StanzaError};
use wire::frame::{Frame, StanzaType};
use wire::jid::{Jid, JidView};

impl Engine {
    /// Takes over what the journal says of the last run, once it is known what XEPs there are.
    pub(crate) fn recover(self: &Arc<Self>) {
        let Some(recovery) = self.recovery.lock().take() else { return };
        let names = self.mark_names.get().cloned().unwrap_or_default();
        let sessions = recovery.sessions(&names);
        let mut note = Note::default();
        note.push(&Event::Names { marks: names });
        self.submit(Batch::new(), note);
        if sessions.is_empty() {
            return;
        }
        let count = sessions.iter().filter(|session| !session.token.is_empty()).count();
        tracing::info!(sessions = count, "sessions of before the restart can be resumed");
        let mut accounts = Vec::new();
        {
            let mut recovered = self.recovered.lock();
            for session in sessions {
                if !session.token.is_empty() {
                    self.resumable.await_account(&session.token);
                }
                let sessions: &mut Vec<Recovered> = recovered.entry(session.jid.bare()).or_default();
                if sessions.is_empty() {
                    accounts.push(session.jid.bare());
                }
                sessions.push(session);
            }
        }
        // Whoever is asked for comes first; the others, so that their time to be resumed ends.
        let engine = self.clone();
        self.ports.spawn.spawn(Box::pin(async move {
            for jid in accounts {
                let awaits = engine.recovered.lock().contains_key(&jid);
                if awaits && engine.account(&jid).await.is_none() {
                    // It may be unreadable for the moment.
                    if let Ok(None) = engine.ports.store.owner(jid.as_str()).await {
                        engine.drop_recovered(&jid);
                    }
                }
            }
        }));
    }

    /// The account is gone, or can't be read: so are its sessions.
    fn drop_recovered(self: &Arc<Self>, jid: &wire::jid::BareJid) {
        let sessions = self.recovered.lock().remove(jid).unwrap_or_default();
        let mut note = Note::default();
        for session in sessions {
            self.resumable.arrived(&session.token);
            note.push(&Event::Closed { session: session.session });
        }
        self.submit(Batch::new(), note);
    }

    /// Gives a freshly loaded account the sessions that it had before the restart.
    pub(crate) fn revive(self: &Arc<Self>, account: &Arc<Account>) {
        let sessions = self.recovered.lock().get(account.jid()).cloned().unwrap_or_default();
        for session in sessions {
            let token = session.token.clone();
            if token.is_empty() {
                account.bury(&session);
            } else {
                account.revive(session);
                self.resumable.arrived(&token);
            }
        }
    }

    /// For tests: a checkpoint that begins as soon as that account is in memory.
    pub fn checkpoint_once_loaded(self: &Arc<Self>, jid: &str) -> crate::ports::Task {
        let engine = self.clone();
        let jid = wire::jid::BareJid::parse(jid).unwrap_or_else(|_| unreachable!());
        Box::pin(async move {
            let _account = engine.account(&jid).await;
            engine.checkpoint().await;
        })
    }

    /// Replaces the notes of the journal so far by the present state of all sessions, while they go on.
    pub(crate) async fn checkpoint(self: Arc<Self>) {
        // Where commits fail, an empty one tells when that is over: until then the journal may lack what is needed.
        while self.ports.store.submit(Batch::new()).committed().await.is_err() || !self.try_checkpoint().await
        {
            self.ports.clock.sleep_until(self.ports.clock.now() + PROBE).await;
        }
        self.checkpointing.store(false, Ordering::Relaxed);
    }

    async fn try_checkpoint(self: &Arc<Self>) -> bool {
        // What is noted from here on is read again over what follows.
        let up_to = self.ports.store.journalled();
        let mut batch = Batch::new();
        let mut note = Note::default();
        note.push(&Event::Names { marks: self.mark_names.get().cloned().unwrap_or_default() });
        // First those whose account is not in memory: who comes there meanwhile is in the note twice, which does no harm.
        for session in self.recovered.lock().values().flatten() {
            session.write(&mut note);
        }
        for account in self.accounts.all() {
            batch.ops.extend(account.snapshot(&mut note));
            crate::ports::give_way().await;
        }
        self.checkpoint_bytes.store(note.len(), Ordering::Relaxed);
        self.journal_bytes.store(0, Ordering::Relaxed);
        let batch = batch.with(Op::Checkpoint { note: note.into_value(), up_to });
        self.ports.store.submit(batch).committed().await.is_ok()
    }
}

impl Account {
    /// A session of before the restart that can be resumed.
    fn revive(self: &Arc<Self>, from: Recovered) {
        let engine = &self.engine;
        let hooks = engine.hooks.load();
        let id = SessionId(from.session);
        let limit = engine.settings().outbox;
        let outbox = Arc::new(Outbox::recovered(limit, from.acknowledged, hooks.count_request));
        let window = Duration::from_secs(u64::from(from.window));
        let management = Arc::new(Management::recovered(from.received, &from.token, window));
        *management.sent.lock() = from.sent.clone();
        let mut bound = Bound::new(id, from.jid.clone(), outbox.clone(), management.clone());
        bound.presence = Frame::parse(from.presence.clone()).ok();
        bound.priority =
            bound.presence.as_ref().and_then(|frame| super::presence::priority(frame).ok()).unwrap_or(0);
        // Its client is active when it comes back.
        bound.marks = from.marks;
        for to in from.directed.iter().filter_map(|to| Jid::parse(to).ok()) {
            bound.directed.insert(&to);
        }
        bound.rosters.got = from.roster;
        (bound.asleep, bound.behind) = (true, true);
        // What was not counted comes again.
        let counted = from.asked.iter().filter(|(count, ..)| !is_after(*count, from.received));
        bound.asked = counted.map(|(count, id, to)| Asked::new(*count, id, to)).collect();
        let numbers = from.messages.iter().filter_map(|(log, message)| Some((message.number?, *log)));
        bound.recovered = Some(numbers.collect());
        {
            let mut state = self.lock();
            for (log, undelivered) in &from.messages {
                let needed = undelivered.form == Form::Plain && !undelivered.got;
                // What is on no list is in the archive.
                let new = || Message { archived: true, needed, ..Message::default() };
                let message = state.waiting.entry(*log, new);
                message.owe(id, undelivered.form, false);
                // It is owed to this one: nothing changes on the list.
                if undelivered.got {
                    state.waiting.got(*log, &mut Listing::default());
                } else if needed {
                    state.waiting.need(*log);
                }
            }
            state.sessions.push(bound);
        }
        let session =
            SessionRef(Arc::new(Inner { id, jid: from.jid, account: self.clone(), outbox, management }));
        engine.resumable.add(from.token, &session);
        engine.await_resumption(&session, StreamNumber::default());
    }

    /// A session of before the restart that is over: what it has not got waits for others.
    fn bury(self: &Arc<Self>, from: &Recovered) {
        let mut state = self.lock();
        let mut listing = Listing::default();
        for (log, message) in from.messages.iter().filter(|(_, message)| message.form == Form::Plain) {
            if message.got {
                state.waiting.got(*log, &mut listing);
                continue;
            }
            state.waiting.entry(*log, || {
                listing.on.push(*log);
                Message { archived: true, needed: true, listed: true, ..Message::default() }
            });
        }
        let mut note = Note::default();
        note.push(&Event::Closed { session: from.session });
        if from.sent.is_empty() {
            self.write_listing(&mut state, listing, note);
        } else {
            self.write_listing(&mut state, listing, Note::default());
            self.remember_sent(&mut state, from.sent.clone(), note);
        }
    }

    /// A session has been resumed after a restart: what was not in the log is told anew.
    pub(super) fn refresh(&self, state: &mut State, id: SessionId, outcome: &mut Outcome) {
        let Some(session) = state.session(id) else { return };
        let (jid, asked) = (session.jid.clone(), std::mem::take(&mut session.asked));
        let (outbox, available) = (session.outbox.clone(), session.presence.is_some());
        let seen = session.rosters.got;
        let lost = StanzaError::new(StanzaCondition::InternalServerError)
            .with_type(ErrorType::Wait)
            .with_text("The server was restarted before this was answered.");
        for asked in asked {
            let Asked { id, to, .. } = asked;
            let mut request = Frame::iq().type_(StanzaType::Get).id(&id).from(jid.as_str());
            if JidView::parse(&to).is_ok() {
                request = request.to(&to);
            }
            let answer = request.build().error_reply(&lost, None);
            if let Some(answer) = answer {
                let _ = outbox.push_reply(Entry::now(answer.bytes()));
            }
        }
        if seen > 0 {
            for payload in state.roster.pushes_since(seen) {
                self.push_to(state, |session| session.id == id, &payload, None);
            }
            let version = state.roster.version();
            state.session(id).into_iter().for_each(|session| session.roster_sent(version));
        }
        if available {
            self.greet_by_own(state, id, outcome);
            for contact in state.roster.subscriptions() {
                self.probe(state, &jid, contact);
            }
        }
    }

    /// Writes the present state of its sessions into a note. What sessions that have ended left behind must be on the list
    /// by then, though the commit that says so may fail.
    fn snapshot(&self, note: &mut Note) -> Option<Op> {
        let state = self.lock();
        for bound in state.sessions.iter().filter(|bound| bound.management.is_open()) {
            bound.snapshot(&state, note);
        }
        let ids = if state.waiting.writes > 0 { state.waiting.listed() } else { Vec::new() };
        (!ids.is_empty()).then_some(Op::Wait { owner: self.owner, ids })
    }
}

impl Bound {
    fn snapshot(&self, state: &State, note: &mut Note) {
        let resumption = self.management.resumption();
        let (token, window) = resumption.map(|(token, window)| (token.clone(), *window)).unwrap_or_default();
        let (acknowledged, places) = self.outbox.outstanding();
        let mut messages: std::collections::BTreeMap<LogId, _> = state.waiting.owed_to(self.id).collect();
        // What is in its queue no more has been acknowledged just now.
        let there: std::collections::BTreeSet<LogId> = places.iter().map(|(_, place, _)| place.id).collect();
        messages.retain(|id, (_, queued)| !*queued || there.contains(id));
        let mut messages: std::collections::BTreeMap<LogId, Undelivered> =
            messages.into_iter().map(|(id, (message, _))| (id, message)).collect();
        let unresumed = self.recovered.iter().flatten().filter(|(_, log)| messages.contains_key(log));
        let numbers: Vec<(u32, LogId)> = unresumed.copied().collect();
        for (number, log) in numbers {
            if let Some(message) = messages.get_mut(&log) {
                message.number = Some(number);
            }
        }
        for (number, place, got) in places {
            let form = place.form;
            let message = messages.entry(place.id).or_insert(Undelivered { number: None, form, got });
            message.number = number;
        }
        let asked = self.asked.iter().map(|asked| (asked.count, asked.id.clone(), asked.to.clone()));
        let recovered = Recovered {
            session: self.id.0,
            jid: self.jid.clone(),
            token,
            window: u32::try_from(window.as_secs()).unwrap_or(u32::MAX),
            counted: self.management.is_on(),
            received: self.management.noted_count(),
            acknowledged,
            messages,
            presence: self.presence.as_ref().map(|frame| frame.as_str().to_owned()).unwrap_or_default(),
            marks: self.marks,
            inactive: self.spared.is_some(),
            roster: self.rosters.got,
            sent: self.management.sent.lock().clone(),
            directed: self.directed.iter().map(ToString::to_string).collect(),
            asked: asked.collect(),
        };
        recovered.write(note);
    }

    /// The session asks somebody.
    pub(super) fn ask(&mut self, asked: Asked) {
        let Asked { count, id, to, .. } = &asked;
        let (count, id, to) = (*count, id.clone(), to.clone());
        self.management.note(&Event::Asked { session: self.id.0, count, id, to });
        self.mark_answered(|asked| asked.here);
        if self.asked.len() >= ASKED {
            self.asked.pop_front();
        }
        self.asked.push_back(asked);
    }

    /// The answers to these requests are in the queue by now.
    pub(super) fn mark_answered(&mut self, which: impl Fn(&Asked) -> bool) {
        let pushed = self.outbox.pushed();
        let open = self.asked.iter_mut().filter(|asked| asked.answered.is_none());
        open.filter(|asked| which(asked)).for_each(|asked| asked.answered = Some(pushed));
    }

    /// The client has got `h` stanzas: the answers among them are answered.
    pub(super) fn forget_answered(&mut self, h: u32) {
        if self.asked.is_empty() {
            return;
        }
        self.mark_answered(|asked| asked.here);
        let before = self.asked.len();
        let got = |asked: &Asked| asked.answered.is_some_and(|number| !is_after(number, h));
        let mut last = 0;
        while let Some(asked) = self.asked.pop_front_if(|asked| got(asked)) {
            last = asked.count;
        }
        if self.asked.len() < before {
            let count = last.wrapping_add(1);
            self.management.note(&Event::Answered { session: self.id.0, count });
        }
    }
}

/// How often it is looked whether the store works again.
const PROBE: Duration = Duration::from_millis(100);

/// So many unanswered requests of a session are remembered.
const ASKED: usize = 64;
