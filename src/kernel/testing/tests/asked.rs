//! What the server asks its clients.

use super::*;
use wire::jid::Jid;

fn ask(world: &World, whom: &str) {
    let (router, whom) = (world.router(), Jid::parse(whom).unwrap());
    let payload = "<query xmlns='jabber:iq:version'/>";
    let asked = async move { drop(router.ask("example.org", &whom, payload, Duration::from_secs(60)).await) };
    world.router().spawn(Box::pin(asked));
}

#[test]
fn who_answers_nothing_keeps_nobody_from_being_asked() {
    let world = World::new();
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut asked = 0;
    for number in 0..10_001 {
        ask(&world, romeo.jid());
        if number % 500 == 0 {
            asked += romeo.recv().len();
        }
    }
    ask(&world, juliet.jid());
    assert!(juliet.one().has_child("query", "jabber:iq:version"));
    assert!((16..100).contains(&asked), "{asked}");
    // Who answered late is asked again.
    world.advance(Duration::from_secs(60));
    ask(&world, romeo.jid());
    assert_eq!(romeo.recv().len(), 1);
}
