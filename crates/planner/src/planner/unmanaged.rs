//! What is in the VPC and is somebody else's: it is named, so that people know, and never touched.

use super::Planner;
use crate::Unmanaged;
use phonehome_network::{Inventory, NatState, Tagged};
use phonehome_text::count;

impl Planner<'_> {
    pub(super) fn unmanaged(&mut self) {
        let Some(vpc) = self.our_vpc().map(|vpc| vpc.id.clone()) else { return };
        let mut unmanaged: Vec<Unmanaged> = Vec::new();
        let mut note = |id: &str, what: String| unmanaged.push(Unmanaged { id: id.to_owned(), what });
        let theirs =
            |id: &str, is_ours: bool, in_vpc: &str| !is_ours && in_vpc == vpc && !self.found.contains(id);
        for it in &self.seen.subnets {
            if theirs(&it.id, it.address().is_some(), &it.vpc_id) {
                note(&it.id, format!("subnet {} in {}", it.cidr, it.az_id));
            }
        }
        for it in self.seen.route_tables.iter().filter(|it| !it.main && !self.seen.is_of_nat_gateway(it)) {
            if theirs(&it.id, it.address().is_some(), &it.vpc_id) {
                note(&it.id, format!("route table of {}", count(it.associations.len(), "subnet")));
            }
        }
        for it in &self.seen.nat_gateways {
            if theirs(&it.id, it.address().is_some(), &it.vpc_id) && self.is_live_nat(&it.id) {
                note(&it.id, "NAT gateway".to_owned());
            }
        }
        for it in self.seen.security_groups.iter().filter(|it| it.name != "default") {
            if theirs(&it.id, it.address().is_some(), &it.vpc_id) {
                note(&it.id, format!("security group {}", it.name));
            }
        }
        for it in self.seen.network_acls.iter().filter(|it| !it.is_default) {
            if theirs(&it.id, it.address().is_some(), &it.vpc_id) {
                note(&it.id, format!("network ACL of {}", count(it.associations.len(), "subnet")));
            }
        }
        for it in self.seen.endpoints.iter().filter(|it| !it.is_gone) {
            if theirs(&it.id, it.address().is_some(), &it.vpc_id) {
                note(&it.id, format!("endpoint {}", it.service));
            }
        }
        for it in self.seen.peerings.iter().filter(|it| it.is_live()) {
            for (side, other) in [(&it.requester, &it.accepter), (&it.accepter, &it.requester)] {
                if theirs(&it.id, it.address().is_some(), &side.vpc_id) {
                    note(&it.id, format!("peering with {} of account {}", other.vpc_id, other.account));
                }
            }
        }
        unmanaged.sort();
        self.plan.unmanaged = unmanaged;
    }
}

/// What is in a VPC of the stack and is neither phonehome's nor made by AWS for something of
/// phonehome's: the VPC's id and its own.
pub(super) fn in_vpcs(seen: &Inventory) -> Vec<(String, String)> {
    let ours = |vpc_id: &str| seen.vpcs.iter().any(|vpc| vpc.id == vpc_id && vpc.address().is_some());
    let mut unmanaged: Vec<(String, String)> = Vec::new();
    let mut note = |id: &str, is_ours: bool, vpc_id: &str| {
        if !is_ours && ours(vpc_id) {
            unmanaged.push((vpc_id.to_owned(), id.to_owned()));
        }
    };
    seen.subnets.iter().for_each(|it| note(&it.id, it.address().is_some(), &it.vpc_id));
    for it in &seen.internet_gateways {
        note(&it.id, it.address().is_some(), it.vpc_id.as_deref().unwrap_or_default());
    }
    let live = seen.nat_gateways.iter().filter(|it| it.state != NatState::Gone);
    live.for_each(|it| note(&it.id, it.address().is_some(), &it.vpc_id));
    let tables = seen.route_tables.iter().filter(|it| !it.main && !seen.is_of_nat_gateway(it));
    tables.for_each(|it| note(&it.id, it.address().is_some(), &it.vpc_id));
    let groups = seen.security_groups.iter().filter(|it| it.name != "default");
    groups.for_each(|it| note(&it.id, it.address().is_some(), &it.vpc_id));
    let acls = seen.network_acls.iter().filter(|it| !it.is_default);
    acls.for_each(|it| note(&it.id, it.address().is_some(), &it.vpc_id));
    let endpoints = seen.endpoints.iter().filter(|it| !it.is_gone);
    endpoints.for_each(|it| note(&it.id, it.address().is_some(), &it.vpc_id));
    for it in seen.peerings.iter().filter(|it| it.is_live()) {
        note(&it.id, it.address().is_some(), &it.requester.vpc_id);
        note(&it.id, it.address().is_some(), &it.accepter.vpc_id);
    }
    let interfaces = seen.network_interfaces.iter();
    interfaces.for_each(|it| note(&it.id, is_for_the_stack(seen, &it.description), &it.vpc_id));
    unmanaged.sort();
    unmanaged
}

/// Network interfaces that AWS makes for the stack's NAT gateways (`Interface for NAT Gateway nat-…`)
/// and for its probes (`AWS Lambda VPC ENI-phonehome-probe-…`); they go with them.
fn is_for_the_stack(seen: &Inventory, description: &str) -> bool {
    let ours = seen.nat_gateways.iter().filter(|nat| nat.address().is_some());
    let mut nats = ours.map(|nat| format!("Interface for NAT Gateway {}", nat.id));
    description.starts_with("AWS Lambda VPC ENI-phonehome-probe-") || nats.any(|it| it == description)
}
