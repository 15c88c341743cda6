//! The whole life of two connected accounts, with every kind of call that a plan can come to: so that
//! the judges of recorded calls (`tests/judges`) see each of them, removals and peerings among them.

use std::collections::BTreeSet;

use phonehome_accounts::AwsStack;
use phonehome_executor::{Executor, NoFence, StackApi as _};
use phonehome_fakecloud::sample;
use phonehome_localcloud::proxy::Proxy;
use phonehome_network::{Inventory, Kind, Tagged as _};
use phonehome_planner::Disruption;
use phonehome_planner::{
    Decommission, Limits, Plan, PlanError, StackSpec, plan, plan_decommission, plan_default_vpc_removal,
};

use crate::place;

/// Observes until nothing is planned any more; a stack never needs more on moto.
const ROUNDS_MAX: usize = 6;
/// As a person may allow it.
const ALLOWED: Limits =
    Limits { deletions: 50, peerings: 3, disruption: Disruption::Detaches, ..Limits::SWEEP };

/// An account, and the way into it.
struct Place {
    proxy: Proxy,
    spec: StackSpec,
}

impl Place {
    async fn new(account: &str, name: &str, block: &str) -> Self {
        for role in ["phonehome-probe", "phonehome-schedule"] {
            let form = "CreateRole&Version=2010-05-08&AssumeRolePolicyDocument=%7B%7D&RoleName=";
            place::call(account, "iam", &format!("{form}{role}")).await;
        }
        let spec = sample::full(account, name, block.parse().unwrap()).unwrap();
        Self { proxy: place::proxy(account).await, spec }
    }

    async fn api(&self) -> AwsStack {
        place::open(&self.proxy, &self.spec).await
    }

    async fn observe(&self) -> Inventory {
        self.api().await.observe(&self.kinds()).await.unwrap()
    }

    /// Also what decides whether anything may be taken away.
    fn kinds(&self) -> Vec<Kind> {
        self.spec.kinds().into_iter().chain([Kind::NetworkInterface]).collect()
    }

    async fn vpc(&self) -> Option<String> {
        let seen = self.observe().await;
        seen.vpcs.iter().find(|vpc| vpc.address().is_some()).map(|vpc| vpc.id.clone())
    }

    /// Observes, plans and applies until nothing but a probe's code is left to do: moto keeps no code
    /// that would be the sample's.
    async fn converge(&self, decide: impl Fn(&StackSpec, &Inventory) -> Result<Plan, PlanError>) {
        for _ in 0..ROUNDS_MAX {
            let api = self.api().await;
            let plan = decide(&self.spec, &api.observe(&self.kinds()).await.unwrap()).unwrap();
            let applied = Executor::new().apply(&api, &plan, &NoFence).await;
            assert_eq!(applied.failure(), None, "{plan:#?}");
        }
    }

    async fn ec2(&self, form: &str) {
        place::call(&self.spec.account, "ec2", &format!("{form}&Version=2016-11-15")).await;
    }
}

fn id_of<T: phonehome_network::Tagged>(list: &[T], address: &str) -> String {
    let found = list.iter().find(|it| it.address().is_some_and(|it| it.to_string() == address));
    found.map(|it| it.id().to_owned()).unwrap_or_else(|| panic!("no {address}"))
}

/// What somebody else does that calls for what no other test on moto needs.
async fn change_by_hand(place: &Place) {
    let seen = place.observe().await;
    let acl = id_of(&seen.network_acls, "network-acl/default");
    place
        .ec2(&format!(
            "CreateNetworkAclEntry&NetworkAclId={acl}&RuleNumber=5&Protocol=6&RuleAction=allow&Egress=false\
             &CidrBlock=0.0.0.0%2F0&PortRange.From=22&PortRange.To=22"
        ))
        .await;
    let group = id_of(&seen.security_groups, "security-group/probe");
    place
        .ec2(&format!(
            "RevokeSecurityGroupEgress&GroupId={group}&IpPermissions.1.IpProtocol=-1\
             &IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0%2F0"
        ))
        .await;
}

/// What leads, belongs or applies to something else than declared.
async fn lead_astray(place: &Place) {
    let seen = place.observe().await;
    let table = id_of(&seen.route_tables, "route-table/private/use1-az1");
    let nat = id_of(&seen.nat_gateways, "nat-gateway/use1-az2");
    place
        .ec2(&format!(
            "ReplaceRoute&RouteTableId={table}&DestinationCidrBlock=0.0.0.0%2F0&NatGatewayId={nat}"
        ))
        .await;
    let tables = seen.route_tables.iter().filter(|it| it.id == table);
    let association = tables.flat_map(|it| &it.associations).next().unwrap();
    let public = id_of(&seen.route_tables, "route-table/public");
    place
        .ec2(&format!("ReplaceRouteTableAssociation&AssociationId={}&RouteTableId={public}", association.id))
        .await;
    let acl = id_of(&seen.network_acls, "network-acl/default");
    place
        .ec2(&format!(
            "ReplaceNetworkAclEntry&NetworkAclId={acl}&RuleNumber=20&Protocol=6&RuleAction=allow&Egress=false\
             &CidrBlock=0.0.0.0%2F0&PortRange.From=22&PortRange.To=22"
        ))
        .await;
    let s3 = id_of(&seen.endpoints, "endpoint/s3");
    place.ec2(&format!("ModifyVpcEndpoint&VpcEndpointId={s3}&RemoveRouteTableId.1={public}")).await;
}

