//! Accounts come into memory and leave it.

use super::*;

#[test]
fn who_waits_for_an_account_gets_it_although_it_is_idle() {
    let world = World::build().settings(|settings| settings.idle_accounts = 0).start();
    world.create("romeo@example.org", PASSWORD);
    let jid = BareJid::parse("romeo@example.org").unwrap();
    let mut wanted = std::pin::pin!(world.engine().account(&jid));
    let mut context = Context::from_waker(Waker::noop());
    assert!(wanted.as_mut().poll(&mut context).is_pending());
    world.run();
    // It has been loaded, nobody uses it, and who waits has not run yet.
    world.engine().sweep();
    let Poll::Ready(Some(account)) = wanted.as_mut().poll(&mut context) else {
        panic!("there is no account")
    };
    drop(account);
    world.engine().sweep();
    assert!(world.engine().accounts.here(jid.as_str()).is_none(), "it stays for ever");
}

#[test]
fn a_reload_reaches_accounts_in_memory() {
    let world = World::build().settings(|settings| settings.roster.items = 1).start();
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut add = |contact: &str| {
        let item = format!("<item jid='{contact}@example.org'/>");
        let answer =
            romeo.ask(&format!("<iq type='set' id='1'><query xmlns='jabber:iq:roster'>{item}</query></iq>"));
        answer.attr("type").map(str::to_owned)
    };
    assert_eq!(add("juliet").as_deref(), Some("result"));
    assert_eq!(add("nurse").as_deref(), Some("error"));
    let mut settings = Settings::clone(&world.engine().settings());
    settings.roster.items = 2;
    world.engine().reload(settings, Vec::new()).unwrap();
    assert_eq!(add("nurse").as_deref(), Some("result"));
    assert_eq!(add("mercutio").as_deref(), Some("error"));
}

/// The settings are read when the load begins.
#[test]
fn a_reload_reaches_accounts_that_are_being_loaded() {
    let world = World::build().settings(|settings| settings.roster.items = 0).start();
    world.create("romeo@example.org", PASSWORD);
    let jid = BareJid::parse("romeo@example.org").unwrap();
    let account = world.block_on(crate::account::load(world.engine(), &jid)).unwrap().unwrap();
    let crate::accounts::Wanted::Coming { .. } = world.engine().accounts.want(&jid) else { panic!("here") };
    let mut settings = Settings::clone(&world.engine().settings());
    settings.roster.items = 1;
    world.engine().reload(settings, Vec::new()).unwrap();
    assert!(world.engine().accounts.settle(&account).is_none());
    let item = "<query xmlns='jabber:iq:roster'><item jid='juliet@example.org'/></query>";
    assert!(account.roster_set(&item.parse().unwrap()).is_ok());
}

/// RFC 6120 §13.11: the order of answers must not tell whether an account is there, or in memory.
#[test]
fn answers_come_in_the_order_of_requests_whoever_is_asked() {
    let store = Arc::new(Memory::new());
    let world = World::build().store(store.clone()).start();
    let mut romeo = world.login("romeo@example.org/orchard");
    let _juliet = world.login("juliet@example.org/balcony");
    world.create("nurse@example.org", PASSWORD);
    let mut order = |whom: &str| {
        let request = |id, to| format!("<iq type='get' id='{id}' to='{to}'><query xmlns='urn:test'/></iq>");
        romeo.send(&[request("first", whom), request("second", "example.org")].concat());
        romeo.recv().iter().map(|iq| iq.attr("id").unwrap().to_owned()).collect::<Vec<_>>()
    };
    for whom in ["juliet", "nurse", "nobody", "nurse", "nobody"] {
        for resource in ["", "/none"] {
            assert_eq!(order(&format!("{whom}@example.org{resource}")), ["first", "second"], "{whom}");
        }
    }
    store.break_down();
    assert_eq!(order("mercutio@example.org"), ["first", "second"]);
}
