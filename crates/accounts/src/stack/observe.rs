//! An observation of one account and Region: every kind at once.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use phonehome_network::{Address, Inventory, Kind, Tagged as _, Vpc};
use phonehome_planner::StackSpec;

use super::AwsStack;
use super::describe::VpcAttributes;
use phonehome_cloud::{Class, CloudError};

/// What nothing can be planned without: a refusal to show it fails the observation.
const ESSENTIAL: [Kind; 3] = [Kind::Vpc, Kind::Subnet, Kind::RouteTable];

/// Asks for all `kinds` in one round. What was not asked for, and what the role may not see, is named
/// in the inventory's `unseen`.
///
/// The attributes of a VPC can be asked for only by its id. Where the id is known beforehand they come
/// in the same round; else a second one asks for those of the stack's VPC.
///
/// # Errors
/// Any call's error, but for a refusal of a kind that a plan can do without.
pub(super) async fn observe(stack: &AwsStack, kinds: &[Kind]) -> Result<Inventory, CloudError> {
    // Boxed, as the futures of so many calls would make a large one of this.
    macro_rules! observe {
        ($kind:ident, $call:ident) => {
            Box::pin(observe_kind(kinds, Kind::$kind, stack.$call()))
        };
    }
    let seen = tokio::try_join!(
        observe!(Vpc, vpcs),
        observe!(VpcAttribute, known_vpc_attributes),
        observe!(Subnet, subnets),
        observe!(InternetGateway, internet_gateways),
        observe!(ElasticIp, elastic_ips),
        observe!(NatGateway, nat_gateways),
        observe!(RouteTable, route_tables),
        observe!(SecurityGroup, security_groups),
        observe!(NetworkAcl, network_acls),
        observe!(Endpoint, endpoints),
        observe!(FlowLog, flow_logs),
        observe!(Peering, peerings),
        observe!(NetworkInterface, network_interfaces),
        observe!(Function, functions),
        observe!(Schedule, schedules),
    )?;
    let mut unseen = BTreeSet::new();
    let mut inventory = Inventory {
        vpcs: keep(&mut unseen, Kind::Vpc, seen.0),
        subnets: keep(&mut unseen, Kind::Subnet, seen.2),
        internet_gateways: keep(&mut unseen, Kind::InternetGateway, seen.3),
        elastic_ips: keep(&mut unseen, Kind::ElasticIp, seen.4),
        nat_gateways: keep(&mut unseen, Kind::NatGateway, seen.5),
        route_tables: keep(&mut unseen, Kind::RouteTable, seen.6),
        security_groups: keep(&mut unseen, Kind::SecurityGroup, seen.7),
        network_acls: keep(&mut unseen, Kind::NetworkAcl, seen.8),
        endpoints: keep(&mut unseen, Kind::Endpoint, seen.9),
        flow_logs: keep(&mut unseen, Kind::FlowLog, seen.10),
        peerings: keep(&mut unseen, Kind::Peering, seen.11),
        network_interfaces: keep(&mut unseen, Kind::NetworkInterface, seen.12),
        functions: keep(&mut unseen, Kind::Function, seen.13),
        schedules: keep(&mut unseen, Kind::Schedule, seen.14),
        unchanged_schedules: BTreeMap::new(),
        unseen: BTreeSet::new(),
    };
    let attributes = match seen.1 {
        None => None,
        Some(known) => {
            let ids = lacking(&stack.spec, &inventory.vpcs, &known);
            let further = try_join_all(ids.into_iter().map(|id| stack.vpc_attributes(id)));
            let further = observe_kind(kinds, Kind::VpcAttribute, further).await?;
            further.map(|further| known.into_iter().chain(further).collect())
        }
    };
    let attributes: Vec<VpcAttributes> = keep(&mut unseen, Kind::VpcAttribute, attributes);
    for vpc in &mut inventory.vpcs {
        if let Some(of_it) = attributes.iter().find(|it| it.vpc_id == vpc.id) {
            vpc.dns_support = of_it.dns_support;
            vpc.dns_host_names = of_it.dns_host_names;
        }
    }
    inventory.unseen = unseen;
    Ok(inventory)
}

impl AwsStack {
    /// The attributes of the VPC that was the stack's before. It may be gone.
    async fn known_vpc_attributes(&self) -> Result<Vec<VpcAttributes>, CloudError> {
        let Some(id) = &self.known_vpc else { return Ok(vec![]) };
        match self.vpc_attributes(id).await {
            Ok(attributes) => Ok(vec![attributes]),
            Err(error) if error.says_missing() => Ok(vec![]),
            Err(error) => Err(error),
        }
    }
}

/// The answer to one kind's calls; `None`: not asked for, or refused.
pub(super) async fn observe_kind<T>(
    kinds: &[Kind],
    kind: Kind,
    call: impl Future<Output = Result<T, CloudError>>,
) -> Result<Option<T>, CloudError> {
    if !kinds.contains(&kind) {
        return Ok(None);
    }
    match call.await {
        Ok(seen) => Ok(Some(seen)),
        Err(error) if error.class() == Class::Denied && !ESSENTIAL.contains(&kind) => {
            tracing::warn!(%error, "{} cannot be seen", kind.plural());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn keep<T>(unseen: &mut BTreeSet<Kind>, kind: Kind, seen: Option<Vec<T>>) -> Vec<T> {
    seen.unwrap_or_else(|| {
        unseen.insert(kind);
        vec![]
    })
}

/// The VPCs that may be the stack's and whose attributes are not known yet: the one that its tags name,
/// or the one to be adopted; only if there is neither, those with the stack's block, one of which may
/// have lost its tags.
fn lacking<'a>(spec: &StackSpec, vpcs: &'a [Vpc], known: &[VpcAttributes]) -> Vec<&'a str> {
    let is_ours = |vpc: &&Vpc| {
        vpc.address() == Some(Address::vpc()) || spec.adopt.as_ref().is_some_and(|adopt| *adopt == vpc.id)
    };
    let mut ours: Vec<&Vpc> = vpcs.iter().filter(is_ours).collect();
    if ours.is_empty() {
        ours.extend(vpcs.iter().filter(|vpc| vpc.cidrs.first() == Some(&spec.cidr)));
    }
    let is_known = |id: &str| known.iter().any(|it| it.vpc_id == id);
    ours.into_iter().map(|vpc| vpc.id.as_str()).filter(|id| !is_known(id)).collect()
}

#[cfg(test)]
mod tests;
