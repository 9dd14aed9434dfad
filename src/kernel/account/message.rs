//! Delivery of messages: RFC 6121 §8.5 says to which sessions, the log keeps what must not be lost.
//!
//! A message that is *kept* gets its place in the log here, under the account's lock: one commit carries it, with who has
//! to get it and with what its sender may be told. It is delivered when that is durable. What is not worth keeping
//! passes at once.

use super::backlog::Kept;
use super::deliver::{entry, unavailable};
use super::resend::note_sent;
use super::waiting::{Form, Message};
use super::{Account, AccountView, Bound, Logged, Origin, Outcome, Parcel, Spared, State};
use crate::hooks::{Direction, Passing, Urgency, Wake};
use crate::journal::{Event, Note};
use crate::outbox::{Copies, Entry, Outbox, Place, Push, Pushing};
use crate::ports::{Archived, Batch, LogEntry, LogId, Op, Peer, Ticket};
use crate::session::{Management, SessionId};
use bytes::Bytes;
use smallvec::SmallVec;
use std::sync::Arc;
use wire::error::StanzaError;
use wire::frame::{Frame, StanzaType, XmlWriter};
use wire::jid::{BareJid, FullJid, JidView};
use wire::ns;

/// A session that a message is for.
struct Target {
    id: SessionId,
    jid: FullJid,
    outbox: Arc<Outbox>,
    management: Arc<Management>,
    behind: bool,
    asleep: bool,
    spared: Option<Spared>,
}

impl Target {
    fn of(session: &Bound) -> Target {
        Target {
            id: session.id,
            jid: session.jid.clone(),
            outbox: session.outbox.clone(),
            management: session.management.clone(),
            behind: session.behind,
            asleep: session.asleep,
            spared: session.spared,
        }
    }

    fn urgency(&self, frame: &Frame) -> Urgency {
        self.spared.map_or(Urgency::Now, |decide| decide(frame))
    }
}

