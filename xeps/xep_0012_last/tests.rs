use super::*;

fn left(content: &str) -> Left {
    Left::of(&Frame::presence().raw(content).build(), WallMillis(7))
}

#[test]
fn the_status_is_kept_within_bounds() {
    assert_eq!(left("<status>Heading &lt;Home&gt;</status>").status, "Heading <Home>");
    assert_eq!(left(""), Left { at: 7, status: String::new() });
    let long = left(&format!("<status>{}</status>", "\u{e4}".repeat(1000))).status;
    assert_eq!(long, "\u{e4}".repeat(512));
    assert_eq!(left(&format!("<status>x{}</status>", "\u{e4}".repeat(1000))).status.len(), 1023);
}

#[test]
fn the_stored_form_stays_readable() {
    let stored = kernel::encode(&Left { at: 5, status: "x".into() });
    assert_eq!(stored, r#"{"at":5,"status":"x"}"#);
    assert_eq!(
        kernel::decode::<Left>("last", "left", b"{\"at\":-5}"),
        Ok(Left { at: -5, status: String::new() })
    );
}

#[test]
fn answers_are_escaped() {
    assert_eq!(answer(903, "a<b"), "<query xmlns='jabber:iq:last' seconds='903'>a&lt;b</query>");
}
