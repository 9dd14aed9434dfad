//! Two threads at one session.

use super::delivery::*;
use super::*;
use kernel::testing::Memory;
use std::sync::Arc;
use std::task::{Context, Waker};

/// A little while, by the processor alone.
fn pause(rounds: u64) {
    (0..rounds).for_each(|_| std::hint::spin_loop());
}

/// The old connection dies at the moment at which another one resumes.
#[test]
fn cut_and_resumed_at_once() {
    let world = World::build().xeps(ALL).settings(|settings| settings.sasl.external = true).start();
    let (mut old, token) = managed(&world, ORCHARD);
    let mut juliet = world.login(BALCONY);
    let new = Arc::new(parking_lot::Mutex::new(crate::testing::certified(&world, ROMEO)));
    let other = new.clone();
    let resume: Box<dyn FnOnce() + Send> = Box::new(move || {
        other.lock().with_stream(|stream| {
            stream.receive(format!("<resume xmlns='{NS}' previd='{token}' h='1'/>").as_bytes());
            let _ = stream.poll(&mut Context::from_waker(Waker::noop()));
        });
    });
    let between = Between("stream::management", parking_lot::Mutex::new(Some(resume)));
    tracing::subscriber::with_default(between, || old.with_stream(|stream| stream.closed()));
    let mut new = new.lock();
    new.send(" ");
    let resumed = new.recv().iter().any(|element| element.is("resumed", NS));
    say(&mut juliet, ROMEO, "1");
    new.send(" ");
    let received = new.recv();
    assert_eq!((resumed, ids(&received)), (true, vec!["1"]));
}

/// The old connection delivers its last stanza at the moment at which another one resumes: on two threads.
#[test]
fn threads_send_and_resume() {
    let (mut doubled, mut lost) = (0, 0);
    for round in 0..3000u64 {
        let world = World::build().xeps(ALL).settings(|settings| settings.sasl.external = true).start();
        let (mut old, token) = managed(&world, ORCHARD);
        let mut juliet = juliet(&world);
        let mut new = crate::testing::certified(&world, ROMEO);
        let xml = "<message to='juliet@example.org' id='1' type='chat'><body>1</body></message>";
        let barrier = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                pause(round % 1000 * 200);
                old.with_stream(|stream| {
                    stream.receive(xml.as_bytes());
                    let _ = stream.poll(&mut Context::from_waker(Waker::noop()));
                });
            });
            barrier.wait();
            new.with_stream(|stream| {
                stream.receive(format!("<resume xmlns='{NS}' previd='{token}' h='1'/>").as_bytes());
                let _ = stream.poll(&mut Context::from_waker(Waker::noop()));
            });
        });
        world.run();
        new.send(" ");
        let received = new.recv();
        let Some(resumed) = received.iter().find(|element| element.is("resumed", NS)) else { continue };
        if resumed.attr("h") == Some("1") {
            new.send(xml);
        }
        world.run();
        let times = ids(&juliet.recv()).len();
        doubled += usize::from(times > 1);
        lost += usize::from(times == 0);
    }
    assert_eq!((doubled, lost), (0, 0), "doubled, lost");
}

/// The journal is shortened at the moment at which a client acknowledges: on two threads.
#[test]
fn threads_acknowledge_and_checkpoint() {
    let mut doubled = 0;
    for round in 0..2000u64 {
        let store = Arc::new(Memory::new());
        let world = World::build()
            .xeps(ALL)
            .settings(|settings| settings.sasl.external = true)
            .store(store.clone())
            .start();
        let mut juliet = world.login(BALCONY);
        world.create(ROMEO, "secret");
        say(&mut juliet, ROMEO, "1");
        let mut romeo = world.login(ORCHARD);
        romeo.send(&format!("<enable xmlns='{NS}' resume='true'/>"));
        let token = romeo.one().attr("id").unwrap().to_owned();
        romeo.send("<presence/>");
        let received = romeo.recv();
        assert_eq!(ids(&received), ["1"]);
        let h = received.iter().filter(|element| element.ns() == wire::ns::CLIENT).count();
        let barrier = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                pause(round % 400 * 100);
                world.checkpoint();
            });
            barrier.wait();
            romeo.with_stream(|stream| {
                stream.receive(format!("<a xmlns='{NS}' h='{h}'/>").as_bytes());
                let _ = stream.poll(&mut Context::from_waker(Waker::noop()));
            });
        });
        world.run();
        let store = Arc::new(store.crash());
        let world = world.restart(store);
        let mut again = crate::testing::certified(&world, ROMEO);
        again.send(&format!("<resume xmlns='{NS}' previd='{token}' h='{h}'/>"));
        doubled += ids(&again.recv()).len();
    }
    assert_eq!(doubled, 0);
}
