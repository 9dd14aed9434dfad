//! What is let go.

use super::*;

fn minutes(world: &World, minutes: u64) {
    for _ in 0..minutes {
        world.engine().every_minute();
        world.advance(Duration::from_secs(60));
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn count(client: &mut Client) -> usize {
    query(client, &set("<max>250</max>")).results.len()
}

#[test]
fn what_is_old_goes() {
    let world = with_options("keep = '2 d'");
    let mut juliet = world.login(BALCONY);
    let old = fill(&world, 200).len() + fill(&world, 43).len();
    world.advance(DAY + DAY - Duration::from_secs(3600));
    minutes(&world, 50);
    let ids = fill(&world, 3);
    assert_eq!(count(&mut juliet), old + 3, "nothing is two days old");
    minutes(&world, 15);
    assert_eq!(query(&mut juliet, "").ids(), ids, "more than one batch has gone");
    assert_eq!(refusal(&mut juliet, &set("<after>0000000000000001</after>")), "item-not-found");
    world.advance(DAY + DAY);
    minutes(&world, 2);
    assert_eq!(count(&mut juliet), 0);
}

/// A session may be resumed for a day, and get messages from there.
#[test]
fn what_may_have_to_be_delivered_stays() {
    let world = with_options("keep = '1 h'");
    let mut juliet = world.login(BALCONY);
    fill(&world, 5);
    world.advance(DAY);
    minutes(&world, 2);
    assert_eq!(count(&mut juliet), 5);
    world.advance(DAY);
    minutes(&world, 2);
    assert_eq!(count(&mut juliet), 0);
}

#[test]
fn what_is_too_much_goes_oldest_first() {
    let world = with_options("size = '100 KiB'");
    let mut juliet = world.login(BALCONY);
    let message = "x".repeat(200);
    let ids: Vec<String> = (0..250).map(|_| chat(&world, ORCHARD, JULIET, &message)).collect();
    minutes(&world, 1);
    assert_eq!(count(&mut juliet), 250, "about 70 KiB fit");
    world.advance(DAY + DAY);
    let more: Vec<String> = (0..250).map(|_| chat(&world, ORCHARD, JULIET, &message)).collect();
    minutes(&world, 1);
    let all = [&ids[200..], &more].concat();
    let found = query(&mut juliet, &set("<max>250</max>"));
    assert_eq!(found.ids(), all[..250], "a batch is enough");
    minutes(&world, 3);
    assert_eq!(query(&mut juliet, &set("<max>250</max>")).ids(), all[..250]);
}

#[test]
fn without_limits_nothing_goes() {
    let (world, mut juliet) = world();
    fill(&world, 5);
    world.advance(Duration::from_secs(10 * 365 * 86_400));
    minutes(&world, 3);
    assert_eq!(count(&mut juliet), 5);
}

#[test]
fn a_store_that_fails_is_asked_again() {
    let store = std::sync::Arc::new(kernel::testing::Memory::new());
    let world =
        World::build().store(store.clone()).xep(Listed::of::<super::super::Mam>(), "keep = '1 m'").start();
    let mut juliet = world.login(BALCONY);
    fill(&world, 5);
    world.advance(DAY + DAY);
    store.break_down();
    minutes(&world, 3);
    store.recover();
    assert_eq!(count(&mut juliet), 5);
    minutes(&world, 1);
    assert_eq!(count(&mut juliet), 0);
}
