//! Fills the log before anything else happens: many messages to accounts that never come.

use crate::connection::{Connection, Cut, Incoming, attribute};
use crate::server::Server;
use crate::world::{PASSWORD, World};
use std::fmt::Write;
use std::sync::Arc;

/// Messages to one account: less than any server keeps for somebody who is away.
const SHELF: usize = 4000;
/// Messages between two questions for an acknowledgement.
const BATCH: usize = 250;
/// Who writes them.
const LIBRARIAN: &str = "librarian";

/// Makes the accounts and writes the messages; returns when all are acknowledged.
pub(crate) async fn fill(server: &Server, world: &Arc<World>, messages: usize) {
    let shelves = messages.div_ceil(SHELF);
    server.make_accounts((0..shelves).map(|shelf| format!("shelf{shelf}")));
    server.make_accounts([LIBRARIAN]);
    let filled = write(world, messages).await;
    filled.unwrap_or_else(|Cut(error)| panic!("the log cannot be filled: {error}"));
}

async fn write(world: &World, messages: usize) -> Result<(), Cut> {
    let mut connection = Connection::open(&world.target, true, false).await?;
    connection.log_in(LIBRARIAN, PASSWORD).await?;
    connection.bind("desk").await?;
    connection.send("<enable xmlns='urn:xmpp:sm:3'/>").await?;
    connection.expect("enabled").await?;
    let domain = &world.target.domain;
    let body = "He jests at scars that never felt a wound. ".repeat(6);
    let mut written = 0;
    while written < messages {
        let mut text = String::new();
        for number in written..messages.min(written + BATCH) {
            let shelf = number / SHELF;
            let _ = write!(
                text,
                "<message to='shelf{shelf}@{domain}' type='chat' id='p-{number}'><body>{body}</body></message>"
            );
        }
        written = messages.min(written + BATCH);
        text.push_str("<r xmlns='urn:xmpp:sm:3'/>");
        connection.send(&text).await?;
        // All of it, before there is more: what is written is there then.
        loop {
            let Incoming::Frame(frame) = connection.due().await? else {
                return Err(Cut("the server closed the stream".to_owned()));
            };
            match frame.name() {
                "a" if attribute(&frame, "h") == Some(written.to_string()) => break,
                "message" => return Err(Cut(frame.as_str().to_owned())),
                _ => {}
            }
        }
    }
    connection.send("</stream:stream>").await
}
