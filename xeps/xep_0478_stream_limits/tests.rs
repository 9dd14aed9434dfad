use super::*;

#[test]
fn numbers_fit_the_schema() {
    assert_eq!(
        limits(262_144, Duration::from_millis(300_999)),
        "<limits xmlns='urn:xmpp:stream-limits:0'>\
         <max-bytes>262144</max-bytes><idle-seconds>300</idle-seconds></limits>"
    );
    assert!(limits(usize::MAX, Duration::MAX).contains("<max-bytes>4294967295<"));
}
