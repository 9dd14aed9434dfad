use super::*;
use crate::testing::{get, result};
use crate::xep_0030_disco::Disco;
use kernel::Listed;
use kernel::testing::World;

#[test]
fn the_form_lists_what_is_set() {
    let config = Config {
        admin: vec!["xmpp:me@example.org".into()],
        abuse: vec!["mailto:abuse@example.org".into(), "https://example.org/?a&b".into()],
        ..Config::default()
    };
    assert_eq!(
        form(config).unwrap().unwrap(),
        "<x xmlns='jabber:x:data' type='result'>\
         <field var='FORM_TYPE' type='hidden'><value>http://jabber.org/network/serverinfo</value></field>\
         <field var='abuse-addresses' type='list-multi'>\
         <value>mailto:abuse@example.org</value><value>https://example.org/?a&amp;b</value></field>\
         <field var='admin-addresses' type='list-multi'><value>xmpp:me@example.org</value></field></x>"
    );
    assert_eq!(form(Config::default()), Ok(None));
}

#[test]
fn only_uris() {
    for good in ["mailto:a@b", "xmpp:a@b?message", "tel:+123", "https://b/", "x-y.z+1:q"] {
        assert_eq!(check("abuse", good), Ok(()), "{good}");
    }
    for bad in ["a@b", "", "mailto:", ":a", "1a:b", "mailto: a", "a b:c", "mailto:a\nb"] {
        let error = check("abuse", bad).unwrap_err();
        assert_eq!(error.key.as_deref(), Some("abuse"), "{bad}");
    }
}

#[test]
fn the_server_tells_them_and_accounts_do_not() {
    let world = World::build()
        .xep(Listed::of::<Disco>(), "")
        .xep(Listed::of::<Contact>(), "abuse = ['mailto:abuse@example.org']")
        .start();
    let mut romeo = world.login("romeo@example.org");
    let ask = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    let query = result(&get(&mut romeo, "example.org", ask));
    let form = query.get_child("x", "jabber:x:data").unwrap();
    let values: Vec<_> =
        form.children().flat_map(|field| field.children()).map(|value| value.text()).collect();
    assert_eq!(values, ["http://jabber.org/network/serverinfo", "mailto:abuse@example.org"]);
    assert!(!result(&get(&mut romeo, "", ask)).has_child("x", "jabber:x:data"));
}

#[test]
fn scenarios() {
    crate::testing::play("xep_0157_contact");
}
