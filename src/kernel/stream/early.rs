//! Requests before there is a session: those of strangers, such as registration, and resource binding.

use super::{Busy, Core, Stage};
use crate::hooks::{Ask, Request, Target};
use crate::outbox::{Ending, Entry};
use crate::session::{Inner, Management, SessionRef};
use crate::users::Users;
use std::sync::Arc;
use wire::error::{StanzaCondition, StanzaError, StreamCondition, StreamError};
use wire::frame::{Frame, RawFrame, StanzaType, XmlWriter};
use wire::jid::{BareJid, Jid, prepare_resource};
use wire::ns;

impl Core {
    /// Requests that strangers may make, such as registration. Nothing else is looked at (RFC 6120 §4.9.3.12).
    pub(super) fn ask_before_login(&mut self, raw: &RawFrame<'_>) -> Result<(), StreamError> {
        let hooks = self.engine.hooks.load();
        let handler = raw.payload().and_then(|payload| hooks.before_login.get(payload.ns)).cloned();
        let secure = self.peer.bindings.tls || !self.engine.settings().require_tls;
        let (Some(handler), true) = (handler, secure) else {
            return Err(StreamError::new(StreamCondition::NotAuthorized));
        };
        // Only the server itself is asked, and has asked nothing.
        let from = Jid::parse(&self.domain).map_err(|_| StreamError::new(StreamCondition::NotAuthorized))?;
        let elsewhere = raw.to().is_some_and(|to| Jid::parse(&to).as_ref() != Ok(&from));
        if elsewhere || matches!(raw.type_(), StanzaType::Result | StanzaType::Error) {
            return Err(StreamError::new(StreamCondition::NotAuthorized));
        }
        let frame = raw.stamp(&self.domain, None);
        let Some(ask) = Ask::of(&frame) else {
            let answer = crate::route::to_stranger(&frame, Err(StanzaCondition::BadRequest.into()));
            let _ = self.outbox.push_reply(Entry::now(answer.bytes()));
            return Ok(());
        };
        let target = Target::Stream { domain: self.domain.clone(), address: self.peer.address };
        let request = Request { frame, from, target, ask, session: None };
        let outbox = self.outbox.clone();
        self.busy = Some(Busy::Task(Box::pin(async move {
            if let Some(answer) = crate::route::answer_stranger(handler, request).await {
                let _ = outbox.push_reply(Entry::now(answer.bytes()));
            }
        })));
        Ok(())
    }

    /// RFC 6120 §7.6 and §7.7.
    pub(super) fn bind(&mut self, raw: &RawFrame<'_>, account: &BareJid) -> Result<(), StreamError> {
        let frame = raw.stamp(account.as_str(), None);
        let is_bind = frame.payload().is_some_and(|payload| payload.ns == ns::BIND && payload.name == "bind");
        if !is_bind || matches!(frame.type_(), StanzaType::Result | StanzaType::Error) {
            return Err(StreamError::new(StreamCondition::NotAuthorized));
        }
        if Ask::of(&frame) != Some(Ask::Set) {
            self.answer_bind(&frame, Err(&StanzaError::new(StanzaCondition::BadRequest)));
            return Ok(());
        }
        let iq = frame.element();
        let wanted = iq.get_child("bind", ns::BIND).and_then(|bind| bind.get_child("resource", ns::BIND));
        let wanted = wanted.map(minidom::Element::text).filter(|resource| !resource.is_empty());
        let resource = match wanted.as_deref().map(prepare_resource) {
            None => self.engine.ports.random.token(),
            Some(Ok(resource)) => resource.into_owned(),
            Some(Err(_)) => {
                // §7.7.2.1
                self.answer_bind(&frame, Err(&StanzaError::new(StanzaCondition::BadRequest)));
                return Ok(());
            }
        };
        let (engine, account, outbox) = (self.engine.clone(), account.clone(), self.outbox.clone());
        let anonymous = self.anonymous;
        self.visitor = anonymous.then(|| account.clone());
        let bind = async move {
            let internal = || StanzaError::new(StanzaCondition::InternalServerError);
            if anonymous {
                Users::new(&engine).admit_visitor(&account).await.map_err(|_| internal())?;
            }
            let jid = account
                .with_resource(&resource)
                .map_err(|_| StanzaError::new(StanzaCondition::BadRequest))?;
            let account = engine.account(&account).await.ok_or_else(internal)?;
            let id = engine.next_session_id();
            // §7.7.2.2: the newer session wins.
            let management = Arc::new(Management::default());
            management.fleeting.store(anonymous, std::sync::atomic::Ordering::Relaxed);
            let limit = engine.settings().sessions;
            while let Some(former) =
                account.bind(id, jid.clone(), outbox.clone(), management.clone(), limit)?
            {
                if let Some(outbox) = account.outbox_of(former) {
                    outbox.end(Ending::Error(StreamError::new(StreamCondition::Conflict)));
                }
                let outcome = account.unbind(former);
                engine.perform(&account, None, outcome);
            }
            Ok(SessionRef(Arc::new(Inner { id, jid, account, outbox, management })))
        };
        self.busy = Some(Busy::Bind(Box::pin(bind), frame));
        Ok(())
    }

    pub(super) fn bound(&mut self, bound: Result<SessionRef, StanzaError>, request: &Frame) {
        self.answer_bind(request, bound.as_ref().map(|session| session.jid().as_str()));
        if let Ok(session) = bound {
            tracing::info!(address = %self.peer.shown(), session = %session.jid(), "session bound");
            self.stage = Stage::Bound(session);
        }
    }

    fn answer_bind(&self, request: &Frame, answer: Result<&str, &StanzaError>) {
        let frame = match answer {
            Ok(jid) => {
                let mut out = XmlWriter::new();
                out.start("bind").attr("xmlns", ns::BIND).start("jid").text(jid).end().end();
                Frame::iq()
                    .type_(StanzaType::Result)
                    .id(&request.id().unwrap_or_default())
                    .raw(&out.into_string())
                    .build()
            }
            Err(error) => match request.error_reply(error, None) {
                Some(frame) => frame,
                None => return,
            },
        };
        let _ = self.outbox.push_reply(Entry::now(frame.bytes()));
    }
}
