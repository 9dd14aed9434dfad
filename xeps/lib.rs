//! One folder per XEP, one line per XEP in [`ALL`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod content;
mod forward;
#[cfg(test)]
mod message_tests;
mod strip;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod worth;
mod xep_0012_last;
mod xep_0030_disco;
mod xep_0049_private;
mod xep_0054_vcard;
mod xep_0077_register;
mod xep_0092_version;
mod xep_0115_caps;
mod xep_0157_contact;
mod xep_0160_msgoffline;
mod xep_0191_blocking;
mod xep_0198_sm;
mod xep_0199_ping;
mod xep_0202_time;
mod xep_0203_delay;
mod xep_0280_carbons;
mod xep_0313_mam;
mod xep_0334_hints;
mod xep_0352_csi;
mod xep_0357_push;
mod xep_0359_sid;
mod xep_0431_fulltext;
mod xep_0441_mamprefs;
mod xep_0478_stream_limits;

use kernel::Listed;

/// All XEPs in reading order. The order within a stage of the stanza path follows it, too.
pub const ALL: &[Listed] = &[
    Listed::of::<xep_0012_last::Last>(),
    Listed::of::<xep_0030_disco::Disco>(),
    Listed::of::<xep_0049_private::PrivateStorage>(),
    Listed::of::<xep_0054_vcard::VCard>(),
    Listed::of::<xep_0077_register::Register>(),
    Listed::of::<xep_0092_version::Version>(),
    Listed::of::<xep_0115_caps::Caps>(),
    Listed::of::<xep_0157_contact::Contact>(),
    Listed::of::<xep_0160_msgoffline::MsgOffline>(),
    Listed::of::<xep_0191_blocking::Blocking>(),
    Listed::of::<xep_0198_sm::StreamManagement>(),
    Listed::of::<xep_0199_ping::Ping>(),
    Listed::of::<xep_0202_time::Time>(),
    Listed::of::<xep_0203_delay::Delay>(),
    Listed::of::<xep_0280_carbons::Carbons>(),
    Listed::of::<xep_0313_mam::Mam>(),
    Listed::of::<xep_0334_hints::ProcessingHints>(),
    Listed::of::<xep_0352_csi::ClientState>(),
    Listed::of::<xep_0357_push::Push>(),
    Listed::of::<xep_0359_sid::StanzaIds>(),
    Listed::of::<xep_0431_fulltext::FullText>(),
    Listed::of::<xep_0441_mamprefs::ArchivePreferences>(),
    Listed::of::<xep_0478_stream_limits::Advertisement>(),
];
