//! The parts of a probe, by which what is known of it is stored.

use phonehome_alerting::ProbeKey;
use phonehome_state::StackStatus;
use phonehome_wire::AzId;

/// The sort keys of what is stored of a zone's probe, one for each part of its checks.
pub(super) fn keys(stack: &StackStatus, zone: &AzId) -> impl Iterator<Item = String> {
    let (account, region) = (stack.account.clone(), stack.region.clone());
    let probe = ProbeKey { account, region, availability_zone: zone.clone() };
    let parts = [0].into_iter().chain(stack.parts_since_ms.keys().copied());
    parts.map(move |part| probe.part(part).to_string())
}
