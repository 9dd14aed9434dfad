//! The extension points: typed tables that XEPs fill while they register, frozen before the server runs.
//!
//! Three kinds, three contracts. *Stream features* are announced while a stream is negotiated. *Filters* sit on
//! the stanza path: they never wait, they return a [`Flow`] and request [`Effects`]. *Services* answer IQs by
//! namespace: they are asynchronous and may use storage.

mod archive;
mod disco;
mod filter;
mod iq;
mod nonza;
mod stream;

pub(crate) use archive::Archiving;
pub use archive::{Copying, Urgency, Wake};
pub(crate) use disco::NodeHandler;
pub use disco::{Identity, Info, Inquiry, Item, Node};
pub(crate) use filter::Stop;
pub use filter::{Direction, Effects, Filter, Flow, Interest, Kinds, Passing, Stage};
pub use iq::{Ask, Handler, Reply, Request, Scope, Target};
pub(crate) use nonza::NonzaHandler;
pub use stream::{Feature, Phase};

use crate::Account;
use crate::stream::StreamHandle;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use wire::error::{StanzaCondition, StreamError};
use wire::frame::Frame;
use wire::jid::BareJid;
use wire::ns::NsTable;

/// How messages wait for an account that is away (XEP-0160).
#[derive(Clone)]
pub struct Offline {
    /// At most so many per account.
    pub messages: u64,
    /// At most so many bytes per account.
    pub bytes: u64,
    /// Decides whether a message is worth keeping for somebody who comes later. What is not is still kept for a session
    /// that reads too slowly: for that, the log is the rest of its queue.
    pub worth: fn(&Frame) -> bool,
    /// The XML added to a message when it is delivered late: its time and the domain that kept it.
    pub delay: fn(crate::ports::WallMillis, &str) -> String,
}

/// Work that is started every minute.
pub(crate) type Chore = Arc<dyn Fn() -> crate::ports::Task + Send + Sync>;
/// Told of a message for which somebody is to be woken.
pub(crate) type WakeUp = Arc<dyn Fn(&Arc<Account>, &Frame, Wake) + Send + Sync>;
type Removal = Arc<dyn Fn(&BareJid) + Send + Sync>;
pub(crate) type PresenceWatch = Arc<dyn Fn(&Arc<Account>, &Frame) + Send + Sync>;

/// A XEP's method as a handler that holds on to its XEP.
fn bound<X, F>(this: &Arc<X>, handler: fn(Arc<X>, Request) -> F) -> Arc<dyn Handler>
where
    X: Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let this = this.clone();
    Arc::new(move |request: Request| -> crate::ports::BoxFuture<'static, Reply> {
        Box::pin(handler(this.clone(), request))
    })
}

/// The tables. Filled by [`crate::Xep::register`], then frozen.
#[derive(Default)]
pub struct Hooks {
    pub(crate) iq: HashMap<&'static str, iq::Service>,
    pub(crate) before_login: HashMap<&'static str, Arc<dyn Handler>>,
    pub(crate) filters: Vec<filter::Registered>,
    pub(crate) features: Vec<Feature>,
    pub(crate) offline: Option<Offline>,
    pub(crate) disco: [BTreeSet<String>; 3],
    pub(crate) identities: [BTreeSet<Identity>; 3],
    pub(crate) forms: Vec<(Scope, String)>,
    pub(crate) items: Vec<(String, Item)>,
    pub(crate) nodes: Vec<(Scope, Arc<NodeHandler>)>,
    pub(crate) nobody: HashMap<&'static str, StanzaCondition>,
    pub(crate) nonzas: HashMap<&'static str, NonzaHandler>,
    pub(crate) archiving: Option<Archiving>,
    pub(crate) copying: Option<Copying>,
    pub(crate) urgency: Option<fn(&Frame) -> Urgency>,
    pub(crate) wake: Vec<WakeUp>,
    pub(crate) chores: Vec<Chore>,
    pub(crate) count_request: &'static str,
    pub(crate) acknowledge: std::time::Duration,
    pub(crate) patient: Option<(crate::account::Mark, std::time::Duration)>,
    late_features: Vec<(Phase, stream::Late)>,
    pub(crate) watched: BTreeSet<&'static str>,
    pub(crate) erased: Vec<Removal>,
    pub(crate) unavailable: Vec<PresenceWatch>,
    pub(crate) received: Vec<PresenceWatch>,
    namespaces: Option<Arc<NsTable>>,
}

