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
