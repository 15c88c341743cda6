//! What AWS refuses, and how.

use std::sync::Arc;

use ipnet::Ipv4Net;
use phonehome_cloud::Class;
use phonehome_network::{Rule, RulePeer, Tags};
use phonehome_planner::{Action, Direction, RefTarget};

use super::desk::{Desk, check, id};
use super::{Accounts, Judgement};

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
    let desk = Desk::open(&*accounts, number, false).await?;
    let vpc = desk.vpc().await?;
    desk.subnet(&vpc, 0).await?;
    let make = |cidr: Ipv4Net, az: &str| Action::CreateSubnet { vpc: id(&vpc), cidr, az_id: az.to_owned() };
    let same = desk.spec.zones[0].public;
    // What is in its place may be what an earlier call made.
    desk.refused(make(same, "use1-az2"), Class::NotYet, &["InvalidSubnet.Conflict"]).await?;
    let half =
        same.subnets(same.prefix_len() + 1).map_err(|error| error.to_string())?.next().ok_or("no half")?;
    desk.refused(make(half, "use1-az2"), Class::NotYet, &["InvalidSubnet.Conflict"]).await?;
    let outside = net("192.168.0.0/24")?;
    desk.refused(make(outside, "use1-az2"), Class::Invalid, &["InvalidSubnet.Range"]).await?;
    // moto says InvalidParameterValue and means the zone, as AWS does.
    let free = desk.spec.zones[1].public;
    desk.refused(make(free, "use9-az9"), Class::Invalid, &["InvalidParameterValue"]).await
}

pub(super) async fn what_is_not_there_is_not_found<A: Accounts>(accounts: Arc<A>, number: u32) -> Judgement {
    let desk = Desk::open(&*accounts, number, false).await?;
    let base = desk.base().await?;
    let vpc = || nobody("vpc");
    let cidr = desk.spec.zones[1].public;
    let no_vpc = ["InvalidVpcID.NotFound"];
    let action = Action::CreateSubnet { vpc: vpc(), cidr, az_id: "use1-az2".into() };
    desk.refused(action, Class::NotYet, &no_vpc).await?;
    desk.refused(Action::CreateRouteTable { vpc: vpc() }, Class::NotYet, &no_vpc).await?;
    let no_gateway = ["InvalidInternetGatewayID.NotFound", "InvalidGatewayID.NotFound"];
    let action = Action::AttachInternetGateway { gateway: nobody("igw"), vpc: id(&base.vpc) };
    desk.refused(action, Class::NotYet, &no_gateway).await?;
    let no_table = ["InvalidRouteTableID.NotFound", "InvalidRouteTableId.NotFound"];
    let target = || RefTarget::InternetGateway(id(&base.gateway));
    let destination = Ipv4Net::default();
    let action = Action::CreateRoute { table: nobody("rtb"), destination, target: target() };
    desk.refused(action, Class::NotYet, &no_table).await?;
    let action = Action::AssociateRouteTable { table: nobody("rtb"), subnet: id(&base.subnet) };
    desk.refused(action, Class::NotYet, &no_table).await?;
    let action = Action::AssociateRouteTable { table: id(&base.table), subnet: nobody("subnet") };
    desk.refused(action, Class::NotYet, &["InvalidSubnetID.NotFound"]).await?;
    let rule = Rule { protocol: "-1".into(), ports: None, peer: RulePeer::Cidr(Ipv4Net::default()) };
    let (direction, rules) = (Direction::Ingress, vec![rule]);
    let action = Action::AuthorizeRules { group: nobody("sg"), direction, rules };
    desk.refused(action, Class::NotYet, &["InvalidGroup.NotFound"]).await?;
    // AWS's reference has this code with ID, its answers and moto have Id.
    let no_peering = ["InvalidVpcPeeringConnectionID.NotFound", "InvalidVpcPeeringConnectionId.NotFound"];
    let action = Action::AcceptPeering { peering: format!("pcx-{NOBODY}") };
    desk.refused(action, Class::NotYet, &no_peering).await?;
    // AWS documents InvalidParameterValue for a route that is not there to be replaced.
    let action = Action::ReplaceRoute { table: id(&base.table), destination, target: target() };
    desk.refused(action, Class::Invalid, &["InvalidParameterValue"]).await
}

pub(super) async fn more_that_is_not_there_is_not_found<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let desk = Desk::open(&*accounts, number, false).await?;
    let base = desk.base().await?;
    let action = Action::CreateNatGateway { subnet: id(&base.subnet), allocation: nobody("eipalloc") };
    desk.refused(action, Class::NotYet, &["InvalidAllocationID.NotFound"]).await?;
    let ip = desk.make("elastic-ip/use1-az1", Action::AllocateElasticIp).await?;
    let action = Action::CreateNatGateway { subnet: nobody("subnet"), allocation: id(&ip) };
    desk.refused(action, Class::NotYet, &["InvalidSubnetID.NotFound"]).await?;
    let (table, destination) = (id(&base.table), Ipv4Net::default());
    let target = RefTarget::NatGateway(nobody("nat"));
    let no_nat = ["InvalidNatGatewayID.NotFound", "NatGatewayNotFound"];
    desk.refused(Action::CreateRoute { table, destination, target }, Class::NotYet, &no_nat).await?;
    let tags = Tags::from([("a".to_owned(), "b".to_owned())]);
    let action = Action::Tag { resource: nobody("vpc"), tags };
    desk.refused(action, Class::NotYet, &["InvalidVpcID.NotFound"]).await?;
    let association_id = format!("rtbassoc-{NOBODY}");
    let action = Action::ReplaceAssociation { association_id, table: id(&base.table) };
    desk.refused(action, Class::NotYet, &["InvalidAssociationID.NotFound"]).await
}

