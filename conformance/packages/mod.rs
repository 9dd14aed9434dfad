//! What others wrote, fetched by name into the cache.

pub(crate) mod debian;
pub(crate) mod go;
pub(crate) mod pypi;
