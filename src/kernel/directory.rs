//! What the server announces in service discovery: the sum of all registrations, known once all are in.

use crate::engine::Engine;
use crate::hooks::{Hooks, Info, Inquiry, Item, Node, Scope};
use std::sync::{Arc, OnceLock};

/// Read access to the announcements.
#[derive(Clone)]
pub struct Directory {
    contents: Arc<OnceLock<Contents>>,
    /// The handlers of nodes are reached through the engine: kept here, they and their XEPs would keep each other
    /// alive after a reload.
    engine: Arc<Engine>,
}

struct Contents {
    infos: [Info; 3],
    items: Vec<(String, Item)>,
}

impl Directory {
    pub(crate) fn new(engine: &Arc<Engine>) -> Directory {
        Directory { contents: Arc::default(), engine: engine.clone() }
    }

    /// What an entity of that scope (one of the three) announces. Empty before the server runs.
    pub fn info(&self, scope: Scope) -> Info {
        let Some(contents) = self.contents.get() else { return Info::default() };
        let index = Scope::DISCO.iter().position(|known| *known == scope);
        index.map(|index| contents.infos[index].clone()).unwrap_or_default()
    }

    /// The services of a domain.
    pub fn items(&self, domain: &str) -> Vec<Item> {
        let Some(contents) = self.contents.get() else { return Vec::new() };
        contents.items.iter().filter(|(of, _)| of == domain).map(|(_, item)| item.clone()).collect()
    }

    /// What the XEPs say about a node: the first that knows it. `None` if none does.
    pub async fn node(&self, inquiry: &Inquiry) -> Option<Node> {
        for handler in self.handlers(inquiry.request.scope()) {
            if let Some(node) = handler(inquiry.clone()).await {
                return Some(node);
            }
        }
        None
    }

    /// The items that the XEPs add to an entity. `inquiry` has no node.
    pub async fn added_items(&self, inquiry: &Inquiry) -> Vec<Item> {
        let mut items = Vec::new();
        for handler in self.handlers(inquiry.request.scope()) {
            items.extend(handler(inquiry.clone()).await.unwrap_or_default().items);
        }
        items
    }

    fn handlers(&self, scope: Scope) -> Vec<Arc<crate::hooks::NodeHandler>> {
        let hooks = self.engine.hooks.load();
        let nodes = hooks.nodes.iter().filter(|(scopes, _)| scopes.includes(scope));
        nodes.map(|(_, handler)| handler.clone()).collect()
    }

    pub(crate) fn fill(&self, hooks: &Hooks) {
        let info = |index: usize| Info {
            features: hooks.disco[index].iter().cloned().collect(),
            identities: hooks.identities[index].iter().cloned().collect(),
            forms: hooks
                .forms
                .iter()
                .filter(|(scopes, _)| scopes.includes(Scope::DISCO[index]))
                .map(|(_, form)| form.clone())
                .collect(),
        };
        let contents = Contents { infos: [info(0), info(1), info(2)], items: hooks.items.clone() };
        let _ = self.contents.set(contents);
    }
}
