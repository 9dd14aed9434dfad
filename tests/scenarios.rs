//! The scenarios of the kernel and of the XEPs against the built binary.

use crate::sockets::{DOMAIN, OverSockets, scenario_files};
use crate::stentor::Setup;
use kernel::testing::scenario::Scenario;
use std::fmt::Write;
use std::path::Path;

fn play(folder: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let files = scenario_files(&root.join(folder));
    let server = Setup::default().domains(&[DOMAIN]).many_accounts().start();
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let mut failures = String::new();
    for file in files.iter().filter(|file| file.to_string_lossy().contains(&only)) {
        let text = std::fs::read_to_string(file).expect("a scenario");
        let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        if let Err(failure) = scenario.play(&mut OverSockets::new(&server)) {
            let name = file.strip_prefix(root).expect("below the root").display();
            writeln!(failures, "\n{name}, {failure}").expect("memory");
        }
    }
    assert!(failures.is_empty(), "scenarios that did not go as written:\n{failures}");
}

#[test]
fn rfc6120() {
    play("src/kernel/testing/rfc6120");
}

#[test]
fn rfc6121() {
    play("src/kernel/testing/rfc6121");
}

#[test]
fn xeps() {
    play("xeps");
}
