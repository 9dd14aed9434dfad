//! Which messages match.

use super::*;
use crate::xep_0431_fulltext::FIELD;

#[test]
fn with() {
    let (world, mut juliet) = world();
    let garden = "romeo@example.net/garden";
    chat(&world, ORCHARD, JULIET, "from the orchard");
    chat(&world, garden, BALCONY, "from the garden");
    chat(&world, BALCONY, "romeo@example.net", "to Romeo");
    chat(&world, BALCONY, ORCHARD, "to the orchard");
    chat(&world, "nurse@example.org/room", JULIET, "from the nurse");
    chat(&world, BALCONY, JULIET, "note");
    chat(&world, "juliet@example.org/chamber", BALCONY, "from the chamber");
    chat(&world, "example.org", JULIET, "from the server");
    let mut bodies = |with: &str| filtered(&mut juliet, "with", with).bodies();
    assert_eq!(
        bodies("romeo@example.net"),
        ["from the orchard", "from the garden", "to Romeo", "to the orchard"]
    );
    assert_eq!(bodies("Romeo@EXAMPLE.net/orchard"), ["from the orchard", "to the orchard"]);
    assert_eq!(bodies(garden), ["from the garden"]);
    assert_eq!(bodies("romeo@example.net/nowhere"), [""; 0]);
    assert_eq!(bodies(JULIET), ["note", "from the chamber"]);
    assert_eq!(bodies("juliet@example.org/chamber"), ["from the chamber"]);
    assert_eq!(bodies("example.org"), ["from the server"]);
    assert_eq!(bodies("example.net"), [""; 0]);
}

/// Entries that the store can't tell apart are looked at, and reading goes on until the page is full.
#[test]
fn pages_of_one_resource_are_full() {
    let (world, mut juliet) = world();
    let mut orchard = Vec::new();
    for n in 0..400 {
        if n % 20 == 10 {
            orchard.push(chat(&world, ORCHARD, JULIET, "x"));
        } else {
            chat(&world, "romeo@example.net/garden", JULIET, "x");
        }
    }
    let with = form(&field("with", ORCHARD));
    let first = query(&mut juliet, &[with.as_str(), &set("<max>15</max>")].concat());
    assert!(first.ids() == orchard[..15] && !first.complete());
    let rest = query(
        &mut juliet,
        &[with.as_str(), &set(&format!("<max>5</max><after>{}</after>", orchard[14]))].concat(),
    );
    assert!(rest.ids() == orchard[15..] && rest.complete(), "what follows does not match");
    let last = query(&mut juliet, &[with.as_str(), &set("<max>19</max><before/>")].concat());
    assert!(last.ids() == orchard[1..] && !last.complete());
    let all = query(&mut juliet, &[with.as_str(), &set("<max>20</max><before/>")].concat());
    assert!(all.ids() == orchard && all.complete());
}

#[test]
fn start_and_end() {
    let (world, mut juliet) = world();
    let ids = fill(&world, 5);
    let stamp =
        |n: usize, more: i64| kernel::time::stamp(kernel::ports::WallMillis(id(&ids[n]).received().0 + more));
    let mut between = |start: &str, end: &str| {
        let fields: String =
            [("start", start), ("end", end)].map(|(name, value)| field(name, value)).concat();
        let found = query(&mut juliet, &form(&fields));
        assert!(found.complete());
        found.bodies().concat()
    };
    // §4.1.2: "equal to or later", "equal to or earlier"
    assert_eq!(between(&stamp(1, 0), &stamp(3, 0)), "123");
    assert_eq!(between(&stamp(1, 1), &stamp(3, -1)), "2");
    assert_eq!(between(&stamp(3, 0), ""), "34");
    assert_eq!(between("", &stamp(1, 0)), "01");
    assert_eq!(between(&stamp(1, 0).replace('Z', "1Z"), &stamp(3, 0).replace('Z', "9Z")), "23");
    assert_eq!(between(&stamp(3, 0), &stamp(1, 0)), "");
    // Long before and long after there were ids.
    assert_eq!(between("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"), "01234");
    assert_eq!(between("9999-12-31T23:59:59Z", ""), "");
    assert_eq!(between("2600-01-01T00:00:00Z", "2700-01-01T00:00:00Z"), "");
    assert_eq!(between("", "1969-12-31T23:59:59.999Z"), "");
    assert_eq!(between("1969-07-20T21:56:15-05:00", "1970-01-01T00:00:00Z"), "");
}

