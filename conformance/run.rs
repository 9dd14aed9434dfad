//! One run: the chosen suites on the chosen servers, one after the other.

use crate::arguments::Arguments;
use crate::cache::Cache;
use crate::case::{Case, Counts, Outcome};
use crate::expected::{Differences, Expected};
use crate::results::{self, SuiteResult};
use crate::servers::{Domain, Foreign, Kind, Server, Site};
use crate::suites::{self, Stage, Suite};
use crate::{Result, child, interrupt, report};
use std::net::{SocketAddr, TcpStream};
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
    interrupt::listen()?;
    let cache = Cache::open()?;
    let expected = Expected::read()?;
    let kinds: Vec<Kind> = match (&arguments.peer[..], arguments.server) {
        (_, Some(_)) => Vec::new(),
        ([], None) => vec![Kind::Stentor],
        (names, None) => {
            Kind::ALL.into_iter().filter(|kind| names.iter().any(|name| name == kind.name())).collect()
        }
    };
    install(&chosen, &kinds, &cache)?;
    let mut run =
        Run { arguments, cache: &cache, expected: &expected, results: Vec::new(), complaints: Vec::new() };
    for suite in &chosen {
        if let Some(address) = arguments.server {
            run.elsewhere(suite, address)?;
        }
        for kind in &kinds {
            run.here(suite, *kind)?;
        }
        run.compare(suite.name)?;
    }
    let complaints = run.finish();
    if let Some(folder) = &arguments.report {
        report::write(folder, &results::kept(&cache)?, &expected)?;
    }
    Ok(complaints == 0)
}

/// What came of it so far.
struct Run<'r> {
    arguments: &'r Arguments,
    cache: &'r Cache,
    expected: &'r Expected,
    results: Vec<SuiteResult>,
    /// What makes it red.
    complaints: Vec<String>,
}

impl Run<'_> {
    fn is_whole(&self) -> bool {
        self.arguments.only.is_none()
    }

    /// One suite on a server that is started for it.
    fn here(&mut self, suite: &Suite, kind: Kind) -> Result<()> {
        println!("\n{} on {}", suite.name, kind.title());
        let site = Site::new(suite.domain)?;
        let server = kind.start(&site)?;
        let stage = Place { name: kind.name(), domain: &site.domain, ca: &site.certificates.ca };
        let result = play(suite, &*server, &stage, self.cache, self.arguments)?;
        let judged = (kind == Kind::Stentor).then_some(self.expected);
        show(&result, judged, self.arguments.verbose);
        self.complaints.extend(match judged {
            Some(expected) => expected.complaints(suite.name, &result.cases, self.is_whole()),
            // Peers fail what they fail; that it could be tried is another matter.
            None => failures(&result, |case| TROUBLE.contains(&case.name.as_str())),
        });
        if self.is_whole() {
            if result.cases.is_empty() {
                self.complaints.push(format!("{} on {}: no test was run", suite.name, kind.name()));
            }
            result.keep(self.cache)?;
        }
        self.results.push(result);
        Ok(())
    }

    /// One suite on a server that runs already.
    fn elsewhere(&mut self, suite: &Suite, address: SocketAddr) -> Result<()> {
        let arguments = self.arguments;
        let domain = arguments.domain.as_deref().unwrap_or_default();
        if let Domain::Name(name) = suite.domain
            && suite.name == suites::SCENARIOS
            && name != domain
        {
            return Err(format!("the scenarios need a server for {name}, not for {domain}").into());
        }
        TcpStream::connect(address).map_err(|error| format!("--server {address}: {error}"))?;
        println!("\n{} on {address}", suite.name);
        let server = Foreign::new(domain, address, SocketAddr::new(address.ip(), arguments.tls_port));
        // Any file of certificates will do for programs that want one.
        let ca = arguments.ca.clone().unwrap_or_else(|| PathBuf::from("/etc/ssl/certs/ca-certificates.crt"));
        let stage = Place { name: &address.to_string(), domain, ca: &ca };
        let result = play(suite, &server, &stage, self.cache, arguments)?;
        show(&result, None, arguments.verbose);
        // Nothing is known of it.
        self.complaints.extend(failures(&result, |_| true));
        self.results.push(result);
        Ok(())
    }

    /// Stentor beside both peers.
    fn compare(&mut self, suite: &str) -> Result<()> {
        let here = |kind: Kind| self.results.iter().find(|it| it.suite == suite && it.server == kind.name());
        if suite == suites::SCENARIOS
            && self.is_whole()
            && let [Some(ours), Some(one), Some(other)] = Kind::ALL.map(here)
        {
            let complaints = Differences::read()?.complaints(&ours.cases, [&one.cases, &other.cases]);
            self.complaints.extend(complaints);
        }
        Ok(())
    }

    /// Prints the sums and what makes it red. Returns how much that is.
    fn finish(mut self) -> usize {
        if let Some(only) = &self.arguments.only
            && self.results.iter().all(|result| result.cases.is_empty())
            && !self.results.is_empty()
        {
            self.complaints.push(format!("no test has a name that contains \"{only}\""));
        }
        let ours: Vec<(&str, &[Case])> = self
            .results
            .iter()
            .filter(|result| result.server == Kind::Stentor.name())
            .map(|result| (result.suite.as_str(), &result.cases[..]))
            .collect();
        if self.is_whole() && suites::ALL.iter().all(|suite| ours.iter().any(|(name, _)| *name == suite.name))
        {
            self.complaints.extend(self.expected.unused(&ours));
        }
        println!();
        for result in &self.results {
            let SuiteResult { suite, server, version, seconds, cases, .. } = result;
            println!("{suite} on {server} {version}: {} ({seconds} s)", Counts::of(cases));
        }
        for complaint in &self.complaints {
            println!("UNEXPECTED {complaint}");
        }
        self.complaints.len()
    }
}

