//! What is taken away. Only the planner can permit that, so the calls are those of its plans.

use std::sync::Arc;

use ipnet::Ipv4Net;
use phonehome_cloud::Class;
use phonehome_executor::StackApi;
use phonehome_network::{Kind, RemovalTarget, Tagged};
use phonehome_planner::{Action, Limits, Plan, RefTarget, Release, plan_release};

use super::desk::{Base, Desk, check, id};
use super::{Accounts, Judgement};

/// How many looks the release of a stack may take: NAT gateways and endpoints go by and by.
const LOOKS_MAX: usize = 20;

async fn release<Api: StackApi>(desk: &Desk<Api>) -> Result<Plan, String> {
    let mut seen = desk.look(&Kind::ALL).await?;
    // Those that AWS made for what is released do not count. moto describes them as nothing.
    let by_aws = |text: &str| text.is_empty() || text.starts_with("Interface for NAT Gateway");
    seen.network_interfaces.retain(|it| !by_aws(&it.description));
    let plan = plan_release(&desk.spec, &seen, &Limits::RELEASE, Release::Remove);
    let plan = plan.map_err(|error| error.to_string())?;
    check(plan.withheld.is_empty(), || format!("{:?}", plan.withheld))?;
    Ok(plan)
}

fn deleting(plan: &Plan, is: impl Fn(&RemovalTarget) -> bool) -> Result<Action, String> {
    let doomed = |action: &Action| matches!(action, Action::Remove(removal) if is(removal.what()));
    let found = plan.steps.iter().map(|step| &step.action).find(|action| doomed(action));
    found.cloned().ok_or_else(|| format!("the plan lacks a removal: {:#?}", plan.steps))
}

async fn with_way_out<Api: StackApi>(desk: &Desk<Api>) -> Result<Base, String> {
    let base = desk.base().await?;
    let ip = desk.make("elastic-ip/use1-az1", Action::AllocateElasticIp).await?;
    let action = Action::CreateNatGateway { subnet: id(&base.subnet), allocation: id(&ip) };
    desk.make("nat-gateway/use1-az1", action).await?;
    let (table, destination) = (id(&base.table), Ipv4Net::default());
    let target = RefTarget::InternetGateway(id(&base.gateway));
    desk.done("route", Action::CreateRoute { table, destination, target }).await?;
    Ok(base)
}

async fn associate<Api: StackApi>(desk: &Desk<Api>, base: &Base) -> Judgement {
    let action = Action::AssociateRouteTable { table: id(&base.table), subnet: id(&base.subnet) };
    desk.done("association", action).await.map(|_| ())
}

pub(super) async fn a_vpc_goes_last<A: Accounts>(accounts: Arc<A>, number: u32) -> Judgement {
    let desk = Desk::open(&*accounts, number, false).await?;
    let base = desk.base().await?;
    associate(&desk, &base).await?;
    let plan = release(&desk).await?;
    let vpc = deleting(&plan, |it| matches!(it, RemovalTarget::Vpc { .. }))?;
    let subnet = deleting(&plan, |it| matches!(it, RemovalTarget::Subnet { .. }))?;
    let gateway = deleting(&plan, |it| matches!(it, RemovalTarget::InternetGateway { .. }))?;
    let dependency = ["DependencyViolation"];
    desk.refused(vpc, Class::NotYet, &dependency).await?;
    desk.refused(gateway, Class::NotYet, &dependency).await?;
    desk.done("subnet", subnet.clone()).await?;
    desk.refused(subnet, Class::AlreadyDone, &["InvalidSubnetID.NotFound"]).await
}

pub(super) async fn what_is_used_is_not_deleted<A: Accounts>(accounts: Arc<A>, number: u32) -> Judgement {
    let desk = Desk::open(&*accounts, number, false).await?;
    let base = with_way_out(&desk).await?;
    associate(&desk, &base).await?;
    let plan = release(&desk).await?;
    let dependency = ["DependencyViolation"];
    let subnet = deleting(&plan, |it| matches!(it, RemovalTarget::Subnet { .. }))?;
    desk.refused(subnet, Class::NotYet, &dependency).await?;
    let table = deleting(&plan, |it| matches!(it, RemovalTarget::RouteTable { .. }))?;
    desk.refused(table, Class::NotYet, &dependency).await?;
    let attachment = deleting(&plan, |it| matches!(it, RemovalTarget::InternetGatewayAttachment { .. }))?;
    desk.refused(attachment, Class::NotYet, &dependency).await?;
    // EC2 has no permission for the address while the NAT gateway has it, says it is locked, or in use.
    let codes = ["InvalidIPAddress.InUse", "InvalidAddress.Locked", "AuthFailure"];
    let ip = deleting(&plan, |it| matches!(it, RemovalTarget::ElasticIp { .. }))?;
    desk.refused(ip, Class::NotYet, &codes).await
}

pub(super) async fn a_stack_is_released_in_the_planned_order<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let desk = Desk::open(&*accounts, number, false).await?;
    let base = with_way_out(&desk).await?;
    let (vpc, service) = (id(&base.vpc), format!("com.amazonaws.{}.s3", desk.spec.region));
    let action = Action::CreateGatewayEndpoint { vpc: vpc.clone(), service, tables: vec![id(&base.table)] };
    desk.make("endpoint/s3", action).await?;
    let destination = desk.spec.features.flow_logs_to.clone().ok_or("the sample has a flow log")?;
    desk.make("flow-log", Action::CreateFlowLog { vpc: vpc.clone(), destination }).await?;
    let (name, description) = ("phonehome-probe".into(), "phonehome probes".into());
    desk.make("security-group/probe", Action::CreateSecurityGroup { vpc, name, description }).await?;
    is_released(&desk).await
}

pub(super) async fn associations_go_with_their_subnets<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let desk = Desk::open(&*accounts, number, false).await?;
    let base = with_way_out(&desk).await?;
    associate(&desk, &base).await?;
    is_released(&desk).await
}

async fn is_released<Api: StackApi>(desk: &Desk<Api>) -> Judgement {
    let mut last = String::new();
    for _ in 0..LOOKS_MAX {
        let plan = release(desk).await?;
        if plan.is_settled() {
            let seen = desk.see().await?;
            let left = seen.vpcs.iter().filter(|it| it.address().is_some()).count()
                + seen.subnets.iter().filter(|it| it.address().is_some()).count()
                + seen.elastic_ips.iter().filter(|it| it.address().is_some()).count()
                + seen.internet_gateways.iter().filter(|it| it.address().is_some()).count();
            return check(left == 0, || format!("nothing to do, and {left} resources are left: {seen:?}"));
        }
        for step in &plan.steps {
            let ids = phonehome_executor::Ids::default();
            match desk.api.perform(&step.address, &step.action, &ids).await {
                Ok(_) => {}
                Err(error) if matches!(error.class(), Class::NotYet | Class::AlreadyDone) => {
                    last = error.to_string();
                }
                Err(error) => return Err(format!("{}: {error}", step.address)),
            }
        }
    }
    Err(format!("not released after {LOOKS_MAX} looks: {last}"))
}
