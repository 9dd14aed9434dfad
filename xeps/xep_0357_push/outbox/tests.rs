use super::*;
use proptest::prelude::*;

const INTERVAL: Duration = Duration::from_secs(5);

fn target(service: u8, node: u8) -> Target {
    Target {
        account: BareJid::parse("romeo@example.org").unwrap(),
        service: Jid::parse(&format!("push{service}.example.net")).unwrap(),
        node: node.to_string(),
    }
}

fn news(count: u32) -> News {
    News { count, ..News::default() }
}

fn at(seconds: u64) -> Millis {
    Millis(seconds * 1000)
}

fn add(outbox: &mut Outbox, now: Millis, target: &Target) -> Option<bool> {
    outbox.add(now, target, news(1), false)
}

fn end(outbox: &mut Outbox, now: Millis, flight: &Flight, outcome: Outcome) -> Verdict {
    outbox.answered(now, flight, outcome, INTERVAL, 0)
}

#[test]
fn many_messages_are_one_notification() {
    let (mut outbox, target) = (Outbox::default(), target(0, 0));
    assert_eq!(add(&mut outbox, at(10), &target), Some(true));
    let first = outbox.next(at(10)).unwrap();
    assert_eq!(first.news, news(1));
    for _ in 0..5 {
        assert_eq!(add(&mut outbox, at(10), &target), Some(false));
    }
    assert_eq!(outbox.next(at(11)), None, "one at a time");
    assert_eq!(end(&mut outbox, at(12), &first, Outcome::Accepted), Verdict::More);
    assert_eq!(outbox.deadline(), Some(at(17)));
    assert_eq!(outbox.next(at(16)), None);
    let second = outbox.next(at(17)).unwrap();
    assert_eq!(second.news, news(5));
    assert_eq!(end(&mut outbox, at(18), &second, Outcome::Accepted), Verdict::Done);
    assert_eq!(outbox.deadline(), None);
    assert_eq!(add(&mut outbox, at(19), &target), Some(true));
    assert_eq!(outbox.deadline(), Some(at(23)), "not too soon after the last one");
    outbox.next(at(23)).unwrap();
}

#[test]
fn the_last_message_is_told_of() {
    let (mut outbox, target) = (Outbox::default(), target(0, 0));
    let said = |who: &str| News { count: 1, sender: Some(who.to_owned()), body: None };
    outbox.add(at(1), &target, said("a"), false);
    outbox.add(at(1), &target, said("b"), false);
    let flight = outbox.next(at(1)).unwrap();
    assert_eq!(flight.news, News { count: 2, ..said("b") });
    outbox.add(at(1), &target, said("c"), false);
    assert_eq!(end(&mut outbox, at(1), &flight, Outcome::Unreachable), Verdict::Again(1));
    assert_eq!(outbox.next(at(100)).unwrap().news, News { count: 3, ..said("c") });
}

#[test]
fn a_call_does_not_wait() {
    let (mut outbox, target) = (Outbox::default(), target(0, 0));
    let ring = |outbox: &mut Outbox, now| outbox.add(now, &target, news(1), true);
    add(&mut outbox, at(1), &target);
    let flight = outbox.next(at(1)).unwrap();
    end(&mut outbox, at(2), &flight, Outcome::Accepted);
    assert_eq!(ring(&mut outbox, at(3)), Some(true));
    let flight = outbox.next(at(3)).unwrap();
    // One that comes while another notification is out goes when that is back.
    ring(&mut outbox, at(3));
    assert_eq!(end(&mut outbox, at(4), &flight, Outcome::Accepted), Verdict::More);
    let flight = outbox.next(at(4)).unwrap();
    // But nobody calls a service back that is in trouble.
    assert_eq!(end(&mut outbox, at(5), &flight, Outcome::Trouble), Verdict::Again(1));
    ring(&mut outbox, at(6));
    assert_eq!(outbox.next(at(6)), None);
    // One that waits for its time goes at once, too.
    let flight = outbox.next(at(20)).unwrap();
    end(&mut outbox, at(20), &flight, Outcome::Accepted);
    add(&mut outbox, at(21), &target);
    assert_eq!(outbox.next(at(21)), None);
    ring(&mut outbox, at(22));
    assert_eq!(outbox.next(at(22)).unwrap().news, news(2));
}

