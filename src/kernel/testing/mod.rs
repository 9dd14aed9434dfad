//! A whole server in memory on virtual time, for tests that read like a conversation.
//!
//! A [`World`] is an engine with its own executor, clock, randomness and store, all deterministic. Its [`Client`]s
//! hold a stream each, byte for byte as the network would carry it. Whatever a client does runs the world until
//! nothing is left to do, so what has not arrived then never will; time passes only with [`World::advance`].
//!
//! ```
//! use kernel::testing::World;
//!
//! let world = World::new();
//! let mut romeo = world.login("romeo@example.org/orchard");
//! let mut juliet = world.login("juliet@example.org/balcony");
//! juliet.available();
//! romeo.send("<message to='juliet@example.org' type='chat'><body>Hist!</body></message>");
//! juliet.expect("<message from='{any}/orchard' to='juliet@example.org' type='chat'><body>Hist!</body></message>");
//! romeo.expect_nothing();
//! ```
//!
//! XEPs are installed with [`World::with`] or [`Builder::xep`]; conversations that other servers could hold as well
//! are written as [`scenario`]s.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that does not go as written ends in a panic"
)]

mod client;
mod executor;
pub mod scenario;
#[cfg(test)]
mod tests;
mod time;

pub use crate::ports::Memory;
pub use client::Client;
pub use scenario::Incoming;

use crate::account::{ACCOUNT, CREDENTIALS};
use crate::engine::{Engine, Ports, Settings};
use crate::ports::{Archived, Batch, LogEntry, LogId, Op, Owner, Peer as Address, Store, Value, WallMillis};
use crate::roster::RosterLimits;
use crate::sasl::{Iterations, Policy};
use crate::stream::Peer;
use crate::xep::{Listed, Software};
use crate::{Account, Router, Users};
use executor::Executor;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use time::{Seeded, VirtualClock};
use wire::frame::Frame;
use wire::framer::Limits;
use wire::jid::BareJid;

/// The password of every account that [`World::login`] makes.
pub const PASSWORD: &str = "secret";

/// A server in memory. A handle: clones are the same world.
#[derive(Clone)]
pub struct World {
    engine: Arc<Engine>,
    executor: Arc<Executor>,
    clock: Arc<VirtualClock>,
    made_of: Builder,
}

/// What a world is made of.
#[derive(Clone)]
#[must_use]
pub struct Builder {
    settings: Settings,
    store: Arc<dyn Store>,
    seed: u64,
    xeps: Vec<(Listed, toml::Table)>,
}

impl Builder {
    /// Serves these domains instead of `example.org`.
    pub fn domains(mut self, domains: &[&str]) -> Builder {
        self.settings.domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
        self
    }

    /// Installs a XEP after those named so far, with the options as TOML text: `"open = true"`.
    pub fn xep(mut self, xep: Listed, options: &str) -> Builder {
        self.xeps.push((xep, options.parse().expect("options are TOML")));
        self
    }

    /// Installs XEPs with their default options.
    pub fn xeps(mut self, xeps: &[Listed]) -> Builder {
        self.xeps.extend(xeps.iter().map(|xep| (*xep, toml::Table::new())));
        self
    }

    /// Keeps data there, instead of in a [`Memory`] of its own.
    pub fn store(mut self, store: Arc<dyn Store>) -> Builder {
        self.store = store;
        self
    }

    /// Another seed: other ids and salts.
    pub fn seed(mut self, seed: u64) -> Builder {
        self.seed = seed;
        self
    }

    /// Changes any of the engine's settings.
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Builder {
        change(&mut self.settings);
        self
    }

    /// Starts the server.
    pub fn start(self) -> World {
        self.start_at(Arc::new(VirtualClock::default()))
    }

    fn start_at(self, clock: Arc<VirtualClock>) -> World {
        self.start_and(clock, |_, _| {})
    }

    fn start_interrupted(
        self,
        clock: Arc<VirtualClock>,
        around: impl FnOnce(Arc<dyn Fn() + Send + Sync>, &mut dyn FnMut()),
    ) -> World {
        let executor = Arc::new(Executor::default());
        let made_of = self.clone();
        let ports = Ports {
            store: self.store,
            clock: clock.clone(),
            random: Arc::new(Seeded::new(self.seed)),
            spawn: executor.clone(),
        };
        let engine = block_on(&executor, Engine::new(self.settings, ports)).expect("the store can be read");
        let runner = executor.clone();
        let mut xeps = Some(self.xeps);
        around(Arc::new(move || runner.run()), &mut || {
            if let Some(xeps) = xeps.take() {
                engine.install(xeps).expect("XEPs take their options");
            }
        });
        executor.run();
        World { engine, executor, clock, made_of }
    }

