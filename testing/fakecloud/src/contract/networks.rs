//! What is made, and how it is seen.

use std::sync::Arc;

use ipnet::Ipv4Net;
use phonehome_network::{Inventory, Kind, NatState, RouteTarget, RulePeer, TAG_ADDRESS, Tags};
use phonehome_planner::{Action, RefTarget};

use super::harness::{Harness, check, id};
use super::subject::{Accounts, Judgement};

pub(super) async fn what_is_made_is_seen_with_its_tags<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let base = harness.base().await?;
    let ip = harness.make("elastic-ip/use1-az1", Action::AllocateElasticIp).await?;
    let action = Action::CreateNatGateway { subnet: id(&base.subnet), allocation: id(&ip) };
    let nat = harness.make("nat-gateway/use1-az1", action).await?;
    let destination = Ipv4Net::default();
    let target = RefTarget::InternetGateway(id(&base.gateway));
    let route = Action::CreateRoute { table: id(&base.table), destination, target };
    harness.done("route-table/public/default-route", route).await?;
    let action = Action::AssociateRouteTable { table: id(&base.table), subnet: id(&base.subnet) };
    harness.done("subnet/public/use1-az1/route-table", action).await?;
    let action = Action::CreateSecurityGroup {
        vpc: id(&base.vpc),
        name: "phonehome-probe".into(),
        description: "phonehome probes: no way in, any way out".into(),
    };
    let group = harness.make("security-group/probe", action).await?;

    let seen = harness.see().await?;
    let vpc = seen.vpcs.iter().find(|it| it.id == base.vpc).ok_or("the VPC is not seen")?;
    harness.has_tags("vpc", Some(&vpc.tags))?;
    check(vpc.cidrs == [harness.spec.cidr] && !vpc.is_default, || format!("{vpc:?}"))?;
    let subnet = seen.subnets.iter().find(|it| it.id == base.subnet).ok_or("the subnet is not seen")?;
    harness.has_tags("subnet/public/use1-az1", Some(&subnet.tags))?;
    let placed = (&subnet.vpc_id, subnet.cidr, subnet.az_id.as_str())
        == (&base.vpc, harness.spec.zones[0].public, "use1-az1");
    check(placed, || format!("{subnet:?}"))?;
    let gateway = seen.internet_gateways.iter().find(|it| it.id == base.gateway);
    let gateway = gateway.ok_or("the internet gateway is not seen")?;
    harness.has_tags("internet-gateway", Some(&gateway.tags))?;
    check(gateway.vpc_id.as_ref() == Some(&base.vpc), || format!("{gateway:?}"))?;
    let address = seen.elastic_ips.iter().find(|it| it.allocation_id == ip);
    harness.has_tags("elastic-ip/use1-az1", address.map(|it| &it.tags))?;
    let nat = seen.nat_gateways.iter().find(|it| it.id == nat).ok_or("the NAT gateway is not seen")?;
    harness.has_tags("nat-gateway/use1-az1", Some(&nat.tags))?;
    let live = matches!(nat.state, NatState::Pending | NatState::Available);
    check(live && nat.subnet_id.as_ref() == Some(&base.subnet) && nat.allocation_ids == [ip], || {
        format!("{nat:?}")
    })?;
    table_is_seen(&harness.spec, &seen, &base.table, &base.subnet, &base.gateway)?;
    let group = seen.security_groups.iter().find(|it| it.id == group).ok_or("the group is not seen")?;
    harness.has_tags("security-group/probe", Some(&group.tags))?;
    let out = RulePeer::Cidr(Ipv4Net::default());
    let open = group.egress.iter().all(|rule| rule.peer == out && rule.protocol == "-1");
    check(group.ingress.is_empty() && group.egress.len() == 1 && open, || format!("{group:?}"))
}

