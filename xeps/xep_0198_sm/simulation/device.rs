//! A client with stream management, as careful as XEP-0198 asks it to be.

use super::ledger::{DeviceId, Ledger};
use crate::testing;
use kernel::testing::{Client, World};
use minidom::Element;
use std::collections::VecDeque;
use wire::ns;

const SM: &str = "urn:xmpp:sm:3";

/// A stanza that was sent and not acknowledged.
pub(super) struct Unacknowledged {
    pub(super) xml: String,
    /// Its number in the ledger, if it is a message.
    pub(super) message: Option<usize>,
}

/// A device.
pub(super) struct Device {
    pub(super) id: DeviceId,
    /// Its connection.
    pub(super) client: Option<Client>,
    /// By which it can resume its session.
    pub(super) token: Option<String>,
    /// It never asks for one.
    pub(super) forgetful: bool,
    /// When it lost its connection, in seconds.
    pub(super) lost: u64,
    /// Stanzas sent in this session, and how many of them were acknowledged.
    sent: VecDeque<Unacknowledged>,
    acknowledged: u32,
    /// Stanzas received in this session, and the messages among them of which the server may not know that.
    received: u32,
    seen: VecDeque<(u32, usize)>,
    /// How many it acknowledged, and how many of these acknowledgements have been written down.
    told: u32,
    pub(super) noted: u32,
    /// The server has ended the session.
    ended: bool,
    /// The session's number: requests of an earlier one may stay unanswered.
    pub(super) session: usize,
}

impl Device {
    pub(super) fn new(id: DeviceId, forgetful: bool) -> Device {
        Device {
            id,
            client: None,
            token: None,
            forgetful,
            lost: 0,
            sent: VecDeque::new(),
            acknowledged: 0,
            received: 0,
            seen: VecDeque::new(),
            told: 0,
            noted: 0,
            ended: false,
            session: 0,
        }
    }

    pub(super) fn bare(&self) -> String {
        format!("user{}@example.org", self.id.0)
    }

    pub(super) fn send(&mut self, xml: String, message: Option<usize>) {
        if let Some(client) = &mut self.client {
            client.send(&xml);
        }
        self.sent.push_back(Unacknowledged { xml, message });
    }

    /// Says something that is no stanza.
    pub(super) fn say(&mut self, xml: &str) {
        if let Some(client) = &mut self.client {
            client.send(xml);
        }
    }

    pub(super) fn acknowledge(&mut self) {
        let h = self.received;
        self.say(&format!("<a xmlns='{SM}' h='{h}'/>"));
        if self.client.is_some() {
            self.told = h;
        }
    }

    /// The disk has everything up to now.
    pub(super) fn commit(&mut self) {
        self.noted = self.told;
        let noted = self.noted;
        self.seen.retain(|(number, _)| *number > noted);
    }

    /// The server has forgotten what the disk had not.
    pub(super) fn crash(&mut self) {
        self.told = self.noted;
    }

    pub(super) fn request(&mut self) {
        self.say(&format!("<r xmlns='{SM}'/>"));
    }

    /// Takes what has come.
    pub(super) fn take(&mut self, ledger: &mut Ledger) {
        let Some(client) = &mut self.client else { return };
        let elements = client.recv();
        elements.iter().for_each(|element| self.element(element, ledger));
        if std::mem::take(&mut self.ended) {
            (self.client, self.token) = (None, None);
        }
    }

