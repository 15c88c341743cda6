//! VPC peerings: one connection, seen by two accounts, each with tags of its own.

use ipnet::Ipv4Net;
use phonehome_network::{Peering, PeeringState, PeeringVpc, Tags};
use phonehome_planner::{Action, Ref};

use crate::call::{Call, Refused};
use crate::cloud::FakeCloud;
use crate::region::{CallResult, Region, missing};

type Home = (String, String);

pub(crate) fn call(cloud: &mut FakeCloud, home: &Home, call: &Call<'_>, action: &Action) -> CallResult {
    match action {
        Action::CreatePeering { vpc, peer_account, peer_region, peer_vpc } => {
            let peer = (peer_account.to_string(), peer_region.to_string());
            request(cloud, home, call, vpc, &peer, peer_vpc).map(Some)
        }
        Action::AcceptPeering { peering } => accept(cloud, home, peering).map(|()| None),
        _ => Ok(None),
    }
}

/// A second request for the same two VPCs, the same way round, answers the id of the first.
/// One with a VPC that does not exist, or that has the same addresses, is answered with an id, too,
/// and then fails.
fn request(
    cloud: &mut FakeCloud,
    home: &Home,
    call: &Call<'_>,
    vpc: &Ref,
    peer: &Home,
    peer_vpc: &str,
) -> Result<String, Refused> {
    let requester = side(home, cidrs(cloud, home, &call.id(vpc)?), call.id(vpc)?);
    if requester.cidrs.is_empty() {
        return Err(missing("InvalidVpcID.NotFound", "vpc", &requester.vpc_id));
    }
    let there = cidrs(cloud, peer, peer_vpc);
    let accepter = side(peer, vec![], peer_vpc.to_owned());
    let live = |it: &&Peering| {
        is_live(it) && it.requester.vpc_id == requester.vpc_id && it.accepter.vpc_id == accepter.vpc_id
    };
    let seen = cloud.regions.get(home).and_then(|region| region.world.peerings.iter().find(live));
    if let Some(there) = seen {
        return Ok(there.id.clone());
    }
    let overlaps = |a: &Ipv4Net, b: &Ipv4Net| a.contains(b) || b.contains(a);
    let fails = there.is_empty() || there.iter().any(|b| requester.cidrs.iter().any(|a| overlaps(a, b)));
    let state = if fails { PeeringState::Failed } else { PeeringState::PendingAcceptance };
    let id = cloud.shared.mint("pcx");
    let tags = call.spec.tags_of(call.address);
    let peering = Peering { id: id.clone(), tags, state, requester, accepter };
    // Two VPCs of one account and Region see one entry.
    if !fails && peer != home {
        let seen_there = Peering { tags: Tags::new(), ..peering.clone() };
        write(cloud, peer, |region| region.world.peerings.push(seen_there));
    }
    write(cloud, home, |region| region.world.peerings.push(peering));
    Ok(id)
}

/// Only the account that was asked can accept, and only while no other peering joins the two VPCs.
fn accept(cloud: &mut FakeCloud, home: &Home, id: &str) -> Result<(), Refused> {
    let peering = find(cloud, home, id)?;
    if of(&peering.accepter) != *home {
        let message = format!("{id} can only be accepted by the account {}", peering.accepter.account);
        return Err(Refused::new("OperationNotPermitted", message));
    }
    if peering.state != PeeringState::PendingAcceptance {
        let state = if peering.state == PeeringState::Active { "active" } else { "deleted" };
        let message = format!("{id}: attempted to transition from {state} to provisioning");
        return Err(Refused::new("InvalidStateTransition", message));
    }
    let pair = |it: &Peering| {
        let mut pair = [it.requester.vpc_id.clone(), it.accepter.vpc_id.clone()];
        pair.sort();
        pair
    };
    let mut others = cloud.regions.get(home).into_iter().flat_map(|region| &region.world.peerings);
    if others.any(|it| it.state == PeeringState::Active && pair(it) == pair(&peering)) {
        let message = format!("The vpc peering connection identified by {id} already exists.");
        return Err(Refused::new("VpcPeeringConnectionAlreadyExists", message));
    }
    let there = cidrs(cloud, home, &peering.accepter.vpc_id);
    on_both_sides(cloud, &peering, |seen| {
        seen.state = PeeringState::Active;
        seen.accepter.cidrs.clone_from(&there);
    });
    Ok(())
}

/// Either side may. Routes that lead to it stay, and lead nowhere.
pub(crate) fn delete(cloud: &mut FakeCloud, home: &Home, id: &str) -> CallResult {
    let peering = find(cloud, home, id)?;
    if !is_live(&peering) {
        let message = format!("{id}: attempted to transition from deleted to deleting");
        return Err(Refused::new("InvalidStateTransition", message));
    }
    on_both_sides(cloud, &peering, |seen| seen.state = PeeringState::Gone);
    Ok(None)
}

pub(crate) fn is_live(peering: &Peering) -> bool {
    use PeeringState::{Expired, Failed, Gone, Rejected};
    !matches!(peering.state, Expired | Failed | Gone | Rejected)
}

fn find(cloud: &FakeCloud, home: &Home, id: &str) -> Result<Peering, Refused> {
    let mut seen = cloud.regions.get(home).into_iter().flat_map(|region| &region.world.peerings);
    let found = seen.find(|it| it.id == id).cloned();
    found.ok_or_else(|| missing("InvalidVpcPeeringConnectionID.NotFound", "vpcPeeringConnection", id))
}

fn on_both_sides(cloud: &mut FakeCloud, peering: &Peering, change: impl Fn(&mut Peering)) {
    let (requester, accepter) = (of(&peering.requester), of(&peering.accepter));
    // Two VPCs of one account and Region see one entry.
    let homes = if requester == accepter { vec![requester] } else { vec![requester, accepter] };
    for home in homes {
        write(cloud, &home, |region| {
            region.world.peerings.iter_mut().filter(|it| it.id == peering.id).for_each(&change);
        });
    }
}

fn write(cloud: &mut FakeCloud, home: &Home, change: impl FnOnce(&mut Region)) {
    let FakeCloud { shared, regions, .. } = cloud;
    let region = regions.entry(home.clone()).or_insert_with(|| Region::new(home));
    region
        .write(shared, |region, _| {
            change(region);
            Ok(None)
        })
        .ok();
}

fn cidrs(cloud: &FakeCloud, home: &Home, vpc_id: &str) -> Vec<Ipv4Net> {
    let vpcs = cloud.regions.get(home).map(|region| region.world.vpcs.as_slice()).unwrap_or_default();
    vpcs.iter().find(|vpc| vpc.id == vpc_id).map(|vpc| vpc.cidrs.clone()).unwrap_or_default()
}

fn side(home: &Home, cidrs: Vec<Ipv4Net>, vpc_id: String) -> PeeringVpc {
    PeeringVpc { account: home.0.clone(), region: home.1.clone(), vpc_id, cidrs }
}

fn of(side: &PeeringVpc) -> Home {
    (side.account.clone(), side.region.clone())
}
