//! Stream management: stanzas are counted and acknowledged in both directions, and a session outlives its stream.
//!
//! Here is the syntax; what it does is `kernel::stream`'s.

#[cfg(test)]
mod restart_tests;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use kernel::hooks::{Feature, Hooks, Phase};
use kernel::options::Seconds;
use kernel::outbox::WrongCount;
use kernel::stream::{CannotResume, StreamHandle};
use kernel::{ConfigError, Env, OptionDoc, Xep};
use minidom::Element;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use wire::error::{StanzaCondition, StreamCondition, StreamError};
use wire::frame::XmlWriter;

const NS: &str = "urn:xmpp:sm:3";
const REQUEST: &str = "<r xmlns='urn:xmpp:sm:3'/>";

/// `[xep.sm]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// How long a session waits to be resumed.
    pub(crate) resume: Seconds,
    /// How long a client may take to acknowledge.
    pub(crate) acknowledge: Seconds,
}

impl Default for Config {
    fn default() -> Config {
        Config { resume: Seconds::minutes(10), acknowledge: Seconds(30) }
    }
}

/// XEP-0198.
pub(crate) struct StreamManagement {
    window: Duration,
    acknowledge: Duration,
}

impl Xep for StreamManagement {
    const NUMBER: u16 = 198;
    const NAME: &'static str = "sm";
    const TITLE: &'static str = "Stream Management";
    const VERSION: &'static str = "1.6.3";
    const OPTIONS: &'static [OptionDoc] = &[
        OptionDoc {
            name: "resume",
            default: "\"10 m\"",
            doc: "How long a session whose connection broke waits to be resumed; \"0 s\" for not at all.",
        },
        OptionDoc {
            name: "acknowledge",
            default: "\"30 s\"",
            doc: "A client that was asked whether it has got what it was sent, and says nothing for so long, has lost its \
                  connection: that is closed, and the session waits to be resumed. \"0 s\" for never.",
        },
    ];
    type Config = Config;

    fn new(config: Config, _: &mut Env) -> Result<StreamManagement, ConfigError> {
        Ok(StreamManagement { window: config.resume.duration(), acknowledge: config.acknowledge.duration() })
    }

    fn register(self: Arc<Self>, hooks: &mut Hooks) {
        hooks.stream_feature(Feature { phase: Phase::AfterLogin, xml: format!("<sm xmlns='{NS}'/>") });
        hooks.nonza(NS, &self, Self::element);
        hooks.count_request(REQUEST, self.acknowledge);
    }
}

impl StreamManagement {
    fn element(&self, element: &Element, stream: &mut StreamHandle<'_>) -> Result<(), StreamError> {
        match element.name() {
            "enable" => self.enable(element, stream),
            "resume" => self.resume(element, stream),
            "r" if stream.is_managed() => {
                stream.tell_received(|received| counted("a", received));
                Ok(())
            }
            "a" if stream.is_managed() => {
                let h = count(element).ok_or_else(|| StreamError::new(StreamCondition::BadFormat))?;
                match stream.acknowledge(h) {
                    // Late acknowledgements say nothing new.
                    Ok(()) | Err(WrongCount::TakenBack(_)) => Ok(()),
                    Err(WrongCount::TooHigh(sent)) => Err(too_high(h, sent)),
                }
            }
            "r" | "a" => {
                stream.reply(failed(StanzaCondition::UnexpectedRequest));
                Ok(())
            }
            _ => Err(StreamError::new(StreamCondition::UnsupportedStanzaType)),
        }
    }

    fn enable(&self, element: &Element, stream: &mut StreamHandle<'_>) -> Result<(), StreamError> {
        // §3: in this order, and once.
        if !stream.is_bound() || stream.is_managed() {
            stream.reply(failed(StanzaCondition::UnexpectedRequest));
            return Ok(());
        }
        let wanted = matches!(element.attr("resume"), Some("true" | "1"));
        let longest = element.attr("max").and_then(|max| max.parse().ok()).map(Duration::from_secs);
        let window = longest.unwrap_or(self.window).min(self.window);
        let window = (wanted && !window.is_zero()).then_some(window);
        let refused = failed(StanzaCondition::InternalServerError);
        let enabled = |token: Option<&str>| {
            let mut out = XmlWriter::new();
            out.start("enabled").attr("xmlns", NS);
            if let (Some(token), Some(window)) = (token, window) {
                out.attr("id", token).attr("resume", "true").attr("max", &window.as_secs().to_string());
            }
            out.end();
            out.into_string()
        };
        stream.manage(window, enabled, refused);
        Ok(())
    }

    /// §5. Whatever the reason, the client may bind a resource instead.
    fn resume(&self, element: &Element, stream: &mut StreamHandle<'_>) -> Result<(), StreamError> {
        let (Some(token), Some(h)) = (element.attr("previd"), count(element)) else {
            stream.reply(failed(StanzaCondition::BadRequest));
            return Ok(());
        };
        stream.resume(token, h, resumed);
        Ok(())
    }
}

/// The answer to an attempt to resume.
fn resumed(token: &str, h: u32, outcome: Result<u32, CannotResume>) -> Result<String, StreamError> {
    let condition = match outcome {
        Ok(received) => {
            let mut out = XmlWriter::new();
            out.start("resumed").attr("xmlns", NS).attr("previd", token).attr("h", &received.to_string());
            out.end();
            return Ok(out.into_string());
        }
        Err(CannotResume::Count(WrongCount::TooHigh(sent))) => return Err(too_high(h, sent)),
        Err(CannotResume::NotNow) => StanzaCondition::UnexpectedRequest,
        // With a count of before: what it has acknowledged is not here any more to be sent again.
        Err(CannotResume::Unknown | CannotResume::Count(WrongCount::TakenBack(_))) => {
            StanzaCondition::ItemNotFound
        }
    };
    Ok(failed(condition))
}

fn count(element: &Element) -> Option<u32> {
    element.attr("h")?.parse().ok()
}

fn counted(name: &'static str, h: u32) -> String {
    format!("<{name} xmlns='{NS}' h='{h}'/>")
}

/// §6
fn failed(condition: StanzaCondition) -> String {
    let mut out = XmlWriter::new();
    out.start("failed").attr("xmlns", NS);
    out.start(condition.name()).attr("xmlns", wire::ns::STANZAS).end();
    out.end();
    out.into_string()
}

/// §6: the peer claims to have what it was not sent.
fn too_high(h: u32, sent: u32) -> StreamError {
    StreamError::new(StreamCondition::UndefinedCondition)
        .with_extra(format!("<handled-count-too-high xmlns='{NS}' h='{h}' send-count='{sent}'/>"))
        .with_text(format!("You acknowledged {h} stanzas, but only {sent} were sent."))
}