pub(super) async fn a_route_is_made_once<A: Accounts>(accounts: Arc<A>, number: u32) -> Judgement {
    let desk = Desk::open(&*accounts, number, false).await?;
    let base = desk.base().await?;
    let make = || Action::CreateRoute {
        table: id(&base.table),
        destination: Ipv4Net::default(),
        target: RefTarget::InternetGateway(id(&base.gateway)),
    };
    desk.done("route", make()).await?;
    desk.refused(make(), Class::AlreadyDone, &["RouteAlreadyExists"]).await
}

pub(super) async fn an_internet_gateway_is_attached_once<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let desk = Desk::open(&*accounts, number, false).await?;
    let base = desk.base().await?;
    let action = Action::AttachInternetGateway { gateway: id(&base.gateway), vpc: id(&base.vpc) };
    desk.refused(action, Class::AlreadyDone, &["Resource.AlreadyAssociated"]).await
}

pub(super) async fn an_address_serves_one_nat_gateway<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let desk = Desk::open(&*accounts, number, false).await?;
    let base = desk.base().await?;
    let ip = desk.make("elastic-ip/use1-az1", Action::AllocateElasticIp).await?;
    let make = || Action::CreateNatGateway { subnet: id(&base.subnet), allocation: id(&ip) };
    desk.make("nat-gateway/use1-az1", make()).await?;
    desk.refused(make(), Class::NotYet, &["Resource.AlreadyAssociated"]).await
}

pub(super) async fn a_nat_gateway_needs_an_attached_internet_gateway<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let desk = Desk::open(&*accounts, number, false).await?;
    let vpc = desk.vpc().await?;
    let subnet = desk.subnet(&vpc, 0).await?;
    let ip = desk.make("elastic-ip/use1-az1", Action::AllocateElasticIp).await?;
    let action = Action::CreateNatGateway { subnet: id(&subnet), allocation: id(&ip) };
    desk.refused(action, Class::NotYet, &["Gateway.NotAttached"]).await
}

pub(super) async fn a_subnet_has_one_route_table<A: Accounts>(accounts: Arc<A>, number: u32) -> Judgement {
    let desk = Desk::open(&*accounts, number, false).await?;
    let base = desk.base().await?;
    let other =
        desk.make("route-table/private/use1-az1", Action::CreateRouteTable { vpc: id(&base.vpc) }).await?;
    let action = Action::AssociateRouteTable { table: id(&base.table), subnet: id(&base.subnet) };
    desk.done("association", action).await?;
    let action = Action::AssociateRouteTable { table: id(&other), subnet: id(&base.subnet) };
    desk.refused(action, Class::AlreadyDone, &["Resource.AlreadyAssociated"]).await
}

pub(super) async fn a_route_table_has_one_route_to_a_service<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let desk = Desk::open(&*accounts, number, false).await?;
    let vpc = desk.vpc().await?;
    let table = desk.table(&vpc).await?;
    let service = format!("com.amazonaws.{}.s3", desk.spec.region);
    let make = || Action::CreateGatewayEndpoint {
        vpc: id(&vpc),
        service: service.clone(),
        tables: vec![id(&table)],
    };
    let endpoint = desk.make("endpoint/s3", make()).await?;
    // Not of the class "done": the route may be another endpoint's, and then ours is not there.
    desk.refused(make(), Class::NotYet, &["RouteAlreadyExists"]).await?;
    let action = Action::AddEndpointTables { endpoint, tables: vec![id(&table)] };
    desk.refused(action, Class::NotYet, &["RouteAlreadyExists"]).await
}

pub(super) async fn a_flow_log_is_made_once<A: Accounts>(accounts: Arc<A>, number: u32) -> Judgement {
    let desk = Desk::open(&*accounts, number, false).await?;
    let vpc = desk.vpc().await?;
    let destination = desk.spec.features.flow_logs_to.clone().ok_or("the sample has a flow log")?;
    let make = || Action::CreateFlowLog { vpc: id(&vpc), destination: destination.clone() };
    let log = desk.make("flow-log", make()).await?;
    desk.refused(make(), Class::AlreadyDone, &["FlowLogAlreadyExists"]).await?;
    let seen = desk.see().await?;
    let found = seen.flow_logs.iter().find(|it| it.id == log).ok_or("the flow log is not seen")?;
    desk.has_tags("flow-log", Some(&found.tags))?;
    check(found.resource_id == vpc && found.destination == destination, || format!("{found:?}"))
}
