//! Page after page.

use super::*;

#[test]
fn forwards() {
    let (world, mut juliet) = world();
    let ids = fill(&world, 120);
    let first = query(&mut juliet, "");
    assert_eq!(first.ids(), ids[..50]);
    assert!(!first.complete());
    assert_eq!(first.ends(), Some((ids[0].clone(), ids[49].clone())));
    let second = query(&mut juliet, &set(&format!("<max>70</max><after>{}</after>", ids[49])));
    assert_eq!(second.ids(), ids[50..]);
    assert!(second.complete(), "the page is full, but nothing is left");
    let nothing = query(&mut juliet, &set(&format!("<after>{}</after>", ids[119])));
    assert!(nothing.results.is_empty() && nothing.complete() && nothing.ends().is_none());
}

#[test]
fn backwards_the_pages_are_in_order() {
    let (world, mut juliet) = world();
    let ids = fill(&world, 25);
    let last = query(&mut juliet, &set("<max>10</max><before/>"));
    assert_eq!(last.ids(), ids[15..]);
    assert!(!last.complete());
    assert_eq!(last.ends(), Some((ids[15].clone(), ids[24].clone())));
    let middle = query(&mut juliet, &set(&format!("<max>10</max><before>{}</before>", ids[15])));
    assert_eq!(middle.ids(), ids[5..15]);
    let first = query(&mut juliet, &set(&format!("<max>10</max><before>{}</before>", ids[5])));
    assert_eq!(first.ids(), ids[..5]);
    assert!(!middle.complete() && first.complete());
    let exact = query(&mut juliet, &set(&format!("<max>5</max><before>{}</before>", ids[5])));
    assert!(exact.ids() == ids[..5] && exact.complete());
}

/// §4.3.4: "It only affects the order in which they are transmitted".
#[test]
fn flipped() {
    let (world, mut juliet) = world();
    let ids = fill(&world, 10);
    for page in ["<max>3</max>", "<max>3</max><before/>"] {
        let straight = query(&mut juliet, &set(page));
        let flipped = query(&mut juliet, &format!("{}<flip-page/>", set(page)));
        let mut reversed = flipped.ids();
        reversed.reverse();
        assert_eq!(reversed, straight.ids());
        assert_eq!(flipped.ends(), straight.ends());
        assert!(!flipped.complete());
    }
    assert_eq!(query(&mut juliet, "<flip-page/>").ids().first(), Some(&ids[9].as_str()));
}

#[test]
fn limits() {
    let world = with_options("page = 3\nmax = 5");
    let mut juliet = world.login(BALCONY);
    let ids = fill(&world, 10);
    assert_eq!(query(&mut juliet, "").ids(), ids[..3]);
    assert_eq!(query(&mut juliet, &set("<max>4</max>")).ids(), ids[..4]);
    assert_eq!(query(&mut juliet, &set("<max>4294967295</max>")).ids(), ids[..5]);
    let none = query(&mut juliet, &set("<max>0</max>"));
    assert!(none.results.is_empty() && none.ends().is_none() && !none.complete(), "there are some");
    let several =
        |count: usize| ids[..count].iter().map(|id| format!("<value>{id}</value>")).collect::<String>();
    let by_ids = |count| form(&format!("<field var='ids'>{}</field>", several(count)));
    assert_eq!(query(&mut juliet, &by_ids(5)).results.len(), 3);
    assert_eq!(refusal(&mut juliet, &by_ids(6)), "policy-violation");
}

/// §4.3.2: not defined with both; what is between them is what anybody would mean.
#[test]
fn between_two() {
    let (world, mut juliet) = world();
    let ids = fill(&world, 10);
    let between = format!("<after>{}</after><before>{}</before>", ids[1], ids[8]);
    assert_eq!(query(&mut juliet, &set(&format!("<max>3</max>{between}"))).ids(), ids[5..8]);
    assert_eq!(query(&mut juliet, &set(&between)).ids(), ids[2..8]);
}

/// A page is held in memory, and is cut before it is too large.
#[test]
fn large_messages() {
    let (world, mut juliet) = world();
    let body = "x".repeat(200_000);
    let ids: Vec<String> = (0..8).map(|_| chat(&world, ORCHARD, JULIET, &body)).collect();
    let first = query(&mut juliet, "");
    assert_eq!(first.ids(), ids[..6]);
    assert!(!first.complete());
    let rest = query(&mut juliet, &set(&format!("<after>{}</after>", ids[5])));
    assert!(rest.ids() == ids[6..] && rest.complete());
    let last = query(&mut juliet, &set("<before/>"));
    assert!(last.ids() == ids[2..] && !last.complete());
}

/// A page waits for its reader.
#[test]
fn slow_readers_get_all_of_it() {
    let (world, mut juliet) = world();
    let ids: Vec<String> = (0..50).map(|_| chat(&world, ORCHARD, JULIET, &"x".repeat(15_000))).collect();
    juliet.stop_reading();
    juliet.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>");
    world.advance(Duration::from_secs(1));
    juliet.read_on();
    let mut results = juliet.recv();
    let answer = results.pop().unwrap();
    let found = Found { results, answer };
    assert!(found.complete() && found.ids() == ids);
}

/// Who leaves while a page is sent ends it.
#[test]
fn a_reader_who_leaves() {
    let (world, mut juliet) = world();
    (0..50).for_each(|_| drop(chat(&world, ORCHARD, JULIET, &"x".repeat(15_000))));
    juliet.stop_reading();
    juliet.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>");
    juliet.cut();
    world.advance(Duration::from_secs(3600));
    let mut again = world.login(BALCONY);
    assert_eq!(query(&mut again, "").results.len(), 50);
}
