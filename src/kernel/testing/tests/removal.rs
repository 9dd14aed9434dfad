//! What becomes of a removed account.

use super::durability::{chat, world};
use super::*;

/// Romeo, who sees Juliet.
fn acquainted(world: &World) -> (Client, Client) {
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    romeo.available();
    romeo.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    romeo.send("<presence type='subscribe' to='juliet@example.org'/>");
    juliet.send("<presence type='subscribed' to='romeo@example.org'/>");
    romeo.recv();
    (romeo, juliet)
}

#[test]
fn a_removed_account_is_gone_for_everybody() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let (mut romeo, juliet) = acquainted(&world);
    let gone = BareJid::parse("juliet@example.org").unwrap();
    world.block_on(world.users().delete(&gone)).unwrap();
    assert!(juliet.is_gone());
    romeo.expect(
        "<presence type='unavailable' from='juliet@example.org/balcony' to='romeo@example.org'/>\
         <presence type='unsubscribed' from='juliet@example.org' to='romeo@example.org'/>\
         <iq type='set' ...><query xmlns='jabber:iq:roster' ver='{any}'><item jid='juliet@example.org' subscription='none'/></query></iq>",
    );
    assert!(world.account("juliet@example.org").is_none());
    // A new account of that name has nothing of the old one.
    let mut juliet = world.login("juliet@example.org/balcony");
    let roster = juliet.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    assert_eq!(roster.children().next().unwrap().children().count(), 0);
}

#[test]
fn a_removed_account_leaves_nothing_behind() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    romeo.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    let account = {
        world.create("juliet@example.org", PASSWORD);
        world.account("juliet@example.org").unwrap()
    };
    store.hold();
    let (users, gone) = (world.users(), account.jid().clone());
    crate::ports::Spawn::spawn(
        &*world.engine().ports.spawn,
        Box::pin(async move { users.delete(&gone).await.unwrap() }),
    );
    world.run();
    romeo.send("<presence type='subscribe' to='juliet@example.org'/>");
    store.release();
    world.run();
    let rows = crate::ports::Store::list(&*store, crate::roster::COLLECTION, account.owner());
    assert_eq!(world.block_on(rows).unwrap(), []);
}

#[test]
fn a_removed_account_has_no_open_requests() {
    let world = World::new();
    world.create("juliet@example.org", PASSWORD);
    let mut romeo = world.login("romeo@example.org/orchard");
    romeo.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    romeo.send("<presence type='subscribe' to='juliet@example.org'/>");
    romeo.recv();
    world.block_on(world.users().delete(&BareJid::parse("juliet@example.org").unwrap())).unwrap();
    romeo.expect(
        "<presence type='unsubscribed' from='juliet@example.org' to='romeo@example.org'/>\
         <iq type='set' ...><query xmlns='jabber:iq:roster' ver='{any}'><item jid='juliet@example.org' subscription='none'/></query></iq>",
    );
}

/// RFC 6120 §8.3.1: nobody is left to take what was on its way.
#[test]
fn messages_for_a_removed_account_come_back() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    juliet.stop_reading();
    (0..5).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    world.block_on(world.users().delete(&BareJid::parse("juliet@example.org").unwrap())).unwrap();
    juliet.cut();
    let errors = romeo.recv();
    let ids: Vec<_> = errors.iter().map(|error| error.attr("id").unwrap()).collect();
    assert_eq!(ids, ["0", "1", "2", "3", "4"]);
    assert!(errors.iter().all(|error| error.attr("type") == Some("error")));
}

/// Nothing is told of a removal that did not come about, and nothing before it has.
#[test]
fn a_removal_that_fails_costs_no_subscription() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let (mut romeo, juliet) = acquainted(&world);
    store.hold();
    let (users, gone) = (world.users(), BareJid::parse("juliet@example.org").unwrap());
    let mut removal = std::pin::pin!(users.delete(&gone));
    let mut context = Context::from_waker(Waker::noop());
    assert!(removal.as_mut().poll(&mut context).is_pending());
    store.fail();
    assert!(juliet.is_gone(), "her sessions are over all the same");
    assert!(matches!(removal.as_mut().poll(&mut context), Poll::Ready(Err(_))));
    romeo.expect("<presence type='unavailable' from='juliet@example.org/balcony' to='romeo@example.org'/>");
    romeo.expect_nothing();
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.send("<presence/>");
    romeo.expect("<presence from='juliet@example.org/balcony' to='romeo@example.org'/>");
}

/// Two ask for it at the same time, such as the administrator and the user.
#[test]
fn a_second_removal_leaves_alone_who_came_after() {
    let world = World::new();
    let jid = BareJid::parse("juliet@example.org").unwrap();
    world.create("juliet@example.org", PASSWORD);
    let former = world.account("juliet@example.org").unwrap();
    world.block_on(world.users().delete(&jid)).unwrap();
    let accounts = &world.engine().accounts;
    // Somebody waits for an account of that name.
    let crate::accounts::Wanted::Coming { arrival, load: true } = accounts.want(&jid) else { panic!("here") };
    accounts.forget(&former);
    accounts.give_up(&jid);
    let mut context = Context::from_waker(Waker::noop());
    assert!(arrival.poll(&mut context).is_ready(), "he waits for ever");
    // And a new one stays.
    world.create("juliet@example.org", PASSWORD);
    let new = world.account("juliet@example.org").unwrap();
    accounts.forget(&former);
    assert!(Arc::ptr_eq(&new, &accounts.here("juliet@example.org").unwrap()));
}