#[test]
fn failures_take_longer_and_longer() {
    for (outcome, last) in [(Outcome::Unreachable, Verdict::GiveUp), (Outcome::Trouble, Verdict::Disable)] {
        let (mut outbox, target) = (Outbox::default(), target(0, 0));
        add(&mut outbox, at(0), &target);
        let mut now = at(0);
        for attempt in 1..ATTEMPTS {
            let flight = outbox.next(now).unwrap();
            assert_eq!(end(&mut outbox, now, &flight, outcome), Verdict::Again(attempt));
            let next = outbox.deadline().unwrap();
            let expected = (15 << (attempt - 1).min(20)).min(3600);
            assert_eq!(next - now, Duration::from_secs(expected), "{attempt}");
            now = next;
        }
        let flight = outbox.next(now).unwrap();
        assert_eq!(end(&mut outbox, now, &flight, outcome), last);
        assert_eq!((outbox.next(at(1 << 40)), outbox.nodes.len()), (None, 0));
        let spent = now - at(0);
        assert!(
            spent > Duration::from_secs(12 * 3600) && spent < Duration::from_secs(24 * 3600),
            "{spent:?}"
        );
    }
    assert_eq!(pause(1, 0), Duration::from_secs(15));
    assert!(pause(3, 255) > pause(3, 0) && pause(3, 255) < pause(4, 0));
    assert!(pause(u32::MAX, 255) < Duration::from_secs(4500));
}

#[test]
fn a_success_forgives() {
    let (mut outbox, target) = (Outbox::default(), target(0, 0));
    add(&mut outbox, at(0), &target);
    let mut now = at(0);
    for _ in 0..3 {
        for attempt in 1..10 {
            let flight = outbox.next(now).unwrap();
            assert_eq!(end(&mut outbox, now, &flight, Outcome::Trouble), Verdict::Again(attempt));
            now = outbox.deadline().unwrap();
        }
        let flight = outbox.next(now).unwrap();
        assert_eq!(end(&mut outbox, now, &flight, Outcome::Accepted), Verdict::Done);
        now = now + INTERVAL;
        add(&mut outbox, now, &target);
    }
}

#[test]
fn a_silent_service_holds_up_only_itself() {
    let mut outbox = Outbox::default();
    for node in 0..100 {
        add(&mut outbox, at(0), &target(0, node));
    }
    let out: Vec<Flight> = std::iter::from_fn(|| outbox.next(at(0))).collect();
    assert_eq!(out.len(), FLYING_TO_ONE);
    assert_eq!(outbox.deadline(), None, "nothing to do before somebody answers");
    add(&mut outbox, at(1), &target(1, 0));
    let other = outbox.next(at(1)).unwrap();
    assert_eq!(*other.target, target(1, 0));
    assert_eq!(end(&mut outbox, at(2), &out[0], Outcome::Unreachable), Verdict::Again(1));
    assert_eq!(outbox.deadline(), Some(at(0)));
    assert!(outbox.next(at(2)).is_some() && outbox.next(at(2)).is_none());
}

#[test]
fn all_services_together() {
    let mut outbox = Outbox::default();
    for service in 0..64 {
        for node in 0..8 {
            add(&mut outbox, at(0), &target(service, node));
        }
    }
    let out: Vec<Flight> = std::iter::from_fn(|| outbox.next(at(0))).collect();
    assert_eq!((out.len(), outbox.deadline()), (FLYING, None));
    end(&mut outbox, at(1), &out[0], Outcome::Accepted);
    assert!(outbox.next(at(1)).is_some() && outbox.next(at(1)).is_none());
}

