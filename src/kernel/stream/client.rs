//! Stanzas from a bound session: checked, stamped with their true sender, and sent on their way.

use crate::account::{Fingerprint, Origin, Parcel, Repeated, subscription_type};
use crate::engine::Engine;
use crate::hooks::{Ask, Direction, Stop};
use crate::outbox::Entry;
use crate::ports::Task;
use crate::session::SessionRef;
use std::sync::Arc;
use wire::error::{StanzaCondition, StanzaError, StreamCondition, StreamError};
use wire::frame::{Frame, Kind, RawFrame, StanzaType};
use wire::jid::Jid;
use wire::ns;

/// Takes one stanza from the stream of `session`. `lang` is the stream's language, which stanzas without one get.
///
/// Work that must be finished before the next stanza is taken comes back as a task.
///
/// # Errors
/// What breaks the stream: a stanza of no known kind, or in somebody else's name.
pub(super) fn receive(
    engine: &Arc<Engine>,
    session: &SessionRef,
    raw: &RawFrame<'_>,
    lang: Option<&str>,
) -> Result<Option<Task>, StreamError> {
    let kind = raw.kind();
    if kind == Kind::Other {
        // RFC 6120 §4.9.3.24
        return Err(StreamError::new(StreamCondition::UnsupportedStanzaType));
    }
    check_from(session, raw)?;
    let from = session.jid().as_str();
    match kind {
        Kind::Message => {
            // RFC 6120 §10.3.1: without `to` it is for the sender's own account.
            let frame = match raw.to() {
                Some(_) => raw.stamp_in(from, None, lang),
                None => raw.stamp_in(from, Some(session.jid().bare_str()), lang),
            };
            // Without an id, the same words may be said again.
            let known = session.management().is_on() && raw.id().is_some();
            let fingerprint = known.then(|| Fingerprint::of(raw.as_bytes()));
            Ok(send_message(engine, session, frame, fingerprint))
        }
        Kind::Presence => {
            presence(engine, session, raw.stamp_in(from, None, lang));
            Ok(settled(session))
        }
        Kind::Iq | Kind::Other => Ok(iq(engine, session, raw.stamp_in(from, None, lang))),
    }
}

/// RFC 6120 §8.1.2.1: no stanza in another name than the session's own, full or bare.
fn check_from(session: &SessionRef, raw: &RawFrame<'_>) -> Result<(), StreamError> {
    let Some(from) = raw.from() else { return Ok(()) };
    if *from == *session.jid().as_str() || *from == *session.jid().bare_str() {
        return Ok(());
    }
    match Jid::parse(&from) {
        Ok(jid) if jid.as_str() == session.jid().as_str() || jid.as_str() == session.jid().bare_str() => {
            Ok(())
        }
        _ => Err(StreamError::new(StreamCondition::InvalidFrom)),
    }
}

/// Past the account's own filters, to the router.
fn send(engine: &Arc<Engine>, session: &SessionRef, frame: Frame) -> Option<Task> {
    let frame = pass(session, frame)?;
    engine.flush(session.account());
    engine.route_for(frame.into(), Some(session))
}

/// The same for a message, which may be kept.
fn send_message(
    engine: &Arc<Engine>,
    session: &SessionRef,
    frame: Frame,
    fingerprint: Option<Fingerprint>,
) -> Option<Task> {
    let frame = pass(session, frame)?;
    engine.flush(session.account());
    let archive = match session.account().sends(session, &frame, fingerprint) {
        Ok(archive) => archive,
        Err(Repeated) => {
            tracing::debug!(session = %session.jid(), id = ?frame.id(), "a message was sent again: the first one stands");
            return None;
        }
    };
    let count = session.management().received();
    let origin = Some(Origin { session: session.clone(), count, archive, fingerprint });
    engine.route_for(Parcel { origin, ..frame.into() }, Some(session))
}

/// What the account's own filters make of it. `None` if it goes nowhere; its sender knows then.
fn pass(session: &SessionRef, frame: Frame) -> Option<Frame> {
    match session.account().filter(&frame, Direction::Out) {
        Ok(replaced) => Some(replaced.unwrap_or(frame)),
        Err(Stop::Drop) => None,
        Err(Stop::Bounce(error)) => {
            answer_error(session, &frame, &error);
            None
        }
    }
}

