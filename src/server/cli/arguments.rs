//! Parsing of the arguments.

use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// A parsed command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// The file of `--config`.
    pub config: Option<PathBuf>,
    /// What to do.
    pub command: Command,
}

/// Reads the arguments, the program's name first. The error is what to show: a complaint, or the help.
pub fn parse<I, T>(arguments: I) -> Result<Arguments, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let line = Line::try_parse_from(arguments)?;
    Ok(Arguments { config: line.config, command: line.command.unwrap_or(Command::Run) })
}

#[derive(Parser)]
#[command(
    name = "stentor",
    about = "An XMPP server",
    version,
    after_help = "Without a command: run. Without a configuration file: serves localhost from ./data."
)]
struct Line {
    /// Configuration file [default: stentor.toml, then /etc/stentor/stentor.toml]
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Start the server
    Run,
    /// Tell whether the server would start with this configuration
    Check,
    /// Add, change, list and delete accounts, with the server running or not
    #[command(subcommand)]
    User(UserCommand),
    /// List the XEPs that this server speaks
    Xeps,
    /// Print the version
    Version,
    /// Print a configuration file with every option explained, for a start: default-config > stentor.toml
    DefaultConfig,
}

const ASKED: &str = "Without --password or --password-stdin the password is asked for.";

/// What to do with accounts.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum UserCommand {
    /// Make an account
    #[command(after_help = ASKED)]
    Add {
        /// Address, such as me@example.org
        jid: String,
        /// Where its password comes from.
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Give an account a new password
    #[command(after_help = ASKED)]
    Password {
        /// Address, such as me@example.org
        jid: String,
        /// Where its password comes from.
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List the accounts, one a line
    List {
        /// Only those of this domain
        domain: Option<String>,
    },
    /// Delete an account with everything that belongs to it
    Delete {
        /// Address, such as me@example.org
        jid: String,
    },
}

/// Where a password comes from; without either option it is asked for.
#[derive(Clone, Default, PartialEq, Eq, Args)]
#[group(multiple = false)]
pub struct PasswordSource {
    /// The password; other users of this machine can see it while the command runs
    #[arg(long, value_name = "PASSWORD")]
    pub password: Option<String>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    pub password_stdin: bool,
}

impl std::fmt::Debug for PasswordSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let password = self.password.as_ref().map(|_| "…");
        f.debug_struct("PasswordSource")
            .field("password", &password)
            .field("password_stdin", &self.password_stdin)
            .finish()
    }
}