    fn start_and(
        self,
        clock: Arc<VirtualClock>,
        act: impl FnOnce(&Arc<Engine>, &dyn crate::ports::Spawn),
    ) -> World {
        let executor = Arc::new(Executor::default());
        let made_of = self.clone();
        let ports = Ports {
            store: self.store,
            clock: clock.clone(),
            random: Arc::new(Seeded::new(self.seed)),
            spawn: executor.clone(),
        };
        let engine = block_on(&executor, Engine::new(self.settings, ports)).expect("the store can be read");
        if let Err(errors) = engine.install(self.xeps) {
            panic!("XEPs refuse their options: {errors:?}");
        }
        act(&engine, &*executor);
        executor.run();
        World { engine, executor, clock, made_of }
    }
}

impl Default for World {
    fn default() -> Self {
        World::new()
    }
}

impl World {
    /// A server for `example.org` without any XEP.
    pub fn new() -> World {
        World::build().start()
    }

    /// A server for `example.org` with these XEPs and their default options.
    pub fn with(xeps: &[Listed]) -> World {
        World::build().xeps(xeps).start()
    }

    /// A server to be described.
    pub fn build() -> Builder {
        let settings = Settings {
            domains: Arc::from(["example.org".to_owned()]),
            admins: Arc::from([]),
            software: Software { name: "Stentor", version: "test" },
            roster: RosterLimits::default(),
            sessions: 16,
            outbox: 256 * 1024,
            before_login: Limits::before_login(),
            after_login: Limits::after_login(),
            negotiation: Duration::from_secs(60),
            require_tls: true,
            sasl: Policy::default(),
            iterations: Iterations::new(Iterations::MIN).unwrap_or_default(),
            idle_accounts: 64 << 20,
            idle: Duration::from_secs(300),
        };
        Builder { settings, store: Arc::new(Memory::new()), seed: 1, xeps: Vec::new() }
    }

    /// The server as it starts again after it ended at this moment without a word, with what `store` has of it
    /// ([`Memory::crash`]). The time goes on, for all worlds that came of one; what happens to clients of the old one
    /// concerns nobody.
    pub fn restart(&self, store: Arc<dyn Store>) -> World {
        let seed = self.made_of.seed + 1;
        self.made_of.clone().store(store).seed(seed).start_at(self.clock.clone())
    }

    /// The same; `around` gets what runs other tasks, as another thread would, and what installs the XEPs.
    pub fn restart_interrupted(
        &self,
        store: Arc<dyn Store>,
        around: impl FnOnce(Arc<dyn Fn() + Send + Sync>, &mut dyn FnMut()),
    ) -> World {
        let seed = self.made_of.seed + 1;
        self.made_of.clone().store(store).seed(seed).start_interrupted(self.clock.clone(), around)
    }

    /// The same; before anything runs, something else is done.
    pub fn restart_and(
        &self,
        store: Arc<dyn Store>,
        act: impl FnOnce(&Arc<Engine>, &dyn crate::ports::Spawn),
    ) -> World {
        let seed = self.made_of.seed + 1;
        self.made_of.clone().store(store).seed(seed).start_and(self.clock.clone(), act)
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The administrator's view of accounts.
    pub fn users(&self) -> Users {
        Users::new(&self.engine)
    }

    /// What XEPs send stanzas with.
    pub fn router(&self) -> Router {
        Router::new(&self.engine)
    }

    /// Makes an account. A password is hashed once in the life of the process: tests make the same ones all the time.
    pub fn create(&self, jid: &str, password: &str) {
        static HASHED: Mutex<BTreeMap<String, Value>> = Mutex::new(BTreeMap::new());
        let jid = BareJid::parse(jid).expect("a bare address");
        let store = &self.engine.ports.store;
        let mut hashed = HASHED.lock();
        if let Some(credentials) = hashed.get(password) {
            let first = Batch::new().put(ACCOUNT, Owner(-1), CREDENTIALS, credentials.clone());
            let made = self.block_on(store.create_owner(jid.as_str(), first)).expect("the store works");
            made.expect("there is no such account yet");
            return;
        }
        self.block_on(self.users().create(&jid, password)).expect("the account can be made");
        let owner = self.block_on(store.owner(jid.as_str())).expect("the store works").expect("just made");
        let credentials = self.block_on(store.get(ACCOUNT, owner, CREDENTIALS)).expect("the store works");
        hashed.insert(password.to_owned(), credentials.expect("just made"));
    }

    /// The account of that bare address, brought into memory if need be.
    pub fn account(&self, jid: &str) -> Option<Arc<Account>> {
        let jid = BareJid::parse(jid).expect("a bare address");
        self.block_on(self.engine.account(&jid))
    }

    /// Puts a message into the archive of an account, as if it had just passed it, after all that is there.
    pub fn archive(&self, account: &str, stanza: &str) -> LogId {
        let owner = self.account(account).expect("there is such an account").owner();
        let frame = Frame::parse(stanza.to_owned()).expect("a stanza");
        let bare = |jid: Option<std::borrow::Cow<'_, str>>| {
            BareJid::parse(jid?.split('/').next()?).ok().map(|jid| jid.to_string())
        };
        let other = [bare(frame.from()), bare(frame.to())].into_iter().flatten().find(|jid| jid != account);
        let peer = Address::of(other.as_deref().unwrap_or(account));
        let store = &self.engine.ports.store;
        let newest = self.block_on(store.newest()).expect("the store works").unwrap_or_default();
        let id = LogId::at(self.wall()).max(LogId(newest.0 + 1));
        let archives = [Some(Archived { owner, peer }), None];
        let entry = LogEntry { id, archives, waiting: None, frame: frame.bytes() };
        let ticket = store.submit(Batch::new().with(Op::Append(entry)));
        self.block_on(ticket.committed()).expect("the store works");
        id
    }

