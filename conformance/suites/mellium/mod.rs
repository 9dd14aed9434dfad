//! The integration tests of mellium.im/xmpp, run as they are.
//!
//! They start servers themselves, by name, with a configuration that they generate. For Prosody they are left to do
//! so; where Stentor is to be tested, the `prosody` and `prosodyctl` in `bin/` come first on their path.

use super::{Stage, Suite, file};
use crate::cache::{Cache, step};
use crate::case::{Case, Outcome};
use crate::packages::{debian, go, pypi};
use crate::servers::Domain;
use crate::{Result, child};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

pub(super) const SUITE: Suite = Suite {
    name: "mellium",
    about: "the integration tests of mellium.im/xmpp 0.22.0 (Go), also with mcabber, sendxmpp, aioxmpp, slixmpp",
    client: false,
    fast: false,
    // Theirs is not the server of the stage.
    domain: Domain::Name("localhost"),
    install,
    run,
};

const MODULE: &str = "mellium.im/xmpp@v0.22.0";
/// Those whose tests need a server: others look for servers in the Internet.
const TESTED: [&str; 13] = [
    "./blocklist",
    "./bookmarks",
    "./component",
    "./disco",
    "./history",
    "./ibb",
    "./muc",
    "./ping",
    "./pubsub",
    "./roster",
    "./upload",
    "./websocket",
    "./xtime",
];
/// The clients which some of the tests let talk with mellium. Their script for slixmpp needs one of that time.
const CLIENTS: [&str; 2] = ["mcabber", "sendxmpp"];
const PACKAGES: [&str; 4] = ["slixmpp==1.8.6", "aioxmpp==0.13.3", "pytz==2026.6", "setuptools==80.9.0"];

fn install(cache: &Cache) -> Result<()> {
    debian::install(&CLIENTS)?;
    pypi::environment(cache, &PACKAGES)?;
    let mut build = Command::new("go");
    build.current_dir(go::source(cache, MODULE)?);
    build.args(["test", "-tags", "integration", "-run", "^$"]).args(TESTED);
    step(&mut build, "").map(|_| ())
}

fn run(stage: &Stage) -> Result<Vec<Case>> {
    let mut path: Vec<PathBuf> = Vec::new();
    match stage.name {
        "stentor" => path.push(file("mellium/bin").into()),
        "prosody" => {}
        other => {
            let why = format!("these tests start their server themselves, and can't start {other}");
            return Ok(vec![Case { name: "all".to_owned(), outcome: Outcome::Skipped(why) }]);
        }
    }
    path.extend(pypi::environment(stage.cache, &PACKAGES)?.parent().map(PathBuf::from));
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut command = Command::new("go");
    command.current_dir(go::source(stage.cache, MODULE)?);
    command.args(["test", "-json", "-count=1", "-tags", "integration", "-run", "Integration"]).args(TESTED);
    command.env("PATH", std::env::join_paths(path)?);
    command.env("MELLIUM_INTEGRATION_SKIP", "ejabberdctl,jackal");
    command.env("STENTOR", tests::stentor::binary());
    command.env("TMPDIR", &stage.scratch);
    let ended = child::run(&mut command, super::PATIENCE)?;
    let mut cases = cases(&String::from_utf8_lossy(&ended.stdout));
    let failed = cases.iter().any(|case| matches!(case.outcome, Outcome::Failed(_)));
    let fine = ended.status.is_some_and(|status| status.success() || failed);
    let complete = fine && !cases.is_empty();
    cases.retain(|case| stage.only.is_none_or(|only| case.name.contains(only)));
    if !complete {
        cases.push(Case::failed(super::COMPLETE, child::tail(&ended.stderr, 30)));
    }
    Ok(cases)
}

