//! Accounts made and removed by their users (XEP-0077), on servers that allow it: the way that all servers have in common.

use super::client::Client;
use crate::stream::Stream;
use minidom::Element;
use std::net::SocketAddr;
use std::time::Duration;
use wire::ns;

const REGISTER: &str = "jabber:iq:register";

/// Where to register.
#[derive(Clone, Debug)]
pub struct Registrar {
    /// The address for STARTTLS.
    pub c2s: SocketAddr,
    /// The domain of the accounts.
    pub domain: String,
    /// How long an answer may take.
    pub patience: Duration,
}

impl Registrar {
    /// Makes an account.
    ///
    /// # Errors
    /// What the server answered instead.
    pub fn make(&self, jid: &str, password: &str) -> Result<(), String> {
        let (local, _) = jid.split_once('@').ok_or("an account has a local part")?;
        let mut client = self.connect();
        client.secure()?;
        let field = |name, text: &str| Element::builder(name, REGISTER).append(text);
        let query = Element::builder("query", REGISTER).append(field("username", local));
        ask(&mut client, query.append(field("password", password)).build())
    }

    /// Removes an account whose password is known.
    ///
    /// # Errors
    /// What the server answered instead.
    pub fn remove(&self, jid: &str, password: &str) -> Result<(), String> {
        let mut client = self.connect();
        client.log_in(jid, password)?;
        ask(&mut client, Element::builder("bind", ns::BIND).build())?;
        let remove = Element::builder("remove", REGISTER);
        ask(&mut client, Element::builder("query", REGISTER).append(remove).build())
    }

    fn connect(&self) -> Client {
        Client::new(Stream::connect(self.c2s, &self.domain), &self.domain, self.patience)
    }
}

fn ask(client: &mut Client, payload: Element) -> Result<(), String> {
    client.send(&format!("<iq type='set' id='ask'>{}</iq>", String::from(&payload)));
    loop {
        let answer = client.element()?;
        // Some servers close the stream of a removed account with an error, and say nothing else.
        let removed =
            answer.is("error", ns::STREAMS) && answer.has_child("not-authorized", ns::STREAM_ERRORS);
        match (answer.attr("id"), answer.attr("type")) {
            (Some("ask"), Some("result")) => return Ok(()),
            _ if removed => return Ok(()),
            (Some("ask"), _) => return Err(String::from(&answer)),
            _ if answer.is("error", ns::STREAMS) => return Err(String::from(&answer)),
            _ => {}
        }
    }
}
