//! Playing a scenario with any driver.

use super::template::{Variables, fill_in};
use super::{Action, Actor, Incoming, Pattern, Scenario, liberty};
use std::time::Duration;

/// How long a driver waits for the next element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// As long as a slow server needs: something is due.
    Due,
    /// As long as it takes to be sure that nothing comes.
    Quiet,
}

/// What plays the clients. Actors are given by their place in [`Scenario::actors`]. Errors are words that end the
/// scenario.
#[allow(clippy::missing_errors_doc, reason = "said above")]
pub trait Driver {
    /// Makes the accounts, fresh; removes those that must not be.
    fn prepare(&mut self, actors: &[Actor]) -> Result<(), String>;

    /// Connects, logs in and binds. Returns the full address.
    fn connect(&mut self, actor: usize) -> Result<String, String>;

    /// Only connects.
    fn open(&mut self, actor: usize, tls: bool) -> Result<(), String>;

    /// Sends text as it is. If it starts with a stream header, what is received from then on is a new stream, too.
    fn send(&mut self, actor: usize, xml: &str) -> Result<(), String>;

    /// The next thing that has come or comes in time.
    fn receive(&mut self, actor: usize, wait: Wait) -> Result<Option<Incoming>, String>;

    /// Whether the server has closed the connection, or does so in time.
    fn is_gone(&mut self, actor: usize) -> Result<bool, String>;

    /// The connection breaks; what was not received is lost.
    fn cut(&mut self, actor: usize) -> Result<(), String>;

    /// Time passes.
    fn advance(&mut self, time: Duration) -> Result<(), String>;

    /// Whether the server may do what specifications leave to servers otherwise than Stentor, which is held to what is
    /// written. `scenario` says what that is.
    fn is_free(&self) -> bool {
        false
    }
}

/// Where a scenario did not go as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Line of the step, from 1; 0 for the end or the beginning.
    pub line: usize,
    /// Why.
    pub message: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl Scenario {
    /// Plays all steps.
    ///
    /// # Errors
    /// The first step that does not go as written.
    pub fn play(&self, driver: &mut dyn Driver) -> Result<(), Failure> {
        driver.prepare(&self.actors).map_err(|message| Failure { line: 0, message })?;
        let (connected, jids) = (vec![false; self.actors.len()], vec![None; self.actors.len()]);
        let held = vec![None; self.actors.len()];
        let mut stage = Stage { scenario: self, driver, variables: Variables::new(), connected, jids, held };
        for step in &self.steps {
            stage.perform(&step.action).map_err(|message| Failure { line: step.line, message })?;
        }
        let last = self.steps.last().map_or(0, |step| step.line);
        stage
            .nobody_receives()
            .map_err(|message| Failure { line: last, message: format!("at the end: {message}") })
    }
}

struct Stage<'s> {
    scenario: &'s Scenario,
    driver: &'s mut dyn Driver,
    variables: Variables,
    connected: Vec<bool>,
    /// The full addresses of those who have logged in.
    jids: Vec<Option<String>>,
    /// What has come, and was not what might have come.
    held: Vec<Option<Incoming>>,
}

