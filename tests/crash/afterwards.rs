//! When all is done: everybody who received looks once more whether something waits, and all archives are read.

use crate::connection::{Connection, Cut, Incoming};
use crate::ledger::Row;
use crate::names::{Key, Name};
use crate::world::{PASSWORD, World};
use minidom::Element;
use wire::frame::{Frame, Kind, StanzaType};

const MAM: &str = "urn:xmpp:mam:2";
const RSM: &str = "http://jabber.org/protocol/rsm";
const DISCO: &str = "http://jabber.org/protocol/disco#info";

/// Rows asked for at a time.
const PAGE: usize = 100;

async fn connect(world: &World, name: Name) -> Result<Connection, Cut> {
    let mut connection = Connection::open(&world.target, true, false).await?;
    connection.log_in(&name.to_string(), PASSWORD).await?;
    connection.bind("afterwards").await?;
    Ok(connection)
}

async fn frame(connection: &mut Connection) -> Result<Frame, Cut> {
    match connection.due().await? {
        Incoming::Frame(frame) => Ok(frame),
        Incoming::Close => Err(Cut("the server closed the stream".to_owned())),
    }
}

/// One more login. Everything was received and acknowledged: nothing must wait but what somebody waits for. The account
/// writes to itself; what waited before is there before that.
pub(crate) async fn look_again(world: &World, name: Name) -> Result<(), Cut> {
    let mut connection = connect(world, name).await?;
    let domain = &world.target.domain;
    connection
        .send(&format!(
            "<presence/><message to='{name}@{domain}' type='chat' id='mark'><body>So far.</body></message>"
        ))
        .await?;
    loop {
        let frame = frame(&mut connection).await?;
        let id = frame.id().unwrap_or_default().into_owned();
        if frame.kind() != Kind::Message {
            continue;
        }
        if id == "mark" {
            break;
        }
        if let Some(key) = Key::parse(&id) {
            world.write(|ledger, at| {
                ledger.note(at, Some(name), "has it at its last login".to_owned());
                ledger.received(at, key, name);
            });
        }
    }
    connection.send("</stream:stream>").await?;
    while let Incoming::Frame(_) = connection.due().await? {}
    Ok(())
}

/// Reads an archive from begin to end. None if there is none.
pub(crate) async fn archive(world: &World, name: Name) -> Result<Option<Vec<Row>>, Cut> {
    let mut connection = connect(world, name).await?;
    // XEP-0313 §6: the account says whether it has one.
    let account = format!("{name}@{}", world.target.domain);
    let query = format!("<query xmlns='{DISCO}'/>");
    connection.send(&format!("<iq type='get' id='disco' to='{account}'>{query}</iq>")).await?;
    let info = answer(&mut connection, "disco", |_| {}).await?;
    let features = info.children().flat_map(|query| query.children());
    if !features.into_iter().any(|feature| feature.attr("var") == Some(MAM)) {
        return Ok(None);
    }
    let mut rows = Vec::new();
    let mut after = String::new();
    for page in 0.. {
        let id = format!("page{page}");
        connection
            .send(&format!(
                "<iq type='set' id='{id}'><query xmlns='{MAM}' queryid='{id}'>\
                 <set xmlns='{RSM}'><max>{PAGE}</max>{after}</set></query></iq>"
            ))
            .await?;
        let answer = answer(&mut connection, &id, |message| rows.extend(archived(message))).await?;
        let fin = answer.get_child("fin", MAM).ok_or_else(|| Cut(String::from(&answer)))?;
        let last = fin.get_child("set", RSM).and_then(|set| set.get_child("last", RSM)).map(Element::text);
        match last {
            Some(last) if !matches!(fin.attr("complete"), Some("true" | "1")) => {
                let mut element = Element::bare("after", RSM);
                element.append_text_node(last);
                let next = String::from(&element);
                if next == after {
                    return Err(Cut(format!("the page {next} is followed by itself")));
                }
                after = next;
            }
            _ => break,
        }
    }
    Ok(Some(rows))
}

/// The message in a row; none for what is not ours.
fn archived(message: &Element) -> Option<Row> {
    let result = message.get_child("result", MAM)?;
    let forwarded = result.get_child("forwarded", "urn:xmpp:forward:0")?;
    let key = Key::parse(forwarded.get_child("message", wire::ns::CLIENT)?.attr("id")?)?;
    Some((key, result.attr("id").unwrap_or_default().to_owned()))
}

/// The answer to a request; messages that come before it are passed on.
async fn answer(
    connection: &mut Connection,
    id: &str,
    mut messages: impl FnMut(&Element),
) -> Result<Element, Cut> {
    loop {
        let frame = frame(connection).await?;
        match (frame.kind(), frame.type_()) {
            (Kind::Message, _) => messages(&frame.element()),
            (Kind::Iq, StanzaType::Result) if frame.id().is_some_and(|other| other == id) => {
                return Ok(frame.element());
            }
            (Kind::Iq, StanzaType::Error) => return Err(Cut(frame.as_str().to_owned())),
            _ => {}
        }
    }
}