    fn element(&mut self, element: &Element, ledger: &mut Ledger) {
        match (element.name(), element.ns().as_str()) {
            ("a", SM) => self.covered(element.attr("h").unwrap().parse().unwrap(), ledger),
            ("r", SM) => {}
            ("message", ns::CLIENT) => {
                self.received += 1;
                let number = element.attr("id").and_then(|id| id.parse().ok());
                match (number, element.attr("type")) {
                    (Some(number), Some("error")) => {
                        ledger.messages[number as usize].returned = true;
                    }
                    (Some(number), _) => {
                        let number: u32 = number;
                        ledger.got(self.id, self.session, number as usize);
                        self.seen.push_back((self.received, number as usize));
                    }
                    (None, _) => ledger.violation(format!("a message without id: {}", String::from(element))),
                }
            }
            ("iq", ns::CLIENT) => {
                self.received += 1;
                let number: usize = element.attr("id").unwrap().parse().unwrap();
                if matches!(element.attr("type"), Some("result" | "error")) {
                    ledger.requests[number].2 = true;
                }
            }
            ("presence", ns::CLIENT) => self.received += 1,
            // It has not acknowledged for too long, or its resource has been bound anew.
            ("error", ns::STREAMS) => self.ended = true,
            _ => ledger.violation(format!("{:?} got {}", self.id, String::from(element))),
        }
    }

    /// The server has taken so many stanzas.
    fn covered(&mut self, h: u32, ledger: &mut Ledger) {
        let news = h.wrapping_sub(self.acknowledged) as usize;
        if news > self.sent.len() {
            ledger.violation(format!(
                "{:?}: acknowledged {h}, too much: {} and {}",
                self.id,
                self.acknowledged,
                self.sent.len()
            ));
            return;
        }
        self.acknowledged = h;
        for stanza in self.sent.drain(..news) {
            if let Some(number) = stanza.message {
                ledger.messages[number].acknowledged = true;
            }
        }
    }

    pub(super) fn received(&self) -> u32 {
        self.received
    }

    /// Everything was acknowledged.
    pub(super) fn is_settled(&self) -> bool {
        self.sent.is_empty()
    }

    /// Logs in and resumes the session. False if the server knows none.
    pub(super) fn resume(&mut self, world: &World, commit: impl Fn(), ledger: &mut Ledger) -> bool {
        let Some(token) = self.token.clone() else { return false };
        let mut client = testing::certified(world, &self.bare());
        client.send(&format!("<resume xmlns='{SM}' previd='{token}' h='{}'/>", self.received));
        commit();
        let mut elements = client.recv();
        assert!(!elements.is_empty(), "no answer to resume");
        let answer = elements.remove(0);
        self.client = Some(client);
        if !answer.is("resumed", SM) {
            assert!(answer.is("failed", SM), "{}", String::from(&answer));
            self.token = None;
            return false;
        }
        self.covered(answer.attr("h").unwrap().parse().unwrap(), ledger);
        self.told = self.received;
        let again: Vec<String> = self.sent.iter().map(|stanza| stanza.xml.clone()).collect();
        again.iter().for_each(|xml| self.say(xml));
        elements.iter().for_each(|element| self.element(element, ledger));
        true
    }

    /// Binds anew, on a stream that has logged in or not, and sends again what was not acknowledged. Returns how many
    /// messages that were.
    pub(super) fn bind(&mut self, world: &World, commit: impl Fn(), ledger: &mut Ledger) -> usize {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => testing::certified(world, &self.bare()),
        };
        client.bind(&format!("device{}", self.id.1));
        let resume = if self.forgetful { "false" } else { "true" };
        client.send(&format!("<enable xmlns='{SM}' resume='{resume}'/>"));
        commit();
        let enabled = client.one();
        assert!(enabled.is("enabled", SM), "{}", String::from(&enabled));
        self.token = enabled.attr("id").map(str::to_owned);
        self.client = Some(client);
        let told = self.told;
        let unknown = self.seen.drain(..).filter(|(number, _)| *number > told);
        unknown.for_each(|(_, message)| ledger.may_come_again(self.id, message));
        (self.acknowledged, self.received, self.told, self.noted) = (0, 0, 0, 0);
        self.session += 1;
        let again: Vec<Unacknowledged> =
            self.sent.drain(..).filter(|stanza| stanza.message.is_some()).collect();
        self.send("<presence/>".to_owned(), None);
        let count = again.len();
        again.into_iter().for_each(|stanza| self.send(stanza.xml, stanza.message));
        self.take(ledger);
        count
    }
}
