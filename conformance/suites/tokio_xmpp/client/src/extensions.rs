//! XEPs that are asked and answered, and what must pass through between clients.

use crate::basic::body;
use crate::tap::{Outcome, PATIENCE, within};
use crate::user::{Login, User};
use crate::world::{World, attempt, authenticate, not_authorized, unique};
use crate::{check, need};
use chrono::Utc;
use futures::{SinkExt, StreamExt};
use tokio_xmpp::IqRequest;
use tokio_xmpp::connect::{AsyncReadAndWrite, DnsConfig, ServerConnector, StartTlsServerConnector};
use tokio_xmpp::xmlstream::{FallibleStreamElement, Timeouts, XmppStream, XmppStreamElement};
use xmpp_parsers::bind::BindQuery;
use xmpp_parsers::blocking::{Block, BlocklistRequest, BlocklistResult, Unblock};
use xmpp_parsers::chatstates::ChatState;
use xmpp_parsers::disco::{DiscoInfoQuery, DiscoInfoResult};
use xmpp_parsers::ibr::{LegacyQuery, RemoveQuery};
use xmpp_parsers::iq::Iq;
use xmpp_parsers::jid::BareJid;
use xmpp_parsers::message::{Id, Lang, Message};
use xmpp_parsers::minidom::Element;
use xmpp_parsers::ns;
use xmpp_parsers::presence::Type;
use xmpp_parsers::receipts;
use xmpp_parsers::stanza::Stanza;
use xmpp_parsers::stanza_error::DefinedCondition;
use xmpp_parsers::time::{TimeQuery, TimeResult};
use xmpp_parsers::vcard::{self, Binval, Photo, VCard, VCardQuery};
use xmpp_parsers::version::{VersionQuery, VersionResult};

pub async fn ping_server(world: World) -> Outcome {
    let romeo = world.user("romeo").await?;
    romeo.ping(romeo.domain()).await
}

pub async fn ping_client(world: World) -> Outcome {
    let (romeo, juliet) = world.strangers("romeo", "juliet").await?;
    romeo.ping(juliet.full()).await
}

pub async fn unknown_request(world: World) -> Outcome {
    let romeo = world.user("romeo").await?;
    let request = Element::builder("query", "urn:example:unknown").build();
    let error = romeo.refused(romeo.domain(), IqRequest::Get(request)).await?;
    // RFC 6120 §8.4
    check!(error.defined_condition == DefinedCondition::ServiceUnavailable, "there came {error:?}");
    Ok(())
}

pub async fn features(world: World) -> Outcome {
    let romeo = world.user("romeo").await?;
    let identified = |info: &DiscoInfoResult, category: &str, type_: &str| {
        info.identities.iter().any(|it| it.category == category && it.type_ == type_)
    };
    let info: DiscoInfoResult = romeo.get(romeo.domain(), DiscoInfoQuery { node: None }).await?;
    check!(identified(&info, "server", "im"), "it says {info:?}");
    for feature in [ns::DISCO_INFO, ns::DISCO_ITEMS] {
        check!(info.features.contains(feature), "no {feature} in {info:?}");
    }
    let account: DiscoInfoResult = romeo.get(romeo.account(), DiscoInfoQuery { node: None }).await?;
    check!(identified(&account, "account", "registered"), "the account says {account:?}");
    Ok(())
}

pub async fn version(world: World) -> Outcome {
    let romeo = world.user("romeo").await?;
    romeo.need(ns::VERSION, "version (XEP-0092)").await?;
    let version: VersionResult = romeo.get(romeo.domain(), VersionQuery).await?;
    check!(!version.name.is_empty() && !version.version.is_empty(), "it says {version:?}");
    Ok(())
}

pub async fn time(world: World) -> Outcome {
    let romeo = world.user("romeo").await?;
    romeo.need(ns::TIME, "time (XEP-0202)").await?;
    let time: TimeResult = romeo.get(romeo.domain(), TimeQuery).await?;
    let difference = (time.utc - Utc::now()).abs().to_std()?;
    check!(difference < PATIENCE, "it says {time:?}");
    Ok(())
}

pub async fn vcard(world: World) -> Outcome {
    let (romeo, juliet) = world.strangers("romeo", "juliet").await?;
    let offered = |features: &std::collections::BTreeSet<String>| features.contains(ns::VCARD);
    let here =
        offered(&romeo.features(romeo.account()).await?) || offered(&romeo.features(romeo.domain()).await?);
    need!(here, "vCards (XEP-0054)");
    let photo = Photo {
        type_: vcard::Type { data: "image/png".to_owned() },
        binval: Binval { data: (0..=255).cycle().take(5000).collect() },
    };
    let name = unique("Romeo <Montague> & ☂");
    let full_name = Element::builder("FN", ns::VCARD).append(name.clone()).build();
    let card = VCard { photo: Some(photo), payloads: vec![full_name] };
    romeo.set(None, card.clone()).await?;
    for (user, of) in [(&romeo, None), (&juliet, Some(romeo.account()))] {
        let found: VCard = user.get(of, VCardQuery).await?;
        let named = found.payloads.iter().any(|it| it.is("FN", ns::VCARD) && it.text() == name);
        check!(found.photo == card.photo, "{} gets another photo", user.bare());
        check!(named, "{} gets {:?}", user.bare(), found.payloads);
    }
    Ok(())
}

