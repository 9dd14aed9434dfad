//! Stream management, rooms, the archive, carbons: asked of the server first.

use crate::basic::{body, from};
use crate::cable::Cable;
use crate::tap::{Failure, Outcome, PATIENCE};
use crate::user::{Login, User};
use crate::world::{World, directed, unique};
use crate::{check, need};
use chrono::Utc;
use xmpp_parsers::carbons::{self, Enable};
use xmpp_parsers::data_forms::{DataForm, DataFormType, Field};
use xmpp_parsers::disco::{DiscoItemsQuery, DiscoItemsResult};
use xmpp_parsers::jid::{BareJid, Jid, ResourcePart};
use xmpp_parsers::mam::{Fin, Query, QueryId, Result_};
use xmpp_parsers::message::{Lang, Message, MessageType};
use xmpp_parsers::minidom::Element;
use xmpp_parsers::muc::Muc;
use xmpp_parsers::muc::user::{MucUser, Status};
use xmpp_parsers::ns;
use xmpp_parsers::presence::{Presence, Type};
use xmpp_parsers::rsm::SetQuery;
use xmpp_parsers::stanza::Stanza;

pub async fn resume(world: World) -> Outcome {
    let login = world.login("romeo")?;
    let cable = Cable::to(login.address.parse()?).await?;
    let romeo = world.online(Login { address: cable.address.to_string(), ..login }).await?;
    need!(romeo.stream_features().stream_management.is_some(), "stream management (XEP-0198)");
    let juliet = world.user("juliet").await?;

    let sent = [unique("sent 1"), unique("sent 2 ☂")];
    for line in &sent {
        romeo.chat(juliet.full(), line).await?;
    }
    cable.cut();
    let missed = [unique("missed 1"), unique("missed 2 <&>"), unique("missed 3")];
    for line in &missed {
        juliet.chat(romeo.full(), line).await?;
    }
    juliet.ping(juliet.domain()).await?;
    cable.mend();
    romeo.resumed().await?;

    for line in &missed {
        let message = romeo.any_message(&format!("“{line}”"), |it| it.from == Some(juliet.full())).await?;
        check!(body(&message) == Some(line), "“{line}” must come, but there came {message:?}");
    }
    romeo.nothing("more messages", |it| from(it, &juliet.bare())).await?;
    for line in &sent {
        juliet.message(line).await?;
    }
    juliet.nothing("more from him", |it| from(it, &romeo.bare())).await?;
    let after = unique("after");
    romeo.chat(juliet.full(), &after).await?;
    juliet.message(&after).await.map(drop)
}

/// The domain's service for rooms.
async fn room_service(user: &User) -> Outcome<Jid> {
    let query = DiscoItemsQuery { node: None, rsm: None };
    let items: DiscoItemsResult = user.get(user.domain(), query).await?;
    for item in items.items {
        if user.features(item.jid.clone()).await.is_ok_and(|features| features.contains(ns::MUC)) {
            return Ok(item.jid);
        }
    }
    Err(Failure::Skip("this server offers no rooms (XEP-0045)".to_owned()))
}

fn has_status(presence: &Presence, status: &Status) -> Outcome<bool> {
    let Some(x) = presence.payloads.iter().find(|it| it.is("x", ns::MUC_USER)) else { return Ok(false) };
    let x = MucUser::try_from(x.clone())?;
    Ok(x.status.contains(status))
}

pub async fn room(world: World) -> Outcome {
    let (romeo, juliet) = world.strangers("romeo", "juliet").await?;
    let service = room_service(&romeo).await?;
    let room = BareJid::new(&format!("{}@{service}", unique("balcony").replace(' ', "-")))?;
    let here: Jid = room.clone().into();
    let occupant = |nick: &str| Outcome::Ok(Jid::from(room.with_resource(&ResourcePart::new(nick)?)));
    let (as_romeo, as_juliet) = (occupant("Romeo")?, occupant("Juliet")?);

    romeo.send(directed(Type::None, &as_romeo).with_payload(Muc::new())).await?;
    let own = romeo.presence(as_romeo.clone(), Type::None).await?;
    let new = has_status(&own, &Status::SelfPresence)? && has_status(&own, &Status::RoomHasBeenCreated)?;
    check!(new, "no status 110 and 201 in {own:?}");
    let form = Element::builder("x", ns::DATA_FORMS).attr("type".try_into()?, "submit").build();
    romeo
        .set(
            here.clone(),
            Element::builder("query", "http://jabber.org/protocol/muc#owner").append(form).build(),
        )
        .await?;

    juliet.send(directed(Type::None, &as_juliet).with_payload(Muc::new())).await?;
    juliet.presence(as_romeo.clone(), Type::None).await?;
    let own = juliet.presence(as_juliet.clone(), Type::None).await?;
    check!(has_status(&own, &Status::SelfPresence)?, "no status 110 in {own:?}");
    romeo.presence(as_juliet.clone(), Type::None).await?;

    for (sender, occupant) in [(&romeo, &as_romeo), (&juliet, &as_juliet)] {
        let line = unique("Good night <&> ☂");
        sender.send(Message::groupchat(here.clone()).with_body(Lang::new(), line.clone())).await?;
        for user in [&romeo, &juliet] {
            let message = user.message(&line).await?;
            let right = message.from.as_ref() == Some(occupant) && message.type_ == MessageType::Groupchat;
            check!(right, "there came {message:?}");
        }
    }

    juliet.send(directed(Type::Unavailable, &as_juliet)).await?;
    let own = juliet.presence(as_juliet.clone(), Type::Unavailable).await?;
    check!(has_status(&own, &Status::SelfPresence)?, "no status 110 in {own:?}");
    romeo.presence(as_juliet, Type::Unavailable).await?;
    romeo.send(directed(Type::Unavailable, &as_romeo)).await?;
    romeo.presence(as_romeo, Type::Unavailable).await.map(drop)
}

