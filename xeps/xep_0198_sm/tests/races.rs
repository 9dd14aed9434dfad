//! Sessions that are lost, resumed and bound anew at inconvenient moments: every message arrives once.

use super::*;
use kernel::testing::World;

const ROMEO: &str = "romeo@example.org";
const ORCHARD: &str = "romeo@example.org/orchard";

fn juliet(world: &World) -> Client {
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    juliet
}

/// Becomes available. Returns what messages come.
fn available(client: &mut Client) -> Vec<String> {
    client.send("<presence/>");
    ids(&client.recv()).into_iter().map(str::to_owned).collect()
}

/// Everything has arrived: nothing comes to one more session, even when the time of all others is over.
fn nothing_is_left(world: &World, mut last: Client, h: u32) {
    last.send(&format!("<a xmlns='{NS}' h='{h}'/>"));
    last.close();
    world.advance(Duration::from_secs(601));
    assert_eq!(available(&mut world.login("romeo@example.org/last")), Vec::<String>::new());
}

#[test]
fn the_network_takes_nothing_and_the_client_comes_back() {
    let world = world();
    let (mut old, token) = managed(&world, ORCHARD);
    let mut juliet = juliet(&world);
    old.stop_reading();
    for id in ["1", "2"] {
        say(&mut juliet, ROMEO, id);
    }
    let (mut romeo, received) = resume(&world, ORCHARD, &token, 1);
    assert_eq!(ids(&received), ["1", "2"]);
    old.read_on();
    assert!(old.recv().iter().all(|element| element.name() != "message") && old.is_gone());
    say(&mut juliet, ROMEO, "3");
    assert_eq!(ids(&romeo.recv()), ["3"]);
    nothing_is_left(&world, romeo, 4);
}

#[test]
fn the_resource_is_bound_anew_while_its_session_sleeps() {
    let world = world();
    let (mut old, token) = managed(&world, ORCHARD);
    let mut juliet = juliet(&world);
    say(&mut juliet, ROMEO, "1");
    assert_eq!(ids(&old.recv()), ["1"]);
    old.cut();
    say(&mut juliet, ROMEO, "2");
    say(&mut juliet, ORCHARD, "3");
    let mut romeo = world.login(ORCHARD);
    romeo.send(&format!("<enable xmlns='{NS}' resume='true'/>"));
    romeo.recv();
    assert_eq!(available(&mut romeo), ["1", "2", "3"]);
    let (_, received) = resume(&world, ORCHARD, &token, 2);
    assert!(received[0].has_child("item-not-found", wire::ns::STANZAS));
    nothing_is_left(&world, romeo, 4);
}

#[test]
fn the_resource_is_bound_anew_while_its_stream_seems_alive() {
    let world = world();
    let (mut old, _) = managed(&world, ORCHARD);
    let mut juliet = juliet(&world);
    say(&mut juliet, ROMEO, "1");
    old.stop_reading();
    say(&mut juliet, ROMEO, "2");
    let mut romeo = world.login(ORCHARD);
    romeo.send(&format!("<enable xmlns='{NS}' resume='true'/>"));
    romeo.recv();
    romeo.send("<presence/>");
    old.cut();
    let received = romeo.recv();
    assert_eq!(ids(&received), ["1", "2"]);
    let count = received.iter().filter(|element| element.ns() == wire::ns::CLIENT).count();
    nothing_is_left(&world, romeo, u32::try_from(count).unwrap());
}

#[test]
fn another_client_gets_what_the_lost_one_did_not_come_back_for() {
    let world = world();
    let (mut old, _) = managed(&world, ORCHARD);
    let mut juliet = juliet(&world);
    say(&mut juliet, ROMEO, "1");
    old.cut();
    say(&mut juliet, ROMEO, "2");
    // Without stream management, and it never looks into the archive.
    let mut chamber = world.login("romeo@example.org/chamber");
    assert_eq!(available(&mut chamber), Vec::<String>::new(), "the other one may come back");
    say(&mut juliet, ROMEO, "3");
    assert_eq!(ids(&chamber.recv()), ["3"]);
    world.advance(Duration::from_secs(601));
    assert_eq!(ids(&chamber.recv()), ["1", "2"]);
    nothing_is_left(&world, chamber, 0);
}