fn table_is_seen(
    spec: &phonehome_planner::StackSpec,
    seen: &Inventory,
    table: &str,
    subnet: &str,
    gateway: &str,
) -> Judgement {
    let table = seen.route_tables.iter().find(|it| it.id == table).ok_or("the route table is not seen")?;
    let wanted = spec.tags_of(&phonehome_network::Address::public_route_table());
    check(table.tags == wanted && !table.main, || format!("{table:?}"))?;
    let leads = |it: &phonehome_network::Route| {
        it.destination == Ipv4Net::default() && it.target == RouteTarget::InternetGateway(gateway.to_owned())
    };
    check(table.routes.len() == 1 && table.routes.iter().all(leads), || {
        format!("the local route is no route of ours, the default route is: {table:?}")
    })?;
    let associated = table.associations.iter().map(|it| it.subnet_id.as_str()).eq([subnet]);
    check(associated, || format!("{table:?}"))
}

pub(super) async fn a_vpc_comes_with_a_table_a_group_and_an_acl<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let vpc = harness.vpc().await?;
    let group =
        harness.make("security-group/default", Action::FindDefaultSecurityGroup { vpc: id(&vpc) }).await?;
    let acl = harness.make("network-acl/default", Action::FindDefaultNetworkAcl { vpc: id(&vpc) }).await?;
    let table = harness.make("route-table/main", Action::FindMainRouteTable { vpc: id(&vpc) }).await?;
    let seen = harness.see().await?;
    let group = seen.security_groups.iter().find(|it| it.id == group).ok_or("no default group")?;
    let from_itself = group.ingress.iter().all(|rule| rule.peer == RulePeer::Itself);
    check(group.name == "default" && group.vpc_id == vpc && from_itself, || format!("{group:?}"))?;
    check(group.egress.len() == 1, || format!("{group:?}"))?;
    let acl = seen.network_acls.iter().find(|it| it.id == acl).ok_or("no default ACL")?;
    let mut entries: Vec<_> = acl.entries.iter().map(|it| (it.number, it.egress, it.allow)).collect();
    entries.sort_unstable();
    check(acl.is_default && entries == [(100, false, true), (100, true, true)], || format!("{acl:?}"))?;
    let table = seen.route_tables.iter().find(|it| it.id == table).ok_or("no main route table")?;
    check(table.main && table.routes.is_empty() && table.vpc_id == vpc, || format!("{table:?}"))
}

pub(super) async fn a_new_subnet_gives_no_public_addresses<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let vpc = harness.vpc().await?;
    let subnet = harness.subnet(&vpc, 0).await?;
    let seen = harness.see().await?;
    let subnet = seen.subnets.iter().find(|it| it.id == subnet).ok_or("the subnet is not seen")?;
    check(!subnet.public_ip_on_launch, || format!("{subnet:?}"))
}

pub(super) async fn dns_is_seen_only_when_it_is_asked_for<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let vpc = harness.vpc().await?;
    let of = |seen: &Inventory| {
        seen.vpcs.iter().find(|it| it.id == vpc).map(|it| (it.dns_support, it.dns_host_names))
    };
    let seen = of(&harness.see().await?);
    check(seen == Some((Some(true), Some(false))), || {
        format!("a new VPC has DNS and no host names: {seen:?}")
    })?;
    harness.done("vpc/dns-host-names", Action::EnableDnsHostNames { vpc: id(&vpc) }).await?;
    harness.done("vpc/dns-support", Action::EnableDnsSupport { vpc: id(&vpc) }).await?;
    let seen = of(&harness.see().await?);
    check(seen == Some((Some(true), Some(true))), || format!("{seen:?}"))?;
    let seen = harness.observe(&[Kind::Vpc]).await?;
    check(of(&seen) == Some((None, None)) && seen.subnets.is_empty(), || format!("{seen:?}"))?;
    let all_but = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Vpc);
    check(seen.unseen.iter().copied().eq(all_but), || format!("unseen: {:?}", seen.unseen))
}

