//! README.md: how to run it, and the table of specifications.

use super::specifications::{Built, Row, Specification, Specifications};
use crate::results::SuiteResult;
use crate::servers::Kind;
use crate::suites;
use std::fmt::Write;

pub(super) fn readme(specifications: &Specifications, results: &[SuiteResult]) -> String {
    let mut out = include_str!("head.md").to_owned();
    out.push_str("\n## Suites\n\n| suite | what it is |\n|---|---|\n");
    for suite in suites::ALL {
        let _ =
            writeln!(out, "| {}{} | {} |", suite.name, if suite.fast { " (fast)" } else { "" }, suite.about);
    }
    out.push_str(
        "\n## Compliance suites 2023 (XEP-0479), the rows for servers\n\n\
         | category | feature | server | advanced server | specification | built | last result |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for row in &specifications.rows {
        row_line(&mut out, row, specifications, results);
    }
    out.push_str(
        "\nWhat it says of clients only is left out. `–`: nothing was tried.\n\n\
         ## Everything that is built\n\n\
         | specification | title | version | proofs | last result |\n|---|---|---|---|---|\n",
    );
    for specification in specifications.built() {
        let counted = specification.counted(Kind::Stentor.name(), results);
        let proofs = if counted.is_empty() { "no proof".to_owned() } else { counted.proofs() };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {proofs} | {} |",
            specification.id,
            specification.title,
            specification.version,
            last(specification, results)
        );
    }
    out.push_str("\nRFC 6121 by the letter: `rfc6121.toml` has each MUST and SHOULD with the scenario that proves it.\n");
    out
}

fn row_line(out: &mut String, row: &Row, specifications: &Specifications, results: &[SuiteResult]) {
    let mark = |required| if required { "✓" } else { "" };
    let found: Vec<&Specification> =
        row.providers.iter().filter_map(|provider| specifications.find(provider)).collect();
    let joined = |words: Vec<String>| words.join(", ");
    let ids = joined(found.iter().map(|found| found.id.clone()).collect());
    let _ = writeln!(
        out,
        "| {} | {} | {} | {} | {ids} | {} | {} |",
        row.category,
        row.feature,
        mark(row.core),
        mark(row.advanced),
        joined(found.iter().map(|found| words(found.built).to_owned()).collect()),
        joined(found.iter().map(|found| last(found, results)).collect()),
    );
}

fn words(built: Built) -> &'static str {
    match built {
        Built::No => "no",
        Built::Clients => "for clients",
        Built::Yes => "yes",
    }
}

/// What was proven on Stentor, and when.
fn last(specification: &Specification, results: &[SuiteResult]) -> String {
    let counted = specification.counted(Kind::Stentor.name(), results);
    match counted.is_empty() {
        true if specification.built == Built::No => "–".to_owned(),
        true => "no proof".to_owned(),
        false => format!("{} passed ({})", counted.ratio(), counted.date),
    }
}
