//! The engine: what all streams, accounts and XEPs of one server share.

use crate::account::{self, Account, CacheKind, CacheKinds, Kept, Outcome};
use crate::accounts::{Accounts, Wanted};
use crate::asked::Asked;
use crate::hooks::{Hooks, PresenceWatch, Wake};
use crate::journal::{Note, Recovered, Recovery};
use crate::lines::Lines;
use crate::panics::{Panicked, caught, caught_async};
use crate::ports::{Batch, Clock, LogId, Op, Random, Spawn, Store, StoreError, Ticket};
use crate::roster::RosterLimits;
use crate::sasl::{Iterations, Policy, Throttle};
use crate::session::SessionId;
use crate::stream::Resumable;
use crate::xep::{ConfigError, Env, Listed, Software, StreamLimits};
use crate::{Directory, Router};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use wire::error::{StanzaCondition, StanzaError};
use wire::frame::{Frame, Kind, StanzaType};
use wire::framer::Limits;
use wire::jid::BareJid;

/// What the engine needs from outside.
#[derive(Clone)]
pub struct Ports {
    /// Storage.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Background work.
    pub spawn: Arc<dyn Spawn>,
}

/// What the config file says, as far as it matters here.
#[derive(Clone)]
pub struct Settings {
    /// Domains served, prepared.
    pub domains: Arc<[String]>,
    /// Administrators.
    pub admins: Arc<[BareJid]>,
    /// Name and version told to clients.
    pub software: Software,
    /// Size of rosters.
    pub roster: RosterLimits,
    /// Sessions per account.
    pub sessions: usize,
    /// Bytes that may wait to be written to one stream.
    pub outbox: usize,
    /// What a stream may send before login.
    pub before_login: Limits,
    /// What a stream may send after login.
    pub after_login: Limits,
    /// One deadline for everything from the first byte to the bound session.
    pub negotiation: Duration,
    /// TLS must be in use before login.
    pub require_tls: bool,
    /// Mechanisms offered.
    pub sasl: Policy,
    /// Iterations for new passwords.
    pub iterations: Iterations,
    /// Bytes of memory for accounts without sessions.
    pub idle_accounts: usize,
    /// A client that is silent for so long is asked for a sign of life.
    pub idle: Duration,
}

/// One server.
pub struct Engine {
    /// The outside.
    pub ports: Ports,
    /// Fixed for the life of the engine.
    domains: Arc<[String]>,
    settings: ArcSwap<Settings>,
    pub(crate) hooks: ArcSwap<Hooks>,
    pub(crate) accounts: Accounts,
    caches: OnceLock<CacheKinds>,
    /// Names of the XEPs in use. Marks, caches and the framers' namespaces are numbered by them.
    installed: OnceLock<Vec<&'static str>>,
    log_ids: AtomicU64,
    session_ids: AtomicU64,
    /// Accounts loaded since the last sweep.
    loaded: AtomicU64,
    /// For the salts of users who don't exist. Stored, so that they are the same after a restart.
    pub(crate) secret: [u8; 32],
    pub(crate) throttle: Mutex<Throttle>,
    /// Keys for a known password are being derived anew.
    pub(crate) renewing: AtomicBool,
    /// The regular work of XEPs goes on.
    chores_run: AtomicBool,
    stopping: AtomicBool,
    /// About logins that fail without being a guess at a password.
    pub(crate) idle_attempts: Lines,
    pub(crate) asked: Asked,
    pub(crate) resumable: Resumable,
    /// What the journal says of the last run, until the XEPs are there.
    pub(crate) recovery: Mutex<Option<Recovery>>,
    /// Sessions of before the start whose accounts have not been loaded since.
    pub(crate) recovered: Mutex<HashMap<BareJid, Vec<Recovered>>>,
    /// What the marks of sessions are called.
    pub(crate) mark_names: OnceLock<Vec<String>>,
    /// Bytes of notes since the last checkpoint, and those of the checkpoint.
    pub(crate) journal_bytes: AtomicUsize,
    pub(crate) checkpoint_bytes: AtomicUsize,
    pub(crate) checkpointing: AtomicBool,
    /// Commits with notes whose end was open when one was looked at last.
    noted: Mutex<Vec<Ticket>>,
    /// State shared between XEPs, by type. Outlives a reload of their options.
    pub(crate) shared: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    /// Messages whose append is not yet durable, by commit: their senders learn if it fails.
    keeping: Mutex<Vec<(Ticket, Vec<Kept>)>>,
}