#[test]
fn who_is_forgotten_or_new_is_not_judged_by_the_past() {
    let (mut outbox, target) = (Outbox::default(), target(0, 0));
    add(&mut outbox, at(0), &target);
    let old = outbox.next(at(0)).unwrap();
    assert!(outbox.forget(&target) && !outbox.forget(&target));
    assert_eq!(add(&mut outbox, at(1), &target), Some(true), "enabled anew");
    let new = outbox.next(at(1)).unwrap();
    assert_eq!(end(&mut outbox, at(2), &old, Outcome::Refused), Verdict::Stale);
    assert_eq!(end(&mut outbox, at(2), &new, Outcome::Accepted), Verdict::Done);
    assert!(!outbox.forget(&target), "nothing was waiting");
    assert_eq!(outbox.nodes.len(), 0);
}

#[test]
fn what_is_over() {
    for (outcome, verdict) in [(Outcome::Refused, Verdict::Disable), (Outcome::Gone, Verdict::Done)] {
        let (mut outbox, target) = (Outbox::default(), target(0, 0));
        add(&mut outbox, at(0), &target);
        let flight = outbox.next(at(0)).unwrap();
        add(&mut outbox, at(0), &target);
        assert_eq!(end(&mut outbox, at(1), &flight, outcome), verdict);
        assert!(outbox.nodes.is_empty() && outbox.lines.is_empty() && outbox.heads.is_empty());
    }
}

#[test]
fn there_is_an_end_to_it() {
    let mut outbox = Outbox::default();
    let numbered = |number: usize| Target { node: number.to_string(), ..target(0, 0) };
    for number in 0..NODES {
        assert!(outbox.add(at(0), &numbered(number), news(1), false).is_some());
    }
    assert_eq!(outbox.add(at(0), &numbered(NODES), news(1), false), None);
    assert!(!outbox.restore(at(0), &numbered(NODES), 1, 0));
    assert_eq!(outbox.add(at(0), &numbered(0), news(1), false), Some(false), "those known are served");
    let flight = outbox.next(at(0)).unwrap();
    end(&mut outbox, at(0), &flight, Outcome::Accepted);
    assert_eq!(outbox.add(at(1), &numbered(NODES), news(1), false), None, "not forgotten yet");
    assert_eq!(outbox.add(at(5), &numbered(NODES), news(1), false), Some(true));
}

#[test]
fn after_a_restart() {
    let mut outbox = Outbox::default();
    add(&mut outbox, at(0), &target(0, 1));
    assert!(outbox.restore(at(1), &target(0, 0), 7, 3));
    assert!(outbox.restore(at(1), &target(0, 1), 7, 3), "what has come since is newer");
    let newer = outbox.next(at(1)).unwrap();
    assert_eq!((newer.news, &*newer.target), (news(1), &target(0, 1)));
    let flight = outbox.next(at(1)).unwrap();
    assert_eq!(flight.news, news(7));
    assert_eq!(end(&mut outbox, at(1), &flight, Outcome::Trouble), Verdict::Again(4));
    assert_eq!(outbox.of(&flight.target.account).len(), 2);
    assert!(outbox.of(&BareJid::parse("juliet@example.org").unwrap()).is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Add(u8, u8, bool),
    Forget(u8, u8),
    Next,
    Answer(usize, u8),
    Tidy,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0u64..60_000).prop_map(Step::Pass),
        6 => (0u8..3, 0u8..20, any::<bool>()).prop_map(|(service, node, urgent)| Step::Add(service, node, urgent)),
        1 => (0u8..3, 0u8..20).prop_map(|(service, node)| Step::Forget(service, node)),
        6 => Just(Step::Next),
        4 => (any::<usize>(), 0u8..5).prop_map(|(which, outcome)| Step::Answer(which, outcome)),
        1 => Just(Step::Tidy),
    ]
}

