//! One run: accounts, clients, trouble, and the reckoning.

use crate::afterwards::{archive, look_again};
use crate::client::{Client, Token};
use crate::ledger::Verdict;
use crate::names::Side;
use crate::preload;
use crate::random::Chance;
use crate::receivers::{Habit, Receiver};
use crate::report::report;
use crate::senders::Sender;
use crate::server::{Server, names};
use crate::settings::Settings;
use crate::world::{Phase, World};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tests::stentor::PATIENCE;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// So long nothing may happen until a run that is not settled counts as over.
const SILENCE: Duration = Duration::from_secs(5);

/// A run in progress.
pub(crate) struct Run {
    pub(crate) settings: Settings,
    pub(crate) server: Server,
    pub(crate) world: Arc<World>,
    runtime: Runtime,
    /// When what happens.
    pub(crate) chance: Chance,
}

impl Run {
    /// Plays it: `trouble` happens while everybody is at work. Prints the report.
    pub(crate) fn play(
        title: &str,
        settings: Settings,
        limits: &str,
        trouble: impl FnOnce(&mut Run),
    ) -> Verdict {
        println!("{title}: CRASH_SEED={}", settings.seed);
        let server = Server::new(settings.peer.as_ref(), limits);
        // One thread: the machine is to be busy with the server.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let world = Arc::new(World::new(server.target()));
        let chance = Chance::new(settings.seed, "trouble");
        let mut run = Run { settings, server, world, runtime, chance };
        run.start();
        run.server.make_accounts(names(run.settings.pairs));
        if run.settings.preload > 0 {
            run.runtime.block_on(preload::fill(&run.server, &run.world, run.settings.preload));
            run.crash(0);
        }
        let clients = run.begin();
        trouble(&mut run);
        run.world.enter(Phase::Drain);
        run.world.settle(SILENCE, PATIENCE);
        run.end(clients);
        run.look_again();
        run.world.write(|ledger, _| {
            let verdict = ledger.verdict();
            println!("{}", report(title, &run.settings, ledger, &verdict));
            verdict
        })
    }

    /// Starts the server and tells everybody.
    fn start(&mut self) {
        let start = Instant::now();
        self.server.launch();
        let ready = self.await_ready(start, PATIENCE);
        assert!(ready, "the server does not start:\n{}", self.server.log());
    }

    fn await_ready(&self, start: Instant, patience: Duration) -> bool {
        let ready = self.server.is_ready_within(patience);
        if ready {
            let (took, limit) = (start.elapsed(), self.settings.ready);
            self.world.write(|ledger, at| ledger.ready(at, took, limit));
            self.world.is_up();
        }
        ready
    }

    /// Kills the server and starts it again; `again` times it is killed within a second after its start.
    pub(crate) fn crash(&mut self, again: usize) {
        self.kill();
        for _ in 0..again {
            let (start, left) = (Instant::now(), self.chance.time(0, 1000));
            self.server.launch();
            if self.await_ready(start, left) {
                std::thread::sleep(left.saturating_sub(start.elapsed()));
            }
            self.kill();
        }
        self.start();
    }

    /// Ends the server in good order and starts it again.
    pub(crate) fn upgrade(&mut self) {
        self.note("the server is told to end");
        self.server.terminate();
        self.start();
    }

    fn kill(&mut self) {
        // Before, so that nothing that the server did can stand behind it in the ledger.
        self.world.write(|ledger, at| ledger.killed(at));
        self.server.kill();
    }

    /// Lets everybody work for a random time, in milliseconds from, to.
    pub(crate) fn work(&mut self, (from, to): (u64, u64)) {
        std::thread::sleep(self.chance.time(from, to));
    }

    pub(crate) fn note(&self, what: &str) {
        self.world.write(|ledger, at| ledger.note(at, None, what.to_owned()));
    }

    fn begin(&self) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        let Settings { pairs, seed, ref tokens, ref habits, .. } = self.settings;
        for name in names(pairs) {
            let number = name.number;
            let chance = Chance::new(seed, &name.to_string());
            let client = |token| Client::new(self.world.clone(), name, token);
            let handle = self.runtime.handle();
            match name.side {
                Side::Sender => {
                    let token = tokens[usize::from(number) % tokens.len()];
                    let client = client(token);
                    let (drops, eager) = (number % 5 == 4, number % 5 == 3);
                    let sender = Sender { client, receivers: pairs, drops, eager, chance };
                    clients.spawn_on(sender.live(), handle);
                }
                Side::Receiver => {
                    let habit = habits[usize::from(number) % habits.len()];
                    let mut client = client(Token::Kept);
                    client.narrow = habit == Habit::Deaf;
                    clients.spawn_on(Receiver { client, habit, chance }.live(), handle);
                }
            }
        }
        // Everybody has been there once.
        let everybody = self.world.wait_for(PATIENCE, |ledger| ledger.acknowledgements() > 0);
        assert!(everybody, "no message is acknowledged:\n{}", self.server.log());
        clients
    }

    /// Everybody logs out.
    fn end(&self, mut clients: JoinSet<()>) {
        self.world.enter(Phase::Leave);
        let all =
            async { while clients.join_next().await.transpose().expect("no client panics").is_some() {} };
        let left = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, all).await });
        assert!(left.is_ok(), "not everybody could log out; the server's log:\n{}", self.server.log());
    }

    fn look_again(&self) {
        self.runtime.block_on(async {
            for name in names(self.settings.pairs) {
                if name.side == Side::Receiver {
                    let looked = look_again(&self.world, name).await;
                    looked.unwrap_or_else(|error| panic!("the last login of {name}: {error}"));
                }
            }
            for name in names(self.settings.pairs) {
                let archive = archive(&self.world, name).await;
                let keys = archive.unwrap_or_else(|error| panic!("the archive of {name}: {error}"));
                let Some(keys) = keys else { return };
                self.world.write(|ledger, _| ledger.archive(name, keys));
            }
        });
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("CRASH_SEED={}", self.settings.seed);
        }
    }
}
