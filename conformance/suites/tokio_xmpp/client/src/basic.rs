//! RFC 6120 and 6121: login, contacts, presence, messages.

use crate::tap::{Failure, Outcome, PATIENCE};
use crate::user::{Login, User};
use crate::world::{World, attempt, befriend, not_authorized, unique};
use crate::{STRANGER, check};
use chrono::Utc;
use std::process::Command;
use xmpp_parsers::delay::Delay;
use xmpp_parsers::jid::{BareJid, Jid};
use xmpp_parsers::message::{Id, Lang, Message, MessageType};
use xmpp_parsers::presence::{Presence, Show, Type};
use xmpp_parsers::roster::{Ask, Group, Item, Roster, Subscription};
use xmpp_parsers::stanza::Stanza;
use xmpp_parsers::stanza_error::DefinedCondition;

pub async fn starttls(world: World) -> Outcome {
    let romeo = world.user("romeo").await?;
    check!(romeo.account() == world.account("romeo")?.jid, "bound to {}", romeo.full());
    romeo.ping(romeo.domain()).await
}

pub async fn direct_tls(world: World) -> Outcome {
    let romeo = world.online(world.direct_tls("romeo")?).await?;
    check!(romeo.account() == world.account("romeo")?.jid, "bound to {}", romeo.full());
    romeo.ping(romeo.domain()).await
}

pub async fn wrong_password(world: World) -> Outcome {
    for right in [world.login("romeo")?, world.direct_tls("romeo")?] {
        let outcome = attempt(&Login { password: "capulet".to_owned(), ..right.clone() }).await?;
        check!(not_authorized(&outcome), "not-authorized must come, but there came {outcome:?}");
        let outcome = attempt(&right).await?;
        check!(outcome.is_ok(), "with the right password: {outcome:?}");
    }
    world.user("romeo").await.map(drop)
}

/// In a process of its own, without the variable that tells the authority.
pub async fn untrusted_certificate(_: World) -> Outcome {
    let told = std::env::args().nth(1).unwrap_or_default();
    let mut stranger = Command::new(std::env::current_exe()?);
    stranger.args([&told, STRANGER]).env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
    let output = tokio::task::spawn_blocking(move || stranger.output()).await??;
    let outcomes = String::from_utf8_lossy(&output.stdout).into_owned();
    let refused = outcomes.lines().filter(|line| line.contains("UnknownIssuer")).count();
    check!(refused == 2, "both logins must fail for an unknown issuer: {outcomes}");
    Ok(())
}

pub async fn become_contacts(world: World) -> Outcome {
    let (romeo, juliet) = world.strangers("romeo", "juliet").await?;
    romeo.nothing("presence of a stranger", |it| from(it, &juliet.bare())).await?;
    befriend(&romeo, &juliet).await?;
    for (user, contact) in [(&romeo, &juliet), (&juliet, &romeo)] {
        let entry = user.contact(&contact.bare()).await?;
        let both = entry.as_ref().is_some_and(|it| it.subscription == Subscription::Both);
        check!(both, "{} has {entry:?}", user.bare());
    }
    Ok(())
}

pub async fn refuse_request(world: World) -> Outcome {
    let (romeo, mercutio) = world.strangers("romeo", "mercutio").await?;
    romeo.send_presence(&mercutio.bare(), Type::Subscribe).await?;
    mercutio.presence(romeo.bare(), Type::Subscribe).await?;
    mercutio.send_presence(&romeo.bare(), Type::Unsubscribed).await?;
    romeo.presence(mercutio.bare(), Type::Unsubscribed).await?;
    let entry = romeo.contact(&mercutio.bare()).await?;
    let nothing =
        entry.as_ref().is_none_or(|it| it.subscription == Subscription::None && it.ask == Ask::None);
    check!(nothing, "still {entry:?}");
    let full = mercutio.full();
    romeo
        .nothing("his presence", |it| matches!(it, Stanza::Presence(it) if it.from.as_ref() == Some(&full)))
        .await
}

pub async fn roster_stays(world: World) -> Outcome {
    let (romeo, juliet) = world.strangers("romeo", "juliet").await?;
    let item = Item {
        jid: juliet.bare(),
        name: Some("Juliet & ☂".to_owned()),
        subscription: Subscription::None,
        ask: Ask::None,
        groups: vec![Group("Balcony".to_owned()), Group("Capulets".to_owned())],
        approved: None,
    };
    romeo.set(None, Roster { ver: None, items: vec![item] }).await?;
    befriend(&romeo, &juliet).await?;
    romeo.leave().await?;
    juliet.presence(romeo.full(), Type::Unavailable).await?;

    let again = world.user("romeo").await?;
    again.presence(juliet.full(), Type::None).await?;
    juliet.presence(again.full(), Type::None).await?;
    let entry = again.contact(&juliet.bare()).await?;
    let Some(item) = entry else { return Err(Failure::Wrong("she is not in his roster".to_owned())) };
    let mut groups: Vec<&str> = item.groups.iter().map(|group| group.0.as_str()).collect();
    groups.sort_unstable();
    let kept = item.subscription == Subscription::Both && item.name.as_deref() == Some("Juliet & ☂");
    check!(kept && groups == ["Balcony", "Capulets"], "there is {item:?}");
    Ok(())
}

