//! Those who read, each with its bad habit.

use crate::client::Client;
use crate::connection::Cut;
use crate::random::Chance;
use crate::world::Phase;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// What a receiver does besides reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Nothing. It acknowledges when it is asked.
    Prompt,
    /// It loses its connection now and then.
    Drops,
    /// It reads, but for some time acknowledges nothing.
    Mute,
    /// For some time it does not even read.
    Deaf,
    /// It logs out and comes back later.
    Away,
}

impl Habit {
    pub(crate) const ALL: [Habit; 5] = [Habit::Prompt, Habit::Drops, Habit::Mute, Habit::Deaf, Habit::Away];
}

/// See the head of the file.
pub(crate) struct Receiver {
    pub(crate) client: Client,
    pub(crate) habit: Habit,
    pub(crate) chance: Chance,
}

impl Receiver {
    /// Until everybody is to leave.
    pub(crate) async fn live(mut self) {
        let mut phase = self.client.world.phase();
        loop {
            self.client.establish().await;
            match self.session().await {
                Ok(Phase::Leave) => return,
                Ok(_) => {
                    // Away, unless everybody gathers.
                    let away = self.chance.time(300, 2500);
                    let _ = timeout(away, phase.wait_for(|phase| *phase != Phase::Load)).await;
                }
                Err(Cut(why)) => {
                    let lost = self.client.breaks;
                    self.client.cut(&why);
                    if lost {
                        sleep(self.chance.time(0, 1500)).await;
                    }
                }
            }
        }
    }

    /// One connection. Returns the phase in which it has logged out.
    async fn session(&mut self) -> Result<Phase, Cut> {
        let mut phase = self.client.world.phase();
        let mut turn = Instant::now() + self.chance.time(300, 2000);
        self.client.mute = false;
        loop {
            let now = *phase.borrow_and_update();
            if now != Phase::Load && self.client.mute {
                self.client.mute = false;
                self.client.tell().await?;
            }
            if now == Phase::Leave {
                self.client.leave().await?;
                return Ok(Phase::Leave);
            }
            let has_turn = now == Phase::Load && self.habit != Habit::Prompt;
            tokio::select! {
                incoming = self.client.next() => self.client.take(incoming?).await?,
                () = sleep_until(turn), if has_turn => {
                    if self.turn().await? {
                        return Ok(Phase::Load);
                    }
                    turn = Instant::now() + self.chance.time(300, 2000);
                }
                _ = phase.changed() => {}
            }
        }
    }

    /// Time for its habit. True if it has logged out.
    async fn turn(&mut self) -> Result<bool, Cut> {
        match self.habit {
            Habit::Prompt => {}
            Habit::Drops => {
                self.client.breaks = true;
                return Err(Cut("it loses its connection".to_owned()));
            }
            Habit::Mute if self.client.mute => {
                self.client.mute = false;
                self.client.tell().await?;
            }
            Habit::Mute => self.client.mute = true,
            Habit::Deaf => {
                let mut phase = self.client.world.phase();
                let deaf = self.chance.time(300, 2500);
                let _ = timeout(deaf, phase.wait_for(|phase| *phase != Phase::Load)).await;
            }
            Habit::Away => {
                self.client.leave().await?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}
