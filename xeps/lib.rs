//! One folder per XEP, one line per XEP in [`ALL`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod xep_0049_private;
mod xep_0054_vcard;
mod xep_0077_register;
mod xep_0160_msgoffline;
mod xep_0191_blocking;

use kernel::Listed;

/// All XEPs in reading order. The order within a stage of the stanza path follows it, too.
#[rustfmt::skip]
pub const ALL: &[Listed] = &[
    Listed::of::<xep_0049_private::PrivateStorage>(),
    Listed::of::<xep_0054_vcard::VCard>(),
    Listed::of::<xep_0077_register::Register>(),
    Listed::of::<xep_0160_msgoffline::MsgOffline>(),
    Listed::of::<xep_0191_blocking::Blocking>(),
];