/// What must hold whatever has happened.
fn check(outbox: &Outbox, out: &[Flight]) {
    assert_eq!(outbox.out, out.len());
    assert!(out.len() <= FLYING);
    let mut due = 0;
    for (service, line) in &outbox.lines {
        assert_eq!(line.out, out.iter().filter(|flight| flight.target.service == *service).count());
        assert!(line.out <= FLYING_TO_ONE);
        assert!(line.out > 0 || !line.due.is_empty());
        due += line.due.len();
        for (at, target) in &line.due {
            assert_eq!(outbox.nodes[target].place, Place::Due(*at));
            assert_eq!(target.service, *service);
        }
        let head = line.head().map(|at| (at, service.clone()));
        assert_eq!(outbox.heads.iter().find(|(_, other)| other == service).cloned(), head);
    }
    assert!(outbox.heads.len() <= outbox.lines.len());
    let waiting = outbox.nodes.values().filter(|node| matches!(node.place, Place::Due(_)));
    assert_eq!(waiting.count(), due, "nobody waits without being in line");
    for node in outbox.nodes.values() {
        match node.place {
            Place::Due(_) => assert!(node.news.count > 0),
            Place::Quiet(_) => assert!(node.news.count == 0 && node.attempts == 0),
            Place::Out(number) => assert!(out.iter().any(|flight| flight.number == number)),
        }
        assert!(node.attempts < ATTEMPTS);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn whatever_happens(steps in prop::collection::vec(step(), 1..200)) {
        let outcomes =
            [Outcome::Accepted, Outcome::Refused, Outcome::Trouble, Outcome::Unreachable, Outcome::Gone];
        let (mut outbox, mut out, mut now) = (Outbox::default(), Vec::<Flight>::new(), at(0));
        for step in steps {
            match step {
                Step::Pass(millis) => now = now + Duration::from_millis(millis),
                Step::Add(service, node, urgent) => {
                    prop_assert!(outbox.add(now, &target(service, node), news(1), urgent).is_some());
                }
                Step::Forget(service, node) => {
                    outbox.forget(&target(service, node));
                }
                Step::Next => {
                    let may = outbox.deadline().is_some_and(|deadline| deadline <= now);
                    let flight = outbox.next(now);
                    prop_assert_eq!(flight.is_some(), may, "the deadline says when");
                    if let Some(flight) = flight {
                        prop_assert!(flight.news.count > 0);
                        out.push(flight);
                    }
                }
                Step::Answer(which, outcome) => {
                    if !out.is_empty() {
                        let flight = out.swap_remove(which % out.len());
                        let outcome = outcomes[usize::from(outcome)];
                        let verdict = outbox.answered(now, &flight, outcome, INTERVAL, 0);
                        let known = outbox.nodes.contains_key(&flight.target);
                        match verdict {
                            Verdict::Done => prop_assert!(known == (outcome == Outcome::Accepted)),
                            Verdict::More | Verdict::Again(_) => prop_assert!(known),
                            Verdict::Disable => prop_assert!(!known && outcome != Outcome::Accepted),
                            Verdict::GiveUp => prop_assert!(!known && outcome == Outcome::Unreachable),
                            Verdict::Stale => {}
                        }
                    }
                }
                Step::Tidy => outbox.tidy(now),
            }
            check(&outbox, &out);
        }
        // In the end everything is told.
        for flight in out.drain(..) {
            outbox.answered(now, &flight, Outcome::Accepted, INTERVAL, 0);
        }
        for _ in 0..1000 {
            let Some(deadline) = outbox.deadline() else { break };
            now = now.max(deadline);
            if let Some(flight) = outbox.next(now) {
                outbox.answered(now, &flight, Outcome::Accepted, INTERVAL, 0);
            }
        }
        outbox.tidy(now + INTERVAL);
        prop_assert!(outbox.nodes.is_empty() && outbox.lines.is_empty() && outbox.heads.is_empty());
    }
}