    /// A connection under TLS on which nothing has been said yet.
    pub fn connect(&self) -> Client {
        let bindings = crate::sasl::ChannelBindings { tls: true, ..Default::default() };
        self.connect_from(Peer { bindings, ..Peer::default() })
    }

    /// A connection from that peer, say in the clear or with a certificate.
    pub fn connect_from(&self, peer: Peer) -> Client {
        Client::new(self, peer)
    }

    /// A client with a session of that full address, or with a resource of the server's choice for a bare one. It
    /// has sent no presence. The account is made first if there is none, with [`PASSWORD`].
    ///
    /// It logs in by certificate where that is allowed: hashing a password takes longer than most tests.
    pub fn login(&self, jid: &str) -> Client {
        let (bare, resource) = jid.split_once('/').unwrap_or((jid, ""));
        if self.account(bare).is_none() {
            self.create(bare, PASSWORD);
        }
        if !self.engine.settings().sasl.external {
            let mut client = self.connect();
            client.login(jid, PASSWORD);
            return client;
        }
        let bindings = crate::sasl::ChannelBindings { tls: true, ..Default::default() };
        let certified = vec![BareJid::parse(bare).expect("a bare address")];
        let mut client = self.connect_from(Peer { bindings, certified, ..Peer::default() });
        client.authenticate_with(bare, "EXTERNAL", "=");
        client.bind(resource);
        client
    }

    /// The namespaces of the requests that the server or its accounts answer.
    pub fn namespaces(&self) -> Vec<&'static str> {
        self.engine.hooks.load().iq.keys().copied().collect()
    }

    /// Begins to replace the notes of the session journal by the present state, as the engine does when there are many.
    pub fn checkpoint(&self) {
        crate::ports::Spawn::spawn(&*self.executor, Box::pin(self.engine.clone().checkpoint()));
        self.run();
    }

    /// The civil time.
    pub fn wall(&self) -> WallMillis {
        crate::ports::Clock::wall(&*self.clock)
    }

    /// Runs until nothing is left to do at this point of time.
    pub fn run(&self) {
        self.executor.run();
    }

    /// Lets time pass, stopping at every timer on the way.
    pub fn advance(&self, duration: Duration) {
        self.run();
        let end = crate::ports::Clock::now(&*self.clock) + duration;
        while self.clock.step(end) {
            self.run();
        }
        self.run();
    }

    /// Runs the world until `future` is done.
    ///
    /// # Panics
    /// If it waits for something that will not happen at this point of time.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        block_on(&self.executor, future)
    }
}

struct Woken(std::sync::atomic::AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}

fn block_on<T>(executor: &Executor, future: impl Future<Output = T>) -> T {
    let woken = Arc::new(Woken(true.into()));
    let waker = Waker::from(woken.clone());
    let mut future = std::pin::pin!(future);
    while woken.0.swap(false, std::sync::atomic::Ordering::SeqCst) {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            executor.run();
            return value;
        }
        executor.run();
    }
    panic!("waits for something that does not happen");
}
