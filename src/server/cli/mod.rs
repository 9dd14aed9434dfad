//! The command line of `stentor`.
//!
//! Exit codes: 0 done, 1 it did not work, 2 the command line or the configuration is wrong.

pub mod admin;
mod arguments;
mod users;

#[cfg(test)]
mod tests;

pub use arguments::{Arguments, Command, UserCommand, parse};
pub use users::{Password, Users, UsersError, answer};

use crate::config::{self, ConfigError, Diagnostic, Loaded, XepOptions};
use std::future::Future;
use std::process::ExitCode;

/// What the command line needs from the rest of the server.
pub trait Daemon {
    /// Accounts in the data directory, for commands that run while the server does not.
    type Users: Users;

    /// All XEPs with their options, in reading order.
    fn xeps(&self) -> &[XepOptions];

    /// One line for each XEP: number, title, version.
    fn describe_xeps(&self) -> String;

    /// Everything that a start does, without its traces. Returns further warnings.
    fn check(&self, loaded: &Loaded) -> Result<Vec<Diagnostic>, ConfigError>;

    /// Serves until told to stop. The error is shown to the administrator as it is.
    fn run(self, loaded: Loaded) -> Result<(), String>;

    /// Opens the data directory without serving.
    fn open_users(&self, config: &config::Config) -> impl Future<Output = Result<Self::Users, String>>;
}

const FAILED: u8 = 1;
const WRONG: u8 = 2;

/// Does what the arguments of the process say.
pub fn main(daemon: impl Daemon) -> ExitCode {
    match parse(std::env::args_os()) {
        Ok(arguments) => dispatch(arguments, daemon),
        Err(error) => {
            // Help goes to standard output with code 0, errors to standard error with code 2.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(WRONG))
        }
    }
}

/// Does one command.
pub fn dispatch(arguments: Arguments, daemon: impl Daemon) -> ExitCode {
    match arguments.command {
        Command::Version => {
            println!("stentor {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Command::DefaultConfig => {
            print!("{}", config::annotated(daemon.xeps()));
            return ExitCode::SUCCESS;
        }
        Command::Xeps => {
            println!("{}", daemon.describe_xeps().trim_end());
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let loaded = match config::load(arguments.config.as_deref(), daemon.xeps()) {
        Ok(loaded) => loaded,
        Err(error) => return refuse(&error),
    };
    match arguments.command {
        Command::Check => check(&loaded, &daemon),
        Command::User(command) => users::command(command, &loaded.config, &daemon),
        _ => {
            show(&loaded.warnings);
            match daemon.run(loaded) {
                Ok(()) => ExitCode::SUCCESS,
                Err(why) => {
                    eprintln!("stentor: {why}");
                    ExitCode::from(FAILED)
                }
            }
        }
    }
}

fn check(loaded: &Loaded, daemon: &impl Daemon) -> ExitCode {
    show(&loaded.warnings);
    match daemon.check(loaded) {
        Ok(more) => {
            show(&more);
            let file = loaded.file.as_ref().map(|file| file.display().to_string());
            let count = loaded.warnings.len() + more.len();
            println!(
                "{}: can be used{}",
                file.as_deref().unwrap_or("no configuration file, the defaults hold"),
                match count {
                    0 => String::new(),
                    1 => ", with 1 warning".to_owned(),
                    more => format!(", with {more} warnings"),
                }
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            eprintln!("stentor: the server would not start; mend what stands above and check again");
            ExitCode::from(WRONG)
        }
    }
}

fn show(warnings: &[Diagnostic]) {
    for warning in warnings {
        eprintln!("{warning}");
    }
}

fn refuse(error: &ConfigError) -> ExitCode {
    eprintln!("{error}");
    eprintln!("stentor: the configuration cannot be used; nothing was done");
    ExitCode::from(WRONG)
}
