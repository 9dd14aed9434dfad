//! The service for `jabber:iq:roster` (RFC 6121 §2). The roster itself is in [`crate::roster`].

use crate::account::Mark;
use crate::engine::Engine;
use crate::hooks::{Ask, Feature, Hooks, Phase, Reply, Request, Scope};
use crate::outbox::Entry;
use crate::roster::{NS_ROSTER, RosterAnswer};
use std::sync::Arc;
use wire::error::StanzaCondition;
use wire::frame::{Frame, StanzaType};

struct RosterService {
    engine: Arc<Engine>,
}

pub(crate) fn register(engine: &Arc<Engine>, hooks: &mut Hooks) {
    let this = Arc::new(RosterService { engine: engine.clone() });
    hooks.iq_get(Scope::OWN, NS_ROSTER, &this, RosterService::show);
    hooks.iq(Scope::OWN | Scope::ACCOUNT, NS_ROSTER, Ask::Set, &this, RosterService::set);
    // RFC 6121 §2.6.1 and §3.4.1.
    hooks.stream_feature(Feature {
        phase: Phase::AfterLogin,
        xml: "<ver xmlns='urn:xmpp:features:rosterver'/>".into(),
    });
    hooks.stream_feature(Feature {
        phase: Phase::AfterLogin,
        xml: "<sub xmlns='urn:xmpp:features:pre-approval'/>".into(),
    });
}

impl RosterService {
    async fn show(self: Arc<Self>, request: Request) -> Reply {
        let Ok(account) = request.account() else { return Reply::error(StanzaCondition::ServiceUnavailable) };
        let query = request.payload();
        if query.name() != "query" {
            return Reply::error(StanzaCondition::BadRequest);
        }
        // The mark comes first: what changes from here on is pushed.
        if let Some(session) = &request.session {
            session.mark(Mark::ROSTER);
        }
        match (account.roster_query(query.attr("ver")), &request.session) {
            (RosterAnswer::Full(xml), _) => Reply::Xml(xml),
            (RosterAnswer::Since(pushes), Some(session)) => {
                // §2.6.3: an empty result, then the changes as pushes.
                let done = crate::route::result(&request.frame, "");
                let _ = session.outbox().push_reply(Entry::now(done.bytes()));
                for payload in pushes {
                    let push = Frame::iq()
                        .type_(StanzaType::Set)
                        .id(&self.engine.ports.random.token())
                        .from(account.jid().as_str())
                        .to(session.jid().as_str())
                        .raw(&payload)
                        .build();
                    let _ = session.outbox().push_reply(Entry::now(push.bytes()));
                }
                Reply::Sent
            }
            (RosterAnswer::Since(_), None) => Reply::Done,
        }
    }

    async fn set(self: Arc<Self>, request: Request) -> Reply {
        // §2.3.3: forbidden unless it is one's own roster.
        if !request.is_own() {
            return Reply::error(StanzaCondition::Forbidden);
        }
        let Ok(account) = request.account() else { return Reply::error(StanzaCondition::ServiceUnavailable) };
        match account.roster_set(&request.payload()) {
            Ok((ticket, outcome)) => {
                self.engine.perform(account, None, outcome);
                Reply::After(ticket, None)
            }
            Err(error) => Reply::Error(error.into()),
        }
    }
}