impl Account {
    pub(super) fn deliver_message(
        self: &Arc<Self>,
        parcel: &Parcel,
        resource: Option<&str>,
        outcome: &mut Outcome,
    ) -> Result<(), StanzaError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let type_ = parcel.frame.type_();
        if let Some(resource) = resource {
            // RFC 6121 §8.5.3.1: a message to a resource that is there is delivered, whatever its type, and
            // whether or not it is available.
            if let Some(session) = state.by_resource(resource) {
                let target = Target::of(session);
                if self.hand_out(state, parcel, SmallVec::from_iter([target]), outcome)? {
                    return Ok(());
                }
            }
            // §8.5.3.2.1: no such resource.
            match type_ {
                StanzaType::Chat => {}
                StanzaType::Error => return Ok(()),
                // §8.1: silence is for those who must not learn which resources there are.
                StanzaType::Headline if !self.shows_presence(state, &parcel.frame) => return Ok(()),
                _ => return Err(unavailable()),
            }
        }
        match type_ {
            StanzaType::Error => return Ok(()),
            StanzaType::Groupchat => return Err(unavailable()),
            _ => {}
        }
        // Every non-negative resource gets what is no conversation (§8.5.2.1.1, option b for normal).
        let to_all = type_ != StanzaType::Chat;
        let able = || state.sessions.iter().filter(|session| session.takes_messages());
        let best = able().map(|session| session.priority).max();
        let chosen = able().filter(|session| to_all || Some(session.priority) == best);
        let targets: SmallVec<[Target; 2]> = chosen.map(Target::of).collect();
        if !targets.is_empty() && self.hand_out(state, parcel, targets, outcome)? {
            return Ok(());
        }
        if type_ == StanzaType::Headline {
            return Ok(());
        }
        // A session that has just become unavailable may still have earlier ones in its queue.
        let ids: Vec<SessionId> = state.sessions.iter().map(|session| session.id).collect();
        ids.into_iter().for_each(|id| self.keep_queued(state, id));
        self.keep_for_later(state, parcel, outcome)
    }

    /// Whether the message goes into this account's archive.
    fn archives(&self, state: &State, frame: &Frame) -> Option<Archived> {
        let hooks = self.engine.hooks.load();
        let archiving = hooks.archiving.as_ref()?;
        let passing = Passing { frame, direction: Direction::In, account: &AccountView { state } };
        if !(archiving.worth)(frame) || !(archiving.wanted)(&passing) {
            return None;
        }
        let from = frame.from()?;
        let peer = JidView::parse(&from).ok().map(|from| Peer::of(from.bare_str()))?;
        Some(Archived { owner: self.owner, peer })
    }

    /// Whether what one of the sessions sends goes into the account's archive.
    pub(super) fn archives_sent(&self, state: &State, frame: &Frame) -> Option<Archived> {
        let hooks = self.engine.hooks.load();
        let archiving = hooks.archiving.as_ref()?;
        let passing = Passing { frame, direction: Direction::Out, account: &AccountView { state } };
        if !(archiving.worth)(frame) || !(archiving.wanted)(&passing) {
            return None;
        }
        let to = frame.to()?;
        let peer = JidView::parse(&to).ok().map(|to| Peer::of(to.bare_str()))?;
        Some(Archived { owner: self.owner, peer })
    }

    /// Gives a message to sessions: into their queues, or, where those are full or must not be overtaken, by way of the
    /// log. False if all of them have just ended.
    ///
    /// # Errors
    /// It could be given to nobody, and the log is full.
    fn hand_out(
        self: &Arc<Self>,
        state: &mut State,
        parcel: &Parcel,
        targets: SmallVec<[Target; 2]>,
        outcome: &mut Outcome,
    ) -> Result<bool, StanzaError> {
        let frame = &parcel.frame;
        let mine = self.archives(state, frame);
        let theirs = parcel.origin.as_ref().and_then(|origin| origin.archive);
        let worth = mine.is_some() || self.is_worth_keeping(frame);
        // What means something at this moment only does not wait for somebody who sleeps.
        let passes = !worth && matches!(frame.type_(), StanzaType::Chat | StanzaType::Normal);
        let copies = (targets.len() > 1).then(Copies::default);
        let mut ready: SmallVec<[(&Target, Pushing<'_>); 2]> = SmallVec::new();
        let mut late: SmallVec<[&Target; 2]> = SmallVec::new();
        let mut missed = false;
        for target in &targets {
            if target.asleep && passes {
                missed = true;
                continue;
            }
            if target.behind {
                if !target.outbox.is_closed() {
                    late.push(target);
                }
                continue;
            }
            match target.outbox.pushing(frame.len()) {
                Ok(queue) => ready.push((target, queue)),
                Err(Push::Full) => late.push(target),
                Err(_) => {}
            }
        }
        if ready.is_empty() && late.is_empty() {
            return Ok(missed);
        }
        // What only passes by needs no place in the log, unless somebody can't take it now, or acknowledges it.
        let counted = |origin: &Origin| origin.session.management().is_on();
        let acknowledged = ready.iter().any(|(target, _)| target.management.is_on())
            || parcel.origin.as_ref().is_some_and(counted);
        let durable = mine.is_some() || theirs.is_some() || (acknowledged && worth);
        // What is in no archive of ours is on the list until it has arrived.
        let mut listed = mine.is_none() && (!late.is_empty() || (durable && worth));
        if (listed || !late.is_empty())
            && let Err(error) = self.has_room(state, frame.len())
        {
            if ready.is_empty() {
                return Err(error);
            }
            // If it can't be kept for the slow ones although others have it, the sender need not know.
            listed = false;
            late.clear();
        }
        if !durable && !listed {
            let mut ids: SmallVec<[SessionId; 2]> = SmallVec::new();
            let from = frame.from().unwrap_or_default();
            for (target, mut queue) in ready {
                match target.urgency(frame) {
                    Urgency::Now => {}
                    Urgency::Later => queue.defer(&from),
                    Urgency::Never => continue,
                }
                let copies = copies.clone();
                queue.push(Entry { copies, ..entry(frame, parcel.ticket.as_ref()) });
                ids.push(target.id);
            }
            let given = state.sessions.iter_mut().filter(|session| ids.contains(&session.id));
            given.for_each(|session| session.unplaced = true);
            let has_it = |id| targets.iter().any(|target| target.id == id);
            self.copy_passing(state, frame, parcel.ticket.as_ref(), has_it);
            return Ok(true);
        }
        if durable {
            self.store_takes_more()?;
        }
        // Those in a queue may get lost with the connection: all of them are in the log, in order.
        late.iter().for_each(|target| self.keep_queued(state, target.id));
        let id = self.engine.next_log_id();
        let mut message = Message {
            size: frame.len(),
            listed,
            archived: mine.is_some(),
            needed: true,
            ..Message::default()
        };
        let mut note = Note::default();
        let (head, tail) =
            mine.map_or_else(|| (frame.bytes(), Bytes::new()), |_| stamped(frame, &self.jid, id));
        let from = frame.from().unwrap_or_default();
        for (target, queue) in &mut ready {
            if target.urgency(frame) != Urgency::Now {
                queue.defer(&from);
            }
            let place = Place { id, append: None, form: Form::Plain };
            let (head, tail, copies) = (head.clone(), tail.clone(), copies.clone());
            let (log, ticket) = (Some(place), parcel.ticket.clone());
            let number = queue.push(Entry { head, tail, copies, log, ticket, ..Entry::default() });
            message.owe(target.id, Form::Plain, true);
            let Some(number) = number.filter(|_| target.management.is_journalled()) else { continue };
            if mine.is_some() || listed {
                target.management.take_notes(target.id, &target.jid, &mut note);
                note.push(&Event::Queued { session: target.id.0, number, id, form: Form::Plain });
            }
        }
        for target in &late {
            message.owe(target.id, Form::Plain, false);
            note_due(target, id, Form::Plain, &mut note);
        }
        let others =
            self.copied_to(state, frame, Direction::In, |id| targets.iter().any(|target| target.id == id));
        let mut copied = Vec::with_capacity(others.len());
        let mut owes_copies = false;
        let mut overtaken: SmallVec<[SessionId; 2]> = SmallVec::new();
        for target in &others {
            let copy =
                Copy { frame, form: Form::Received, direction: Direction::In, archived: mine.map(|_| id) };
            match self.push_copy(target, &copy, &mut note) {
                Pushed::Queued(queue) => copied.push(queue),
                Pushed::Due if self.has_room(state, frame.len()).is_err() => {}
                Pushed::Due => {
                    owes_copies = true;
                    overtaken.push(target.id);
                    message.owe(target.id, Form::Received, false);
                }
                Pushed::Dropped => {}
            }
        }
        let entry = LogEntry {
            id,
            archives: [mine, theirs],
            waiting: listed.then_some(self.owner),
            frame: frame.bytes(),
        };
        let ticket = self.log(entry, note, parcel.origin.as_ref());
        for queue in ready.into_iter().map(|(_, queue)| queue).chain(copied) {
            if durable {
                queue.after(&ticket);
            } else {
                queue.beside(&ticket);
            }
        }
        if listed || owes_copies || !late.is_empty() {
            message.append = Some(ticket.clone());
            state.waiting.add(id, message);
        }
        if mine.is_some() {
            outcome.wake.get_or_insert(Wake::Elsewhere);
        }
        let mut late: SmallVec<[SessionId; 2]> = late.into_iter().map(|target| target.id).collect();
        late.extend(overtaken);
        for session in state.sessions.iter_mut().filter(|session| late.contains(&session.id)) {
            if session.asleep {
                outcome.wake = Some(Wake::Asleep);
            }
            session.fall_behind(outcome);
        }
        let copies = copies.filter(|_| !durable);
        let origin = parcel.origin.clone();
        let kept = Kept { account: self.clone(), frame: frame.clone(), id, copies, origin };
        self.engine.kept(ticket.clone(), kept);
        outcome.logged = Some(Logged { id, ticket });
        Ok(true)
    }

    /// The sessions that get a copy of a message which they neither get nor sent themselves (XEP-0280).
    fn copied_to(
        &self,
        state: &State,
        frame: &Frame,
        direction: Direction,
        has_it: impl Fn(SessionId) -> bool,
    ) -> Vec<Target> {
        let hooks = self.engine.hooks.load();
        let Some(copying) = &hooks.copying else { return Vec::new() };
        let from = frame.from();
        // §8: not its sender either.
        let sent_it = |session: &Bound| from.as_deref() == Some(session.jid.as_str());
        let marked = |session: &Bound| session.marks & copying.mark.0 != 0;
        let wants = |session: &&Bound| marked(session) && !has_it(session.id) && !sent_it(session);
        if !state.sessions.iter().any(|session| wants(&session)) || !(copying.eligible)(frame, direction) {
            return Vec::new();
        }
        state.sessions.iter().filter(wants).map(Target::of).collect()
    }

    /// The server's own error about a message is for all who have a copy of that.
    pub(super) fn copy_error(&self, state: &State, frame: &Frame, receiver: SessionId) {
        self.copy_passing(state, frame, None, |id| id == receiver);
    }

    /// Copies of what has no place in the log.
    fn copy_passing(
        &self,
        state: &State,
        frame: &Frame,
        ticket: Option<&Ticket>,
        has_it: impl Fn(SessionId) -> bool,
    ) {
        let others = self.copied_to(state, frame, Direction::In, has_it);
        let copy = Copy { frame, form: Form::Received, direction: Direction::In, archived: None };
        for target in &others {
            if let (Pushed::Queued(queue), Some(ticket)) =
                (self.push_copy(target, &copy, &mut Note::default()), ticket)
            {
                queue.after(ticket);
            }
        }
    }

    /// Puts a copy into a session's queue. One that waits for the log gets it only if that has it.
    fn push_copy<'t>(&self, target: &'t Target, copy: &Copy<'_>, note: &mut Note) -> Pushed<'t> {
        let hooks = self.engine.hooks.load();
        let Some(copying) = &hooks.copying else { return Pushed::Dropped };
        let queue = if target.behind { Err(Push::Full) } else { target.outbox.pushing(copy.frame.len()) };
        let mut queue = match (queue, copy.archived) {
            (Ok(queue), _) => queue,
            (Err(Push::Full), Some(id)) => {
                note_due(target, id, copy.form, note);
                return Pushed::Due;
            }
            // There is nothing to wait in.
            _ => return Pushed::Dropped,
        };
        let identified =
            copy.archived.and_then(|id| Frame::parse(with_stanza_id(copy.frame, &self.jid, id)).ok());
        let frame = identified.as_ref().unwrap_or(copy.frame);
        let log = copy.archived.map(|id| Place { id, append: None, form: copy.form });
        let bytes = (copying.wrap)(frame, copy.direction, &self.jid, &target.jid);
        if target.spared.is_some() {
            // As urgent as what is in it, or not quite: that one has read something elsewhere is a reason to stop ringing.
            match Frame::parse(bytes.clone()).map_or(Urgency::Now, |copy| target.urgency(&copy)) {
                Urgency::Now => {}
                Urgency::Never if copy.archived.is_none() => return Pushed::Dropped,
                Urgency::Later | Urgency::Never => queue.defer(&frame.from().unwrap_or_default()),
            }
        }
        let number = queue.push(Entry { log, ..Entry::now(bytes) });
        if let (Some(number), Some(id)) = (number, copy.archived)
            && target.management.is_journalled()
        {
            target.management.take_notes(target.id, &target.jid, note);
            note.push(&Event::Queued { session: target.id.0, number, id, form: copy.form });
        }
        Pushed::Queued(queue)
    }

    /// A message that one of the sessions sent is on its way: the others get copies of it.
    pub(crate) fn copy_sent(
        self: &Arc<Self>,
        origin: &Origin,
        frame: &Frame,
        logged: Option<&Logged>,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        if self.engine.hooks.load().copying.is_none() {
            return outcome;
        }
        let mut guard = self.lock();
        let state = &mut *guard;
        let mut late: SmallVec<[SessionId; 2]> = SmallVec::new();
        let others = self.copied_to(state, frame, Direction::Out, |id| id == origin.session.id());
        if others.is_empty() {
            return outcome;
        }
        let archived = logged.filter(|_| origin.archive.is_some()).map(|logged| logged.id);
        let copy = Copy { frame, form: Form::Sent, direction: Direction::Out, archived };
        let (mut note, mut copied) = (Note::default(), Vec::new());
        for target in &others {
            match (self.push_copy(target, &copy, &mut note), logged) {
                (Pushed::Queued(queue), _) => copied.push(queue),
                (Pushed::Due, Some(_)) if self.has_room(state, frame.len()).is_err() => {}
                (Pushed::Due, Some(Logged { id, ticket })) => {
                    late.push(target.id);
                    let message = state.waiting.entry(*id, || Message {
                        size: frame.len(),
                        append: Some(ticket.clone()),
                        archived: true,
                        ..Message::default()
                    });
                    message.owe(target.id, Form::Sent, false);
                }
                _ => {}
            }
        }
        let noted = (!note.is_empty()).then(|| self.engine.submit(Batch::new(), note));
        // What is noted later is durable later.
        if let Some(ticket) = noted.as_ref().or(logged.map(|logged| &logged.ticket)) {
            copied.into_iter().for_each(|queue| queue.after(ticket));
        }
        let behind = state.sessions.iter_mut().filter(|session| late.contains(&session.id));
        behind.for_each(|session| session.fall_behind(&mut outcome));
        outcome
    }

    /// Keeps a message for whoever takes it later.
    fn keep_for_later(
        self: &Arc<Self>,
        state: &mut State,
        parcel: &Parcel,
        outcome: &mut Outcome,
    ) -> Result<(), StanzaError> {
        let frame = &parcel.frame;
        let mine = self.archives(state, frame);
        let theirs = parcel.origin.as_ref().and_then(|origin| origin.archive);
        let listed = self.is_worth_keeping(frame);
        if !listed && mine.is_none() {
            // Without anybody who keeps messages, their senders know.
            return if self.engine.hooks.load().offline.is_some() { Ok(()) } else { Err(unavailable()) };
        }
        if listed {
            self.has_room(state, frame.len())?;
            outcome.wake = Some(Wake::Nobody);
        } else {
            self.store_takes_more()?;
        }
        let id = self.engine.next_log_id();
        let waiting = listed.then_some(self.owner);
        let entry = LogEntry { id, archives: [mine, theirs], waiting, frame: frame.bytes() };
        let ticket = self.log(entry, Note::default(), parcel.origin.as_ref());
        if listed {
            state.waiting.add(
                id,
                Message {
                    size: frame.len(),
                    append: Some(ticket.clone()),
                    listed: true,
                    archived: mine.is_some(),
                    needed: true,
                    ..Message::default()
                },
            );
        }
        let origin = parcel.origin.clone();
        let kept = Kept { account: self.clone(), frame: frame.clone(), id, copies: None, origin };
        self.engine.kept(ticket.clone(), kept);
        outcome.logged = Some(Logged { id, ticket });
        Ok(())
    }

    /// Appends to the log, together with what the journal is to say: above all that the stanza has been taken.
    fn log(&self, entry: LogEntry, mut note: Note, origin: Option<&Origin>) -> Ticket {
        if let Some(Origin { session, count, fingerprint, .. }) = origin {
            fingerprint.iter().for_each(|fingerprint| note_sent(session, *fingerprint, &mut note));
            session.management().take_count(session.id(), session.jid(), *count, &mut note);
        }
        let ticket = self.engine.submit(Batch::new().with(Op::Append(entry)), note);
        if let Some(Origin { session, count, .. }) = origin {
            session.management().counted(*count, &ticket);
        }
        ticket
    }
}

/// A copy to be made.
struct Copy<'f> {
    frame: &'f Frame,
    form: Form,
    direction: Direction,
    /// Its id in the account's archive.
    archived: Option<LogId>,
}

