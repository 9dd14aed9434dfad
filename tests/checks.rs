//! `stentor check`: all that would keep the server from starting, or from being of use, and what to do about it.

use crate::stentor::{Setup, Stentor};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The exit code, and everything that was said.
fn check(server: &Stentor) -> (i32, String) {
    let output = server.run(&["check"], "");
    let said = [output.stderr, output.stdout].concat();
    (output.status.code().expect("it ended by itself"), String::from_utf8(said).expect("UTF-8"))
}

fn names(directory: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> =
        std::fs::read_dir(directory).expect("listed").map(|entry| entry.expect("read").file_name()).collect();
    names.sort();
    names
}

#[test]
fn a_server_that_runs_is_no_hindrance() {
    let mut server = Setup::default().prepare();
    assert_eq!(check(&server).0, 0);
    assert_eq!(names(server.directory()), ["stentor.toml"], "nothing is made");
    server.start();
    let (code, said) = check(&server);
    assert_eq!((code, said.contains("warning")), (0, false), "{said}");
    server.kill();
    let left = names(&server.directory().join("data"));
    let (code, said) = check(&server);
    assert_eq!((code, said.contains("warning")), (0, false), "{said}");
    assert_eq!(names(&server.directory().join("data")), left);
    server.start();
}

#[test]
fn a_port_in_use_is_a_warning_and_an_address_of_another_machine_an_error() {
    let first = Setup::default().start();
    let second = Setup::default().prepare();
    let toml = std::fs::read_to_string(second.config_file()).expect("read");
    let own = second.c2s().to_string();
    std::fs::write(second.config_file(), toml.replace(&own, &first.c2s().to_string())).expect("written");
    let (code, said) = check(&second);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(&format!("warning: cannot listen on {}", first.c2s())), "{said}");
    assert!(said.contains("another program listens there"), "{said}");
    std::fs::write(second.config_file(), toml.replace(&own, "192.0.2.1:5222")).expect("written");
    let (code, said) = check(&second);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("cannot listen on 192.0.2.1:5222") && said.contains("no such address"), "{said}");
}

#[test]
fn data_that_cannot_be_used_is_an_error() {
    let mut server = Setup::default().start();
    server.terminate();
    let database = server.directory().join("data/stentor.db");
    let mut file = std::fs::File::options().read(true).write(true).open(&database).expect("opened");
    // The version, in the header of the file.
    let at = SeekFrom::Start(60);
    let mut version = [0; 4];
    file.seek(at).and_then(|_| file.read_exact(&mut version)).expect("read");
    file.seek(at).and_then(|_| file.write_all(&99_u32.to_be_bytes())).expect("written");
    let (code, said) = check(&server);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("has version 99") && said.contains("run the newer one"), "{said}");
    file.seek(at).and_then(|_| file.write_all(&version)).expect("written");
    assert_eq!(check(&server).0, 0);

    let toml = std::fs::read_to_string(server.config_file()).expect("read");
    for (data, advice) in
        [("stentor.toml/data", "\"data\" must name a directory"), (&"x".repeat(100), "shorter path")]
    {
        std::fs::write(server.config_file(), format!("data = {data:?}\n{toml}")).expect("written");
        let (code, said) = check(&server);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(advice), "{said}");
    }
}

#[test]
fn certificates_are_looked_at() {
    let with = "[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"";
    let server = Setup::default().domains(&["a.example", "b.example"]).config(with).prepare();
    let write = |name: &str, years: (i32, i32)| {
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        std::fs::write(server.directory().join("cert.pem"), certificate.pem()).expect("written");
        key.serialize_pem()
    };
    let key = |pem: &str| {
        let path = server.directory().join("key.pem");
        let _ = std::fs::remove_file(&path);
        let mut options = std::fs::File::options();
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.write(true).create_new(true).open(path).expect("made");
        file.write_all(pem.as_bytes()).expect("written");
    };
    key(&write("a.example", (2020, 2049)));
    let (code, said) = check(&server);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("does not name b.example") && !said.contains("does not name a.example"), "{said}");
    key(&write("a.example", (2020, 2021)));
    let (code, said) = check(&server);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("EXPIRED; renew it"), "{said}");
    // Everything that is wrong is told at once.
    write("a.example", (2020, 2049));
    let toml = std::fs::read_to_string(server.config_file()).expect("read");
    std::fs::write(server.config_file(), format!("data = \"cert.pem\"\n{toml}")).expect("written");
    let (code, said) = check(&server);
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("does not belong to the first certificate") && said.contains("\"data\" must name"),
        "{said}"
    );
}
