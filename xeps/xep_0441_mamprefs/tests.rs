use crate::testing::condition;
use kernel::Listed;
use kernel::testing::World;

/// What preferences do is among the tests of XEP-0313.
#[test]
fn without_an_archive_there_are_none() {
    let world = World::with(&[Listed::of::<super::ArchivePreferences>()]);
    let mut juliet = world.login("juliet@example.org/balcony");
    let answer = juliet.ask("<iq type='get' id='p'><prefs xmlns='urn:xmpp:mam:2'/></iq>");
    assert_eq!(condition(&answer), "service-unavailable");
}

#[test]
fn scenarios() {
    crate::testing::play("xep_0441_mamprefs");
}