pub async fn blocking(world: World) -> Outcome {
    let (romeo, juliet) = world.friends("romeo", "juliet").await?;
    romeo.need(ns::BLOCKING, "blocking (XEP-0191)").await?;
    let items = vec![juliet.account()];
    romeo.set(None, Block { items: items.clone() }).await?;
    let outcome = blocked(&romeo, &juliet).await;
    // Not left to the tests after this one.
    romeo.set(None, Unblock { items }).await?;
    outcome?;
    let list: BlocklistResult = romeo.get(None, BlocklistRequest).await?;
    check!(list.items.is_empty(), "the list is {list:?}");
    juliet.presence(romeo.full(), Type::None).await?;
    let heard = unique("heard");
    juliet.chat(romeo.account(), &heard).await?;
    romeo.message(&heard).await.map(drop)
}

async fn blocked(romeo: &User, juliet: &User) -> Outcome {
    let list: BlocklistResult = romeo.get(None, BlocklistRequest).await?;
    check!(list.items == [juliet.account()], "the list is {list:?}");
    // XEP-0191 §3.3
    juliet.presence(romeo.full(), Type::Unavailable).await?;
    juliet.chat(romeo.account(), "unheard").await?;
    let (message, error) = juliet.message_error().await?;
    check!(
        error.defined_condition == DefinedCondition::ServiceUnavailable,
        "there came {message:?} {error:?}"
    );
    romeo.nothing("her message", |it| matches!(it, Stanza::Message(it) if body(it).is_some())).await
}

pub async fn receipts(world: World) -> Outcome {
    let (romeo, juliet) = world.strangers("romeo", "juliet").await?;
    juliet.send(Message::chat(romeo.full()).with_payload(ChatState::Composing)).await?;
    let mut message = romeo.any_message("“composing”", |it| it.from == Some(juliet.full())).await?;
    let state = message.extract_payload::<ChatState>()?;
    check!(state == Some(ChatState::Composing), "there came {state:?} {message:?}");

    let body = unique("Wherefore?");
    let message = Message::chat(romeo.full()).with_body(Lang::new(), body.clone());
    let mut message = message.with_payload(ChatState::Active).with_payload(receipts::Request);
    let id = Id(unique("id"));
    message.id = Some(id.clone());
    juliet.send(message).await?;
    let mut message = romeo.message(&body).await?;
    let state = message.extract_payload::<ChatState>()?;
    let request = message.extract_payload::<receipts::Request>()?;
    let right = message.id.as_ref() == Some(&id) && state == Some(ChatState::Active) && request.is_some();
    check!(right, "there came {state:?} {request:?} {message:?}");

    romeo.send(Message::chat(juliet.full()).with_payload(receipts::Received { id: id.0.clone() })).await?;
    let mut message = juliet.any_message("the receipt", |it| it.from == Some(romeo.full())).await?;
    let receipt = message.extract_payload::<receipts::Received>()?;
    check!(receipt == Some(receipts::Received { id: id.0 }), "there came {receipt:?} {message:?}");
    Ok(())
}

pub async fn registration(world: World) -> Outcome {
    let username = unique("tybalt").replace(' ', "-");
    let jid = BareJid::new(&format!("{username}@{}", world.told.domain))?;
    let first = Login { jid: jid.into(), password: "rapier".to_owned(), ..world.login("romeo")? };
    let account = |password: &str| LegacyQuery {
        username: Some(username.clone()),
        password: Some(password.to_owned()),
        ..LegacyQuery::default()
    };
    within(register(&first, account("rapier")), || "the registration did not end".to_owned()).await??;
    let tybalt = world.online(first.clone()).await?;
    tybalt.set(tybalt.domain(), account("dagger")).await?;
    tybalt.leave().await?;

    let outcome = attempt(&first).await?;
    check!(not_authorized(&outcome), "with the old password: {outcome:?}");
    let second = Login { password: "dagger".to_owned(), ..first };
    within(remove(&second), || "the removal did not end".to_owned()).await??;
    let outcome = attempt(&second).await?;
    check!(not_authorized(&outcome), "after the removal: {outcome:?}");
    Ok(())
}

/// Makes an account, before authentication.
async fn register(login: &Login, account: LegacyQuery) -> Outcome {
    let server = StartTlsServerConnector(DnsConfig::addr(&login.address));
    let (stream, _) = server.connect(&login.jid, ns::JABBER_CLIENT, Timeouts::tight()).await?;
    let (features, mut stream) = stream.recv_features().await?;
    need!(features.in_band_registration, "registration (XEP-0077)");
    request(&mut stream, account.into()).await
}

/// Removes an account. Not with `Client`, which would try to come back for ever.
async fn remove(login: &Login) -> Outcome {
    let server = StartTlsServerConnector(DnsConfig::addr(&login.address));
    let (_, mut stream) = authenticate(login, server).await?;
    request(&mut stream, BindQuery::new(None).into()).await?;
    request(&mut stream, RemoveQuery { remove: true }.into()).await
}

async fn request<S: AsyncReadAndWrite>(stream: &mut XmppStream<S>, payload: Element) -> Outcome {
    let what = String::from(&payload);
    let iq = Iq::Set { from: None, to: None, id: unique("iq"), payload };
    stream.send(&XmppStreamElement::Stanza(iq.into())).await?;
    let answer = stream.next().await;
    let done = match answer {
        Some(Ok(FallibleStreamElement::Ok(XmppStreamElement::Stanza(Stanza::Iq(Iq::Result { .. }))))) => true,
        // XEP-0077 §3.2: who is removed may see the answer or the end of the stream.
        Some(Ok(FallibleStreamElement::Ok(XmppStreamElement::StreamError(_)))) => what.contains("<remove"),
        _ => false,
    };
    check!(done, "{what} was answered by {answer:?}");
    Ok(())
}