impl Stage<'_> {
    fn perform(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Connect(actor) => {
                let jid = self.driver.connect(*actor)?;
                let name =
                    self.name(*actor).to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
                let bare = jid.split_once('/').map_or(jid.as_str(), |(bare, _)| bare).to_owned();
                self.variables.insert(format!("{name}.bare"), bare);
                self.variables.insert(format!("{name}.jid"), jid.clone());
                self.jids[*actor] = Some(jid);
                self.connected[*actor] = true;
                Ok(())
            }
            Action::Open { actor, tls } => {
                self.connected[*actor] = true;
                self.driver.open(*actor, *tls)
            }
            Action::Send { actor, xml } => {
                let xml = fill_in(xml, &self.variables)?;
                self.driver.send(*actor, &xml)
            }
            Action::Receive { actor, patterns, any_order: false } => {
                patterns.iter().try_for_each(|pattern| self.receive(*actor, pattern))
            }
            Action::Receive { actor, patterns, any_order: true } => self.receive_all(*actor, patterns),
            Action::ReceiveOneOf { actor, patterns } => self.receive_one_of(*actor, patterns),
            Action::MayReceive { actor, pattern } => {
                if let Some(incoming) = self.next(*actor, Wait::Quiet)? {
                    self.held[*actor] = self.fits(*actor, pattern, &incoming).err().map(|_| incoming);
                }
                Ok(())
            }
            Action::ReceiveNothing(actor) => self.receive_nothing(*actor),
            Action::NobodyReceives => self.nobody_receives(),
            Action::Discard(Some(actor)) => self.discard(*actor),
            Action::Discard(None) => (0..self.connected.len())
                .filter(|actor| self.connected[*actor])
                .collect::<Vec<_>>()
                .into_iter()
                .try_for_each(|actor| self.discard(actor)),
            Action::Disconnect(actor) => {
                self.driver.send(*actor, "</stream:stream>")?;
                self.leave(*actor);
                if self.driver.is_gone(*actor)? {
                    self.driver.cut(*actor)
                } else {
                    Err(format!("{}: the server does not close the stream", self.name(*actor)))
                }
            }
            Action::BreakOff(actor) => {
                self.leave(*actor);
                self.driver.cut(*actor)
            }
            Action::IsDisconnected(actor) => {
                self.receive_nothing(*actor)?;
                self.leave(*actor);
                if self.driver.is_gone(*actor)? {
                    Ok(())
                } else {
                    Err(format!("{} is still connected", self.name(*actor)))
                }
            }
            Action::Befriend(one, other) => self.befriend(*one, *other),
            Action::Wait(time) => self.driver.advance(*time),
        }
    }

    fn name(&self, actor: usize) -> &str {
        &self.scenario.actors[actor].name
    }

    fn leave(&mut self, actor: usize) {
        self.connected[actor] = false;
        self.held[actor] = None;
    }

    fn next(&mut self, actor: usize, wait: Wait) -> Result<Option<Incoming>, String> {
        match self.held[actor].take() {
            Some(incoming) => Ok(Some(incoming)),
            None => self.driver.receive(actor, wait),
        }
    }

    fn receive(&mut self, actor: usize, pattern: &Pattern) -> Result<(), String> {
        match self.next(actor, Wait::Due)? {
            Some(incoming) => self.compare(actor, pattern, &incoming),
            None => Err(format!("{} received nothing instead of\n    {pattern}", self.name(actor))),
        }
    }

    fn compare(&mut self, actor: usize, pattern: &Pattern, incoming: &Incoming) -> Result<(), String> {
        self.fits(actor, pattern, incoming).map_err(|reason| {
            format!("{}: {reason}\n  expected {pattern}\n  received {incoming}", self.name(actor))
        })
    }

    /// Compares what was received as it is, and then with what another server may do otherwise. The error is that of the
    /// first comparison.
    fn fits(&mut self, actor: usize, pattern: &Pattern, incoming: &Incoming) -> Result<(), String> {
        let reason = match pattern.compare(incoming, &mut self.variables) {
            Ok(()) => return Ok(()),
            Err(reason) => reason,
        };
        let meant = if self.driver.is_free() { self.meant(actor, incoming) } else { Vec::new() };
        let fits = meant.iter().any(|incoming| pattern.compare(incoming, &mut self.variables).is_ok());
        if fits { Ok(()) } else { Err(reason) }
    }

    /// What else an element may be taken for.
    fn meant(&self, actor: usize, incoming: &Incoming) -> Vec<Incoming> {
        let Incoming::Element(element) = incoming else { return Vec::new() };
        let jid = self.jids[actor].as_deref();
        liberty::meant(element, jid).into_iter().map(Incoming::Element).collect()
    }

    fn receive_all(&mut self, actor: usize, patterns: &[Pattern]) -> Result<(), String> {
        let mut left: Vec<&Pattern> = patterns.iter().collect();
        while !left.is_empty() {
            let expected =
                || left.iter().map(|pattern| format!("\n  expected {pattern}")).collect::<String>();
            let Some(incoming) = self.next(actor, Wait::Due)? else {
                return Err(format!("{} received nothing more{}", self.name(actor), expected()));
            };
            let index = left.iter().position(|pattern| self.fits(actor, pattern, &incoming).is_ok());
            let Some(index) = index else {
                return Err(format!("{} received\n  {incoming}{}", self.name(actor), expected()));
            };
            left.remove(index);
        }
        Ok(())
    }

    fn receive_one_of(&mut self, actor: usize, patterns: &[Pattern]) -> Result<(), String> {
        let expected = patterns.iter().map(|pattern| format!("\n  expected {pattern}")).collect::<String>();
        let Some(incoming) = self.next(actor, Wait::Due)? else {
            return Err(format!("{} received nothing instead of one of{expected}", self.name(actor)));
        };
        if patterns.iter().any(|pattern| self.fits(actor, pattern, &incoming).is_ok()) {
            Ok(())
        } else {
            Err(format!("{} received none of these{expected}\n  received {incoming}", self.name(actor)))
        }
    }

    fn receive_nothing(&mut self, actor: usize) -> Result<(), String> {
        match self.next(actor, Wait::Quiet)? {
            None => Ok(()),
            Some(incoming) => Err(format!("{} received\n  {incoming}", self.name(actor))),
        }
    }

    fn nobody_receives(&mut self) -> Result<(), String> {
        for actor in 0..self.connected.len() {
            if self.connected[actor] {
                self.receive_nothing(actor)?;
            }
        }
        Ok(())
    }

    fn discard(&mut self, actor: usize) -> Result<(), String> {
        while self.next(actor, Wait::Quiet)?.is_some() {}
        Ok(())
    }

    /// RFC 6121 §3.1, in both directions, each step after the one before it has arrived.
    fn befriend(&mut self, one: usize, other: usize) -> Result<(), String> {
        for (from, to) in [(one, other), (other, one)] {
            for (sender, type_, receiver) in [(from, "subscribe", to), (to, "subscribed", from)] {
                let account = &self.scenario.actors[receiver].account;
                self.driver.send(sender, &format!("<presence type='{type_}' to='{account}'/>"))?;
                self.discard(one)?;
                self.discard(other)?;
            }
        }
        Ok(())
    }
}
