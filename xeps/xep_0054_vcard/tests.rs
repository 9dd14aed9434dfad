use kernel::Listed;
use kernel::testing::{Client, World};
use minidom::Element;

const VCARD: &str =
    "<vCard xmlns='vcard-temp'><FN>Juliet &lt;3</FN><N><GIVEN>Juliet</GIVEN><MIDDLE/></N></vCard>";

const EMPTY: &str = "<vCard xmlns='vcard-temp'/>";

fn world() -> World {
    World::with(&[Listed::of::<super::VCard>()])
}

fn get(client: &mut Client, to: &str) -> Element {
    client.ask(&format!("<iq type='get' id='get'{to}><vCard xmlns='vcard-temp'/></iq>"))
}

fn set(client: &mut Client, to: &str, vcard: &str) -> Element {
    client.ask(&format!("<iq type='set' id='set'{to}>{vcard}</iq>"))
}

#[track_caller]
fn condition(answer: &Element) -> &str {
    assert_eq!(answer.attr("type"), Some("error"), "{}", String::from(answer));
    answer.children().find(|child| child.name() == "error").unwrap().children().next().unwrap().name()
}

#[track_caller]
fn shown(answer: &Element) -> String {
    assert_eq!(answer.attr("type"), Some("result"), "{}", String::from(answer));
    String::from(answer.get_child("vCard", "vcard-temp").unwrap())
}

#[test]
fn written_by_its_user_and_read_by_all() {
    let world = world();
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut romeo = world.login("romeo@example.org/orchard");
    assert_eq!(shown(&get(&mut juliet, "")), EMPTY);
    assert_eq!(set(&mut juliet, "", VCARD).attr("type"), Some("result"));
    assert_eq!(shown(&get(&mut juliet, "")), VCARD);
    assert_eq!(shown(&get(&mut juliet, " to='juliet@example.org'")), VCARD);
    assert_eq!(shown(&get(&mut romeo, " to='juliet@example.org'")), VCARD);
    juliet.close();
    let answer = get(&mut romeo, " to='juliet@example.org'");
    assert_eq!(answer.attr("from"), Some("juliet@example.org"));
    assert_eq!(shown(&answer), VCARD);
}

#[test]
fn no_vcard_and_no_account_look_the_same() {
    let world = world();
    let mut romeo = world.login("romeo@example.org/orchard");
    world.create("juliet@example.org", "x");
    let none = get(&mut romeo, " to='juliet@example.org'");
    let nobody = get(&mut romeo, " to='nobody@example.org'");
    let error = |answer: &Element| String::from(answer.children().next().unwrap());
    assert_eq!(condition(&none), "service-unavailable");
    assert_eq!(error(&none), error(&nobody));
}

#[test]
fn only_its_user_writes_it() {
    let world = world();
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut romeo = world.login("romeo@example.org/orchard");
    assert_eq!(set(&mut juliet, " to='juliet@example.org'", VCARD).attr("type"), Some("result"));
    let other = "<vCard xmlns='vcard-temp'><FN>Capulet</FN></vCard>";
    assert_eq!(condition(&set(&mut romeo, " to='juliet@example.org'", other)), "forbidden");
    assert_eq!(shown(&get(&mut juliet, "")), VCARD);
}

#[test]
fn an_empty_vcard_is_one_too() {
    let world = world();
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut romeo = world.login("romeo@example.org/orchard");
    for vcard in [VCARD, EMPTY] {
        assert_eq!(set(&mut juliet, "", vcard).attr("type"), Some("result"));
        assert_eq!(shown(&get(&mut juliet, "")), vcard);
        assert_eq!(shown(&get(&mut romeo, " to='juliet@example.org'")), vcard);
    }
}

#[test]
fn refused() {
    let world = World::build().xep(Listed::of::<super::VCard>(), "bytes = '60 B'").start();
    let mut juliet = world.login("juliet@example.org/balcony");
    assert_eq!(condition(&set(&mut juliet, "", VCARD)), "policy-violation");
    assert_eq!(condition(&set(&mut juliet, "", "<card xmlns='vcard-temp'/>")), "bad-request");
    assert_eq!(shown(&get(&mut juliet, "")), EMPTY);
}

#[test]
fn stored_xml_stands_by_itself() {
    let world = world();
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut romeo = world.login("romeo@example.org/orchard");
    juliet.send("<iq type='set' id='1' xmlns:v='vcard-temp'><v:vCard><v:FN>Juliet</v:FN></v:vCard></iq>");
    assert_eq!(juliet.one().attr("type"), Some("result"));
    let answer = get(&mut romeo, " to='juliet@example.org'");
    let vcard = answer.get_child("vCard", "vcard-temp").unwrap();
    assert_eq!(vcard.get_child("FN", "vcard-temp").map(Element::text).as_deref(), Some("Juliet"));
}

#[test]
fn documented_defaults_are_the_defaults() {
    let [option] = <super::VCard as kernel::Xep>::OPTIONS else { panic!("one option") };
    let config: super::Config = toml::from_str(&format!("{} = {}", option.name, option.default)).unwrap();
    assert_eq!(config.bytes, super::Config::default().bytes);
}

#[test]
fn scenarios() {
    crate::testing::play("xep_0054_vcard");
}