#[test]
fn a_negative_priority_takes_nothing_even_asleep() {
    let world = world();
    let (mut romeo, token) = managed(&world, ORCHARD);
    romeo.send("<presence><priority>-1</priority></presence>");
    romeo.recv();
    romeo.send(&format!("<a xmlns='{NS}' h='2'/>"));
    romeo.cut();
    let mut juliet = juliet(&world);
    say(&mut juliet, ROMEO, "1");
    say(&mut juliet, ORCHARD, "2");
    let (mut romeo, received) = resume(&world, ORCHARD, &token, 2);
    assert_eq!(ids(&received), ["2"]);
    assert_eq!(available(&mut romeo), ["1"]);
    nothing_is_left(&world, romeo, 5);
}

#[test]
fn two_streams_resume_one_session() {
    let world = world();
    let (mut old, token) = managed(&world, ORCHARD);
    let mut juliet = juliet(&world);
    say(&mut juliet, ROMEO, "1");
    old.cut();
    say(&mut juliet, ROMEO, "2");
    let [mut first, mut second] = [(); 2].map(|()| {
        let mut client = world.connect();
        client.authenticate(ROMEO, "secret");
        client
    });
    first.stop_reading();
    for client in [&mut first, &mut second] {
        client.send(&format!("<resume xmlns='{NS}' previd='{token}' h='1'/>"));
    }
    assert_eq!(ids(&second.recv()), ["1", "2"]);
    first.read_on();
    let told = first.recv();
    assert!(told.last().unwrap().has_child("conflict", wire::ns::STREAM_ERRORS), "{told:?}");
    assert!(first.is_gone());
    say(&mut juliet, ROMEO, "3");
    assert_eq!(ids(&second.recv()), ["3"]);
    nothing_is_left(&world, second, 4);
}

#[test]
fn the_clients_return_races_with_the_end_of_its_time() {
    let mut outcomes = Vec::new();
    for early in [1, 0] {
        let world = world();
        let (mut old, token) = managed(&world, ORCHARD);
        let mut juliet = juliet(&world);
        say(&mut juliet, ROMEO, "1");
        old.cut();
        say(&mut juliet, ROMEO, "2");
        world.advance(Duration::from_secs(599));
        let mut romeo = world.connect();
        romeo.authenticate(ROMEO, "secret");
        world.advance(Duration::from_millis(1_000 - early));
        romeo.send(&format!("<resume xmlns='{NS}' previd='{token}' h='1'/>"));
        let received = romeo.recv();
        let resumed = received[0].is("resumed", NS);
        outcomes.push(resumed);
        if resumed {
            assert_eq!(ids(&received), ["1", "2"]);
            world.advance(Duration::from_millis(early));
            assert!(!romeo.is_gone(), "its time is over for good");
            nothing_is_left(&world, romeo, 3);
        } else {
            romeo.bind("orchard");
            assert_eq!(available(&mut romeo), ["1", "2"]);
            nothing_is_left(&world, romeo, 0);
        }
    }
    assert_eq!(outcomes, [true, false]);
}

#[test]
fn a_stream_is_cut_while_another_one_resumes() {
    let world = world();
    let (mut old, token) = managed(&world, ORCHARD);
    let mut juliet = juliet(&world);
    say(&mut juliet, ROMEO, "1");
    let (mut romeo, received) = resume(&world, ORCHARD, &token, 1);
    assert_eq!(ids(&received), ["1"]);
    // The server learns late that the first connection is gone.
    old.cut();
    world.advance(Duration::from_secs(20));
    say(&mut juliet, ROMEO, "2");
    assert_eq!(ids(&romeo.recv()), ["2"]);
    romeo.cut();
    let (mut romeo, received) = resume(&world, ORCHARD, &token, 2);
    assert_eq!(ids(&received), ["2"]);
    world.advance(Duration::from_secs(20));
    say(&mut romeo, "juliet@example.org", "back");
    assert_eq!(ids(&juliet.recv()), ["back"]);
    nothing_is_left(&world, romeo, 3);
}
