use crate::testing::{get, result};
use kernel::Listed;
use kernel::testing::World;

/// What it finds is among the tests of XEP-0313.
#[test]
fn announced_where_there_is_an_archive() {
    let announced = |xeps: &[Listed]| {
        let world = World::with(xeps);
        let mut juliet = world.login("juliet@example.org/balcony");
        let info = result(&get(&mut juliet, "", "<query xmlns='http://jabber.org/protocol/disco#info'/>"));
        info.children().any(|child| child.attr("var") == Some(super::NS))
    };
    let disco = Listed::of::<crate::xep_0030_disco::Disco>();
    let fulltext = Listed::of::<super::FullText>();
    assert!(announced(&[disco, Listed::of::<crate::xep_0313_mam::Mam>(), fulltext]));
    assert!(!announced(&[disco, fulltext]));
}

#[test]
fn scenarios() {
    crate::testing::play("xep_0431_fulltext");
}
