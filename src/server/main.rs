//! The `stentor` binary.
#![forbid(unsafe_code)]

use server::daemon::Stentor;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    server::cli::main(Stentor::new(xeps::ALL))
}
