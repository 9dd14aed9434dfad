use super::admin::{AdminRequest, AdminResponse, ask, bind, serve};
use super::*;
use crate::config::{Text, load_text};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use wire::jid::BareJid;

fn command(line: &str) -> Result<Arguments, clap::Error> {
    parse(line.split_whitespace())
}

#[test]
fn bare_means_run_and_config_may_stand_anywhere() {
    let run = Arguments { config: None, command: Command::Run };
    assert_eq!(command("stentor").expect("run"), run);
    let file = Some(PathBuf::from("x.toml"));
    assert_eq!(command("stentor --config x.toml check").expect("check").config, file);
    let add = command("stentor user add me@example.org --password secret --config x.toml").expect("add");
    assert_eq!(add.config, file);
    assert!(!format!("{add:?}").contains("secret"));
    let Command::User(UserCommand::Add { jid, password }) = add.command else { panic!("not add") };
    assert_eq!((jid.as_str(), password.password.as_deref()), ("me@example.org", Some("secret")));
}

#[test]
fn slips_are_explained() {
    assert!(command("stentor chek").expect_err("unknown").to_string().contains("check"));
    let both = command("stentor user password a@b --password x --password-stdin").expect_err("both");
    assert_eq!(both.exit_code(), 2);
    assert_eq!(command("stentor --help").expect_err("help").exit_code(), 0);
}

#[test]
fn a_password_is_the_first_line() {
    assert_eq!(users::first_line(&mut "se cret\r\nmore\n".as_bytes()).as_deref(), Ok("se cret"));
}

#[derive(Default)]
struct Book(Mutex<BTreeMap<BareJid, Password>>);

impl Users for Book {
    async fn add(&self, jid: &BareJid, password: &Password) -> Result<(), UsersError> {
        let mut book = self.0.lock().expect("unpoisoned");
        if book.contains_key(jid) {
            return Err(UsersError::Exists);
        }
        book.insert(jid.clone(), password.clone());
        Ok(())
    }
    async fn set_password(&self, jid: &BareJid, password: &Password) -> Result<(), UsersError> {
        let mut book = self.0.lock().expect("unpoisoned");
        *book.get_mut(jid).ok_or(UsersError::Unknown)? = password.clone();
        Ok(())
    }
    async fn list(&self, domain: Option<&str>) -> Result<Vec<BareJid>, UsersError> {
        let book = self.0.lock().expect("unpoisoned");
        Ok(book.keys().filter(|jid| domain.is_none_or(|domain| jid.domain() == domain)).cloned().collect())
    }
    async fn delete(&self, jid: &BareJid) -> Result<(), UsersError> {
        self.0.lock().expect("unpoisoned").remove(jid).map(|_| ()).ok_or(UsersError::Unknown)
    }
}

fn config() -> config::Config {
    let text =
        Text { name: "x", text: Some("domains = [\"a.example\", \"b.example\"]"), base: Path::new("") };
    load_text(&text, [], &[]).expect("usable").config
}

fn add(jid: &str) -> AdminRequest {
    AdminRequest::UserAdd { jid: jid.to_owned(), password: Password("secret".to_owned()) }
}

async fn ask_async(path: &Path, request: AdminRequest) -> io::Result<AdminResponse> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || ask(&path, &request)).await.expect("no panic")
}

#[tokio::test]
async fn commands_reach_the_server_through_its_socket() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("stentor.sock");
    assert_eq!(ask(&path, &add("me@a.example")).expect_err("none runs").kind(), io::ErrorKind::NotFound);

    let listener = bind(&path).expect("bound");
    let mode = std::fs::metadata(&path).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(directory.path()).expect("listed").count(), 1, "nothing else is left");
    let shared = Arc::new((Book::default(), config()));
    let server = tokio::spawn(serve(listener, move |request| {
        let shared = shared.clone();
        async move { answer(&shared.0, &shared.1, request).await }
    }));

    assert_eq!(ask_async(&path, add("me@a.example")).await.expect("answer"), AdminResponse::Ok);
    let message = |response: io::Result<AdminResponse>| match response.expect("answer") {
        AdminResponse::Error { message } => message,
        other => panic!("{other:?} is no error"),
    };
    let twice = message(ask_async(&path, add("me@a.example")).await);
    assert!(twice.contains("stentor user password me@a.example"), "{twice}");
    let foreign = message(ask_async(&path, add("me@c.example")).await);
    assert!(foreign.contains("served are: a.example, b.example"), "{foreign}");
    assert!(message(ask_async(&path, add("me")).await).contains("write me@a.example"));
    let gone = AdminRequest::UserDelete { jid: "you@b.example".to_owned() };
    assert!(message(ask_async(&path, gone).await).contains("stentor user list b.example"));
    let list = AdminRequest::UserList { domain: None };
    let me = BareJid::parse("me@a.example").expect("address");
    assert_eq!(ask_async(&path, list).await.expect("answer"), AdminResponse::Users(vec![me]));

    let taken = bind(&path).expect_err("in use");
    assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    server.abort();
    let _ = server.await;
    assert_eq!(ask(&path, &add("x@a.example")).expect_err("dead").kind(), io::ErrorKind::ConnectionRefused);
    bind(&path).expect("a dead server's socket is replaced");
}

#[tokio::test]
async fn nonsense_and_endless_lines_are_answered_with_an_error() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("stentor.sock");
    let listener = bind(&path).expect("bound");
    tokio::spawn(serve(listener, |_| async { AdminResponse::Ok }));
    for line in [b"{\"no\":1}\n".to_vec(), vec![b'x'; 70_000], b"\xff\n".to_vec()] {
        let path = path.clone();
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = UnixStream::connect(path).expect("connected");
            // The server may hang up on the endless line before all of it is written.
            let _ = stream.write_all(&line);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut answer = String::new();
            let _ = io::BufRead::read_line(&mut io::BufReader::new(stream), &mut answer);
            answer
        });
        let answer = answer.await.expect("no panic");
        assert!(answer.contains("\"error\""), "{answer:?}");
    }
}

#[tokio::test]
async fn what_a_killed_server_left_is_no_hindrance() {
    let directory = tempfile::tempdir().expect("directory");
    std::fs::create_dir(directory.path().join("sock.new")).expect("made");
    std::fs::write(directory.path().join("sock.new/s"), "").expect("written");
    bind(&directory.path().join("stentor.sock")).expect("bound");
    assert_eq!(std::fs::read_dir(directory.path()).expect("listed").count(), 1);
}

#[tokio::test]
async fn the_longest_path_that_fits_an_address_can_be_used() {
    let directory = tempfile::tempdir().expect("directory");
    let room = 107 - "/stentor.sock".len() - directory.path().as_os_str().len() - 1;
    let long = directory.path().join("x".repeat(room));
    std::fs::create_dir(&long).expect("made");
    bind(&long.join("stentor.sock")).expect("bound");
}

#[test]
fn a_file_in_the_way_is_not_removed() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("stentor.sock");
    std::fs::write(&path, "precious").expect("written");
    assert_eq!(bind(&path).expect_err("no socket").kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_to_string(&path).expect("there"), "precious");
}