pub async fn archive(world: World) -> Outcome {
    let (romeo, juliet) = world.strangers("romeo", "juliet").await?;
    need!(romeo.features(romeo.account()).await?.contains(ns::MAM), "archive (XEP-0313)");
    let lines = [unique("archived 1"), unique("archived 2 <&> ☂")];
    romeo.chat(juliet.account(), &lines[0]).await?;
    juliet.message(&lines[0]).await?;
    juliet.chat(romeo.account(), &lines[1]).await?;
    romeo.message(&lines[1]).await?;
    romeo.forget_all();

    let with = Field::text_single("with", juliet.bare().as_str());
    let last = SetQuery { max: Some(2), after: None, before: Some(String::new()), index: None };
    let id = QueryId("q1".to_owned());
    let query = Query {
        queryid: Some(id.clone()),
        node: None,
        form: Some(DataForm::new(DataFormType::Submit, ns::MAM, vec![with])),
        set: Some(last),
        flip_page: false,
    };
    let answer = romeo.set(None, query).await?;
    let Some(fin) = answer else { return Err(Failure::Wrong("the query got an empty answer".to_owned())) };
    Fin::try_from(fin)?;
    // They stand before the answer.
    let mut found = Vec::new();
    for mut message in romeo.stanzas() {
        if let Some(result) = message.extract_payload::<Result_>()? {
            check!(!result.id.is_empty() && result.queryid.as_ref() == Some(&id), "there came {result:?}");
            let Some(delay) = result.forwarded.delay else {
                return Err(Failure::Wrong(format!("no time in {:?}", result.forwarded)));
            };
            let age = (delay.stamp.0.to_utc() - Utc::now()).abs().to_std()?;
            check!(age < 6 * PATIENCE, "the time is {delay:?}");
            found.extend(body(&result.forwarded.message).cloned());
        }
    }
    check!(found == lines, "the last two are {found:?}");
    Ok(())
}

pub async fn carbons(world: World) -> Outcome {
    let juliet = world.user("juliet").await?;
    let login = world.login("romeo")?;
    let account = login.jid.to_bare();
    let as_resource = |resource: &str| {
        let jid = account.with_resource_str(resource)?.into();
        Outcome::Ok(Login { jid, ..login.clone() })
    };
    let phone = world.online(as_resource("phone")?).await?;
    let desk = world.online(as_resource("desk")?).await?;
    phone.need(ns::CARBONS, "carbons (XEP-0280)").await?;
    for user in [&phone, &desk] {
        user.set(None, Enable).await?;
    }

    let to_phone = unique("to the phone");
    juliet.chat(phone.full(), &to_phone).await?;
    phone.message(&to_phone).await?;
    let mut carbon = desk.any_message("a carbon of what came", |it| it.from == Some(desk.account())).await?;
    let received = carbon.extract_payload::<carbons::Received>()?;
    let Some(received) = received else {
        return Err(Failure::Wrong(format!("no <received/> in {carbon:?}")));
    };
    check!(body(&received.forwarded.message) == Some(&to_phone), "{received:?}");

    let from_desk = unique("from the desk");
    desk.chat(juliet.full(), &from_desk).await?;
    juliet.message(&from_desk).await?;
    let mut carbon =
        phone.any_message("a carbon of what went out", |it| it.from == Some(phone.account())).await?;
    let sent = carbon.extract_payload::<carbons::Sent>()?;
    let Some(sent) = sent else { return Err(Failure::Wrong(format!("no <sent/> in {carbon:?}"))) };
    let message = sent.forwarded.message;
    check!(body(&message) == Some(&from_desk) && message.to == Some(juliet.full()), "{message:?}");
    desk.nothing("a carbon of its own message", |it| match it {
        Stanza::Message(it) => it.payloads.iter().any(|it| it.is("sent", ns::CARBONS)),
        _ => false,
    })
    .await
}
