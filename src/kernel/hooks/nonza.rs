//! Elements of a stream that are no stanzas.

use crate::stream::StreamHandle;
use minidom::Element;
use std::sync::Arc;
use wire::error::StreamError;

/// Handles one of them at once, without waiting.
pub(crate) type NonzaHandler =
    Arc<dyn Fn(&Element, &mut StreamHandle<'_>) -> Result<(), StreamError> + Send + Sync>;
