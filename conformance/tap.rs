//! The Test Anything Protocol: what the client programs of the suites print.
//!
//! Version 14 without subtests. Lines `  # …` below a `not ok` are its reason.

use crate::case::{Case, Outcome};

/// What a program has said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) cases: Vec<Case>,
    /// The number of tests that it announced; none if it ended before.
    pub(crate) plan: Option<usize>,
}

impl Said {
    /// Whether it ran to its end.
    pub(crate) fn is_complete(&self) -> bool {
        self.plan == Some(self.cases.len())
    }
}

/// Reads everything that a program has printed.
pub(crate) fn parse(text: &str) -> Said {
    let mut said = Said::default();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("not ok") {
            said.cases.push(case(rest, Outcome::Failed(String::new())));
        } else if let Some(rest) = line.strip_prefix("ok") {
            said.cases.push(case(rest, Outcome::Passed));
        } else if let Some(count) = line.strip_prefix("1..") {
            said.plan = count.trim().parse().ok();
        } else if let Some(reason) = line.strip_prefix("  # ").or_else(|| line.strip_prefix("  #"))
            && let Some(Case { outcome: Outcome::Failed(text), .. }) = said.cases.last_mut()
        {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(reason);
        }
    }
    said
}

/// ` 3 - name # SKIP why`: the number may be missing.
fn case(rest: &str, outcome: Outcome) -> Case {
    let rest = rest.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = rest.trim_start().strip_prefix("- ").unwrap_or(rest).trim();
    match rest.split_once(" # SKIP") {
        Some((name, why)) => {
            Case { name: name.trim().to_owned(), outcome: Outcome::Skipped(why.trim().to_owned()) }
        }
        None => Case { name: rest.to_owned(), outcome },
    }
}

#[test]
fn all_forms() {
    let said = parse(
        "TAP version 14\nok - log in\nnot ok 2 - chat\n  # expected a message\n  # got nothing\n\
         ok 3 - resume # SKIP this server offers no stream management\nnoise\n1..3\n",
    );
    assert!(said.is_complete());
    assert_eq!(
        said.cases,
        [
            Case::passed("log in"),
            Case::failed("chat", "expected a message\ngot nothing"),
            Case {
                name: "resume".to_owned(),
                outcome: Outcome::Skipped("this server offers no stream management".to_owned())
            },
        ]
    );
}

#[test]
fn an_early_end_shows() {
    assert!(!parse("TAP version 14\nok - log in\n").is_complete());
    assert!(!parse("TAP version 14\nok - log in\n1..2\n").is_complete());
    assert!(parse("1..0\n").is_complete());
}
