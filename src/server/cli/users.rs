//! The `stentor user` commands: through the running server if there is one, otherwise on the data directly.

use super::admin::{self, AdminRequest, AdminResponse};
use super::arguments::{PasswordSource, UserCommand};
use super::{Daemon, FAILED, WRONG};
use crate::config::Config;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::future::Future;
use std::io::{self, BufRead, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use wire::jid::{BareJid, prepare_domain};

/// A password. Does not show itself in logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What can be done with accounts. Implemented by the engine over its storage.
pub trait Users: Send + Sync {
    /// Makes an account, durable on return.
    fn add(&self, jid: &BareJid, password: &Password) -> impl Future<Output = Result<(), UsersError>> + Send;

    /// Sets the password of an account, durable on return.
    fn set_password(
        &self,
        jid: &BareJid,
        password: &Password,
    ) -> impl Future<Output = Result<(), UsersError>> + Send;

    /// The accounts of a domain, or all, in alphabetical order.
    fn list(&self, domain: Option<&str>) -> impl Future<Output = Result<Vec<BareJid>, UsersError>> + Send;

    /// Deletes an account and all its data; its sessions end.
    fn delete(&self, jid: &BareJid) -> impl Future<Output = Result<(), UsersError>> + Send;
}

/// Why it did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsersError {
    /// An account of that name is there.
    Exists,
    /// There is no such account.
    Unknown,
    /// The password cannot be used (RFC 8265), with the reason.
    Password(String),
    /// Storage failed, in the engine's words.
    Failed(String),
}

/// Does what a request asks for and says how it went.
pub async fn answer(users: &impl Users, config: &Config, request: AdminRequest) -> AdminResponse {
    match perform(users, config, request).await {
        Ok(response) => response,
        Err(message) => AdminResponse::Error { message },
    }
}

async fn perform(
    users: &impl Users,
    config: &Config,
    request: AdminRequest,
) -> Result<AdminResponse, String> {
    match request {
        AdminRequest::UserAdd { jid, password } => {
            let jid = account(&jid, config)?;
            users.add(&jid, &password).await.map_err(|error| explain(&error, &jid))?;
            Ok(AdminResponse::Ok)
        }
        AdminRequest::UserPassword { jid, password } => {
            let jid = account(&jid, config)?;
            users.set_password(&jid, &password).await.map_err(|error| explain(&error, &jid))?;
            Ok(AdminResponse::Ok)
        }
        AdminRequest::UserDelete { jid } => {
            // Not only of served domains: what is left of a domain given up must be deletable.
            let jid = address(&jid, config)?;
            users.delete(&jid).await.map_err(|error| explain(&error, &jid))?;
            Ok(AdminResponse::Ok)
        }
        AdminRequest::UserList { domain } => {
            let prepared = match &domain {
                Some(domain) => Some(prepare_domain(domain).map_err(|why| format!("{domain:?}: {why}"))?),
                None => None,
            };
            match users.list(prepared.as_deref()).await {
                Ok(list) => Ok(AdminResponse::Users(list)),
                Err(UsersError::Failed(why)) => Err(why),
                Err(error) => Err(format!("{error:?}")),
            }
        }
    }
}

fn address(text: &str, config: &Config) -> Result<BareJid, String> {
    match BareJid::parse(text) {
        Ok(jid) if jid.local().is_some() => Ok(jid),
        Ok(_) => Err(format!("{text:?} is not an account's address; write {text}@{}", config.main_domain())),
        Err(why) => Err(format!("{text:?} is not an address: {why}")),
    }
}

fn account(text: &str, config: &Config) -> Result<BareJid, String> {
    let jid = address(text, config)?;
    if config.serves(jid.domain()) {
        return Ok(jid);
    }
    let served: Vec<&str> = config.domains.iter().map(|domain| domain.as_str()).collect();
    Err(format!(
        "{} is not served here; served are: {}. To serve it, add it to \"domains\" in the configuration",
        jid.domain(),
        served.join(", ")
    ))
}

fn explain(error: &UsersError, jid: &BareJid) -> String {
    match error {
        UsersError::Exists => {
            format!("{jid} is there already; to change its password: stentor user password {jid}")
        }
        UsersError::Unknown => {
            let domain = jid.domain();
            format!("there is no account {jid}; to see which there are: stentor user list {domain}")
        }
        UsersError::Password(why) => format!("this password cannot be used: {why}; choose another"),
        UsersError::Failed(why) => why.clone(),
    }
}

