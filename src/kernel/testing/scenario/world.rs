//! Scenarios in a [`World`].

use super::{Actor, Driver, Incoming, Scenario, Wait};
use crate::stream::Peer;
use crate::testing::{Client, World};
use std::path::Path;
use std::time::Duration;

/// Plays the clients of a scenario in a world. Virtual time makes "nothing" exact.
pub struct InWorld {
    world: World,
    actors: Vec<Actor>,
    clients: Vec<Option<Client>>,
}

impl InWorld {
    /// In that world.
    pub fn new(world: &World) -> InWorld {
        InWorld { world: world.clone(), actors: Vec::new(), clients: Vec::new() }
    }

    fn client(&mut self, actor: usize) -> Result<&mut Client, String> {
        self.clients[actor].as_mut().ok_or_else(|| format!("{} is not connected", self.actors[actor].name))
    }
}

impl Driver for InWorld {
    fn prepare(&mut self, actors: &[Actor]) -> Result<(), String> {
        actors.clone_into(&mut self.actors);
        self.clients = actors.iter().map(|_| None).collect();
        for actor in actors.iter().filter(|actor| actor.exists) {
            if self.world.account(&actor.account).is_none() {
                self.world.create(&actor.account, &actor.password);
            }
        }
        Ok(())
    }

    fn connect(&mut self, actor: usize) -> Result<String, String> {
        let Actor { account, resource, password, .. } = &self.actors[actor];
        let mut client = self.world.connect();
        client.authenticate(account, password);
        client.bind(resource.as_deref().unwrap_or_default());
        let jid = client.jid().to_owned();
        self.clients[actor] = Some(client);
        Ok(jid)
    }

    fn open(&mut self, actor: usize, tls: bool) -> Result<(), String> {
        let client = if tls { self.world.connect() } else { self.world.connect_from(Peer::default()) };
        self.clients[actor] = Some(client);
        Ok(())
    }

    fn send(&mut self, actor: usize, xml: &str) -> Result<(), String> {
        self.client(actor)?.send(xml);
        Ok(())
    }

    fn receive(&mut self, actor: usize, _: Wait) -> Result<Option<Incoming>, String> {
        Ok(self.client(actor)?.poll())
    }

    fn is_gone(&mut self, actor: usize) -> Result<bool, String> {
        Ok(self.client(actor)?.is_gone())
    }

    fn cut(&mut self, actor: usize) -> Result<(), String> {
        self.client(actor)?.cut();
        self.clients[actor] = None;
        Ok(())
    }

    fn advance(&mut self, time: Duration) -> Result<(), String> {
        self.world.advance(time);
        Ok(())
    }
}

/// Plays every `*.scenario` of a folder, each in a world of its own.
///
/// # Panics
/// If one does not go as written, after all have been played, with a list.
pub fn play_folder(folder: impl AsRef<Path>, world: impl Fn() -> World) {
    let folder = folder.as_ref();
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "scenario"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no scenarios in {}", folder.display());
    let mut failures = String::new();
    for file in &files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{name}: {error}"));
        let played = Scenario::parse(&text).map_err(|error| error.to_string()).and_then(|scenario| {
            let play = std::panic::AssertUnwindSafe(|| scenario.play(&mut InWorld::new(&world())));
            match std::panic::catch_unwind(play) {
                Ok(played) => played.map_err(|failure| failure.to_string()),
                Err(panic) => Err(format!("panic: {}", words(&*panic))),
            }
        });
        if let Err(failure) = played {
            failures.push_str(&format!("\n{name}, {failure}\n"));
        }
    }
    assert!(failures.is_empty(), "scenarios that did not go as written:\n{failures}");
}

fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words")
}
