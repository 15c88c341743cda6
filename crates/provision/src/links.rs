//! The other ends of an account's declared connections.

use std::collections::BTreeMap;

use phonehome_aws::table::{Table, TableError};
use phonehome_fleet::Link;
use phonehome_network::{LinkSpec, Phase, StackStatus};
use phonehome_state::{Keys, all};

use crate::reconcile::{Job, Provision};

impl<T: Table, M> Provision<T, M> {
    /// The accounts that declared connections lead to or come from, in this Region.
    ///
    /// # Errors
    /// [`TableError`]
    pub(crate) async fn links(&self, job: &Job<'_>) -> Result<Vec<LinkSpec>, TableError> {
        let links = job.fleet.links_of(job.member);
        if links.is_empty() {
            return Ok(vec![]);
        }
        let stacks = all::<StackStatus>(&self.table, Keys::STACKS).await?;
        let here = stacks.into_iter().map(|(_, status)| status).filter(|it| it.region == job.region);
        let by_name: BTreeMap<String, StackStatus> =
            here.filter(|it| it.phase != Phase::Gone).map(|it| (it.account_name.clone(), it)).collect();
        let this = job.member.account_name.as_str();
        let specs =
            links.iter().map(|link| link_spec(this, link, job.region, by_name.get(&link.peer.account_name)));
        Ok(specs.collect())
    }
}

/// The peer as its last status shows it; one without a status is declared all the same, and waited
/// for. The side that opens connections asks for the peering; where both do, the one whose name comes
/// first.
fn link_spec(this: &str, link: &Link, region: &str, peer: Option<&StackStatus>) -> LinkSpec {
    let both = !link.outbound.is_empty() && !link.inbound.is_empty();
    let requester = if both { this < link.peer.account_name.as_str() } else { link.inbound.is_empty() };
    LinkSpec {
        peer_name: link.peer.account_name.clone(),
        peer_account: peer.map(|peer| peer.account.clone()).unwrap_or_default(),
        peer_region: region.to_owned(),
        peer_vpc: peer.and_then(|peer| peer.vpc_id.clone()),
        peer_subnets: peer.map(|peer| peer.private_subnets.clone()).unwrap_or_default(),
        requester,
        inbound: link.inbound.clone(),
    }
}