/// A default VPC with more in it than AWS puts there.
async fn fill_default_vpc(place: &Place) {
    let seen = place.observe().await;
    let vpc = seen.vpcs.iter().find(|vpc| vpc.is_default).map(|vpc| vpc.id.clone()).unwrap();
    place.ec2(&format!("CreateNetworkAcl&VpcId={vpc}")).await;
    place.ec2(&format!("CreateRouteTable&VpcId={vpc}")).await;
    place.ec2(&format!("CreateSecurityGroup&VpcId={vpc}&GroupName=old&GroupDescription=old")).await;
}

/// moto keeps the network interfaces of NAT gateways that are gone.
async fn remove_what_moto_leaves(place: &Place) {
    for interface in place.observe().await.network_interfaces {
        place.ec2(&format!("DeleteNetworkInterface&NetworkInterfaceId={}", interface.id)).await;
    }
}

#[tokio::test]
async fn two_connected_accounts_live_on_moto_from_their_first_call_to_their_last() {
    // moto has a peering's tags once, and not for each account: with one name for both ends their tags
    // are the same.
    let mut shop = Place::new("500000000001", "twin", "10.0.0.0/18").await;
    let mut ledger = Place::new("500000000002", "twin", "10.0.64.0/18").await;
    let sweep = |spec: &StackSpec, seen: &Inventory| plan(spec, seen, &Limits::SWEEP);
    shop.converge(sweep).await;
    ledger.converge(sweep).await;

    // A connection, from asking for it to its routes on both sides.
    shop.spec.links = vec![sample::link(&ledger.spec, ledger.vpc().await, true)];
    ledger.spec.links = vec![sample::link(&shop.spec, shop.vpc().await, false)];
    for place in [&shop, &ledger, &shop] {
        place.converge(sweep).await;
    }
    // moto shows one of an account's own twice.
    let peerings = |seen: &Inventory| seen.peerings.iter().map(|it| it.id.clone()).collect::<BTreeSet<_>>();
    assert_eq!(peerings(&shop.observe().await).len(), 1);
    assert!(peering_routes(&shop.observe().await) > 0 && peering_routes(&ledger.observe().await) > 0);

    // Probes that are configured in another way, and changes by hand. They get their new input once the code that is
    // in place is the wanted one: here that which moto says there is.
    let code = shop.observe().await.functions[0].code_sha256.clone();
    if let Some(probe) = &mut shop.spec.probe {
        probe.code_sha256 = code;
        probe.memory_mb = 512;
        probe.generation = 2;
        probe.checks.clear();
    }
    change_by_hand(&shop).await;
    lead_astray(&shop).await;
    shop.converge(sweep).await;
    let acl_entries =
        |seen: &Inventory| seen.network_acls.iter().flat_map(|it| it.entries.clone()).collect::<Vec<_>>();
    let seen = shop.observe().await;
    assert!(acl_entries(&seen).iter().all(|it| it.number != 5));
    let inputs = seen.schedules.iter().filter_map(|it| it.input.as_ref());
    assert!(
        inputs.clone().count() > 0 && inputs.clone().all(|it| it.checks.is_empty()),
        "{:?}",
        seen.schedules
    );

    // The connection goes, then what AWS had put there, then everything.
    shop.spec.links.clear();
    ledger.spec.links.clear();
    for place in [&shop, &ledger] {
        place.converge(|spec, seen| plan(spec, seen, &ALLOWED)).await;
    }
    assert_eq!((peering_routes(&shop.observe().await), peering_routes(&ledger.observe().await)), (0, 0));
    fill_default_vpc(&shop).await;
    shop.converge(|spec, seen| plan_default_vpc_removal(spec, seen, &Limits::DECOMMISSION)).await;
    assert!(shop.observe().await.vpcs.iter().all(|vpc| !vpc.is_default));
    ledger
        .converge(|spec, seen| plan_decommission(spec, seen, &Limits::DECOMMISSION, Decommission::Forget))
        .await;
    assert!(ledger.vpc().await.is_none(), "the VPC is phonehome's no more");
    let decommission = |spec: &StackSpec, seen: &Inventory| {
        plan_decommission(spec, seen, &Limits::DECOMMISSION, Decommission::Remove)
    };
    shop.converge(decommission).await;
    remove_what_moto_leaves(&shop).await;
    shop.converge(decommission).await;
    let left = shop.observe().await;
    // moto keeps the associations of subnets that are gone, and so their route tables and the VPC.
    assert_eq!((left.subnets.len(), left.functions.len(), left.schedules.len()), (0, 0, 0));
    assert!(left.internet_gateways.is_empty() && left.elastic_ips.is_empty() && left.flow_logs.is_empty());
    assert_eq!(left.unseen, BTreeSet::new());
}

fn peering_routes(seen: &Inventory) -> usize {
    let routes = seen.route_tables.iter().flat_map(|table| &table.routes);
    routes.filter(|route| format!("{:?}", route.target).contains("pcx-")).count()
}
