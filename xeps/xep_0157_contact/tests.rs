use super::*;

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
