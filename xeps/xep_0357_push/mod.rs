//! Push notifications: when a message waits for a device that is not connected, the push service of its client is told,
//! which wakes the device.
//!
//! Clients enable and disable nodes here; which messages deserve a notification, and when it is due, is decided
//! elsewhere in this folder, each by itself.

mod notification;
mod outbox;
mod publish;
mod registrations;
mod request;
#[cfg(test)]
mod tests;

use kernel::hooks::{
    Ask, Direction, Effects, Flow, Hooks, Interest, Kinds, Passing, Reply, Request, Scope, Stage, Wake,
};
use kernel::options::Seconds;
use kernel::{Account, ConfigError, Env, Mark, OptionDoc, Xep, encode};
use notification::Discretion;
use outbox::Target;
use publish::Publisher;
use registrations::{COLLECTION, Registration, key};
use request::Command;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use wire::frame::Frame;
use wire::jid::{BareJid, Jid};

const NS: &str = "urn:xmpp:push:0";
const PUBSUB: &str = "http://jabber.org/protocol/pubsub";
const FORMS: &str = "jabber:x:data";
const PUBLISH_OPTIONS: &str = "http://jabber.org/protocol/pubsub#publish-options";

/// `[xep.push]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Nodes of one account.
    pub(crate) nodes: usize,
    /// Least time between two notifications to one node.
    pub(crate) interval: Seconds,
    /// Tell who has written.
    pub(crate) sender: bool,
    /// Tell what.
    pub(crate) body: bool,
    /// What is told instead.
    pub(crate) placeholder: String,
    /// How long a session with a node waits to be resumed at least.
    pub(crate) resume: Seconds,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            nodes: 20,
            interval: Seconds(5),
            sender: false,
            body: false,
            placeholder: "New message".to_owned(),
            resume: Seconds(24 * 60 * 60),
        }
    }
}

/// XEP-0357.
pub(crate) struct Push {
    nodes: usize,
    publisher: Arc<Publisher>,
    /// For sessions that have enabled a node.
    mark: Mark,
    resume: Duration,
}

impl Xep for Push {
    const NUMBER: u16 = 357;
    const NAME: &'static str = "push";
    const TITLE: &'static str = "Push Notifications";
    const VERSION: &'static str = "0.4.1";
    const OPTIONS: &'static [OptionDoc] = &[
        OptionDoc {
            name: "nodes",
            default: "20",
            doc: "Nodes of push services that one account may have enabled, one for each of its devices. A further one \
                  takes the place of the one that was not enabled for longest.",
        },
        OptionDoc {
            name: "interval",
            default: "\"5 s\"",
            doc: "Least time between two notifications to one node. Calls do not wait for it.",
        },
        OptionDoc {
            name: "sender",
            default: "false",
            doc: "Tells push services, and those behind them, who has written.",
        },
        OptionDoc {
            name: "body",
            default: "false",
            doc: "Tells push services, and those behind them, what messages say, unless they are encrypted.",
        },
        OptionDoc {
            name: "placeholder",
            default: "\"New message\"",
            doc: "Told instead of what a message says: some push services wake a device at once only if there is a \
                  text. Empty for none.",
        },
        OptionDoc {
            name: "resume",
            default: "\"1 d\"",
            doc: "How long a session that has enabled a node waits to be resumed (XEP-0198) at least: a phone comes back \
                  when it is woken. \"0 s\" for no longer than others.",
        },
    ];
    type Config = Config;

    fn new(config: Config, env: &mut Env) -> Result<Push, ConfigError> {
        if config.nodes == 0 {
            return Err(ConfigError::new(
                "nodes",
                "0 nodes are no use: say enabled = false to switch push notifications off",
            ));
        }
        let discretion =
            Discretion { sender: config.sender, body: config.body, placeholder: config.placeholder };
        Ok(Push {
            nodes: config.nodes,
            publisher: Arc::new(Publisher::new(env, config.interval.duration(), discretion)),
            mark: env.mark(),
            resume: config.resume.duration(),
        })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        // §4.1: announced by the account.
        hooks.iq(Scope::OWN, NS, Ask::Both, &self, Self::serve);
        hooks.wake(&self, Self::wake);
        hooks.patient(self.mark, self.resume);
        hooks.every_minute(&self, Self::every_minute);
        hooks.account_erased(&self, Self::forget);
        let interest = Interest {
            kinds: Kinds::MESSAGE,
            direction: Some(Direction::In),
            children: &[PUBSUB],
            flag: Some(self.publisher.registrations.flag()),
        };
        hooks.filter(Stage::Deliver, interest, &self, Self::notice);
    }
}

