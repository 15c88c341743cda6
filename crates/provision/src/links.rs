//! The other ends of an account's declared connections.

use std::collections::BTreeMap;

use phonehome_aws::table::{Table, TableError};
use phonehome_fleet::Link;
use phonehome_network::{LinkSpec, Phase, StackSpec, StackStatus};
use phonehome_state::{Keys, Unread, readable};

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
        let stacks = readable::<StackStatus>(&self.table, Keys::STACKS).await?.found;
        let here = stacks.into_iter().map(|(_, status)| status).filter(|it| it.region == job.region);
        let by_name: BTreeMap<String, StackStatus> =
            here.filter(|it| it.phase != Phase::Gone).map(|it| (it.account_name.clone(), it)).collect();
        let this = job.member.account_name.as_str();
        let specs =
            links.iter().map(|link| link_spec(this, link, job.region, by_name.get(&link.peer.account_name)));
        Ok(specs.collect())
    }

    /// Whether the VPC of a peer may be there although it is not known: some stack of this Region cannot
    /// be read. Nothing is done about peerings then, least of all taken away.
    ///
    /// # Errors
    /// [`TableError`]
    pub(crate) async fn is_blind_to_peers(&self, spec: &StackSpec) -> Result<bool, TableError> {
        if spec.links.iter().all(|link| link.peer_vpc.is_some()) {
            return Ok(false);
        }
        let unreadable = readable::<StackStatus>(&self.table, Keys::STACKS).await?.unreadable;
        let here = |unread: &Unread| {
            unread.doc.key.sort.split_once('/').is_none_or(|(_, region)| region == spec.region)
        };
        Ok(unreadable.iter().any(here))
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
