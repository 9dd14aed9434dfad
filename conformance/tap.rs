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
        if let Some(rest) = result(line, "not ok") {
            // A failure stays one, whatever is said about it.
            said.cases.push(Case::failed(name(rest), ""));
        } else if let Some(rest) = result(line, "ok") {
            said.cases.push(case(rest));
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

/// What follows `ok` or `not ok` in a line that starts with just that word.
fn result<'l>(line: &'l str, word: &str) -> Option<&'l str> {
    line.strip_prefix(word).filter(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// ` 3 - name`: the number may be missing.
fn name(rest: &str) -> &str {
    let rest = rest.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
    rest.trim_start().strip_prefix("- ").unwrap_or(rest).trim()
}

/// ` 3 - name # SKIP why`, behind `ok`.
fn case(rest: &str) -> Case {
    let (rest, outcome) = match rest.split_once(" # SKIP") {
        Some((rest, why)) => (rest, Outcome::Skipped(why.trim().to_owned())),
        None => (rest, Outcome::Passed),
    };
    Case { name: name(rest).to_owned(), outcome }
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
fn a_failure_is_not_skipped() {
    let said = parse("not ok - chat # SKIP of no interest\nokay, so far\nnot okay\n1..1\n");
    assert!(said.is_complete());
    assert_eq!(said.cases, [Case::failed("chat # SKIP of no interest", "")]);
}

#[test]
fn an_early_end_shows() {
    assert!(!parse("TAP version 14\nok - log in\n").is_complete());
    assert!(!parse("TAP version 14\nok - log in\n1..2\n").is_complete());
    assert!(parse("1..0\n").is_complete());
}