pub(super) async fn a_route_is_replaced_and_an_association_too<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let base = harness.base().await?;
    let ip = harness.make("elastic-ip/use1-az1", Action::AllocateElasticIp).await?;
    let action = Action::CreateNatGateway { subnet: id(&base.subnet), allocation: id(&ip) };
    let nat = harness.make("nat-gateway/use1-az1", action).await?;
    let (table, destination) = (id(&base.table), Ipv4Net::default());
    let target = RefTarget::InternetGateway(id(&base.gateway));
    harness.done("route", Action::CreateRoute { table: table.clone(), destination, target }).await?;
    let target = RefTarget::NatGateway(id(&nat));
    harness.done("route", Action::ReplaceRoute { table, destination, target }).await?;
    let action = Action::AssociateRouteTable { table: id(&base.table), subnet: id(&base.subnet) };
    harness.done("association", action).await?;
    let other =
        harness.make("route-table/private/use1-az1", Action::CreateRouteTable { vpc: id(&base.vpc) }).await?;

    let seen = harness.see().await?;
    let first = seen.route_tables.iter().find(|it| it.id == base.table).ok_or("no route table")?;
    let to_nat = first.routes.iter().map(|it| &it.target).eq([&RouteTarget::NatGateway(nat)]);
    check(to_nat, || format!("{first:?}"))?;
    let association = first.associations.first().ok_or("no association")?;
    let association_id = association.id.clone();
    harness.done("association", Action::ReplaceAssociation { association_id, table: id(&other) }).await?;
    let seen = harness.see().await?;
    let of = |table: &str| {
        let found = seen.route_tables.iter().find(|it| it.id == table);
        found.map(|it| it.associations.iter().map(|it| it.subnet_id.clone()).collect::<Vec<_>>())
    };
    check(of(&base.table) == Some(vec![]) && of(&other) == Some(vec![base.subnet.clone()]), || {
        format!("{:?}", seen.route_tables)
    })
}

pub(super) async fn tags_are_put_and_taken_away<A: Accounts>(accounts: Arc<A>, number: u32) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let vpc = harness.vpc().await?;
    let mut wanted = harness.spec.tags_of(&phonehome_network::Address::vpc());
    let tags = Tags::from([("team".to_owned(), "net".to_owned()), ("Name".to_owned(), "other".to_owned())]);
    harness.done("vpc/tags", Action::Tag { resource: id(&vpc), tags: tags.clone() }).await?;
    let keys = vec![TAG_ADDRESS.to_owned(), "never-there".to_owned()];
    harness.done("vpc/tags", Action::Untag { resource: vpc.clone(), keys }).await?;
    wanted.extend(tags);
    wanted.remove(TAG_ADDRESS);
    let seen = harness.see().await?;
    let seen = seen.vpcs.iter().find(|it| it.id == vpc).map(|it| &it.tags);
    check(seen == Some(&wanted), || format!("tags {seen:?}, must be {wanted:?}"))
}

pub(super) async fn endpoints_are_added_to_route_tables<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let vpc = harness.vpc().await?;
    let first = harness.table(&vpc).await?;
    let second =
        harness.make("route-table/private/use1-az1", Action::CreateRouteTable { vpc: id(&vpc) }).await?;
    let service = format!("com.amazonaws.{}.s3", harness.spec.region);
    let action =
        Action::CreateGatewayEndpoint { vpc: id(&vpc), service: service.clone(), tables: vec![id(&first)] };
    let endpoint = harness.make("endpoint/s3", action).await?;
    let action = Action::AddEndpointTables { endpoint: endpoint.clone(), tables: vec![id(&second)] };
    harness.done("endpoint/s3", action).await?;
    let seen = harness.see().await?;
    let found = seen.endpoints.iter().find(|it| it.id == endpoint).ok_or("the endpoint is not seen")?;
    harness.has_tags("endpoint/s3", Some(&found.tags))?;
    let (mut tables, mut wanted) = (found.route_table_ids.clone(), vec![first, second]);
    tables.sort();
    wanted.sort();
    check(tables == wanted && found.service == service && !found.is_gone, || format!("{found:?}"))?;
    // Its routes are to a prefix list, and no plan has to do with them.
    let clean = seen.route_tables.iter().all(|it| it.routes.is_empty() || it.vpc_id != vpc);
    check(clean, || format!("{:?}", seen.route_tables))
}
