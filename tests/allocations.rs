//! How often the engine allocates for a routed message. Each of these is memory traffic on the hottest path there
//! is; a change that adds one has to say why here.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use kernel::testing::World;
use std::task::{Context, Waker};

/// The stamped frame, and what makes its bytes shareable.
const PER_MESSAGE: u64 = 2;
/// For a whole read: the framer's buffer and stacks, the receiver's queue.
const PER_READ: u64 = 12;

#[test]
fn a_routed_message_costs_two_allocations() {
    // Nothing is archived: what storage costs is another matter.
    let options = |name| if name == "mam" { "default = 'never'" } else { "" };
    let world =
        xeps::ALL.iter().fold(World::build(), |world, xep| world.xep(*xep, options(xep.name))).start();
    let mut sender = world.login("romeo@example.org/orchard");
    let mut receiver = world.login("juliet@example.org/balcony");
    sender.available();
    receiver.available();
    sender.recv();
    receiver.recv();
    let message =
        "<message to='juliet@example.org' type='chat' id='m1'><body>Wherefore art thou?</body></message>";
    let mut output = Vec::with_capacity(1 << 20);
    let mut cost = |count: u64| {
        let input = message.repeat(usize::try_from(count).unwrap());
        let mut context = Context::from_waker(Waker::noop());
        output.clear();
        let info = allocation_counter::measure(|| {
            sender.with_stream(|stream| {
                stream.receive(input.as_bytes());
                let _ = stream.poll(&mut context);
            });
            receiver.with_stream(|stream| {
                let _ = stream.poll_take(&mut context, &mut output, usize::MAX);
            });
        });
        let delivered = String::from_utf8_lossy(&output).matches("Wherefore").count();
        assert_eq!(delivered as u64, count);
        info.count_total
    };
    cost(100);
    let (one, many) = (cost(1), cost(100));
    assert!(one <= PER_READ + PER_MESSAGE, "one message: {one} allocations");
    assert!(many <= PER_READ + 100 * PER_MESSAGE, "a hundred messages: {many} allocations");
}
