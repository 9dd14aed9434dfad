//! Debian packages. They are installed into the system: that is what they are made for.

use crate::Result;
use crate::cache::step;
use std::process::Command;

/// Installs those that are missing, if this may be done; else the error tells the command.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| version(package).is_empty()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let hint = format!("To do it yourself: apt-get install --no-install-recommends {}", missing.join(" "));
    let mut prefix: &[&str] = &[];
    if !rustix::process::geteuid().is_root() {
        prefix = &["sudo", "-n"];
        step(Command::new("sudo").args(["-n", "true"]), &hint)?;
    }
    let apt = |arguments: &[&str]| {
        let mut words = prefix.to_vec();
        words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]);
        words.extend(arguments);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command
    };
    println!("installing {}", missing.join(", "));
    step(&mut apt(&["update"]), &hint)?;
    let mut arguments = vec!["install", "--no-install-recommends"];
    arguments.extend(missing);
    step(&mut apt(&arguments), &hint).map(|_| ())
}

/// The version of an installed package; empty if it is not installed.
pub(crate) fn version(package: &str) -> String {
    let asked =
        Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status} ${Version}", package]).output();
    let said = asked.map(|done| String::from_utf8_lossy(&done.stdout).into_owned()).unwrap_or_default();
    said.strip_prefix("installed ").unwrap_or_default().trim().to_owned()
}
