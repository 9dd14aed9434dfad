//! The service for `jabber:iq:roster` (RFC 6121 §2). The roster itself is in [`crate::roster`].

use crate::engine::Engine;
use crate::hooks::{Ask, Feature, Hooks, Phase, Reply, Request, Scope};
use crate::roster::NS_ROSTER;
use std::sync::Arc;
use wire::error::StanzaCondition;

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
        if request.payload_name() != "query" {
            return Reply::error(StanzaCondition::BadRequest);
        }
        account.show_roster(&request)
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
