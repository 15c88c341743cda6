//! What AWS refuses, and how.

use std::sync::Arc;

use ipnet::Ipv4Net;
use phonehome_cloud::Class;
use phonehome_network::{Rule, RulePeer, Tags};
use phonehome_planner::{Action, Direction, RefTarget};

use super::harness::{Harness, check, id};
use super::subject::{Accounts, Judgement};

/// An id that nothing has.
const NOBODY: &str = "0123456789abcdef0";

fn nobody(prefix: &str) -> phonehome_planner::Ref {
    id(&format!("{prefix}-{NOBODY}"))
}

fn net(text: &str) -> Result<Ipv4Net, String> {
    text.parse().map_err(|error| format!("{text}: {error}"))
}

pub(super) async fn subnets_do_not_overlap_and_lie_in_the_vpc<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let vpc = harness.vpc().await?;
    harness.subnet(&vpc, 0).await?;
    let make =
        |cidr: Ipv4Net, az: &str| Action::CreateSubnet { vpc: id(&vpc), cidr, az_id: az.parse().unwrap() };
    let same = harness.spec.zones[0].public;
    // What is in its place may be what an earlier call made.
    harness.refused(make(same, "use1-az2"), Class::EventuallyConsistent, &["InvalidSubnet.Conflict"]).await?;
    let half =
        same.subnets(same.prefix_len() + 1).map_err(|error| error.to_string())?.next().ok_or("no half")?;
    harness.refused(make(half, "use1-az2"), Class::EventuallyConsistent, &["InvalidSubnet.Conflict"]).await?;
    let outside = net("192.168.0.0/24")?;
    harness.refused(make(outside, "use1-az2"), Class::Invalid, &["InvalidSubnet.Range"]).await?;
    // moto says InvalidParameterValue and means the zone, as AWS does.
    let free = harness.spec.zones[1].public;
    harness.refused(make(free, "use9-az9"), Class::Invalid, &["InvalidParameterValue"]).await
}

pub(super) async fn what_is_not_there_is_not_found<A: Accounts>(accounts: Arc<A>, number: u32) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let base = harness.base().await?;
    let vpc = || nobody("vpc");
    let cidr = harness.spec.zones[1].public;
    let no_vpc = ["InvalidVpcID.NotFound"];
    let action = Action::CreateSubnet { vpc: vpc(), cidr, az_id: "use1-az2".parse().unwrap() };
    harness.refused(action, Class::EventuallyConsistent, &no_vpc).await?;
    harness.refused(Action::CreateRouteTable { vpc: vpc() }, Class::EventuallyConsistent, &no_vpc).await?;
    let no_gateway = ["InvalidInternetGatewayID.NotFound", "InvalidGatewayID.NotFound"];
    let action = Action::AttachInternetGateway { gateway: nobody("igw"), vpc: id(&base.vpc) };
    harness.refused(action, Class::EventuallyConsistent, &no_gateway).await?;
    let no_table = ["InvalidRouteTableID.NotFound", "InvalidRouteTableId.NotFound"];
    let target = || RefTarget::InternetGateway(id(&base.gateway));
    let destination = Ipv4Net::default();
    let action = Action::CreateRoute { table: nobody("rtb"), destination, target: target() };
    harness.refused(action, Class::EventuallyConsistent, &no_table).await?;
    let action = Action::AssociateRouteTable { table: nobody("rtb"), subnet: id(&base.subnet) };
    harness.refused(action, Class::EventuallyConsistent, &no_table).await?;
    let action = Action::AssociateRouteTable { table: id(&base.table), subnet: nobody("subnet") };
    harness.refused(action, Class::EventuallyConsistent, &["InvalidSubnetID.NotFound"]).await?;
    let rule = Rule { protocol: "-1".into(), ports: None, peer: RulePeer::Cidr(Ipv4Net::default()) };
    let (direction, rules) = (Direction::Ingress, vec![rule]);
    let action = Action::AuthorizeRules { group: nobody("sg"), direction, rules };
    harness.refused(action, Class::EventuallyConsistent, &["InvalidGroup.NotFound"]).await?;
    // AWS's reference has this code with ID, its answers and moto have Id.
    let no_peering = ["InvalidVpcPeeringConnectionID.NotFound", "InvalidVpcPeeringConnectionId.NotFound"];
    let action = Action::AcceptPeering { peering: format!("pcx-{NOBODY}") };
    harness.refused(action, Class::EventuallyConsistent, &no_peering).await?;
    // AWS documents InvalidParameterValue for a route that is not there to be replaced.
    let action = Action::ReplaceRoute { table: id(&base.table), destination, target: target() };
    harness.refused(action, Class::Invalid, &["InvalidParameterValue"]).await
}

