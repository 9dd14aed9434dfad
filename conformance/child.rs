//! Programs started, and ended for sure.

use crate::{Result, interrupt};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// What a program has printed, and how it ended.
pub(crate) struct Ended {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// None if it had to be ended.
    pub(crate) status: Option<ExitStatus>,
}

/// What ends a wait.
enum Sign {
    /// One of the outputs is closed.
    Closed,
    Interrupted,
}

/// Runs a program until it and all that it has started have closed their output, or until its time is over: then all
/// of them are ended.
pub(crate) fn run(command: &mut Command, patience: Duration) -> Result<Ended> {
    let words = words(command);
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).spawn().map_err(|error| format!("{words}: {error}"))?;
    let (send, signs) = channel();
    let mut outputs = Vec::new();
    for pipe in [
        child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
        child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
    ]
    .into_iter()
    .flatten()
    {
        let send = send.clone();
        outputs.push(std::thread::spawn(move || {
            let (mut pipe, mut text) = (pipe, Vec::new());
            // What was read before an error counts.
            let _ = pipe.read_to_end(&mut text);
            let _ = send.send(Sign::Closed);
            text
        }));
    }
    // Nobody listens after the end.
    interrupt::on_request(move || drop(send.send(Sign::Interrupted)));
    let deadline = Instant::now() + patience;
    let (mut open, mut late) = (outputs.len(), false);
    while open > 0 && !late {
        match signs.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Sign::Closed) => open -= 1,
            Ok(Sign::Interrupted) | Err(_) => late = true,
        }
    }
    if late {
        end_group(&child);
    }
    let status = child.wait()?;
    interrupt::check()?;
    let mut texts = outputs.into_iter().map(|output| output.join().unwrap_or_default());
    Ok(Ended {
        stdout: texts.next().unwrap_or_default(),
        stderr: texts.next().unwrap_or_default(),
        status: (!late).then_some(status),
    })
}

/// Kills the group of a child that was started as the first of its group.
pub(crate) fn end_group(child: &Child) {
    // Nobody may be left.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}

/// A command as one would type it.
pub(crate) fn words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// The last lines of an output.
pub(crate) fn tail(output: &[u8], lines: usize) -> String {
    let text = String::from_utf8_lossy(output);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
