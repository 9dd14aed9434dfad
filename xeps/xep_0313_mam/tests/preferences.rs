//! XEP-0441, by request.

use super::*;

const GET: &str = "<iq type='get' id='p'><prefs xmlns='urn:xmpp:mam:2'/></iq>";

fn shown(answer: &Element) -> String {
    assert_eq!(answer.attr("type"), Some("result"), "{}", String::from(answer));
    let prefs = answer.get_child("prefs", super::super::NS).unwrap();
    let list = |name: &str| {
        let list = prefs.get_child(name, super::super::NS).unwrap();
        list.children().map(Element::text).collect::<Vec<_>>().join(" ")
    };
    format!("{}: {} / {}", prefs.attr("default").unwrap(), list("always"), list("never"))
}

fn prefer(client: &mut Client, default: &str, content: &str) -> Element {
    client.ask(&format!(
        "<iq type='set' id='p'><prefs xmlns='urn:xmpp:mam:2' default='{default}'>{content}</prefs></iq>"
    ))
}

#[test]
fn what_is_set_is_kept() {
    let (world, mut juliet) = world();
    assert_eq!(shown(&juliet.ask(GET)), "always:  / ");
    let lists =
        "<always><jid>Romeo@montague.lit</jid></always><never><jid>montague@montague.lit/x</jid></never>";
    let expected = "roster: romeo@montague.lit / montague@montague.lit/x";
    assert_eq!(shown(&prefer(&mut juliet, "roster", lists)), expected);
    assert_eq!(shown(&juliet.ask(GET)), expected);
    juliet.close();
    let mut again = world.login("juliet@example.org/chamber");
    assert_eq!(shown(&again.ask(GET)), expected);
    assert_eq!(shown(&prefer(&mut again, "never", "")), "never:  / ");
    assert_eq!(shown(&again.ask(GET)), "never:  / ");
    let mut romeo = world.login("romeo@example.org/orchard");
    assert_eq!(shown(&romeo.ask(GET)), "always:  / ");
}

#[test]
fn stored_preferences_are_read_again() {
    let store = std::sync::Arc::new(kernel::testing::Memory::new());
    let world = || {
        World::build()
            .store(store.clone())
            .xeps(&[Listed::of::<super::super::Mam>(), Listed::of::<ArchivePreferences>()])
            .start()
    };
    prefer(&mut world().login(BALCONY), "never", "<always><jid>a@b</jid></always>");
    assert_eq!(shown(&world().login(BALCONY).ask(GET)), "never: a@b / ");
}

#[test]
fn the_default_is_the_servers() {
    let world = with_options("default = 'never'");
    assert_eq!(shown(&world.login(BALCONY).ask(GET)), "never:  / ");
}

#[test]
fn refused_preferences_change_nothing() {
    let (_, mut juliet) = world();
    for (default, content, expected) in [
        ("sometimes", "", "bad-request"),
        ("", "", "bad-request"),
        ("always", "<never><jid>@</jid></never>", "jid-malformed"),
        ("always", &format!("<never>{}</never>", many(1001)), "policy-violation"),
    ] {
        assert_eq!(condition(&prefer(&mut juliet, default, content)), expected);
        assert_eq!(shown(&juliet.ask(GET)), "always:  / ");
    }
}

fn many(count: usize) -> String {
    (0..count).map(|n| format!("<jid>a{n}@b</jid>")).collect()
}

/// XEP-0441 §2.1
#[test]
fn switched_off() {
    let world = World::with(&[Listed::of::<super::super::Mam>()]);
    let mut juliet = world.login(BALCONY);
    assert_eq!(condition(&juliet.ask(GET)), "feature-not-implemented");
    assert_eq!(condition(&prefer(&mut juliet, "always", "")), "feature-not-implemented");
}
