//! One folder per XEP.
