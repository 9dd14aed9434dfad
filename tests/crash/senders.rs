//! Those who write. Each writes to a few receivers, never more at once than its window, and now and then asks the
//! server something.

use crate::client::Client;
use crate::connection::Cut;
use crate::names::{Key, Name, letter};
use crate::random::Chance;
use crate::world::{PASSWORD, Phase};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Stanzas that a sender leaves unacknowledged before it waits.
const WINDOW: usize = 30;
/// How many receivers a sender writes to.
const CIRCLE: u16 = 3;
/// A question that is asked again while acknowledgements are due.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// What kind of sender it is; the other choices are those of its [`Client`].
pub(crate) struct Sender {
    pub(crate) client: Client,
    /// So many receivers there are.
    pub(crate) receivers: u16,
    /// It loses its connection now and then, without any crash.
    pub(crate) drops: bool,
    /// It hardly pauses: something of it is always on its way.
    pub(crate) eager: bool,
    pub(crate) chance: Chance,
}

/// What it has written so far.
struct Pen {
    /// The last numbers, by place in the circle.
    numbers: Vec<u32>,
    questions: u32,
}

impl Sender {
    /// Until everybody is to leave.
    pub(crate) async fn live(mut self) {
        let circle = CIRCLE.min(self.receivers);
        let mut pen = Pen { numbers: vec![0; usize::from(circle)], questions: 0 };
        loop {
            self.client.establish().await;
            match self.session(&mut pen).await {
                Ok(()) => return,
                Err(Cut(why)) => {
                    if self.client.breaks {
                        // It does not know yet, and goes on writing: into the void, from the middle of a stanza on.
                        let _ = self.burst(&mut pen).await;
                    }
                    self.client.cut(&why);
                    sleep(self.chance.time(0, 200)).await;
                }
            }
        }
    }

    /// One connection. Comes to a good end only by logging out.
    async fn session(&mut self, pen: &mut Pen) -> Result<(), Cut> {
        let mut phase = self.client.world.phase();
        let mut burst = Instant::now();
        let drop = Instant::now() + self.chance.time(1000, 4000);
        let mut ask = Instant::now() + ASK_AGAIN;
        loop {
            let now = *phase.borrow_and_update();
            if now == Phase::Leave {
                return self.client.leave().await;
            }
            let may_write = now == Phase::Load && self.client.waiting() < WINDOW;
            let may_drop = now == Phase::Load && self.drops;
            let is_due = self.client.waiting() > 0;
            tokio::select! {
                incoming = self.client.next() => self.client.take(incoming?).await?,
                () = sleep_until(burst), if may_write => {
                    self.burst(pen).await?;
                    let (from, to) = if self.eager { (0, 10) } else { (10, 120) };
                    burst = Instant::now() + self.chance.time(from, to);
                    ask = Instant::now() + ASK_AGAIN;
                }
                () = sleep_until(drop), if may_drop => {
                    self.client.breaks = true;
                    return Err(Cut("it loses its connection".to_owned()));
                }
                () = sleep_until(ask), if is_due => {
                    self.client.ask().await?;
                    ask = Instant::now() + ASK_AGAIN;
                }
                _ = phase.changed() => {}
            }
        }
    }

    /// A few messages, perhaps a request.
    async fn burst(&mut self, pen: &mut Pen) -> Result<(), Cut> {
        let room = WINDOW - self.client.waiting().min(WINDOW);
        let mut messages = Vec::new();
        for _ in 0..(1 + self.chance.below(6)).min(room) {
            let place = self.chance.below(pen.numbers.len());
            pen.numbers[place] += 1;
            let sender = self.client.name.number;
            let receiver = (sender + u16::try_from(place).expect("a small circle")) % self.receivers;
            let key = Key { sender, receiver, number: pen.numbers[place] };
            messages.push((key, self.message(key)));
        }
        let mut requests = Vec::new();
        if self.chance.once_in(4) {
            pen.questions += 1;
            requests.push(self.request(pen.questions));
        }
        // Every few messages, and always before it has to wait.
        let acknowledge = self.chance.once_in(2) || self.client.waiting() + messages.len() >= WINDOW / 2;
        self.client.say(&messages, &requests, acknowledge).await
    }

    fn message(&self, key: Key) -> String {
        let (to, body) = (Name::receiver(key.receiver), letter(key));
        let domain = &self.client.world.target.domain;
        format!("<message to='{to}@{domain}' type='chat' id='{key}'><body>{body}</body></message>")
    }

    fn request(&mut self, question: u32) -> (String, String) {
        let name = self.client.name;
        let domain = &self.client.world.target.domain;
        let id = format!("q-{}-{question}", name.number);
        let text = match self.chance.below(4) {
            0 => format!("<iq type='get' to='{domain}' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>"),
            1 => format!(
                "<iq type='get' to='{domain}' id='{id}'>\
                 <query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
            ),
            2 => format!(
                "<iq type='set' id='{id}'><vCard xmlns='vcard-temp'><NOTE>{PASSWORD} {question}</NOTE></vCard></iq>"
            ),
            _ => format!("<iq type='get' id='{id}'><query xmlns='jabber:iq:roster'/></iq>"),
        };
        (id, text)
    }
}
