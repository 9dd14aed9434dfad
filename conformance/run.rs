//! One run: the chosen suites on the chosen servers, one after the other.

use crate::arguments::Arguments;
use crate::cache::Cache;
use crate::case::{Case, Counts, Outcome};
use crate::expected::{Differences, Expected};
use crate::results::{self, SuiteResult};
use crate::servers::{Domain, Foreign, Kind, Server, Site};
use crate::suites::{self, Stage, Suite};
use crate::{Result, child, report};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Returns whether all went as expected.
pub(crate) fn run(arguments: &Arguments) -> Result<bool> {
    if arguments.suites == ["list"] {
        for suite in suites::ALL {
            println!("{:16} {}{}", suite.name, suite.about, if suite.fast { " [fast]" } else { "" });
        }
        return Ok(true);
    }
    let chosen = choose(&arguments.suites)?;
    let cache = Cache::open()?;
    let expected = Expected::read()?;
    let kinds: Vec<Kind> = match (&arguments.peer[..], arguments.server) {
        (_, Some(_)) => Vec::new(),
        ([], None) => vec![Kind::Stentor],
        (names, None) => {
            Kind::ALL.into_iter().filter(|kind| names.iter().any(|name| name == kind.name())).collect()
        }
    };
    for kind in &kinds {
        kind.install(&cache)?;
    }
    let (mut complaints, mut summary) = (Vec::new(), Vec::new());
    for suite in &chosen {
        (suite.install)(&cache).map_err(|error| format!("{}: {error}", suite.name))?;
        if let Some(address) = arguments.server {
            let result = elsewhere(suite, arguments, &cache, address)?;
            summary.push(show(&result, None, arguments.verbose));
        }
        let mut results = Vec::new();
        for kind in &kinds {
            let result = here(suite, *kind, &cache, arguments)?;
            let judged = (*kind == Kind::Stentor).then_some(&expected);
            summary.push(show(&result, judged, arguments.verbose));
            if let Some(expected) = judged {
                complaints.extend(expected.complaints(suite.name, &result.cases, arguments.only.is_none()));
            }
            if arguments.only.is_none() {
                result.keep(&cache)?;
            }
            results.push(result);
        }
        if let ([ours, one, other], "scenarios", None) = (&results[..], suite.name, &arguments.only) {
            complaints.extend(Differences::read()?.complaints(&ours.cases, [&one.cases, &other.cases]));
        }
    }
    println!("\n{}", summary.join("\n"));
    for complaint in &complaints {
        println!("UNEXPECTED {complaint}");
    }
    if let Some(folder) = &arguments.report {
        report::write(folder, &results::kept(&cache)?, &expected)?;
    }
    Ok(complaints.is_empty())
}

fn choose(names: &[String]) -> Result<Vec<&'static Suite>> {
    let mut chosen: Vec<&Suite> = Vec::new();
    for name in names {
        let found: Vec<&Suite> = match name.as_str() {
            "none" => continue,
            "all" => suites::ALL.iter().collect(),
            "fast" => suites::ALL.iter().filter(|suite| suite.fast).collect(),
            name => suites::ALL.iter().filter(|suite| suite.name == name).collect(),
        };
        if found.is_empty() {
            let known: Vec<&str> = suites::ALL.iter().map(|suite| suite.name).collect();
            return Err(format!(
                "no suite is called {name}; there are all, fast, none, {}",
                known.join(", ")
            )
            .into());
        }
        chosen.extend(found);
    }
    Ok(chosen)
}

/// On a server that is started for it.
fn here(suite: &Suite, kind: Kind, cache: &Cache, arguments: &Arguments) -> Result<SuiteResult> {
    println!("\n{} on {}", suite.name, kind.title());
    let site = Site::new(suite.domain)?;
    let server = kind.start(&site)?;
    play(suite, kind.name(), &*server, &site.domain, &site.certificates.ca, cache, arguments)
}

/// On one that runs already.
fn elsewhere(
    suite: &Suite,
    arguments: &Arguments,
    cache: &Cache,
    address: SocketAddr,
) -> Result<SuiteResult> {
    let domain = arguments.domain.as_deref().unwrap_or_default();
    if let Domain::Name(name) = suite.domain
        && suite.name == suites::SCENARIOS
        && name != domain
    {
        return Err(format!("the scenarios need a server for {name}, not for {domain}").into());
    }
    let server = Foreign::new(domain, address, SocketAddr::new(address.ip(), arguments.tls_port));
    // Any file of certificates will do for programs that want one.
    let ca = arguments.ca.clone().unwrap_or_else(|| PathBuf::from("/etc/ssl/certs/ca-certificates.crt"));
    play(suite, &address.to_string(), &server, domain, &ca, cache, arguments)
}

fn play(
    suite: &Suite,
    name: &str,
    server: &dyn Server,
    domain: &str,
    ca: &Path,
    cache: &Cache,
    arguments: &Arguments,
) -> Result<SuiteResult> {
    let scratch = tempfile::Builder::new().prefix("conformance-").tempdir()?;
    let (ca, only) = (ca.to_owned(), arguments.only.as_deref());
    let stage = Stage { cache, name, server, domain, ca, only, scratch: scratch.path().to_owned() };
    let start = Instant::now();
    // What plays a client here was made for tests, and panics like one.
    let played = catch_unwind(AssertUnwindSafe(|| (suite.run)(&stage)));
    let cases = match played {
        Ok(Ok(cases)) => cases,
        Ok(Err(problem)) => vec![Case::failed("the suite can be run", problem.to_string())],
        Err(_) => vec![Case::failed("the suite can be run", "a panic; see above")],
    };
    let failed = cases.iter().any(|case| matches!(case.outcome, Outcome::Failed(_)));
    if failed && arguments.verbose {
        println!("the end of the server's log:\n{}", child::tail(server.log().as_bytes(), 40));
    }
    Ok(SuiteResult {
        suite: suite.name.to_owned(),
        server: name.to_owned(),
        version: server.version(),
        date: report::today(),
        seconds: start.elapsed().as_secs(),
        cases,
    })
}

/// Prints what did not pass. Returns the line for the end.
fn show(result: &SuiteResult, expected: Option<&Expected>, verbose: bool) -> String {
    for case in &result.cases {
        let (word, reason) = match &case.outcome {
            Outcome::Passed => continue,
            Outcome::Failed(reason) => ("failed ", reason),
            Outcome::Skipped(reason) => ("skipped", reason),
        };
        let known = expected.and_then(|expected| expected.known(&result.suite, case));
        match known {
            Some(known) if !verbose => {
                println!("  {word} {} (known; {}: {})", case.name, known.fault.words(), known.reason);
            }
            _ => println!("  {word} {}\n{}", case.name, indented(reason, verbose)),
        }
    }
    let counts = Counts::of(&result.cases);
    format!("{} on {} {}: {counts} ({} s)", result.suite, result.server, result.version, result.seconds)
}

fn indented(reason: &str, verbose: bool) -> String {
    let lines: Vec<&str> = reason.lines().collect();
    // The end of a trace says most.
    let shown = if verbose { &lines[..] } else { &lines[lines.len().saturating_sub(8)..] };
    shown.iter().map(|line| format!("          {line}")).collect::<Vec<_>>().join("\n")
}