/// The failures among some tests.
fn failures(result: &SuiteResult, of: impl Fn(&Case) -> bool) -> Vec<String> {
    let failed = result.cases.iter().filter(|case| matches!(case.outcome, Outcome::Failed(_)) && of(case));
    failed.map(|case| format!("{} on {}: {} fails", result.suite, result.server, case.name)).collect()
}

/// Before anything runs, and all that is missing is told at once.
fn install(suites: &[&Suite], kinds: &[Kind], cache: &Cache) -> Result<()> {
    let servers = kinds.iter().map(|kind| (kind.name(), kind.install(cache)));
    let suites = suites.iter().map(|suite| (suite.name, (suite.install)(cache)));
    let mut problems = Vec::new();
    for (name, installed) in servers.chain(suites) {
        interrupt::check()?;
        problems.extend(installed.err().map(|error| format!("{name}: {error}")));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n\n").into()) }
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

/// Stand for all tests of a suite that could not be told.
const TROUBLE: [&str; 3] = [CAN_RUN, suites::COMPLETE, IN_ORDER];
const CAN_RUN: &str = "the suite can be run";
const IN_ORDER: &str = "the server is in order at the end";

/// Where a server is found.
struct Place<'p> {
    name: &'p str,
    domain: &'p str,
    ca: &'p Path,
}

fn play(
    suite: &Suite,
    server: &dyn Server,
    place: &Place,
    cache: &Cache,
    arguments: &Arguments,
) -> Result<SuiteResult> {
    let scratch = tempfile::Builder::new().prefix("conformance-").tempdir()?;
    let (name, domain, ca) = (place.name, place.domain, place.ca.to_owned());
    let only = arguments.only.as_deref();
    let stage = Stage { cache, name, server, domain, ca, only, scratch: scratch.path().to_owned() };
    let start = Instant::now();
    // What plays a client here was made for tests, and panics like one.
    let played = catch_unwind(AssertUnwindSafe(|| (suite.run)(&stage)));
    interrupt::check()?;
    let mut cases = match played {
        Ok(Ok(cases)) => cases,
        Ok(Err(problem)) => vec![Case::failed(CAN_RUN, problem.to_string())],
        Err(_) => vec![Case::failed(CAN_RUN, "a panic; see above")],
    };
    cases.extend(trouble(server).map(|trouble| Case::failed(IN_ORDER, trouble)));
    let failed = cases.iter().any(|case| matches!(case.outcome, Outcome::Failed(_)));
    if failed && arguments.verbose {
        println!("the end of the server's log:\n{}", child::tail(server.log().as_bytes(), 40));
    }
    Ok(SuiteResult {
        suite: suite.name.to_owned(),
        server: place.name.to_owned(),
        version: server.version(),
        date: report::today(),
        seconds: start.elapsed().as_secs(),
        cases,
    })
}

/// What a server must not come to, whatever the tests see of it.
fn trouble(server: &dyn Server) -> Option<String> {
    let log = server.log();
    if let Err(error) = TcpStream::connect(server.c2s()) {
        return Some(format!("{}: {error}\n{}", server.c2s(), child::tail(log.as_bytes(), 20)));
    }
    // Stentor survives a panic of a task; it is still a fault.
    let panics: Vec<&str> = log.lines().filter(|line| line.contains("panicked at")).collect();
    (!panics.is_empty()).then(|| panics.join("\n"))
}

/// Prints what did not pass.
fn show(result: &SuiteResult, expected: Option<&Expected>, verbose: bool) {
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
}

fn indented(reason: &str, verbose: bool) -> String {
    let lines: Vec<&str> = reason.lines().collect();
    // The end of a trace says most.
    let shown = if verbose { &lines[..] } else { &lines[lines.len().saturating_sub(8)..] };
    shown.iter().map(|line| format!("          {line}")).collect::<Vec<_>>().join("\n")
}
