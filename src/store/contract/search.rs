//! Words.

use super::*;

fn said(id: u64, owners: &[i64], body: &str) -> Op {
    entry(id, owners, &format!("<message xmlns='jabber:client'><body>{body}</body></message>"))
}

fn looked_for(owner: i64, words: &str) -> Search {
    Search { page: whole(owner), words: words.to_owned() }
}

/// The engine may index later; a commit gives it the occasion.
fn indexed(store: &dyn Store) {
    for _ in 0..3 {
        commit(store, Batch::new().put("t", Owner::SERVER, "k", value("v")));
    }
}

pub(super) fn words_are_searched_in_ones_own_archive(store: &dyn Store) {
    let batch = Batch::new()
        .with(said(1, &[1, 2], "But soft, what light through yonder window breaks?"))
        .with(said(2, &[2, 1], "It is the East &amp; Juliet is the sun"))
        .with(said(3, &[2, 3], "Arise, fair sun"))
        .with(said(4, &[1], "Grüße, &#x4e2d; 12"))
        .with(awaited(5, &[], 1, "<message xmlns='jabber:client'><body>sun</body></message>"))
        .with(entry(6, &[1], "<presence xmlns='jabber:client'><status>sun</status></presence>"));
    commit(store, batch);
    commit(store, Batch::new().with(said(7, &[1, 3], "sun again")));
    indexed(store);
    let found = |owner, words| ids(&wait(store.search(looked_for(owner, words))).unwrap());
    assert_eq!((found(1, "sun"), found(2, "sun"), found(3, "sun")), (vec![2, 7], vec![2, 3], vec![3, 7]));
    assert_eq!(
        (found(1, "SUN"), found(1, "juliet sun"), found(1, "sun moon")),
        (vec![2, 7], vec![2], vec![])
    );
    assert_eq!(
        (found(1, "grüße"), found(1, "12"), found(1, "中"), found(1, "amp")),
        (vec![4], vec![4], vec![4], vec![])
    );
    assert_eq!((found(1, ""), found(1, "  "), found(4, "sun")), (vec![], vec![], vec![]));
    let page = wait(store.search(looked_for(3, "again"))).unwrap();
    let frame = "<message xmlns='jabber:client'><body>sun again</body></message>";
    assert_eq!(page, LogPage { entries: vec![(LogId(7), value(frame))], complete: true });
    // The numbers of owners are no words of the text, nor are words of the text owners.
    assert_eq!((found(1, "1"), found(12, "grüße")), (vec![], vec![]));
}

pub(super) fn a_search_is_cut_like_a_page(store: &dyn Store) {
    for id in 1..=9 {
        let body = if id % 3 == 0 { "rare word" } else { "word" };
        commit(store, Batch::new().with(said(id, &[1, 2 + (id % 2) as i64], body)));
    }
    indexed(store);
    let found = |page, words: &str| {
        let page = wait(store.search(Search { page, words: words.to_owned() })).unwrap();
        (ids(&page), page.complete)
    };
    let back = LogQuery { order: Order::Descending, ..whole(1) };
    assert_eq!(found(LogQuery { limit: 2, ..whole(1) }, "rare"), (vec![3, 6], false));
    assert_eq!(found(LogQuery { limit: 2, ..back }, "rare"), (vec![9, 6], false));
    assert_eq!(found(LogQuery { limit: 2, before: Some(LogId(6)), ..back }, "rare"), (vec![3], true));
    assert_eq!(found(LogQuery { after: Some(LogId(6)), ..whole(1) }, "word"), (vec![7, 8, 9], true));
    assert_eq!(found(LogQuery { max_bytes: 1, ..whole(1) }, "word"), (vec![1], false));
    assert_eq!(found(LogQuery { peer: Some(peer(3)), ..whole(1) }, "rare"), (vec![3, 9], true));
    assert_eq!(found(LogQuery { peer: Some(peer(1)), ..whole(2) }, "rare"), (vec![6], true));
    assert_eq!(found(LogQuery { limit: 0, ..whole(1) }, "rare"), (vec![], false));
}

pub(super) fn what_is_typed_is_no_query_language(store: &dyn Store) {
    commit(store, Batch::new().with(said(1, &[1], "alpha beta, OR gamma")).with(said(2, &[2], "alpha")));
    indexed(store);
    let found = |words: &str| ids(&wait(store.search(looked_for(1, words))).unwrap());
    assert_eq!((found("alpha"), found("alpha OR"), found("gamma beta")), (vec![1], vec![1], vec![1]));
    for nothing in
        ["alpha OR delta", "alpha NOT gamma", "NEAR(alpha", "delta*", "alp\" OR \"alpha", "owners:2 delta"]
    {
        assert_eq!(found(nothing), [0; 0], "{nothing}");
    }
    for odd in ["\"", "\"\"", "(", ")", "*", "^alpha", "-", "text:", "a:b:c", "\0", "\\", "';--", "{", "😀"]
    {
        wait(store.search(looked_for(1, odd))).unwrap();
    }
    wait(store.search(looked_for(1, &"x ".repeat(5_000)))).unwrap();
    wait(store.search(looked_for(1, &"x".repeat(50_000)))).unwrap();
    wait(store.search(looked_for(1, &"x-".repeat(20_000)))).unwrap();
}

pub(super) fn what_left_the_archives_is_not_found(store: &dyn Store) {
    let text = "<message xmlns='jabber:client'><body>word</body></message>";
    commit(store, (1..=6).fold(Batch::new(), |batch, id| batch.with(awaited(id, &[1, 2], 1, text))));
    indexed(store);
    let found = |owner| ids(&wait(store.search(looked_for(owner, "word"))).unwrap());
    assert_eq!(wait(store.expire(LogId(3), 9)), Ok(2));
    assert_eq!((found(1), found(2), waiting(store, 1).len()), (vec![3, 4, 5, 6], vec![3, 4, 5, 6], 6));
    commit(store, Batch::new().with(Op::Erase { owner: ALICE }));
    assert_eq!((found(1), found(2)), (vec![], vec![3, 4, 5, 6]));
    // An id may come again when the frame is gone.
    commit(store, Batch::new().with(said(1, &[2], "another word")));
    indexed(store);
    assert_eq!(found(2), [1, 3, 4, 5, 6]);
    commit(store, Batch::new().with(Op::Erase { owner: BOB }));
    assert_eq!(found(2), [0; 0]);
}
