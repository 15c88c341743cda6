//! The other ends of an account's declared connections.

use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Table, TableError};
use phonehome_fleet::{Binding, Link};
use phonehome_planner::{LinkSpec, StackSpec};
use phonehome_state::{Keys, Unread, known, readable};
use phonehome_state::{Phase, StackStatus};
use phonehome_wire::{AccountId, Region};

use crate::provision::{Job, Provision};

impl<T: Table, M, C: WallClock + Clone> Provision<T, M, C> {
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
        let stacks: Vec<StackStatus> = stacks.into_iter().map(|(_, status)| status).collect();
        let bound = readable::<Binding>(&self.table, Keys::BINDINGS).await?.found;
        let bindings = known(bound.into_iter().map(|(_, it)| it), &stacks);
        let peer = |link: &Link| {
            let account = job.fleet.account_of(&link.peer, &bindings)?;
            let here = |it: &&StackStatus| it.region == *job.region && it.phase != Phase::Gone;
            stacks.iter().filter(here).find(|it| it.account == account)
        };
        Ok(links.iter().map(|link| link_spec(job.account, link, job.region, peer(link))).collect())
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
        let here = |unread: &Unread| unread.stack().is_none_or(|stack| stack.region == spec.region);
        Ok(unreadable.iter().any(here))
    }
}

/// The peer as its last status shows it: that of the account which the peer's line is, whatever else has
/// its name. One without a status is declared all the same, and waited for. The side that opens
/// connections asks for the peering; where both do, the one with the lower id, which no renaming changes.
fn link_spec(this: &AccountId, link: &Link, region: &Region, peer: Option<&StackStatus>) -> LinkSpec {
    let both = !link.outbound.is_empty() && !link.inbound.is_empty();
    let requester = match peer {
        Some(peer) if both => *this < peer.account,
        _ => both || link.inbound.is_empty(),
    };
    LinkSpec {
        peer_name: link.peer.account_name.clone(),
        peer_account: peer.map(|peer| peer.account.clone()),
        peer_region: region.clone(),
        peer_vpc: peer.and_then(|peer| peer.vpc_id.clone()),
        peer_cidrs: peer.map(|peer| peer.cidr).into_iter().collect(),
        peer_subnets: peer.map(|peer| peer.private_subnets.clone()).unwrap_or_default(),
        requester,
        inbound: link.inbound.clone(),
    }
}
