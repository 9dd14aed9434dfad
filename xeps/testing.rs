//! What the tests of several XEPs need.

use crate::ALL;
use kernel::testing::scenario::play_folder;
use kernel::testing::{Client, World};
use minidom::Element;
use std::path::Path;
use wire::ns;

/// Options that the scenarios rely on, as TOML. Whoever plays them elsewhere needs the like.
const OPTIONS: &[(&str, &str)] =
    &[("contact", "abuse = ['mailto:abuse@example.org']"), ("register", "open = true")];

/// Plays the scenarios in a XEP's folder, with all XEPs.
pub(crate) fn play(folder: &str) {
    let world = || {
        let options = |name| OPTIONS.iter().find(|(xep, _)| *xep == name).map_or("", |(_, options)| options);
        ALL.iter().fold(World::build(), |builder, xep| builder.xep(*xep, options(xep.name))).start()
    };
    play_folder(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), world);
}

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

/// A connection of somebody who has logged in, by certificate (a setting allows it): nothing is hashed.
pub(crate) fn certified(world: &World, bare: &str) -> Client {
    let bindings = kernel::sasl::ChannelBindings { tls: true, ..Default::default() };
    let certified = vec![wire::jid::BareJid::parse(bare).unwrap()];
    let mut client = world.connect_from(kernel::stream::Peer { bindings, certified, ..Default::default() });
    client.authenticate_with(bare, "EXTERNAL", "=");
    client
}
