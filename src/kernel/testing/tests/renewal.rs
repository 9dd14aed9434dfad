//! What is stored of a password keeps up with the settings: PLAIN brings the password that this needs.

use super::*;
use crate::sasl::{Credentials, Hash, ScramKeys};
use crate::table::decode;
use zeroize::Zeroizing;

const ROMEO: &str = "romeo@example.org";

fn jid() -> BareJid {
    BareJid::parse(ROMEO).unwrap()
}

/// An account as another server may have left it: with one hash, and few iterations.
fn world(store: &Arc<Memory>) -> World {
    let iterations = Iterations::new(5_000).unwrap();
    let world = World::build().store(store.clone());
    let world = world.settings(|settings| settings.iterations = iterations).start();
    let mut credentials = Credentials::default();
    let keys =
        ScramKeys::derive(Hash::Sha256, PASSWORD, Iterations::new(4_096).unwrap(), b"0123456789abcdef");
    credentials.insert(keys.unwrap());
    let first = Batch::new().put(ACCOUNT, Owner(-1), CREDENTIALS, crate::table::encode(&credentials));
    world.block_on(store.create_owner(ROMEO, first)).unwrap().unwrap();
    world
}

fn row(world: &World, store: &Arc<Memory>) -> Value {
    world.block_on(store.look_up(ROMEO, ACCOUNT, CREDENTIALS)).unwrap().unwrap()
}

fn iterations(row: &Value) -> [Option<u32>; 3] {
    let credentials: Credentials = decode(ACCOUNT, CREDENTIALS, row).unwrap();
    Hash::ALL.map(|hash| credentials.keys(hash).map(|keys| keys.iterations().count()))
}

#[test]
fn a_login_with_the_password_fills_in_what_is_missing() {
    let store = Arc::new(Memory::new());
    let world = world(&store);
    let before = row(&world, &store);
    assert_eq!(iterations(&before), [None, Some(4_096), None]);
    // The login does not wait for it.
    store.hold();
    world.connect().authenticate(ROMEO, PASSWORD);
    store.release();
    world.run();
    let after = row(&world, &store);
    assert_eq!(iterations(&after), [Some(5_000); 3]);
    world.connect().authenticate(ROMEO, PASSWORD);
    assert_eq!(row(&world, &store), after, "it is as it should be");
}

#[test]
fn a_wrong_password_changes_nothing() {
    let store = Arc::new(Memory::new());
    let world = world(&store);
    let before = row(&world, &store);
    let mut client = world.connect();
    client.open("example.org");
    client.header_and_features();
    client.send(&format!("<auth xmlns='{}' mechanism='PLAIN'>AHJvbWVvAHdyb25n</auth>", wire::ns::SASL));
    assert_eq!(client.one().name(), "failure");
    assert_eq!(row(&world, &store), before);
}

#[test]
fn a_password_that_is_changed_meanwhile_stays_changed() {
    let store = Arc::new(Memory::new());
    let world = world(&store);
    let before = row(&world, &store);
    world.block_on(world.users().set_password(&jid(), "new one")).unwrap();
    let changed = row(&world, &store);
    world.block_on(world.users().renew(&jid(), before, Zeroizing::new(PASSWORD.to_owned())));
    assert_eq!(row(&world, &store), changed);
}