impl Push {
    async fn serve(self: Arc<Self>, request: Request) -> Reply {
        let account = match request.account() {
            Ok(account) => account,
            Err(error) => return error.into(),
        };
        match Command::read(request.ask, &request.payload()) {
            Ok(Command::Enable { service, node, options }) => {
                if let Some(session) = &request.session {
                    account.mark(session, self.mark, true);
                }
                let resource = request.session.as_ref().map(|session| session.jid().resource().to_owned());
                self.enable(
                    account,
                    &service,
                    &node,
                    Registration { options, resource, ..Registration::default() },
                )
            }
            Ok(Command::Disable { service, node }) => {
                if let Some(session) = &request.session {
                    account.mark(session, self.mark, false);
                }
                self.publisher.disable(account, &service, node.as_deref())
            }
            Err(error) => error.into(),
        }
    }

    /// §5. What waited for that node is told no more: its client is here.
    fn enable(&self, account: &Arc<Account>, service: &Jid, node: &str, new: Registration) -> Reply {
        let enabled = self.publisher.wall();
        let (evicted, ticket) = account.change(self.publisher.registrations, |list, change| {
            let registration = Registration { enabled, ..new };
            change.put(COLLECTION, &key(service, node), encode(&registration));
            let evicted = list.enable(service, node, registration, self.nodes);
            if let Some((service, node)) = &evicted {
                change.delete(COLLECTION, &key(service, node));
            }
            evicted
        });
        let target = |service: &Jid, node: &str| Target {
            account: account.jid().clone(),
            service: service.clone(),
            node: node.to_owned(),
        };
        self.publisher.forget(&target(service, node));
        if let Some((service, node)) = &evicted {
            tracing::info!(
                account = %account.jid(), %service, node,
                "push: the account has too many nodes; the one that was not enabled for longest is dropped"
            );
            self.publisher.forget(&target(service, node));
        }
        Reply::After(ticket, None)
    }

    /// A message waits for somebody to come and get it.
    fn wake(&self, account: &Arc<Account>, message: &Frame, why: Wake) {
        if !account.has(self.publisher.registrations.flag()) {
            return;
        }
        let here = match why {
            // Who is here gets it, or does not want it.
            Wake::Asleep | Wake::Elsewhere => account.awake(),
            Wake::Nobody | Wake::Silent => Vec::new(),
        };
        self.publisher.tell(account, message, &here);
    }

    /// §8: a service that revokes the permission to publish is left alone. The message is for the server: no client knows
    /// what to do with it.
    fn notice(&self, passing: &Passing<'_>, _: &mut Effects) -> Flow {
        let (Some(from), Some(to)) = (passing.frame.from(), passing.frame.to()) else { return Flow::Pass };
        let (Ok(service), Ok(account)) = (Jid::parse(&from), BareJid::parse(&to)) else { return Flow::Pass };
        let Some(node) = request::revoked(&passing.frame.element(), account.as_str()) else {
            return Flow::Pass;
        };
        if passing.account.read(self.publisher.registrations).get(&service, &node).is_none() {
            return Flow::Pass;
        }
        self.publisher.revoke(account, service, node);
        Flow::Drop
    }

    async fn every_minute(self: Arc<Self>) {
        self.publisher.restore().await;
    }

    fn forget(&self, account: &BareJid) {
        self.publisher.forget_account(account);
    }
}
