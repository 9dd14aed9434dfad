//! The binary under test.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The path of `stentor`: what `STENTOR_BINARY` names, or else the one of the profile that the tests are built with,
/// brought up to date by cargo, once in each process.
pub fn binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("STENTOR_BINARY").map_or_else(build, PathBuf::from)).clone()
}

/// `target/<profile>/` of this test program, which is `target/<profile>/deps/tests-…`.
fn profile_directory() -> PathBuf {
    let program = std::env::current_exe().expect("the test knows its own path");
    let deps = program.parent().expect("a directory");
    let profile = if deps.ends_with("deps") { deps.parent().expect("a directory") } else { deps };
    profile.to_owned()
}

/// The `target` directory that this program was built in.
pub fn target_directory() -> PathBuf {
    profile_directory().parent().expect("a directory").to_owned()
}

fn build() -> PathBuf {
    let directory = profile_directory();
    let profile = directory.file_name().and_then(|name| name.to_str()).expect("a profile");
    // The directory of the profile `dev` has another name.
    let profile = if profile == "debug" { "dev" } else { profile };
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "server", "--bin", "stentor", "--profile", profile])
        .arg("--target-dir")
        .arg(target_directory())
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .status()
        .expect("cargo starts");
    assert!(built.success(), "stentor does not build");
    directory.join("stentor")
}
