//! What no client of ours can cause: stanzas as another server may send them.

use super::*;
use crate::account::Parcel;
use crate::roster::State;
use minidom::Element;
use wire::frame::{Frame, StanzaType};

/// Juliet, who is there and follows her roster. Romeo's server is another one.
struct Juliet {
    world: World,
    client: Client,
    account: Arc<Account>,
}

impl Juliet {
    fn new() -> Juliet {
        let world = World::new();
        let mut client = world.login("juliet@example.org/balcony");
        client.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
        client.available();
        let account = world.account("juliet@example.org").unwrap();
        Juliet { world, client, account }
    }

    /// Romeo's presence arrives at her account.
    fn gets(&mut self, type_: StanzaType, resource: Option<&str>) -> Vec<Element> {
        let stanza =
            Frame::presence().type_(type_).from("romeo@example.net").to("juliet@example.org").build();
        let outcome = self.account.deliver(&mut Parcel::from(stanza.clone()), resource);
        assert!(outcome.bounce.is_none());
        self.world.engine().perform(&self.account, Some(&stanza), outcome);
        self.world.run();
        self.client.recv()
    }

    fn state(&self) -> State {
        self.account.lock().roster.state(&BareJid::parse("romeo@example.net").unwrap())
    }
}

/// RFC 6121 §8.5.3.2.2
#[test]
fn subscriptions_to_a_missing_resource() {
    let mut juliet = Juliet::new();
    let (missing, there) = (Some("chamber"), Some("balcony"));
    juliet.client.send("<presence type='subscribe' to='romeo@example.net'/>");
    juliet.client.recv();

    // "subscribed" is ignored, and counts at the bare address.
    assert!(juliet.gets(StanzaType::Subscribed, missing).is_empty());
    assert_eq!(juliet.state(), State::NonePendingOut);
    assert!(!juliet.gets(StanzaType::Subscribed, None).is_empty());
    assert_eq!(juliet.state(), State::To);

    // A request is handled wherever it goes.
    assert!(!juliet.gets(StanzaType::Subscribe, missing).is_empty());
    assert_eq!(juliet.state(), State::ToPendingIn);
    juliet.client.send("<presence type='subscribed' to='romeo@example.net'/>");
    juliet.client.recv();

    // The other two are ignored as well, and count at a resource that is there.
    for (type_, after) in [(StanzaType::Unsubscribe, State::To), (StanzaType::Unsubscribed, State::None)] {
        let before = juliet.state();
        assert!(juliet.gets(type_, missing).is_empty());
        assert_eq!(juliet.state(), before);
        assert!(!juliet.gets(type_, there).is_empty());
        assert_eq!(juliet.state(), after);
    }
}
