//! REPORT.md: the results of all suites on all servers, and what is to be said about them.

use super::specifications::Specifications;
use crate::case::{Counts, Outcome};
use crate::expected::{Differences, Expected, Fault};
use crate::results::SuiteResult;
use crate::servers::Kind;
use crate::suites::{self, SCENARIOS};
use std::fmt::Write;

pub(super) fn report(
    specifications: &Specifications,
    results: &[SuiteResult],
    expected: &Expected,
    differences: &Differences,
) -> String {
    let mut out = String::from(
        "# Report\n\nGenerated; do not edit. To repeat it, on a machine with Rust, Python 3, Node.js with npm, Go, a JDK with \
         Maven, and Debian's\npackages:\n\n    cargo run -p conformance -- all --peer stentor --peer prosody --peer ejabberd \
         --report conformance\n\n",
    );
    versions(&mut out, results);
    by_suite(&mut out, results);
    by_specification(&mut out, specifications, results);
    unknown(&mut out, results, expected);
    known(&mut out, results, expected);
    disagreements(&mut out, results, differences);
    out
}

fn of<'r>(results: &'r [SuiteResult], suite: &str, kind: Kind) -> Option<&'r SuiteResult> {
    results.iter().find(|result| result.suite == suite && result.server == kind.name())
}

fn versions(out: &mut String, results: &[SuiteResult]) {
    out.push_str("## Servers\n\n| server | version | first and last result |\n|---|---|---|\n");
    for kind in Kind::ALL {
        let mine = || results.iter().filter(|result| result.server == kind.name());
        let dates = || mine().map(|result| result.date.as_str());
        if let (Some(first), Some(last)) = (dates().min(), dates().max()) {
            let version = mine().map(|result| result.version.as_str()).next_back().unwrap_or_default();
            let _ = writeln!(out, "| {} | {version} | {first}, {last} |", kind.title());
        }
    }
    out.push_str(
        "\nProsody and ejabberd run from their Debian packages, with the configurations in `servers/`: what the packages \
         enable, with\narchive, rooms and open registration.\n",
    );
}

fn by_suite(out: &mut String, results: &[SuiteResult]) {
    out.push_str("\n## By suite\n\nPassed, failed, skipped; seconds on Stentor.\n\n");
    out.push_str("| suite | what it is | Stentor | Prosody | ejabberd | s |\n|---|---|---|---|---|---|\n");
    let show = |counts: Counts| format!("{} / {} / {}", counts.passed, counts.failed, counts.skipped);
    for suite in suites::ALL {
        let cells = Kind::ALL.map(|kind| {
            of(results, suite.name, kind).map_or("–".to_owned(), |result| show(Counts::of(&result.cases)))
        });
        let seconds = of(results, suite.name, Kind::Stentor).map_or(0, |result| result.seconds);
        let _ = writeln!(out, "| {} | {} | {} | {seconds} |", suite.name, suite.about, cells.join(" | "));
    }
}

fn by_specification(out: &mut String, specifications: &Specifications, results: &[SuiteResult]) {
    out.push_str(
        "\n## By specification\n\nPassed of those tried. A test may count for several.\n\n\
         | specification | title | Stentor | Prosody | ejabberd |\n|---|---|---|---|---|\n",
    );
    for specification in &specifications.all {
        let counted = Kind::ALL.map(|kind| specification.counted(kind.name(), results));
        if counted.iter().all(super::counted::Counted::is_empty) {
            continue;
        }
        let cells = counted.map(|counted| counted.ratio()).join(" | ");
        let _ = writeln!(out, "| {} | {} | {cells} |", specification.id, specification.title);
    }
}

/// What does not pass on Stentor, and nobody has said why. A green run has none.
fn unknown(out: &mut String, results: &[SuiteResult], expected: &Expected) {
    let mut lines = Vec::new();
    for result in results.iter().filter(|result| result.server == Kind::Stentor.name()) {
        for case in &result.cases {
            let (Outcome::Failed(reason) | Outcome::Skipped(reason)) = &case.outcome else { continue };
            if expected.known(&result.suite, case).is_none() {
                lines.push(format!("| {} | {} | {} |\n", result.suite, case.name, first_line(reason)));
            }
        }
    }
    if !lines.is_empty() {
        out.push_str("\n## What nobody has explained yet\n\n| suite | test | reason |\n|---|---|---|\n");
        out.extend(lines);
    }
}

/// What does not pass on Stentor.
fn known(out: &mut String, results: &[SuiteResult], expected: &Expected) {
    for (fault, title) in [
        (Fault::Stentor, "Where Stentor is wrong"),
        (Fault::Suite, "Where the suite is wrong, or can't be run here"),
        (Fault::Unbuilt, "What is not built yet"),
    ] {
        let _ = writeln!(out, "\n## {title}\n");
        let mut lines = Vec::new();
        for result in results.iter().filter(|result| result.server == Kind::Stentor.name()) {
            for case in &result.cases {
                let known = expected.known(&result.suite, case).filter(|known| known.fault == fault);
                let Some(known) = known else { continue };
                let skipped = matches!(case.outcome, Outcome::Skipped(_));
                lines.push(format!(
                    "| {} | {}{} | {} | {} |\n",
                    result.suite,
                    case.name,
                    if skipped { " (skipped)" } else { "" },
                    known.section,
                    known.reason
                ));
            }
        }
        if lines.is_empty() {
            out.push_str("Nothing that is known.\n");
        } else {
            out.push_str("| suite | test | specification | reason |\n|---|---|---|---|\n");
            out.extend(lines);
        }
    }
}

fn disagreements(out: &mut String, results: &[SuiteResult], differences: &Differences) {
    let found = Kind::ALL.map(|kind| of(results, SCENARIOS, kind));
    let [Some(ours), Some(prosody), Some(ejabberd)] = found else { return };
    out.push_str(
        "\n## Scenarios that a peer does not pass\n\nThe line is the first that did not go as written. Where both fail, the \
         reason of ours stands beside it.\n\n| scenario | Prosody | ejabberd | why Stentor does otherwise |\n|---|---|---|---|\n",
    );
    for case in &ours.cases {
        let failed = [prosody, ejabberd].map(|peer| {
            peer.cases.iter().find_map(|other| match &other.outcome {
                Outcome::Failed(reason) if other.name == case.name => Some(first_line(reason)),
                _ => None,
            })
        });
        if failed.iter().all(Option::is_none) {
            continue;
        }
        let [one, other] = failed.map(Option::unwrap_or_default);
        let reason = differences.reason(&case.name).unwrap_or_default();
        let _ = writeln!(out, "| {} | {one} | {other} | {reason} |", case.name);
    }
}

/// For a cell of a table: the first line, not too long.
fn first_line(reason: &str) -> String {
    let line: String = reason.lines().next().unwrap_or_default().chars().take(120).collect();
    line.replace('|', "\\|").replace('<', "&lt;")
}
