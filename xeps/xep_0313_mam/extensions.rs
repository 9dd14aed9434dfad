//! What other XEPs add to the archive's protocol.

use std::sync::atomic::AtomicBool;

/// Which of them are switched on. Each sets its own while it is installed; requests are answered later.
#[derive(Default)]
pub(crate) struct Extensions {
    /// There is an archive at all (XEP-0313).
    pub(crate) archive: AtomicBool,
    /// It can be searched (XEP-0431).
    pub(crate) fulltext: AtomicBool,
    /// Accounts say what is archived (XEP-0441).
    pub(crate) preferences: AtomicBool,
}