#[test]
fn before_and_after_ids() {
    let (world, mut juliet) = world();
    let ids = fill(&world, 10);
    let mut bodies = |fields: &[(&str, &str)], page: &str| {
        let fields: String = fields.iter().map(|(name, value)| field(name, value)).collect();
        query(&mut juliet, &(form(&fields) + page)).bodies().concat()
    };
    assert_eq!(bodies(&[("after-id", &ids[6])], ""), "789");
    assert_eq!(bodies(&[("before-id", &ids[3])], ""), "012");
    let between = [("after-id", ids[2].as_str()), ("before-id", ids[8].as_str())];
    assert_eq!(bodies(&between, ""), "34567");
    // §9: "using 'before' implies paging backwards through the result set while using 'before-id' does not".
    assert_eq!(bodies(&between, &set("<max>2</max>")), "34");
    assert_eq!(bodies(&between, &set("<max>2</max><before/>")), "67");
    assert_eq!(bodies(&between, &set(&format!("<max>2</max><after>{}</after>", ids[4]))), "56");
    assert_eq!(bodies(&between, &set(&format!("<after>{}</after>", ids[0]))), "34567");
    assert_eq!(bodies(&[("after-id", &ids[8]), ("before-id", &ids[2])], ""), "");
}

#[test]
fn ids() {
    let (world, mut juliet) = world();
    let ids = fill(&world, 10);
    let ask = |wanted: &[usize], more: &str| {
        let values: String = wanted.iter().map(|n| format!("<value>{}</value>", ids[*n])).collect();
        form(&format!("<field var='ids'>{values}</field>{more}"))
    };
    let mut bodies = |content: &str| {
        let found = query(&mut juliet, content);
        (found.bodies().concat(), found.complete())
    };
    assert_eq!(bodies(&ask(&[7], "")), ("7".to_owned(), true));
    assert_eq!(
        bodies(&ask(&[7, 2, 4, 2], "")),
        ("247".to_owned(), true),
        "in the order of the archive, each once"
    );
    let page = |content: &str| ask(&[7, 2, 4], "") + &set(content);
    assert_eq!(bodies(&page("<max>2</max>")), ("24".to_owned(), false));
    assert_eq!(bodies(&page("<max>2</max><before/>")), ("47".to_owned(), false));
    assert_eq!(bodies(&page(&format!("<max>2</max><after>{}</after>", ids[2]))), ("47".to_owned(), true));
    assert_eq!(bodies(&ask(&[7, 2, 4], &field("with", "nurse@example.org"))), (String::new(), true));
    assert_eq!(bodies(&ask(&[7, 2, 4], &field("after-id", &ids[3]))), ("47".to_owned(), true));
    assert_eq!(bodies(&ask(&[7, 2, 4], &field(FIELD, "4"))), ("4".to_owned(), true));
}

/// §4.1.3, §4.3.2
#[test]
fn ids_that_are_not_there() {
    let (world, mut juliet) = world();
    let ids = fill(&world, 3);
    world.create("nurse@example.org", kernel::testing::PASSWORD);
    let foreign = world
        .archive("nurse@example.org", "<message from='a@b' to='nurse@example.org'><body>x</body></message>");
    let foreign = foreign.to_text();
    for unknown in ["09af3-cc343-b409f", "ffffffffffffffff", "0000000000000000", foreign.as_str()] {
        for content in [
            set(&format!("<after>{unknown}</after>")),
            set(&format!("<before>{unknown}</before>")),
            form(&field("before-id", unknown)),
            form(&field("after-id", unknown)),
            form(&field("ids", unknown)),
            form(&format!("<field var='ids'><value>{}</value><value>{unknown}</value></field>", ids[0])),
            form(&format!(
                "<field var='ids'><value>{}</value><value>{unknown}</value></field>{}",
                ids[0],
                field("with", "nobody@example.net")
            )) + &set("<max>0</max>"),
        ] {
            assert_eq!(refusal(&mut juliet, &content), "item-not-found", "{content}");
        }
    }
}

#[test]
fn full_text() {
    let (world, mut juliet) = world();
    chat(&world, ORCHARD, JULIET, "But, soft! what light through yonder window breaks?");
    chat(&world, BALCONY, ORCHARD, "What light?");
    chat(&world, "nurse@example.org", JULIET, "The WINDOW is open, and light");
    chat(&world, ORCHARD, JULIET, "Nothing of it");
    let mut count = |fields: &[(&str, &str)], page: &str| {
        let fields: String = fields.iter().map(|(name, value)| field(name, value)).collect();
        let found = query(&mut juliet, &(form(&fields) + page));
        // What has just come may not be found yet.
        assert_eq!(found.fin().attr("stable"), fields.contains("light").then_some("false"));
        (found.results.len(), found.complete())
    };
    assert_eq!(count(&[(FIELD, "light")], ""), (3, true));
    assert_eq!(count(&[(FIELD, "light window")], ""), (2, true), "all words have to occur");
    assert_eq!(count(&[(FIELD, "light window"), ("with", "romeo@example.net")], ""), (1, true));
    assert_eq!(count(&[(FIELD, "light")], &set("<max>2</max>")), (2, false));
    assert_eq!(count(&[(FIELD, "light")], &set("<max>1</max><before/>")), (1, false));
    assert_eq!(count(&[(FIELD, "starlight")], ""), (0, true));
    assert_eq!(count(&[(FIELD, " ")], ""), (4, true), "blank is not filled in");
}