/// Runs a `stentor user` command.
pub(super) fn command(command: UserCommand, config: &Config, daemon: &impl Daemon) -> ExitCode {
    let (request, done) = match request(command, config) {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("stentor: {why}");
            return ExitCode::from(WRONG);
        }
    };
    match perform_somewhere(request, config, daemon) {
        Ok(AdminResponse::Ok) => {
            println!("{done}");
            ExitCode::SUCCESS
        }
        Ok(AdminResponse::Users(list)) => {
            for jid in &list {
                println!("{jid}");
            }
            if list.is_empty() {
                eprintln!("no accounts yet; to make one: stentor user add me@{}", config.main_domain());
            }
            ExitCode::SUCCESS
        }
        Ok(AdminResponse::Error { message }) | Err(message) => {
            eprintln!("stentor: {message}");
            ExitCode::from(FAILED)
        }
    }
}

fn request(command: UserCommand, config: &Config) -> Result<(AdminRequest, String), String> {
    Ok(match command {
        UserCommand::Add { jid, password } => {
            // Before anybody types a password for nothing.
            let jid = account(&jid, config)?.to_string();
            let done = format!("added {jid}");
            (AdminRequest::UserAdd { password: obtain(&password, &jid)?, jid }, done)
        }
        UserCommand::Password { jid, password } => {
            let jid = account(&jid, config)?.to_string();
            let done = format!("changed the password of {jid}");
            (AdminRequest::UserPassword { password: obtain(&password, &jid)?, jid }, done)
        }
        UserCommand::List { domain } => (AdminRequest::UserList { domain }, String::new()),
        UserCommand::Delete { jid } => {
            let done = format!("deleted {jid}");
            (AdminRequest::UserDelete { jid }, done)
        }
    })
}

fn perform_somewhere(
    request: AdminRequest,
    config: &Config,
    daemon: &impl Daemon,
) -> Result<AdminResponse, String> {
    let socket = config.admin_socket();
    match admin::ask(&socket, &request) {
        Ok(response) => return Ok(response),
        // Nobody listens: the server does not run.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {}
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(format!(
                "this user may not talk to the server through {}; run the command as the server's user, for \
                 example: sudo -u stentor stentor user …",
                socket.display()
            ));
        }
        Err(error) => {
            return Err(format!("the server does not answer through {}: {error}", socket.display()));
        }
    }
    if !config.data.exists() {
        // Typed in another directory than the server's, as often as not.
        let data = std::path::absolute(&config.data).unwrap_or_else(|_| config.data.clone());
        let data = data.display();
        if !matches!(request, AdminRequest::UserAdd { .. }) {
            return Err(format!(
                "no server runs here and there is no data in {data}; run this where the server is run, or with its \
                 --config FILE"
            ));
        }
        eprintln!("no server runs here and there was no data: {data} is made for it");
    }
    check_owner(&config.data)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(async {
        let users = daemon.open_users(config).await?;
        Ok(answer(&users, config, request).await)
    })
}

/// What root writes into the data of the server's user, the server could not use.
fn check_owner(data: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    // A database has an owner of its own, who has used it so far.
    let found = std::fs::metadata(data.join(store::DATABASE)).or_else(|_| std::fs::metadata(data));
    match found.map(|found| found.uid()) {
        Ok(owner) if owner != rustix::process::geteuid().as_raw() => Err(format!(
            "{} belongs to another user, who could not use what this one writes there; run the command as that user: \
             sudo -u '#{owner}' stentor …",
            data.display()
        )),
        _ => Ok(()),
    }
}

fn obtain(source: &PasswordSource, jid: &str) -> Result<Password, String> {
    let password = if let Some(password) = &source.password {
        password.clone()
    } else if source.password_stdin {
        first_line(&mut io::stdin().lock())?
    } else if io::stdin().is_terminal() {
        let ask = |prompt: String| {
            rpassword::prompt_password(prompt).map_err(|error| format!("cannot read the password: {error}"))
        };
        let password = ask(format!("Password for {jid}: "))?;
        if ask("The same again: ".to_owned())? != password {
            return Err("the two passwords differ; nothing was changed".to_owned());
        }
        password
    } else {
        return Err("no terminal to ask for the password; use --password-stdin".to_owned());
    };
    if password.is_empty() {
        return Err("the password is empty; nothing was changed".to_owned());
    }
    Ok(Password(password))
}

pub(super) fn first_line(input: &mut impl BufRead) -> Result<String, String> {
    let mut line = String::new();
    input.read_line(&mut line).map_err(|error| format!("cannot read the password: {error}"))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
