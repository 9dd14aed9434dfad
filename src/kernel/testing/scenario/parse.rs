//! Reading a scenario's text.

use super::{Action, Actor, Pattern, Scenario, Step};
use std::time::Duration;

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line, from 1; 0 if unknown.
    pub line: usize,
    /// Why.
    pub message: String,
}

impl ParseError {
    pub(super) fn new(message: impl Into<String>) -> ParseError {
        ParseError { line: 0, message: message.into() }
    }

    fn at(self, line: usize) -> ParseError {
        ParseError { line, ..self }
    }
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for ParseError {}

/// A line at the margin, with what is indented below it.
struct Block {
    line: usize,
    head: String,
    body: Vec<String>,
}

impl Scenario {
    /// Reads a text.
    ///
    /// # Errors
    /// The first line that can't be understood.
    pub fn parse(text: &str) -> Result<Scenario, ParseError> {
        let title =
            text.lines().find_map(|line| line.strip_prefix('#')).unwrap_or_default().trim().to_owned();
        let mut scenario = Scenario { title, actors: Vec::new(), steps: Vec::new() };
        for block in blocks(text)? {
            let line = block.line;
            if let Some(name) = block.head.strip_prefix("[Client]") {
                scenario.actors.push(actor(name.trim(), &block.body).map_err(|error| error.at(line))?);
            } else if !block.head.starts_with("---") {
                let action = scenario.action(&block).map_err(|error| error.at(line))?;
                scenario.steps.push(Step { line, action });
            }
        }
        Ok(scenario)
    }

    fn action(&self, block: &Block) -> Result<Action, ParseError> {
        let (head, inline) = match block.head.split_once(':') {
            Some((head, inline)) => (head.trim(), Some(inline.trim())),
            None => (block.head.as_str(), None),
        };
        let xml = [inline.unwrap_or_default(), &block.body.join("\n")].join("\n").trim().to_owned();
        if inline.is_some() == xml.is_empty() {
            return Err(ParseError::new("XML goes behind a colon, or below it"));
        }
        match head {
            "nobody receives anything" => return Ok(Action::NobodyReceives),
            "everybody discards" => return Ok(Action::Discard(None)),
            _ => {}
        }
        if let Some(time) = head.strip_prefix("wait ") {
            return duration(time).map(Action::Wait);
        }
        let unknown = || ParseError::new(format!("not understood: {}", block.head));
        let (actor, verb) = self.whose(head).ok_or_else(unknown)?;
        let says = ["sends", "receives", "receives in any order", "receives one of", "may receive"];
        let says = says.contains(&verb);
        if says != inline.is_some() {
            return Err(unknown());
        }
        Ok(match verb {
            "connects" => Action::Connect(actor),
            "opens a connection" => Action::Open { actor, tls: true },
            "opens a connection in the clear" => Action::Open { actor, tls: false },
            "sends" => Action::Send { actor, xml },
            "receives" | "receives in any order" => {
                Action::Receive { actor, patterns: Pattern::parse_all(&xml)?, any_order: verb != "receives" }
            }
            "receives one of" => Action::ReceiveOneOf { actor, patterns: Pattern::parse_all(&xml)? },
            "may receive" => Action::MayReceive { actor, pattern: Pattern::parse(&xml)? },
            "receives nothing" => Action::ReceiveNothing(actor),
            "discards" => Action::Discard(Some(actor)),
            "disconnects" => Action::Disconnect(actor),
            "breaks off" => Action::BreakOff(actor),
            "is disconnected" => Action::IsDisconnected(actor),
            _ => {
                let other = verb.strip_prefix("and ").and_then(|rest| rest.strip_suffix(" are friends"));
                let other = other.and_then(|name| self.actors.iter().position(|actor| actor.name == name));
                Action::Befriend(actor, other.ok_or_else(unknown)?)
            }
        })
    }

    /// Who a step is about, and what comes behind the name.
    fn whose<'h>(&self, head: &'h str) -> Option<(usize, &'h str)> {
        let named = self.actors.iter().enumerate().filter_map(|(index, actor)| {
            let verb = head.strip_prefix(actor.name.as_str())?.strip_prefix(' ')?;
            Some((index, verb.trim()))
        });
        // "Romeo" may be the beginning of another name: the longest one is meant.
        named.min_by_key(|(_, verb)| verb.len())
    }
}

fn blocks(text: &str) -> Result<Vec<Block>, ParseError> {
    let mut blocks: Vec<Block> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if !line.starts_with([' ', '\t']) {
            blocks.push(Block { line: index + 1, head: line.trim().to_owned(), body: Vec::new() });
            continue;
        }
        match blocks.last_mut() {
            Some(block) => block.body.push(line.to_owned()),
            None => return Err(ParseError::new("nothing stands above this line").at(index + 1)),
        }
    }
    Ok(blocks)
}

fn actor(name: &str, body: &[String]) -> Result<Actor, ParseError> {
    let mut actor = Actor {
        name: name.to_owned(),
        account: String::new(),
        resource: None,
        password: "secret".to_owned(),
        exists: true,
    };
    for line in body {
        let (key, value) = line
            .split_once(':')
            .map(|(key, value)| (key.trim(), value.trim()))
            .ok_or_else(|| ParseError::new(format!("`key: value` is wanted: {}", line.trim())))?;
        match (key, value) {
            ("jid", jid) => {
                let (account, resource) = jid.split_once('/').unzip();
                actor.account = account.unwrap_or(jid).to_owned();
                actor.resource = resource.map(str::to_owned);
            }
            ("password", password) => actor.password = password.to_owned(),
            ("account", "none") => actor.exists = false,
            _ => return Err(ParseError::new(format!("unknown: {key}: {value}"))),
        }
    }
    if name.is_empty() || actor.account.is_empty() {
        return Err(ParseError::new("a client has a name and a jid"));
    }
    Ok(actor)
}

fn duration(text: &str) -> Result<Duration, ParseError> {
    let wrong = || ParseError::new(format!("no duration: {text}"));
    let (count, unit) = text.trim().split_once(' ').ok_or_else(wrong)?;
    let count: u64 = count.parse().map_err(|_| wrong())?;
    match unit {
        "ms" => Ok(Duration::from_millis(count)),
        "s" => Ok(Duration::from_secs(count)),
        "min" => Ok(Duration::from_secs(count * 60)),
        "h" => Ok(Duration::from_secs(count * 3600)),
        _ => Err(wrong()),
    }
}