impl Hooks {
    /// Answers IQ requests whose payload is in `namespace`, and announces the namespace in service discovery for
    /// each of the `scopes`. One handler a namespace.
    ///
    /// # Panics
    /// If two XEPs claim one namespace: a mistake in the code, found at the first start.
    pub fn iq<X, F>(
        &mut self,
        scopes: Scope,
        namespace: &'static str,
        asks: Ask,
        this: &Arc<X>,
        handler: fn(Arc<X>, Request) -> F,
    ) where
        X: Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let handler = bound(this, handler);
        let service = self.iq.entry(namespace).or_default();
        for ask in [Ask::Get, Ask::Set] {
            if asks.includes(ask) {
                let slot = service.slot(ask);
                assert!(slot.is_none(), "two handlers for {ask:?} of {namespace}");
                *slot = Some((scopes, handler.clone()));
            }
        }
        self.feature(scopes, namespace);
    }

    /// [`Hooks::iq`] for type get.
    pub fn iq_get<X, F>(
        &mut self,
        scopes: Scope,
        namespace: &'static str,
        this: &Arc<X>,
        handler: fn(Arc<X>, Request) -> F,
    ) where
        X: Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        self.iq(scopes, namespace, Ask::Get, this, handler);
    }

    /// [`Hooks::iq`] for type set.
    pub fn iq_set<X, F>(
        &mut self,
        scopes: Scope,
        namespace: &'static str,
        this: &Arc<X>,
        handler: fn(Arc<X>, Request) -> F,
    ) where
        X: Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        self.iq(scopes, namespace, Ask::Set, this, handler);
    }

    /// Answers IQ requests in `namespace` on streams that have not logged in yet.
    pub fn iq_before_login<X, F>(
        &mut self,
        namespace: &'static str,
        this: &Arc<X>,
        handler: fn(Arc<X>, Request) -> F,
    ) where
        X: Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let handler = bound(this, handler);
        self.before_login.insert(namespace, handler);
    }

    /// Refuses requests of type get in `namespace` to a resource of an account that doesn't exist with this condition,
    /// as a filter refuses them to strangers at accounts that do. Without it they get service-unavailable
    /// (RFC 6121 §8.5.1). Requests to such an account itself come to the handler, as [`Target::Nobody`].
    pub fn no_such_resource(&mut self, namespace: &'static str, condition: StanzaCondition) {
        self.nobody.insert(namespace, condition);
    }

    /// Announces a feature in service discovery.
    pub fn feature(&mut self, scopes: Scope, var: &str) {
        for (index, scope) in Scope::DISCO.iter().enumerate() {
            if scopes.includes(*scope) {
                self.disco[index].insert(var.to_owned());
            }
        }
    }

    /// Announces an identity in service discovery.
    pub fn identity(&mut self, scopes: Scope, identity: Identity) {
        for (index, scope) in Scope::DISCO.iter().enumerate() {
            if scopes.includes(*scope) {
                self.identities[index].insert(identity.clone());
            }
        }
    }

    /// Adds a data form (XEP-0128), as XML, to what service discovery tells.
    pub fn extended_info(&mut self, scopes: Scope, form: String) {
        self.forms.push((scopes, form));
    }

    /// Lists a service among the items of a domain of this server.
    pub fn item(&mut self, domain: &str, item: Item) {
        self.items.push((domain.to_owned(), item));
    }

    /// Answers service discovery about nodes. Asked in the order of registration; `None` passes on to the next.
    /// Without a node it is about the entity itself, and only the items are used.
    pub fn node<X, F>(&mut self, scopes: Scope, this: &Arc<X>, handler: fn(Arc<X>, Inquiry) -> F)
    where
        X: Send + Sync + 'static,
        F: Future<Output = Option<Node>> + Send + 'static,
    {
        let this = this.clone();
        self.nodes.push((
            scopes,
            Arc::new(move |inquiry: Inquiry| -> crate::ports::BoxFuture<'static, Option<Node>> {
                Box::pin(handler(this.clone(), inquiry))
            }),
        ));
    }

    /// Puts a filter on the stanza path.
    pub fn filter<X: Send + Sync + 'static>(
        &mut self,
        stage: Stage,
        interest: Interest,
        this: &Arc<X>,
        apply: fn(&X, &Passing<'_>, &mut Effects) -> Flow,
    ) {
        let this = this.clone();
        self.watched.extend(interest.children.iter().copied());
        self.filters.push(filter::Registered {
            stage,
            interest,
            children: wire::ns::NsSet::default(),
            apply: Arc::new(move |passing: &Passing<'_>, effects: &mut Effects| {
                apply(&this, passing, effects)
            }),
        });
    }

    /// Handles elements in `namespace` that are no stanzas, on streams that have logged in. One handler a namespace.
    pub fn nonza<X: Send + Sync + 'static>(
        &mut self,
        namespace: &'static str,
        this: &Arc<X>,
        handle: fn(&X, &minidom::Element, &mut StreamHandle<'_>) -> Result<(), StreamError>,
    ) {
        let this = this.clone();
        let handler: NonzaHandler =
            Arc::new(move |element: &minidom::Element, stream: &mut StreamHandle<'_>| {
                handle(&this, element, stream)
            });
        self.nonzas.insert(namespace, handler);
    }

    /// How a client is asked for the count of stanzas that it has handled (XEP-0198). One that does not answer within
    /// `patience`, nor says anything else, has lost its connection; zero for no matter how long it takes.
    pub fn count_request(&mut self, xml: &'static str, patience: std::time::Duration) {
        (self.count_request, self.acknowledge) = (xml, patience);
    }

    /// Sessions with this mark wait at least so long to be resumed.
    pub fn patient(&mut self, mark: crate::account::Mark, window: std::time::Duration) {
        self.patient = Some((mark, window));
    }

    /// Announces a stream feature.
    pub fn stream_feature(&mut self, feature: Feature) {
        self.features.push(feature);
    }

    /// Announces a stream feature that depends on what all XEPs register: made once, when all have.
    pub fn late_stream_feature<X: Send + Sync + 'static>(
        &mut self,
        phase: Phase,
        this: &Arc<X>,
        xml: fn(&X) -> String,
    ) {
        let this = this.clone();
        self.late_features.push((phase, Arc::new(move || xml(&this))));
    }

    /// Says how messages wait for accounts that are away. Without it they come back as errors.
    pub fn offline(&mut self, offline: Offline) {
        self.offline = Some(offline);
    }

    /// Says what goes into archives: messages with anything to be kept (`worth`), at the accounts that want them
    /// (`wanted`, asked in both directions). Without it there are none.
    pub fn archive<X: Send + Sync + 'static>(
        &mut self,
        this: &Arc<X>,
        worth: fn(&Frame) -> bool,
        wanted: fn(&X, &Passing<'_>) -> bool,
    ) {
        let this = this.clone();
        let wanted = Arc::new(move |passing: &Passing<'_>| wanted(&this, passing));
        self.archiving = Some(Archiving { worth, wanted });
    }

    /// Says which messages are copied to further sessions, and how.
    pub fn copies(&mut self, copying: Copying) {
        self.copying = Some(copying);
    }

    /// Says what can wait for a session whose client is inactive ([`StreamHandle::set_active`]).
    pub fn urgency(&mut self, urgency: fn(&Frame) -> Urgency) {
        self.urgency = Some(urgency);
    }

    /// Called, under no lock, with each durable message that finds nobody who takes it at once, or not everybody.
    pub fn wake<X: Send + Sync + 'static>(
        &mut self,
        this: &Arc<X>,
        wake: fn(&X, &Arc<Account>, &Frame, Wake),
    ) {
        let this = this.clone();
        self.wake.push(Arc::new(move |account: &Arc<Account>, frame: &Frame, why: Wake| {
            wake(&this, account, frame, why);
        }));
    }

    /// Starts work every minute or so, one at a time.
    pub fn every_minute<X, F>(&mut self, this: &Arc<X>, work: fn(Arc<X>) -> F)
    where
        X: Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let this = this.clone();
        self.chores.push(Arc::new(move || Box::pin(work(this.clone()))));
    }

    /// Called when an account has been removed: caches about it must go. Its stored data is gone already.
    pub fn account_erased<X: Send + Sync + 'static>(&mut self, this: &Arc<X>, forget: fn(&X, &BareJid)) {
        let this = this.clone();
        self.erased.push(Arc::new(move |account: &BareJid| forget(&this, account)));
    }

    /// Called, under no lock, with the unavailable presence by which the last available session of an account
    /// went away.
    pub fn went_unavailable<X: Send + Sync + 'static>(
        &mut self,
        this: &Arc<X>,
        note: fn(&X, &Arc<Account>, &Frame),
    ) {
        let this = this.clone();
        self.unavailable
            .push(Arc::new(move |account: &Arc<Account>, frame: &Frame| note(&this, account, frame)));
    }

    /// Called, under no lock, with each available presence that one of the account's own sessions broadcasts.
    pub fn presence_sent<X: Send + Sync + 'static>(
        &mut self,
        this: &Arc<X>,
        note: fn(&X, &Arc<Account>, &Frame),
    ) {
        let this = this.clone();
        self.received
            .push(Arc::new(move |account: &Arc<Account>, frame: &Frame| note(&this, account, frame)));
    }

    /// Makes the framer note children in this namespace, for filters and [`Offline::worth`].
    pub fn watch(&mut self, namespace: &'static str) {
        self.watched.insert(namespace);
    }

    /// Freezes the tables: order of filters, bits of namespaces.
    pub(crate) fn freeze(mut self) -> Hooks {
        let names: Vec<&str> = self.watched.iter().copied().collect();
        let table = NsTable::new(&names);
        for filter in &mut self.filters {
            for child in filter.interest.children {
                filter.children |= table.bit(child).unwrap_or_default();
            }
        }
        self.filters.sort_by_key(|filter| filter.stage);
        self.namespaces = Some(Arc::new(table));
        self
    }

    /// Makes the features that had to wait until the directory was complete.
    pub(crate) fn finish(&mut self) {
        for (phase, make) in std::mem::take(&mut self.late_features) {
            self.features.push(Feature { phase, xml: make() });
        }
    }

    /// The namespaces that the framer notes.
    pub fn namespaces(&self) -> Arc<NsTable> {
        self.namespaces.clone().unwrap_or_else(|| Arc::new(NsTable::new(&[])))
    }
}