pub(super) async fn more_that_is_not_there_is_not_found<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let base = harness.base().await?;
    let action = Action::CreateNatGateway { subnet: id(&base.subnet), allocation: nobody("eipalloc") };
    harness.refused(action, Class::EventuallyConsistent, &["InvalidAllocationID.NotFound"]).await?;
    let ip = harness.make("elastic-ip/use1-az1", Action::AllocateElasticIp).await?;
    let action = Action::CreateNatGateway { subnet: nobody("subnet"), allocation: id(&ip) };
    harness.refused(action, Class::EventuallyConsistent, &["InvalidSubnetID.NotFound"]).await?;
    let (table, destination) = (id(&base.table), Ipv4Net::default());
    let target = RefTarget::NatGateway(nobody("nat"));
    let no_nat = ["InvalidNatGatewayID.NotFound", "NatGatewayNotFound"];
    harness
        .refused(Action::CreateRoute { table, destination, target }, Class::EventuallyConsistent, &no_nat)
        .await?;
    let tags = Tags::from([("a".to_owned(), "b".to_owned())]);
    let action = Action::Tag { resource: nobody("vpc"), tags };
    harness.refused(action, Class::EventuallyConsistent, &["InvalidVpcID.NotFound"]).await?;
    let association_id = format!("rtbassoc-{NOBODY}");
    let action = Action::ReplaceAssociation { association_id, table: id(&base.table) };
    harness.refused(action, Class::EventuallyConsistent, &["InvalidAssociationID.NotFound"]).await
}

pub(super) async fn a_route_is_made_once<A: Accounts>(accounts: Arc<A>, number: u32) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let base = harness.base().await?;
    let make = || Action::CreateRoute {
        table: id(&base.table),
        destination: Ipv4Net::default(),
        target: RefTarget::InternetGateway(id(&base.gateway)),
    };
    harness.done("route", make()).await?;
    harness.refused(make(), Class::AlreadyDone, &["RouteAlreadyExists"]).await
}

pub(super) async fn an_internet_gateway_is_attached_once<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let base = harness.base().await?;
    let action = Action::AttachInternetGateway { gateway: id(&base.gateway), vpc: id(&base.vpc) };
    harness.refused(action, Class::AlreadyDone, &["Resource.AlreadyAssociated"]).await
}

pub(super) async fn an_address_serves_one_nat_gateway<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let base = harness.base().await?;
    let ip = harness.make("elastic-ip/use1-az1", Action::AllocateElasticIp).await?;
    let make = || Action::CreateNatGateway { subnet: id(&base.subnet), allocation: id(&ip) };
    harness.make("nat-gateway/use1-az1", make()).await?;
    harness.refused(make(), Class::EventuallyConsistent, &["Resource.AlreadyAssociated"]).await
}

pub(super) async fn a_nat_gateway_needs_an_attached_internet_gateway<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let vpc = harness.vpc().await?;
    let subnet = harness.subnet(&vpc, 0).await?;
    let ip = harness.make("elastic-ip/use1-az1", Action::AllocateElasticIp).await?;
    let action = Action::CreateNatGateway { subnet: id(&subnet), allocation: id(&ip) };
    harness.refused(action, Class::EventuallyConsistent, &["Gateway.NotAttached"]).await
}

pub(super) async fn a_subnet_has_one_route_table<A: Accounts>(accounts: Arc<A>, number: u32) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let base = harness.base().await?;
    let other =
        harness.make("route-table/private/use1-az1", Action::CreateRouteTable { vpc: id(&base.vpc) }).await?;
    let action = Action::AssociateRouteTable { table: id(&base.table), subnet: id(&base.subnet) };
    harness.done("association", action).await?;
    let action = Action::AssociateRouteTable { table: id(&other), subnet: id(&base.subnet) };
    harness.refused(action, Class::AlreadyDone, &["Resource.AlreadyAssociated"]).await
}

pub(super) async fn a_route_table_has_one_route_to_a_service<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let vpc = harness.vpc().await?;
    let table = harness.table(&vpc).await?;
    let service = format!("com.amazonaws.{}.s3", harness.spec.region);
    let make = || Action::CreateGatewayEndpoint {
        vpc: id(&vpc),
        service: service.clone(),
        tables: vec![id(&table)],
    };
    let endpoint = harness.make("endpoint/s3", make()).await?;
    // Not of the class "done": the route may be another endpoint's, and then ours is not there.
    harness.refused(make(), Class::EventuallyConsistent, &["RouteAlreadyExists"]).await?;
    let action = Action::AddEndpointTables { endpoint, tables: vec![id(&table)] };
    harness.refused(action, Class::EventuallyConsistent, &["RouteAlreadyExists"]).await
}

pub(super) async fn a_flow_log_is_made_once<A: Accounts>(accounts: Arc<A>, number: u32) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let vpc = harness.vpc().await?;
    let destination = harness.spec.features.flow_logs_to.clone().ok_or("the sample has a flow log")?;
    let make = || Action::CreateFlowLog { vpc: id(&vpc), destination: destination.clone() };
    let log = harness.make("flow-log", make()).await?;
    harness.refused(make(), Class::AlreadyDone, &["FlowLogAlreadyExists"]).await?;
    let seen = harness.see().await?;
    let found = seen.flow_logs.iter().find(|it| it.id == log).ok_or("the flow log is not seen")?;
    harness.has_tags("flow-log", Some(&found.tags))?;
    check(found.resource_id == vpc && found.destination == destination, || format!("{found:?}"))
}
