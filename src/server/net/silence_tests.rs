//! Peers that say nothing: which of them are there?

use super::*;

#[test]
fn a_peer_that_reads_slowly_and_says_nothing_is_there() {
    on_virtual_time(|| async {
        let context = context().await;
        let (mut peer, server) = duplex(1024);
        start(server, &context);
        log_in(&mut peer).await;
        // Less than the queue takes, so that the stream is read from all the time.
        const REQUESTS: usize = 20;
        say(&mut peer, &DISCO.repeat(REQUESTS)).await;
        let start = Instant::now();
        let mut seen = Vec::new();
        while String::from_utf8_lossy(&seen).matches("</iq>").count() < REQUESTS {
            tokio::time::sleep(Duration::from_secs(10)).await;
            let mut sip = [0; 100];
            let read = peer.read(&mut sip).await.expect("readable");
            assert!(read > 0, "cut off after {:?}", start.elapsed());
            seen.extend_from_slice(&sip[..read]);
        }
        assert!(start.elapsed() > Duration::from_secs(1000), "{:?}", start.elapsed());
        // Now that it has everything, it is asked like any other.
        until(&mut peer, "urn:xmpp:ping").await;
        until(&mut peer, "connection-timeout").await;
    });
}

#[test]
fn what_goes_out_to_a_silent_peer_is_no_sign_of_life() {
    on_virtual_time(|| async {
        let context = context().await;
        // The network takes everything, as it does for minutes after a peer has vanished.
        let (mut silent, server) = duplex(1 << 20);
        let driven = start(server, &context);
        let jid = log_in(&mut silent).await;
        let (mut talker, server) = duplex(1 << 20);
        start(server, &context);
        log_in(&mut talker).await;
        let talking = tokio::spawn(async move {
            loop {
                say(&mut talker, &format!("<message to='{jid}' type='chat'><body>you?</body></message>"))
                    .await;
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
        });
        let start = Instant::now();
        driven.await.expect("no panic");
        assert!(start.elapsed() < Duration::from_secs(700), "{:?}", start.elapsed());
        talking.abort();
    });
}

#[test]
fn a_silent_peer_is_asked_and_then_cut_off() {
    on_virtual_time(|| async {
        let context = context().await;
        let (mut peer, server) = duplex(1 << 16);
        let driven = start(server, &context);
        log_in(&mut peer).await;
        let start = Instant::now();
        until(&mut peer, "urn:xmpp:ping").await;
        assert_eq!(start.elapsed().as_secs() / 10, 60);
        until(&mut peer, "connection-timeout").await;
        assert_eq!(start.elapsed().as_secs() / 10, 66);
        driven.await.expect("no panic");
    });
}

/// A peer with a session that can be resumed. The network takes everything that goes to it.
async fn managed(context: &Arc<Context>) -> (DuplexStream, JoinHandle<End>, String) {
    let (mut peer, server) = duplex(1 << 20);
    let driven = start(server, context);
    let jid = log_in(&mut peer).await;
    say(&mut peer, "<enable xmlns='urn:xmpp:sm:3' resume='true'/><presence/>").await;
    until(&mut peer, "<r xmlns='urn:xmpp:sm:3'/>").await;
    (peer, driven, jid)
}

async fn is_there(context: &Context, jid: &str) -> bool {
    let bare = BareJid::parse("romeo@localhost").expect("an address");
    let account = context.engine.account(&bare).await.expect("it is there");
    account.available().iter().any(|available| available.as_str() == jid)
}

#[test]
fn a_peer_that_does_not_acknowledge_is_given_up_and_may_come_back() {
    on_virtual_time(|| async {
        let context = context().await;
        let start = Instant::now();
        let (_peer, driven, jid) = managed(&context).await;
        driven.await.expect("no panic");
        assert_eq!(start.elapsed().as_secs(), 30);
        assert!(is_there(&context, &jid).await);
    });
}

#[test]
fn a_peer_that_acknowledges_late_stays() {
    on_virtual_time(|| async {
        let context = context().await;
        let (mut peer, driven, _) = managed(&context).await;
        tokio::time::sleep(Duration::from_secs(29)).await;
        say(&mut peer, "<a xmlns='urn:xmpp:sm:3' h='1'/>").await;
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert!(!driven.is_finished());
    });
}

#[test]
fn a_peer_that_takes_slowly_what_it_is_to_acknowledge_is_there() {
    on_virtual_time(|| async {
        let context = context().await;
        let (mut peer, server) = duplex(1024);
        let driven = start(server, &context);
        log_in(&mut peer).await;
        say(&mut peer, "<enable xmlns='urn:xmpp:sm:3' resume='true'/><presence/>").await;
        say(&mut peer, &DISCO.repeat(5)).await;
        let mut sip = [0; 100];
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_secs(10)).await;
            assert!(!driven.is_finished());
            assert!(peer.read(&mut sip).await.expect("readable") > 0);
        }
    });
}

#[test]
fn a_silent_peer_that_was_asked_for_a_sign_of_life_may_come_back() {
    on_virtual_time(|| async {
        let patient: toml::Table = toml::from_str("acknowledge = \"0 s\"").expect("a table");
        let context = context().await;
        let list = xeps::ALL
            .iter()
            .map(|xep| (*xep, if xep.name == "sm" { patient.clone() } else { toml::Table::new() }));
        assert!(context.engine.install(list.collect()).is_ok());
        let start = Instant::now();
        let (_peer, driven, jid) = managed(&context).await;
        driven.await.expect("no panic");
        assert_eq!(start.elapsed().as_secs() / 10, 66);
        assert!(is_there(&context, &jid).await);
    });
}
