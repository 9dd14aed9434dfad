//! The second opinion: rxml, a strict parser by others, on the same input.
//!
//! Where rxml 0.14 is known to differ, no comparison is made: it takes a repeated namespace declaration, which XML 1.0
//! §3.1 refuses like any other repeated attribute; it refuses U+FDF0 to U+FFFD in names, which XML 1.0 §2.3 allows; it
//! refuses or loses a carriage return by itself in an attribute's value, which XML 1.0 §2.11 and §3.3.3 make a space;
//! it takes references to white space behind the root, where XML 1.0 §2.8 allows none; it refuses the version `1.00`,
//! which XML 1.0 §2.8 has read as 1.0; it takes `yEs` for `standalone`, where XML 1.0 §2.9 has `yes` and `no`; and it knows nothing of streams, content namespaces and limits.

use crate::framer::Story;
use rxml::{Event, Parse};
use std::collections::BTreeMap;
use wire::framer::Content;

/// Compares what the framer made of `input` with what rxml does.
pub(crate) fn compare(input: &[u8], story: &Story, content: Content) {
    let has_odd_names = String::from_utf8_lossy(input).contains(|c| matches!(c, '\u{FDF0}'..='\u{FFFD}'));
    let has_lone_return = input.windows(2).any(|pair| pair[0] == b'\r' && pair[1] != b'\n');
    if has_odd_names || has_lone_return {
        return;
    }
    for frame in &story.frames {
        let alone = events(format!("<w xmlns='jabber:client'>{frame}</w>").as_bytes());
        assert!(alone.is_ok(), "rxml refuses {frame}: {alone:?}");
    }
    if story.is_malformed() && !story.closed {
        let allowed = repeats_declaration(input) || input.windows(10).any(|word| word == b"standalone");
        assert!(allowed || events(input).is_err(), "rxml takes what the framer says is {:?}", story.error);
    }
    if story.closed && story.error.is_none() {
        // White space may precede a stream's header, as it may end what came before on the same connection.
        let theirs = match events(input.trim_ascii_start()) {
            Ok(theirs) => theirs,
            Err(error) if error.contains("only XML version 1.0") => return,
            Err(error) => panic!("rxml refuses what the framer takes: {error}"),
        };
        if content == Content::Client {
            let wrapped = format!("<w xmlns='jabber:client'>{}</w>", story.frames.concat());
            assert_eq!(events(wrapped.as_bytes()).map(inner), Ok(inner(theirs)), "it means something else");
        }
    }
}

/// The events of a document: elements with expanded names, attributes in order of names, text merged.
fn events(document: &[u8]) -> Result<Vec<String>, String> {
    let mut parser = rxml::Parser::new();
    let mut rest = document;
    let mut events: Vec<String> = Vec::new();
    let mut in_text = false;
    loop {
        let event = match parser.parse(&mut rest, true) {
            Ok(Some(event)) => event,
            Ok(None) => return Ok(events),
            Err(error) => return Err(format!("{error:?}")),
        };
        let is_text = matches!(event, Event::Text(..));
        match event {
            Event::StartElement(_, (namespace, name), attributes) => {
                let attributes: BTreeMap<String, String> = attributes
                    .iter()
                    .map(|((namespace, name), value)| (format!("{{{namespace}}}{name}"), value.to_string()))
                    .collect();
                events.push(format!("<{{{namespace}}}{name} {attributes:?}"));
            }
            Event::EndElement(_) => events.push("/".to_owned()),
            Event::Text(_, text) => match events.last_mut().filter(|_| in_text) {
                Some(last) => last.push_str(&text),
                None => events.push(format!("text {text}")),
            },
            _ => {}
        }
        in_text = is_text;
    }
}

/// Without the root's start, and without the white space between its children.
fn inner(events: Vec<String>) -> Vec<String> {
    let mut depth = 0;
    let keep = |event: &String| {
        match event.as_bytes().first() {
            Some(b'<') => depth += 1,
            Some(b'/') => depth -= 1,
            _ => return depth > 0,
        }
        true
    };
    events.into_iter().skip(1).filter(keep).collect()
}

/// Whether some tag may declare the same prefix, or the default namespace, twice.
fn repeats_declaration(document: &[u8]) -> bool {
    String::from_utf8_lossy(document).split('<').any(|tag| {
        let mut names: Vec<&str> = tag
            .match_indices("xmlns")
            .map(|(at, _)| {
                tag[at..].split(|c: char| c == '=' || c.is_ascii_whitespace()).next().unwrap_or_default()
            })
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        names.len() < all
    })
}