pub async fn remove_contact(world: World) -> Outcome {
    let (romeo, juliet) = world.friends("romeo", "juliet").await?;
    romeo.forget(&juliet.bare()).await?;
    juliet.presence(romeo.bare(), Type::Unsubscribed).await?;
    // Some servers send this once for the account, some for each of its clients.
    juliet.presence(romeo.bare(), Type::Unavailable).await?;
    romeo.presence(juliet.bare(), Type::Unavailable).await?;
    let entry = romeo.contact(&juliet.bare()).await?;
    check!(entry.is_none(), "still there: {entry:?}");
    let entry = juliet.contact(&romeo.bare()).await?;
    check!(entry.as_ref().is_none_or(|it| it.subscription == Subscription::None), "she has {entry:?}");
    Ok(())
}

pub async fn change_status(world: World) -> Outcome {
    let (romeo, juliet) = world.friends("romeo", "juliet").await?;
    let mut away = Presence::available().with_show(Show::Away).with_priority(5);
    away.set_status("", "The nurse calls ☎");
    juliet.send(away).await?;
    let full = juliet.full();
    let shown = |show: Option<Show>| {
        let full = full.clone();
        move |it: &Stanza| match it {
            Stanza::Presence(it) if it.from.as_ref() == Some(&full) && it.show == show => Some(it.clone()),
            _ => None,
        }
    };
    let seen = romeo.receive("that she is away", shown(Some(Show::Away))).await?;
    // A server may have told the language of the stream.
    let status: Vec<&str> = seen.statuses.values().map(String::as_str).collect();
    check!(seen.priority.0 == 5 && status == ["The nurse calls ☎"], "he sees {seen:?}");
    romeo.forget_all();
    juliet.send(Presence::available()).await?;
    romeo.receive("that she is back", shown(None)).await.map(drop)
}

pub async fn go_offline(world: World) -> Outcome {
    let (romeo, juliet) = world.friends("romeo", "juliet").await?;
    juliet.leave().await?;
    romeo.presence(juliet.full(), Type::Unavailable).await.map(drop)
}

pub async fn chat(world: World) -> Outcome {
    let (romeo, juliet) = world.strangers("romeo", "juliet").await?;
    for (sender, receiver) in [(&romeo, &juliet), (&juliet, &romeo)] {
        for to in [receiver.account(), receiver.full()] {
            let body = unique("<b>\"Tëxt\" & 'märkup' ☂ 𝄞 ]]></b> \t");
            sender.chat(to.clone(), &body).await?;
            let message = receiver.message(&body).await?;
            let right = message.from == Some(sender.full()) && message.to == Some(to);
            check!(right && message.type_ == MessageType::Chat, "there came {message:?}");
        }
    }
    Ok(())
}

pub async fn order(world: World) -> Outcome {
    const COUNT: usize = 50;
    let (romeo, juliet) = world.strangers("romeo", "juliet").await?;
    let lines: Vec<String> = (0..COUNT).map(|number| unique(&format!("line {number}"))).collect();
    for line in &lines {
        romeo.chat(juliet.full(), line).await?;
    }
    for line in &lines {
        let message = juliet.any_message(&format!("“{line}”"), |it| it.from == Some(romeo.full())).await?;
        check!(body(&message) == Some(line), "“{line}” must come, but there came {message:?}");
    }
    Ok(())
}

pub async fn nobody(world: World) -> Outcome {
    let romeo = world.user("romeo").await?;
    let name = unique("nobody").replace(' ', "-");
    let nobody: Jid = BareJid::new(&format!("{name}@{}", world.told.domain))?.into();
    let mut message = Message::chat(nobody.clone()).with_body(Lang::new(), "Anybody there?".to_owned());
    message.id = Some(Id("to-nobody".to_owned()));
    romeo.send(message).await?;
    let (message, error) = romeo.message_error().await?;
    let right = message.id == Some(Id("to-nobody".to_owned())) && message.from == Some(nobody);
    check!(
        right && error.defined_condition == DefinedCondition::ServiceUnavailable,
        "there came {message:?} {error:?}"
    );
    Ok(())
}

pub async fn offline(world: World) -> Outcome {
    let romeo = world.user("romeo").await?;
    let absent = world.account("benvolio")?.jid.clone();
    let letters = [unique("letter 1 ☂"), unique("letter 2 <&>")];
    let before = Utc::now();
    for letter in &letters {
        romeo.chat(absent.clone(), letter).await?;
    }
    // Answered after them.
    let _ = romeo.ping(absent).await;

    let is_letter = |it: &Message| body(it).is_some();
    let benvolio = world.user("benvolio").await?;
    for letter in &letters {
        let mut message = benvolio.any_message(&format!("“{letter}”"), is_letter).await?;
        let right = body(&message) == Some(letter) && message.from == Some(romeo.full());
        check!(right, "“{letter}” must come, but there came {message:?}");
        let delay = message.extract_payload::<Delay>()?;
        let age =
            delay.as_ref().map(|delay| (delay.stamp.0.to_utc() - before).abs().to_std().unwrap_or_default());
        check!(age.is_some_and(|age| age < 6 * PATIENCE), "the time is {delay:?}");
    }
    none_of(&benvolio, "more letters").await?;
    benvolio.leave().await?;
    let again = world.user("benvolio").await?;
    none_of(&again, "the letters again").await
}

async fn none_of(user: &User, what: &str) -> Outcome {
    user.nothing(what, |it| matches!(it, Stanza::Message(it) if body(it).is_some())).await
}

pub fn body(message: &Message) -> Option<&String> {
    message.get_best_body(vec![""]).map(|(_, body)| body)
}

pub fn from(stanza: &Stanza, account: &BareJid) -> bool {
    let from = match stanza {
        Stanza::Message(it) => &it.from,
        Stanza::Presence(it) => &it.from,
        Stanza::Iq(_) => return false,
    };
    from.as_ref().is_some_and(|from| from.to_bare() == *account)
}
