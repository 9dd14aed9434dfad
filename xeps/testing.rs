//! What the tests of several XEPs need.

use kernel::testing::Client;
use minidom::Element;
use wire::ns;

/// `watcher` subscribes to the presence of `watched`, who agrees. What either received is dropped.
pub(crate) fn subscribe(watcher: &mut Client, watched: &mut Client) {
    let bare = |client: &Client| client.jid().split('/').next().unwrap_or_default().to_owned();
    let (from, to) = (bare(watcher), bare(watched));
    watcher.send(&format!("<presence type='subscribe' to='{to}'/>"));
    watched.send(&format!("<presence type='subscribed' to='{from}'/>"));
    watcher.recv();
    watched.recv();
}

/// Asks with this payload, of type get; without `to` if that is empty.
pub(crate) fn get(client: &mut Client, to: &str, payload: &str) -> Element {
    let to = if to.is_empty() { String::new() } else { format!(" to='{to}'") };
    client.ask(&format!("<iq type='get' id='get'{to}>{payload}</iq>"))
}

/// The payload of a result.
pub(crate) fn result(answer: &Element) -> Element {
    assert_eq!(answer.attr("type"), Some("result"), "{}", String::from(answer));
    answer.children().next().unwrap_or_else(|| panic!("empty: {}", String::from(answer))).clone()
}

/// Name of the error condition; empty if it is no error.
pub(crate) fn condition(answer: &Element) -> String {
    let error = answer.get_child("error", ns::CLIENT);
    let condition = error.and_then(|error| error.children().find(|child| child.ns() == ns::STANZAS));
    condition.map(|condition| condition.name().to_owned()).unwrap_or_default()
}