/// Reads the events that `go test -json` prints. Tests of which others are a part are left out, and so are packages, but
/// where one fails and no part of it does, it is a failure itself.
fn cases(text: &str) -> Vec<Case> {
    let mut outputs: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut ends: BTreeMap<(String, String), String> = BTreeMap::new();
    for event in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let word = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let package = word("Package").rsplit('/').next().unwrap_or_default().to_owned();
        let key = (package, word("Test"));
        match word("Action").as_str() {
            "output" => outputs.entry(key).or_default().push_str(&word("Output")),
            end @ ("pass" | "fail" | "skip") => {
                ends.insert(key, end.to_owned());
            }
            _ => {}
        }
    }
    let told = ends.iter().filter(|((package, test), end)| {
        let below = if test.is_empty() { String::new() } else { format!("{test}/") };
        let mut parts = ends
            .iter()
            .filter(|((other, name), _)| other == package && name != test && name.starts_with(&below));
        if *end == "fail" { parts.all(|(_, end)| end != "fail") } else { parts.next().is_none() }
    });
    let mut cases = Vec::new();
    for (key @ (package, test), end) in told {
        let output = outputs.get(key).map(String::as_str).unwrap_or_default();
        let outcome = match end.as_str() {
            "pass" => Outcome::Passed,
            "fail" => Outcome::Failed(reason(output)),
            // The other servers.
            _ if test.contains("/ejabberdctl/") || test.contains("/jackal/") => continue,
            _ => Outcome::Skipped(reason(output)),
        };
        // Which server it is says the run.
        let test = test.replace("/prosody/", "/");
        let name = format!("{package} {}", test.trim_end_matches("/prosody"));
        cases.push(Case { name: name.trim_end().to_owned(), outcome });
    }
    cases
}

/// What the test itself has said, if it said something, and not the log of the server.
fn reason(output: &str) -> String {
    let said: Vec<&str> = output.lines().filter(|line| line.contains("_test.go:")).map(str::trim).collect();
    if said.is_empty() { child::tail(output.as_bytes(), 20) } else { said.join("\n") }
}

#[test]
fn events_become_cases() {
    let text = r#"
{"Action":"start","Package":"mellium.im/xmpp/ping"}
{"Action":"run","Package":"mellium.im/xmpp/ping","Test":"TestPing"}
{"Action":"output","Package":"mellium.im/xmpp/ping","Test":"TestPing/prosody/0","Output":"    integration.go:660: log\n"}
{"Action":"output","Package":"mellium.im/xmpp/ping","Test":"TestPing/prosody/0","Output":"    ping_test.go:7: no pong\n"}
{"Action":"fail","Package":"mellium.im/xmpp/ping","Test":"TestPing/prosody/0","Elapsed":0.1}
{"Action":"pass","Package":"mellium.im/xmpp/ping","Test":"TestPing/prosody/1","Elapsed":0.1}
{"Action":"skip","Package":"mellium.im/xmpp/ping","Test":"TestPing/jackal/0","Elapsed":0}
{"Action":"fail","Package":"mellium.im/xmpp/ping","Test":"TestPing","Elapsed":1}
{"Action":"fail","Package":"mellium.im/xmpp/ping","Elapsed":1}
{"Action":"output","Package":"mellium.im/xmpp/muc","Output":"does not build\n"}
{"Action":"fail","Package":"mellium.im/xmpp/muc","Elapsed":0}
{"Action":"pass","Package":"mellium.im/xmpp/roster","Test":"TestRoster/prosody/0","Elapsed":0.1}
{"Action":"output","Package":"mellium.im/xmpp/roster","Test":"TestRoster/prosody","Output":"no end\n"}
{"Action":"fail","Package":"mellium.im/xmpp/roster","Test":"TestRoster/prosody","Elapsed":0.1}
{"Action":"fail","Package":"mellium.im/xmpp/roster","Test":"TestRoster","Elapsed":0.1}
{"Action":"fail","Package":"mellium.im/xmpp/roster","Elapsed":0.1}
{"Action":"pass","Package":"mellium.im/xmpp/xtime","Test":"TestTime","Elapsed":0.1}
{"Action":"output","Package":"mellium.im/xmpp/xtime","Output":"exit status 2\n"}
{"Action":"fail","Package":"mellium.im/xmpp/xtime","Elapsed":0.1}
"#;
    assert_eq!(
        cases(text),
        [
            Case::failed("muc", "does not build"),
            Case::failed("ping TestPing/0", "ping_test.go:7: no pong"),
            Case::passed("ping TestPing/1"),
            Case::failed("roster TestRoster", "no end"),
            Case::passed("roster TestRoster/0"),
            Case::failed("xtime", "exit status 2"),
            Case::passed("xtime TestTime"),
        ]
    );
}
