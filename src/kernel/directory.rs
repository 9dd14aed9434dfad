//! What the server announces in service discovery: the sum of all registrations, known once all are in.

use crate::hooks::{Hooks, Identity, Scope};
use std::sync::{Arc, OnceLock};

/// What one kind of entity announces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Feature names, sorted.
    pub features: Vec<String>,
    /// Identities, sorted.
    pub identities: Vec<Identity>,
    /// Data forms of XEP-0128, as XML.
    pub forms: Vec<String>,
}

/// Read access to the announcements.
#[derive(Clone, Default)]
pub struct Directory(Arc<OnceLock<[Info; 3]>>);

impl Directory {
    /// What an entity of that scope (one of the three) announces. Empty before the server runs.
    pub fn info(&self, scope: Scope) -> Info {
        let Some(infos) = self.0.get() else { return Info::default() };
        let index = Scope::DISCO.iter().position(|known| *known == scope);
        index.map(|index| infos[index].clone()).unwrap_or_default()
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
        let _ = self.0.set([info(0), info(1), info(2)]);
    }
}
