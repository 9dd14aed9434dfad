//! Engines behind the storage ports.
