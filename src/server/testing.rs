//! What tests of several modules need.

use crate::config::{Text, load_text};
use crate::net::{Context, Tally};
use crate::ports::ports;
use crate::tls::{Certificates, SelfMade};
use arc_swap::ArcSwap;
use kernel::Listed;
use kernel::lines::Lines;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;

/// All that connections share, on a store in memory.
pub(crate) async fn context(config: &str, base: &Path) -> Arc<Context> {
    context_with(config, base, xeps::ALL).await
}

/// The same with other XEPs.
pub(crate) async fn context_with(config: &str, base: &Path, list: &[Listed]) -> Arc<Context> {
    let text = Text { name: "stentor.toml", text: Some(config), base };
    let options = crate::assemble::options(list);
    let config = load_text(&text, [], &options).expect("usable").config;
    let (certificates, _) = Certificates::load(&config, SelfMade::InMemory).expect("usable");
    let ports = ports(Arc::new(store::Memory::new()));
    Arc::new(Context {
        engine: crate::assemble::engine(&config, ports, list).await.expect("it starts"),
        certificates: Arc::new(certificates),
        config: ArcSwap::from_pointee(config),
        tally: Tally::default(),
        refusals: Lines::default(),
        closing: watch::Sender::new(false),
    })
}
