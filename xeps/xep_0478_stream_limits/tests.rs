use super::*;
use kernel::Listed;
use kernel::testing::{PASSWORD, World};

#[test]
fn numbers_fit_the_schema() {
    assert_eq!(
        limits(262_144, Duration::from_millis(300_999)),
        "<limits xmlns='urn:xmpp:stream-limits:0'>\
         <max-bytes>262144</max-bytes><idle-seconds>300</idle-seconds></limits>"
    );
    assert!(limits(usize::MAX, Duration::MAX).contains("<max-bytes>4294967295<"));
}

#[test]
fn the_limits_in_force_are_announced_before_and_after_login() {
    let world = World::build()
        .settings(|settings| {
            settings.before_login.stanza_bytes = 10_001;
            settings.after_login.stanza_bytes = 20_002;
            settings.idle = Duration::from_secs(90);
        })
        .xep(Listed::of::<Advertisement>(), "")
        .start();
    world.create("romeo@example.org", PASSWORD);
    let told = |features: &minidom::Element| {
        let limits = features.get_child("limits", "urn:xmpp:stream-limits:0").unwrap();
        limits.children().map(|child| format!("{} {}", child.name(), child.text())).collect::<Vec<_>>()
    };
    let mut romeo = world.connect();
    romeo.open("example.org");
    assert_eq!(told(&romeo.header_and_features()), ["max-bytes 10001", "idle-seconds 90"]);
    let mut romeo = world.connect();
    let features = romeo.authenticate("romeo@example.org", PASSWORD);
    assert_eq!(told(&features), ["max-bytes 20002", "idle-seconds 90"]);
}

#[test]
fn scenarios() {
    crate::testing::play("xep_0478_stream_limits");
}