/// If another thread routes what this session has just caused, its next stanza has to wait for that.
fn settled(session: &SessionRef) -> Option<Task> {
    let account = session.account().clone();
    account.outgoing.is_busy().then(|| Box::pin(async move { account.outgoing.settled().await }) as Task)
}

fn answer_error(session: &SessionRef, frame: &Frame, error: &StanzaError) {
    if let Some(reply) = frame.error_reply(error, None) {
        let _ = session.outbox().push_reply(Entry::now(reply.bytes()));
    }
}

fn presence(engine: &Arc<Engine>, session: &SessionRef, frame: Frame) {
    let account = session.account();
    let type_ = frame.type_();
    let to = match frame.to().map(|to| Jid::parse(&to)) {
        None => None,
        Some(Ok(to)) => Some(to),
        Some(Err(_)) => {
            return answer_error(session, &frame, &StanzaError::new(StanzaCondition::JidMalformed));
        }
    };
    let bad_request = || answer_error(session, &frame, &StanzaError::new(StanzaCondition::BadRequest));
    match (to, type_) {
        (_, StanzaType::Invalid) => bad_request(),
        (None, StanzaType::Available | StanzaType::Unavailable) => {
            let outcome = account.broadcast(session.id(), frame.clone());
            let refused = outcome.bounce.is_some();
            if let Some(error) = &outcome.bounce {
                answer_error(session, &frame, error);
            }
            engine.perform(account, None, outcome);
            if !refused && type_ == StanzaType::Available {
                engine.observe(&engine.hooks.load().received, account, &frame);
            }
        }
        // Subscriptions and probes are about somebody; an error answers somebody.
        (None, StanzaType::Error) => {}
        (None, _) => bad_request(),
        (Some(to), StanzaType::Available | StanzaType::Unavailable) => {
            let Some(frame) = pass(session, frame) else { return };
            match account.direct(session.id(), &frame, &to) {
                Ok(()) => engine.flush(account),
                Err(error) => answer_error(session, &frame, &error),
            }
        }
        (Some(to), _) => {
            let Some(kind) = subscription_type(type_) else {
                // RFC 6121 §4.3: a client's own probe is routed like the server's.
                let _ = send(engine, session, frame);
                return;
            };
            // §3.1.2: subscriptions are between bare addresses.
            let contact = to.bare();
            let stamped = frame.stamp(session.jid().bare_str(), Some(contact.as_str()));
            let stamped = match account.filter(&stamped, Direction::Out) {
                Ok(replaced) => replaced.unwrap_or(stamped),
                Err(Stop::Drop) => return,
                Err(Stop::Bounce(error)) => return answer_error(session, &frame, &error),
            };
            match account.send_subscription(stamped, &contact, kind) {
                Ok(outcome) => engine.perform(account, None, outcome),
                Err(error) => answer_error(session, &frame, &error.into()),
            }
        }
    }
}

fn iq(engine: &Arc<Engine>, session: &SessionRef, frame: Frame) -> Option<Task> {
    let request = !matches!(frame.type_(), StanzaType::Result | StanzaType::Error);
    if request && Ask::of(&frame).is_none() {
        answer_error(session, &frame, &StanzaError::new(StanzaCondition::BadRequest));
        return None;
    }
    if request && frame.payload().is_some_and(|payload| payload.ns == ns::SESSION || payload.ns == ns::BIND) {
        let to_server = frame.to().is_none_or(|to| engine.serves(&to) || *to == *session.jid().bare_str());
        if to_server {
            return negotiated(session, &frame);
        }
    }
    if request {
        let waits = frame.to().is_some_and(|to| !engine.serves(&to));
        session.account().asks(session.id(), &frame, session.management().received(), waits);
    }
    if frame.to().is_none() {
        // RFC 6120 §10.3.3: answered on behalf of the account. Answers to nobody are ignored.
        return if request { engine.ask_account(session.account(), frame, Some(session)) } else { None };
    }
    send(engine, session, frame)
}

/// What belongs to the negotiation, which is over.
fn negotiated(session: &SessionRef, frame: &Frame) -> Option<Task> {
    if frame.payload().is_some_and(|payload| payload.ns == ns::SESSION) {
        // RFC 3921 §3: clients of that age wait for this; it does nothing.
        let done = crate::route::result(frame, "");
        let _ = session.outbox().push_reply(Entry::now(done.bytes()));
    } else {
        // RFC 6120 §7.7.2.1: one resource per stream.
        answer_error(session, frame, &StanzaError::new(StanzaCondition::NotAllowed));
    }
    None
}
