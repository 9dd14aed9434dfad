//! One folder per XEP, one line per XEP in [`ALL`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod xep_0077_register;
mod xep_0160_msgoffline;

use kernel::Listed;

/// All XEPs in reading order. The order within a stage of the stanza path follows it, too.
pub const ALL: &[Listed] =
    &[Listed::of::<xep_0077_register::Register>(), Listed::of::<xep_0160_msgoffline::MsgOffline>()];