/// Bytes of notes after which they are replaced by the present state of the sessions, unless that takes more itself.
const JOURNAL: usize = 4 << 20;
/// So many messages of a session that is lost wake somebody: enough to tell that there are some.
const WAKES: usize = 8;
const SECRET: &str = "secret";
/// So many accounts may be loaded before idle ones are looked for.
const SWEEP_AFTER: u64 = 4096;

impl Engine {
    /// Starts an engine on a store. XEPs are installed with [`Engine::install`] before the first stream is opened.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn new(settings: Settings, ports: Ports) -> Result<Arc<Engine>, StoreError> {
        let newest = ports.store.newest().await?.unwrap_or_default();
        let secret = Self::secret(&ports).await?;
        let notes = ports.store.journal().await?;
        let recovery = Recovery::read(&notes);
        if recovery.damaged > 0 {
            tracing::error!(
                notes = recovery.damaged,
                "parts of the session journal do not decode: some clients can't resume their sessions"
            );
        }
        Ok(Arc::new(Engine {
            domains: settings.domains.clone(),
            settings: ArcSwap::from_pointee(settings),
            hooks: ArcSwap::from_pointee(Hooks::default().freeze()),
            accounts: Accounts::new(),
            caches: OnceLock::new(),
            installed: OnceLock::new(),
            log_ids: AtomicU64::new(newest.0),
            loaded: AtomicU64::new(0),
            secret,
            throttle: Mutex::new(Throttle::default()),
            renewing: AtomicBool::new(false),
            chores_run: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            idle_attempts: Lines::default(),
            asked: Asked::default(),
            resumable: Resumable::default(),
            session_ids: AtomicU64::new(recovery.last + 1),
            recovery: Mutex::new(Some(recovery)),
            recovered: Mutex::default(),
            mark_names: OnceLock::new(),
            journal_bytes: AtomicUsize::new(notes.iter().map(|note| note.len()).sum()),
            checkpoint_bytes: AtomicUsize::new(0),
            checkpointing: AtomicBool::new(false),
            noted: Mutex::default(),
            shared: Mutex::default(),
            keeping: Mutex::default(),
            ports,
        }))
    }

    async fn secret(ports: &Ports) -> Result<[u8; 32], StoreError> {
        let owner = crate::ports::Owner::SERVER;
        if let Some(stored) = ports.store.get("server", owner, SECRET).await?
            && let Ok(secret) = <[u8; 32]>::try_from(&stored[..])
        {
            return Ok(secret);
        }
        let mut secret = [0; 32];
        ports.random.fill(&mut secret);
        let batch = crate::ports::Batch::new().put("server", owner, SECRET, secret.to_vec().into());
        ports.store.submit(batch).committed().await?;
        Ok(secret)
    }

    /// Builds and registers XEPs, in this order, each with its options.
    ///
    /// # Errors
    /// Every XEP that can't use its options, by name; what is no single XEP's fault has an empty name. Nothing has
    /// changed then.
    pub fn install(
        self: &Arc<Self>,
        list: Vec<(Listed, toml::Table)>,
    ) -> Result<(), Vec<(&'static str, ConfigError)>> {
        self.reload(Settings::clone(&self.settings()), list)
    }

    /// The same with other settings: all of both are taken over, or nothing. Streams keep the sizes with which they
    /// were opened. Domains stay as they are, and so must the set of XEPs.
    ///
    /// # Errors
    /// As [`Engine::install`].
    pub fn reload(
        self: &Arc<Self>,
        settings: Settings,
        list: Vec<(Listed, toml::Table)>,
    ) -> Result<(), Vec<(&'static str, ConfigError)>> {
        let settings = Settings { domains: self.domains.clone(), ..settings };
        let directory = Directory::new(self);
        let mut env = Env {
            domains: settings.domains.clone(),
            admins: settings.admins.clone(),
            clock: self.ports.clock.clone(),
            random: self.ports.random.clone(),
            router: Router::new(self),
            directory: directory.clone(),
            software: settings.software.clone(),
            stream_limits: StreamLimits {
                before_login: settings.before_login.stanza_bytes,
                after_login: settings.after_login.stanza_bytes,
                idle: settings.idle,
            },
            caches: CacheKinds::default(),
            xep: "",
            marks: vec!["roster".to_owned()],
        };
        let mut hooks = Hooks::default();
        crate::roster_service::register(self, &mut hooks);
        let mut errors = Vec::new();
        let names: Vec<_> = list.iter().map(|(xep, _)| xep.name).collect();
        for (xep, options) in list {
            if let Err(error) = (xep.install)(options, &mut env, &mut hooks) {
                errors.push((xep.name, error));
            }
        }
        // Accounts in memory have the caches of these XEPs, and streams know their namespaces.
        let other = self.installed.get().is_some_and(|installed| *installed != names);
        if errors.is_empty() && other {
            errors.push((
                "",
                ConfigError { key: None, message: "switching XEPs on or off needs a restart".to_owned() },
            ));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let _ = self.caches.set(env.caches);
        let _ = self.installed.set(names);
        let _ = self.mark_names.set(env.marks);
        let mut hooks = hooks.freeze();
        directory.fill(&hooks);
        hooks.finish();
        self.settings.store(Arc::new(settings));
        self.hooks.store(Arc::new(hooks));
        self.recover();
        self.accounts.all().iter().for_each(|account| account.take_limits());
        Ok(())
    }

    pub(crate) fn cache_kinds(&self) -> &[CacheKind] {
        self.caches.get().map(|caches| &*caches.kinds).unwrap_or_default()
    }

    /// True for a domain of this server.
    pub fn serves(&self, domain: &str) -> bool {
        self.domains.iter().any(|served| served == domain)
    }

    /// The domains served; the first is the main one.
    pub fn domains(&self) -> &[String] {
        &self.domains
    }

    /// The settings, as of the last reload.
    pub fn settings(&self) -> arc_swap::Guard<Arc<Settings>> {
        self.settings.load()
    }

    /// A new place in the log: above all earlier ones, and its time of receipt.
    pub(crate) fn next_log_id(&self) -> LogId {
        let now = LogId::at(self.ports.clock.wall()).0;
        let mut last = self.log_ids.load(Ordering::Relaxed);
        loop {
            let next = now.max(last + 1);
            match self.log_ids.compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return LogId(next),
                Err(seen) => last = seen,
            }
        }
    }

    pub(crate) fn next_session_id(&self) -> SessionId {
        SessionId(self.session_ids.fetch_add(1, Ordering::Relaxed))
    }

    /// The account of that address, from memory or storage. `None` if there is none, or if it can't be read (which
    /// has been logged).
    pub async fn account(self: &Arc<Self>, jid: &BareJid) -> Option<Arc<Account>> {
        let arrival = match self.accounts.want(jid) {
            Wanted::Here(account) => return Some(account),
            Wanted::Coming { arrival, load } => {
                if load {
                    self.start_loading(jid.clone());
                }
                arrival
            }
        };
        std::future::poll_fn(|context| arrival.poll(context)).await
    }

    /// Loads an account and delivers what waits for it, in order.
    pub(crate) fn start_loading(self: &Arc<Self>, jid: BareJid) {
        let engine = self.clone();
        self.ports.spawn.spawn(Box::pin(async move {
            if caught_async(Box::pin(engine.load(&jid))).await.is_err() {
                tracing::error!(account = %jid, "loading an account panicked; what was for it comes back as errors");
                engine.give_up(&jid);
            }
        }));
    }

    async fn load(self: &Arc<Self>, jid: &BareJid) {
        match account::load(self, jid).await {
            Ok(Some(account)) => {
                self.revive(&account);
                while let Some(waiting) = self.accounts.settle(&account) {
                    for waiting in waiting {
                        self.go_on(waiting, Some(&account));
                    }
                }
                drop(account);
                if self.loaded.fetch_add(1, Ordering::Relaxed) % SWEEP_AFTER == SWEEP_AFTER - 1 {
                    self.sweep();
                }
            }
            Ok(None) => {
                for waiting in self.accounts.give_up(jid) {
                    self.go_on(waiting, None);
                }
            }
            Err(error) => {
                tracing::error!(account = %jid, %error, "account can't be loaded; what was for it comes back as errors");
                self.give_up(jid);
            }
        }
    }

    /// What waits for an account that can't be loaded comes back.
    fn give_up(self: &Arc<Self>, jid: &BareJid) {
        for waiting in self.accounts.give_up(jid) {
            self.bounce(&waiting.parcel.frame, &StanzaError::new(StanzaCondition::InternalServerError));
        }
    }

    /// Undoes a change in memory if its commit fails.
    pub(crate) fn doubt(self: &Arc<Self>, account: &Arc<Account>, ticket: Ticket) {
        let (engine, account) = (self.clone(), account.clone());
        self.ports.spawn.spawn(Box::pin(async move {
            if ticket.committed().await.is_ok() {
                return;
            }
            while let Err(error) = account.reload().await {
                tracing::error!(account = %account.jid(), %error, "reading the account back after a failed write failed; trying again");
                engine.ports.clock.sleep_until(engine.ports.clock.now() + Duration::from_secs(2)).await;
            }
        }));
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Submits a batch with what the journal is to say.
    pub(crate) fn submit(self: &Arc<Self>, mut batch: Batch, note: Note) -> Ticket {
        if !note.is_empty() {
            let bytes = self.journal_bytes.fetch_add(note.len(), Ordering::Relaxed) + note.len();
            let enough = JOURNAL.max(self.checkpoint_bytes.load(Ordering::Relaxed));
            if bytes >= enough && !self.checkpointing.swap(true, Ordering::Relaxed) {
                let engine = self.clone();
                self.ports.spawn.spawn(Box::pin(async move { engine.checkpoint().await }));
            }
            batch = batch.with(Op::Note(note.into_value()));
            let ticket = self.ports.store.submit(batch);
            self.watch(&ticket);
            return ticket;
        }
        self.ports.store.submit(batch)
    }

    /// What a failed commit had for the journal is lost: the present state of all sessions takes its place.
    fn watch(self: &Arc<Self>, ticket: &Ticket) {
        let mut noted = self.noted.lock();
        if noted.last().is_some_and(|last| last.same_group(ticket)) {
            return;
        }
        noted.push(ticket.clone());
        let mut failed = false;
        noted.retain(|ticket| {
            failed |= ticket.outcome() == crate::ports::Outcome::Failed;
            ticket.outcome() == crate::ports::Outcome::Pending
        });
        drop(noted);
        if failed && !self.checkpointing.swap(true, Ordering::Relaxed) {
            let engine = self.clone();
            self.ports.spawn.spawn(Box::pin(async move { engine.checkpoint().await }));
        }
    }

    /// Remembers who sent a message that is being appended, until the append is durable.
    pub(crate) fn kept(self: &Arc<Self>, ticket: Ticket, message: Kept) {
        {
            let mut keeping = self.keeping.lock();
            if let Some((_, group)) = keeping.iter_mut().find(|(kept, _)| kept.same_group(&ticket)) {
                group.push(message);
                return;
            }
            keeping.push((ticket.clone(), vec![message]));
        }
        let engine = self.clone();
        self.ports.spawn.spawn(Box::pin(async move {
            let outcome = ticket.committed().await;
            let group = {
                let mut keeping = engine.keeping.lock();
                let index = keeping.iter().position(|(kept, _)| kept.same_group(&ticket));
                index.map(|index| keeping.swap_remove(index).1).unwrap_or_default()
            };
            if outcome.is_err() {
                for frame in group.into_iter().filter_map(Kept::failed) {
                    engine.bounce(&frame, &StanzaError::new(StanzaCondition::InternalServerError));
                }
            }
        }));
    }

    /// Routes what the account sends, in order. Routing it to another account may flush that one in turn; a chain
    /// of causes comes to an end within the few steps of RFC 6121 appendix A.
    pub(crate) fn flush(self: &Arc<Self>, account: &Arc<Account>) {
        if !self.flush_some(account) {
            return;
        }
        let (engine, account) = (self.clone(), account.clone());
        self.ports.spawn.spawn(Box::pin(async move {
            while engine.flush_some(&account) {
                crate::ports::give_way().await;
            }
        }));
    }

    fn flush_some(self: &Arc<Self>, account: &Account) -> bool {
        account.outgoing.flush(|parcel| {
            if let Err(Panicked) = caught(|| self.route(parcel)) {
                tracing::error!(account = %account.jid(), "routing a stanza panicked; it is lost, those behind it are not");
            }
        })
    }

    /// Performs what a change to an account caused. `cause` is the stanza that goes back if it bounces.
    pub(crate) fn perform(self: &Arc<Self>, account: &Arc<Account>, cause: Option<&Frame>, outcome: Outcome) {
        self.flush(account);
        if let (Some(error), Some(frame)) = (&outcome.bounce, cause) {
            self.bounce(frame, error);
        }
        if let (Some(why), Some(frame)) = (outcome.wake, cause) {
            self.wake(account, frame, why);
        }
        for id in outcome.drain {
            self.ports.spawn.spawn(Box::pin(account::drain(account.clone(), id)));
        }
        for id in outcome.refresh {
            let (engine, account) = (self.clone(), account.clone());
            self.ports.spawn.spawn(Box::pin(async move {
                let Some(outbox) = account.outbox_of(id) else { return };
                if outbox.room().await {
                    let outcome = account.catch_up(id);
                    engine.perform(&account, None, outcome);
                }
            }));
        }
        if let Some(ticket) = outcome.doubt {
            self.doubt(account, ticket);
        }
        if let Some(frame) = outcome.left {
            self.observe(&self.hooks.load().unavailable, account, &frame);
        }
    }

    /// Tells XEPs that somebody is to be woken for a message.
    pub(crate) fn wake(&self, account: &Arc<Account>, frame: &Frame, why: Wake) {
        for wake in &self.hooks.load().wake {
            if caught(|| wake(account, frame, why)).is_err() {
                tracing::error!(account = %account.jid(), "a XEP that wakes clients panicked; one was not woken");
            }
        }
    }

    /// The same for the messages that a session has not acknowledged, once for each.
    pub(crate) fn wake_unacknowledged(&self, session: &crate::SessionRef, why: Wake) {
        for stanza in session.outbox().unacknowledged(WAKES) {
            if let Ok(frame) = Frame::parse(stanza) {
                self.wake(session.account(), &frame, why);
            }
        }
    }

    /// Shows a presence to XEPs that only watch.
    pub(crate) fn observe(&self, watches: &[PresenceWatch], account: &Arc<Account>, frame: &Frame) {
        for note in watches {
            if caught(|| note(account, frame)).is_err() {
                tracing::error!(account = %account.jid(), "a XEP that watches presence panicked; it missed one");
            }
        }
    }

    /// Runs something that takes milliseconds of CPU where it holds up nobody.
    pub(crate) async fn compute<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Option<R> {
        let slot = Arc::new(Mutex::new(None));
        let result = slot.clone();
        self.ports.spawn.compute(Box::new(move || *result.lock() = Some(work()))).await;
        slot.lock().take()
    }

    /// Asks a session that has been silent for long whether it is still there: any answer will do (XEP-0199 §4.1).
    pub fn ask_sign_of_life(&self, session: &crate::SessionRef) {
        let ping = Frame::iq()
            .type_(StanzaType::Get)
            .id(&self.ports.random.token())
            .from(session.jid().domain())
            .to(session.jid().as_str())
            .raw("<ping xmlns='urn:xmpp:ping'/>")
            .build();
        let _ = session.outbox().push_reply(crate::outbox::Entry::now(ping.bytes()));
    }

    /// What a stream had in its queue when it broke: messages are delivered again, to another session or for
    /// later; requests are answered (RFC 6120 §8.2.3); the rest meant only that session.
    pub(crate) fn return_unwritten(
        self: &Arc<Self>,
        account: &Arc<Account>,
        entries: Vec<crate::outbox::Entry>,
    ) {
        let mut wakes = WAKES;
        for mut entry in entries {
            // Another session has it or will have it, or it is just being appended to the log.
            let copies = entry.copies.take();
            let shared = copies.is_some();
            if copies.is_some_and(|copies| !copies.give_up()) {
                continue;
            }
            // What is in the log waits there already, unless another session was to have it.
            if entry.is_logged() {
                let place = entry.log.as_ref().filter(|place| shared && place.form == account::Form::Plain);
                if let Some(place) = place {
                    let outcome =
                        account.put_back(place.id, entry.head.len() + entry.tail.len(), entry.ticket.clone());
                    self.perform(account, None, outcome);
                }
                if !entry.woken && wakes > 0 {
                    wakes -= 1;
                    let why = if account.takes_messages() { Wake::Elsewhere } else { Wake::Nobody };
                    if let Ok(frame) = Frame::parse(entry.stanza()) {
                        self.wake(account, &frame, why);
                    }
                }
                continue;
            }
            let Ok(frame) = Frame::parse(entry.stanza()) else { continue };
            match (frame.kind(), frame.type_()) {
                (Kind::Message, _) => {
                    self.hand_over(account, account::Parcel { ticket: entry.ticket, ..frame.into() }, None);
                }
                (Kind::Iq, StanzaType::Get | StanzaType::Set) => {
                    self.bounce(&frame, &StanzaError::new(StanzaCondition::ServiceUnavailable));
                }
                _ => {}
            }
        }
    }

    /// What is to be done every minute.
    pub fn every_minute(self: &Arc<Self>) {
        self.sweep();
        self.sum_up();
        self.start_chores();
    }

    /// Starts the regular work of XEPs, unless the last turn is not over yet.
    fn start_chores(self: &Arc<Self>) {
        if self.chores_run.swap(true, Ordering::Relaxed) {
            return;
        }
        let engine = self.clone();
        let chores: Vec<_> = self.hooks.load().chores.iter().map(|chore| chore()).collect();
        self.ports.spawn.spawn(Box::pin(async move {
            for chore in chores {
                if caught_async(chore).await.is_err() {
                    tracing::error!("regular work of a XEP panicked; it is tried again in a minute");
                }
            }
            engine.chores_run.store(false, Ordering::Relaxed);
        }));
    }

    /// Lets idle accounts go, those not used for longest first, until the rest fits the budget. Loading many accounts
    /// calls it, too.
    pub(crate) fn sweep(&self) {
        self.accounts.evict(self.settings().idle_accounts);
    }

    /// Tells of log lines that were left out.
    fn sum_up(&self) {
        let count = self.idle_attempts.turn();
        if count > 0 {
            tracing::warn!(
                count,
                "more logins failed or were refused in the last minute, none of them a guess that counts"
            );
        }
    }

    /// Ends all streams with system-shutdown. Sessions that can be resumed are not over by that.
    pub fn shut_down(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        for account in self.accounts.all() {
            account
                .end_sessions(&wire::error::StreamError::new(wire::error::StreamCondition::SystemShutdown));
        }
    }
}
