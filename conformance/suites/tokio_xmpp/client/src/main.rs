//! What people do with a client built on tokio-xmpp and xmpp-parsers.
//!
//! The environment must have SSL_CERT_FILE with the path that the argument calls `ca`: the library trusts what the
//! system trusts.

mod basic;
mod cable;
mod extensions;
mod later;
mod tap;
mod user;
mod world;

use tap::Test;
use world::{Told, World, attempt};

/// Asks for a login with no idea of the authority; see `basic::untrusted_certificate`.
const STRANGER: &str = "stranger";

macro_rules! tests {
    ($($name:literal => $steps:path,)*) => {
        &[$(($name, |world| Box::pin($steps(world)))),*]
    };
}

const TESTS: &[Test<World>] = tests! {
    "log in by STARTTLS" => basic::starttls,
    "log in by direct TLS" => basic::direct_tls,
    "wrong password is refused" => basic::wrong_password,
    "an untrusted certificate is refused" => basic::untrusted_certificate,
    "become contacts and see each other online" => basic::become_contacts,
    "refuse a contact request" => basic::refuse_request,
    "contact is in the roster after reconnecting" => basic::roster_stays,
    "remove a contact" => basic::remove_contact,
    "change of presence is seen by contacts" => basic::change_status,
    "presence tells who goes offline" => basic::go_offline,
    "chat both ways" => basic::chat,
    "chat of many messages keeps its order" => basic::order,
    "chat with somebody who does not exist comes back" => basic::nobody,
    "a message to an offline user arrives at next login, once" => basic::offline,
    "ping the server" => extensions::ping_server,
    "ping another client" => extensions::ping_client,
    "unknown request is answered by an error" => extensions::unknown_request,
    "disco tells the features of server and account" => extensions::features,
    "ask the server for its version" => extensions::version,
    "ask the server for its time" => extensions::time,
    "store and fetch a vCard" => extensions::vcard,
    "block and unblock a user" => extensions::blocking,
    "receipts and chat states pass" => extensions::receipts,
    "register an account, change its password, remove it" => extensions::registration,
    "resume a session after the connection broke" => later::resume,
    "join a room, talk, leave" => later::room,
    "fetch the archive" => later::archive,
    "carbons between two clients of one account" => later::carbons,
};

struct Stderr;

impl log::Log for Stderr {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }

    fn log(&self, record: &log::Record) {
        eprintln!("{} {}: {}", record.level(), record.target(), record.args());
    }

    fn flush(&self) {}
}

// One thread: StanzaReceiver of tokio-xmpp 6.0 does not wake up again when it is polled on one thread while another
// one sends.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let told: Told = serde_json::from_str(&arguments.next().ok_or("give the JSON argument")?)?;
    let world = World::new(told);
    if arguments.next().as_deref() == Some(STRANGER) {
        for how in [world.login("romeo"), world.direct_tls("romeo")] {
            let outcome = match how {
                Ok(how) => attempt(&how).await,
                Err(why) => Err(why),
            };
            println!("{outcome:?}");
        }
        return Ok(());
    }
    if std::env::var("SSL_CERT_FILE").as_ref() != Ok(&world.told.ca) {
        return Err(format!("start this with SSL_CERT_FILE={}", world.told.ca).into());
    }
    static LOG: Stderr = Stderr;
    log::set_logger(&LOG)?;
    log::set_max_level(log::LevelFilter::Warn);
    let only = world.told.only.clone();
    tap::run(TESTS, &only, world, World::close_all).await;
    Ok(())
}
