//! Services that refuse, are in trouble or away; and what waits meanwhile.

use super::*;

#[test]
fn a_refusal_disables_the_node() {
    let store = Arc::default();
    let world = world_on(&store, "");
    let mut service = enabled(&world);
    message(&world);
    refuse(&mut service, "cancel", "item-not-found");
    assert_eq!(waiting(&world, &store), 0);
    let trouble = stored(&world, &store)[0].1.trouble.clone().unwrap();
    assert_eq!((trouble.reason.as_str(), trouble.over), ("item-not-found", true));
    world.advance(seconds(100_000));
    message(&world);
    service.expect_nothing();
    // What was disabled stays so after a restart.
    let world = world_on(&store, "");
    let mut service = world.login(SERVICE);
    message(&world);
    service.expect_nothing();
    // Until the client says otherwise.
    let mut romeo = world.login("romeo@example.org/garden");
    enable(&mut romeo, "n1");
    message(&world);
    assert_eq!(accept(&mut service), pair("n1", "1"));
    assert_eq!(stored(&world, &store)[0].1.trouble, None);
}

#[test]
fn trouble_passes() {
    let store = Arc::default();
    let world = world_on(&store, "");
    let mut service = enabled(&world);
    message(&world);
    refuse(&mut service, "wait", "resource-constraint");
    let trouble = stored(&world, &store)[0].1.trouble.clone().unwrap();
    assert_eq!((trouble.reason.as_str(), trouble.over), ("resource-constraint", false));
    assert_eq!(rows(&world, &store)[0].1["attempts"], 1, "which a restart does not forgive");
    message(&world);
    world.advance(seconds(14));
    service.expect_nothing();
    world.advance(seconds(5));
    refuse(&mut service, "wait", "resource-constraint");
    world.advance(seconds(29));
    service.expect_nothing();
    world.advance(seconds(9));
    assert_eq!(accept(&mut service), pair("n1", "2"));
    assert_eq!(stored(&world, &store)[0].1.trouble, None);
    assert_eq!(waiting(&world, &store), 0);
}

#[test]
fn a_service_that_is_silent_or_away() {
    let store = Arc::default();
    let world = world_on(&store, "");
    let mut service = enabled(&world);
    message(&world);
    assert_eq!(notifications(&mut service).len(), 1, "which it does not answer");
    world.advance(seconds(29));
    assert_eq!(stored(&world, &store)[0].1.trouble, None);
    world.advance(seconds(1));
    assert_eq!(stored(&world, &store)[0].1.trouble.clone().unwrap().reason, "no answer");
    // Now it is not even there.
    service.close();
    world.advance(seconds(20));
    assert_eq!(stored(&world, &store)[0].1.trouble.clone().unwrap().reason, "service-unavailable");
    let mut service = world.login(SERVICE);
    world.advance(seconds(40));
    assert_eq!(accept(&mut service), pair("n1", "1"));
}

#[test]
fn in_the_end_it_gives_up() {
    let store = Arc::default();
    let world = world_on(&store, "");
    let _service = enabled(&world);
    let mut romeo = world.login("romeo@example.org/garden");
    command(&mut romeo, &format!("<disable jid='{SERVICE}'/>"));
    command(&mut romeo, "<enable jid='push.elsewhere.lit' node='n1'/>");
    message(&world);
    assert_eq!(waiting(&world, &store), 1);
    world.advance(seconds(24 * 3600));
    assert_eq!(waiting(&world, &store), 0);
    let trouble = stored(&world, &store)[0].1.trouble.clone().unwrap();
    assert_eq!((trouble.reason.as_str(), trouble.over), ("remote-server-not-found", false));
}

#[test]
fn what_waits_survives_a_restart() {
    let store = Arc::default();
    let world = world_on(&store, "");
    let mut service = enabled(&world);
    message(&world);
    assert_eq!(notifications(&mut service).len(), 1, "which it does not answer");
    assert_eq!(waiting(&world, &store), 1);
    let world = world_on(&store, "");
    let mut service = world.login(SERVICE);
    service.expect_nothing();
    world.engine().every_minute();
    world.run();
    assert_eq!(accept(&mut service), pair("n1", "1"));
    assert_eq!(waiting(&world, &store), 0);
    world.engine().every_minute();
    world.run();
    service.expect_nothing();
}

#[test]
fn what_waits_for_a_node_that_is_no_more_is_dropped_after_a_restart() {
    let store = Arc::default();
    let world = world_on(&store, "");
    let _service = enabled(&world);
    message(&world);
    let world = world_on(&store, "");
    let mut service = world.login(SERVICE);
    let mut romeo = world.login("romeo@example.org/garden");
    command(&mut romeo, &format!("<disable jid='{SERVICE}'/>"));
    assert_eq!(waiting(&world, &store), 1, "it has not been read back yet");
    world.engine().every_minute();
    world.run();
    service.expect_nothing();
    assert_eq!(waiting(&world, &store), 0);
}

#[test]
fn what_waits_survives_a_reload() {
    let store = Arc::default();
    let world = world_on(&store, "");
    let mut service = enabled(&world);
    message(&world);
    refuse(&mut service, "wait", "resource-constraint");
    let disco = *ALL.iter().find(|xep| xep.name == "disco").unwrap();
    let options = |text: &str| text.parse::<toml::Table>().unwrap();
    let list = vec![(disco, options("")), (Listed::of::<Probe>(), options("placeholder = ''"))];
    world.engine().install(list).unwrap();
    world.advance(seconds(20));
    message(&world);
    assert_eq!(accept(&mut service), pair("n1", "1"));
    world.advance(seconds(5));
    assert_eq!(accept(&mut service), pair("n1", "1"));
}

#[test]
fn what_waits_for_a_node_that_was_disabled_is_dropped_after_a_restart() {
    let store = Arc::default();
    let world = world_on(&store, "");
    let mut service = enabled(&world);
    message(&world);
    let (key, row) = rows(&world, &store).remove(0);
    refuse(&mut service, "cancel", "item-not-found");
    // As if the server had died between the two changes.
    let table: Table<serde_json::Value> = Table::new("push_waiting", store.clone());
    world.block_on(table.put(kernel::ports::Owner::SERVER, &key, &row).committed()).unwrap();
    let world = world_on(&store, "");
    let mut service = world.login(SERVICE);
    world.engine().every_minute();
    world.run();
    service.expect_nothing();
    assert_eq!(waiting(&world, &store), 0);
}

#[test]
fn one_that_waits_long_holds_up_no_other() {
    let world = world();
    let mut service = enabled(&world);
    message(&world);
    refuse(&mut service, "wait", "resource-constraint");
    let mut romeo = world.login("romeo@example.org/garden");
    enable(&mut romeo, "n2");
    message(&world);
    assert_eq!(accept(&mut service), pair("n2", "1"));
    message(&world);
    world.advance(seconds(5));
    assert_eq!(accept(&mut service), pair("n2", "1"), "before n1, which is due after 15 s");
    world.advance(seconds(15));
    assert_eq!(accept(&mut service), pair("n1", "3"));
}
