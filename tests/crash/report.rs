//! The table at the end of a run, and the first of what went wrong.

use crate::ledger::{Breach, Ledger, Promise, Verdict};
use crate::settings::Settings;
use std::collections::BTreeMap;
use std::fmt::Write;

/// So many cases of each broken promise are told in full.
const CASES: usize = 2;

/// All of it, ready to be printed.
pub(crate) fn report(title: &str, settings: &Settings, ledger: &Ledger, verdict: &Verdict) -> String {
    let mut out = format!("\n{title}: seed {}\n\n", settings.seed);
    let count = |promise| verdict.count(promise).to_string();
    let archived = verdict.archived.map_or("no archive".to_owned(), |rows| rows.to_string());
    let archive = verdict.archived.map_or("no archive".to_owned(), |_| count(Promise::Archived));
    let rows: [(&str, String); 22] = [
        ("kills", verdict.kills.to_string()),
        ("messages sent", verdict.sent.to_string()),
        ("sent again", verdict.resent.to_string()),
        ("acknowledged", verdict.acknowledged.to_string()),
        ("came back as errors", verdict.refused.to_string()),
        ("received", verdict.received.to_string()),
        ("rows in archives", archived),
        ("acknowledged and missing", count(Promise::NothingLost)),
        ("received twice", count(Promise::Once)),
        ("out of order", count(Promise::InOrder)),
        ("received although an error came", count(Promise::ErrorsAreTrue)),
        ("never acknowledged", count(Promise::Acknowledged)),
        ("archive rows wrong", archive),
        ("astray", count(Promise::Addressed)),
        ("wrong counts", count(Promise::Protocol)),
        ("resumes tried", verdict.resumes_tried.to_string()),
        ("resumes done", verdict.resumes_done.to_string()),
        ("requests", verdict.requests.to_string()),
        ("requests without an answer", count(Promise::Answered)),
        ("requests answered again", verdict.answered_again.to_string()),
        ("longest time to an answer", format!("{:.2?}", verdict.longest_answer)),
        ("longest time to be ready", format!("{:.2?}", verdict.slowest_start)),
    ];
    for (name, value) in rows {
        let _ = writeln!(out, "    {name:<32} {value:>12}");
    }
    let mut by_promise: BTreeMap<Promise, Vec<&Breach>> = BTreeMap::new();
    for breach in &verdict.breaches {
        by_promise.entry(breach.promise).or_default().push(breach);
    }
    for (promise, breaches) in by_promise {
        let _ = writeln!(out, "\n  {promise:?} is broken {} times; the first:", breaches.len());
        for breach in breaches.iter().take(CASES) {
            let _ = writeln!(out, "    {}\n{}", breach.text, ledger.story(breach));
        }
    }
    out
}