/// What became of a copy.
enum Pushed<'t> {
    Queued(Pushing<'t>),
    /// It will come from the log.
    Due,
    Dropped,
}

/// The journal is to know that a session gets this later.
fn note_due(target: &Target, id: LogId, form: Form, note: &mut Note) {
    if target.management.is_journalled() {
        target.management.take_notes(target.id, &target.jid, note);
        note.push(&Event::Due { session: target.id.0, id, form });
    }
}

fn stanza_id(by: &BareJid, id: LogId) -> XmlWriter {
    let mut out = XmlWriter::new();
    let id = id.to_text();
    out.start("stanza-id").attr("xmlns", ns::STANZA_ID).attr("by", by.as_str()).attr("id", &id).end();
    out
}

/// A message with its stanza-id (XEP-0359 §3) in two parts, of which the first is shared with the message.
fn stamped(frame: &Frame, by: &BareJid, id: LogId) -> (Bytes, Bytes) {
    const END: &str = "</message>";
    let bytes = frame.bytes();
    match frame.as_str().strip_suffix(END) {
        Some(open) => {
            let mut tail = stanza_id(by, id).into_string();
            tail.push_str(END);
            (bytes.slice(..open.len()), tail.into())
        }
        None => (with_stanza_id(frame, by, id), Bytes::new()),
    }
}

/// A message with its stanza-id.
pub(super) fn with_stanza_id(frame: &Frame, by: &BareJid, id: LogId) -> Bytes {
    frame.insert(&stanza_id(by, id).into_string())
}
