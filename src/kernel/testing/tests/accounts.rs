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
