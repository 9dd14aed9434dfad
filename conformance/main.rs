//! Runs programs that others wrote against Stentor, or against another server, and says what came of it.
//!
//! `suites` has what is run, `servers` what it is run against, `packages` how both get here. What a run brings are
//! [`Case`](case::Case)s; `expected` tells which of them are known to fail, `report` writes them down.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod arguments;
mod cache;
mod case;
mod certificates;
mod child;
mod expected;
mod glob;
mod interrupt;
mod packages;
mod report;
mod results;
mod run;
mod servers;
mod suites;
mod tap;

use clap::Parser;
use std::process::ExitCode;

/// What went wrong outside of a test: words for whoever started the run.
type Problem = Box<dyn std::error::Error>;
type Result<T> = std::result::Result<T, Problem>;

fn main() -> ExitCode {
    match run::run(&arguments::Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("conformance: {problem}");
            ExitCode::from(2)
        }
    }
}
