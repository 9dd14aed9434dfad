//! What happens to the server while everybody is at work.

use crate::run::Run;
use crate::world::PASSWORD;
use rusqlite::Connection;
use std::time::{Duration, Instant};
use tests::stentor::PATIENCE;
use tests::stream::Stream;

/// For how long the store takes nothing.
pub(crate) const STALL: Duration = Duration::from_secs(5);
/// A pong within that time is as good as always, on a busy machine.
const UNNOTICED: Duration = Duration::from_secs(2);
/// For how long the disk is full.
const FULL: Duration = Duration::from_secs(3);
/// Load before and after, in milliseconds.
const CALM: (u64, u64) = (800, 1200);

/// It is killed at random moments, sometimes again at once.
pub(crate) fn kills(run: &mut Run) {
    let (kills, pause) = (run.settings.kills, run.settings.pause);
    // A tenth of them are double, but some in every run.
    let every = kills.clamp(1, 10);
    let double = run.chance.below(every);
    for kill in 0..kills {
        run.work(pause);
        run.crash(usize::from(kill % every == double));
    }
    run.work(pause);
}

/// Nothing happens to the server, but all connections break at once, again and again.
pub(crate) fn cuts(run: &mut Run) {
    let (kills, pause) = (run.settings.kills, run.settings.pause);
    for _ in 0..kills {
        run.work(pause);
        run.note("the network breaks down");
        run.world.cut();
    }
    run.work(pause);
}

/// It is ended and started in good order. Nobody but the clients' sockets should notice.
pub(crate) fn upgrades(run: &mut Run) {
    let (kills, pause) = (run.settings.kills, run.settings.pause);
    for _ in 0..kills {
        run.work(pause);
        run.upgrade();
    }
    run.work(pause);
}

/// No file can grow. Whoever writes gets errors, or no acknowledgement; then all goes on, and what was acknowledged at
/// any time survives a kill.
pub(crate) fn full_disk(run: &mut Run) {
    run.work(CALM);
    run.note("the disk is full");
    run.server.fill_disk(true);
    let end = Instant::now() + FULL;
    let refused = run.world.wait_for(FULL, |ledger| ledger.refusals() > 0);
    let before = acknowledged(run);
    let left = end.saturating_duration_since(Instant::now());
    let went_on = run.world.wait_for(left, |ledger| ledger.acknowledgements() > before);
    assert!(refused || !went_on, "nobody noticed that the disk was full");
    std::thread::sleep(end.saturating_duration_since(Instant::now()));
    run.server.fill_disk(false);
    run.note("the disk has room again");
    goes_on(run);
    run.work(CALM);
    run.crash(0);
    run.work(CALM);
    run.note("the disk is full");
    run.server.fill_disk(true);
    run.work(CALM);
    // The limit goes with the process.
    run.crash(0);
    goes_on(run);
}

/// Another process holds the database. Nobody loses anything by that, and who needs no store does not even notice.
pub(crate) fn stalled_store(run: &mut Run) {
    run.server.make_accounts(["bystander"]);
    let mut bystander = Stream::secure(run.world.target.c2s, &run.world.target.domain);
    bystander.log_in("bystander", PASSWORD, "one");
    run.work(CALM);
    let database = run.server.directory().join("data/stentor.db");
    let connection = Connection::open(&database).expect("the database");
    connection.busy_timeout(PATIENCE).expect("an option");
    connection.execute_batch("BEGIN IMMEDIATE").expect("nobody holds it for long");
    run.note("the store stalls");
    let start = Instant::now();
    let mut longest = Duration::ZERO;
    while start.elapsed() < STALL {
        let asked = Instant::now();
        bystander.ping();
        longest = longest.max(asked.elapsed());
        // As a person would: the server is not to be kept busy by this.
        std::thread::sleep(Duration::from_millis(50));
    }
    connection.execute_batch("COMMIT").expect("it was ours");
    drop(connection);
    run.note("the store works again");
    assert!(longest < UNNOTICED, "a pong took {longest:?} while the store stalled");
    goes_on(run);
    run.work(CALM);
    run.crash(0);
    run.work(CALM);
}

fn acknowledged(run: &Run) -> usize {
    run.world.write(|ledger, _| ledger.acknowledgements())
}

/// Waits until many more messages are acknowledged.
fn goes_on(run: &Run) {
    let before = acknowledged(run);
    let goes_on = run.world.wait_for(PATIENCE, |ledger| ledger.acknowledgements() > before + 100);
    assert!(goes_on, "nothing goes on; the server's log:\n{}", run.server.log());
}
