//! What holds for all XEPs together.

use crate::ALL;
use kernel::testing::{PASSWORD, World};
use minidom::Element;

/// RFC 6120 §13.11, RFC 6121 §11: whoever asks accounts that aren't theirs learns nothing of which there are, whatever
/// they ask. (What an account makes public, such as its vCard, tells of it.)
#[test]
fn strangers_cannot_tell_which_accounts_there_are() {
    let world = World::with(ALL);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    world.create("nurse@example.org", PASSWORD);
    let namespaces = world.namespaces();
    for known in ["jabber:iq:roster", "vcard-temp", "jabber:iq:last", "urn:xmpp:blocking"] {
        assert!(namespaces.contains(&known), "{known}");
    }
    for namespace in namespaces {
        for type_ in ["get", "set"] {
            for payload in ["query", "vCard", "ping", "blocklist", "block", "nonsense", "query node='n'"] {
                for resource in ["", "/no"] {
                    let mut answer_of = |user: &str| {
                        let to = format!("{user}@example.org{resource}");
                        let request = format!(
                            "<iq type='{type_}' id='1' to='{to}'><{payload} xmlns='{namespace}'/></iq>"
                        );
                        let answer: Element = romeo.ask(&request);
                        assert_eq!(answer.attr("from"), Some(to.as_str()), "{request}");
                        (String::from(&answer).replace(&to, "TO"), request)
                    };
                    let (nobody, _) = answer_of("nobody");
                    for user in ["juliet", "nurse"] {
                        let (answer, request) = answer_of(user);
                        assert_eq!(answer, nobody, "{request}");
                    }
                }
            }
        }
    }
    assert!(juliet.recv().is_empty());
}
