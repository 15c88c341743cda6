//! What is taken away. Only the planner can permit that, so the calls are those of its plans.

use std::sync::Arc;

use ipnet::Ipv4Net;
use phonehome_cloud::Class;
use phonehome_executor::StackApi;
use phonehome_network::{Kind, RemovalTarget, Tagged};
use phonehome_planner::{Action, Decommission, Limits, Plan, RefTarget, plan_decommission};

use super::harness::{Base, Harness, check, id};
use super::subject::{Accounts, Judgement};

/// How many observations the release of a stack may take: NAT gateways and endpoints go by and by.
const OBSERVATIONS_MAX: usize = 20;

async fn decommission<Api: StackApi>(harness: &Harness<Api>) -> Result<Plan, String> {
    let mut seen = harness.observe(&Kind::ALL).await?;
    // Those that AWS made for what is released do not count. moto describes them as nothing.
    let by_aws = |text: &str| text.is_empty() || text.starts_with("Interface for NAT Gateway");
    seen.network_interfaces.retain(|it| !by_aws(&it.description));
    let plan = plan_decommission(&harness.spec, &seen, &Limits::DECOMMISSION, Decommission::Remove);
    let plan = plan.map_err(|error| error.to_string())?;
    check(plan.withheld.is_empty(), || format!("{:?}", plan.withheld))?;
    Ok(plan)
}

fn deleting(plan: &Plan, is: impl Fn(&RemovalTarget) -> bool) -> Result<Action, String> {
    let target = |action: &Action| matches!(action, Action::Remove(removal) if is(removal.what()));
    let found = plan.steps.iter().map(|step| &step.action).find(|action| target(action));
    found.cloned().ok_or_else(|| format!("the plan lacks a removal: {:#?}", plan.steps))
}

async fn with_way_out<Api: StackApi>(harness: &Harness<Api>) -> Result<Base, String> {
    let base = harness.base().await?;
    let ip = harness.make("elastic-ip/use1-az1", Action::AllocateElasticIp).await?;
    let action = Action::CreateNatGateway { subnet: id(&base.subnet), allocation: id(&ip) };
    harness.make("nat-gateway/use1-az1", action).await?;
    let (table, destination) = (id(&base.table), Ipv4Net::default());
    let target = RefTarget::InternetGateway(id(&base.gateway));
    harness.done("route", Action::CreateRoute { table, destination, target }).await?;
    Ok(base)
}

async fn associate<Api: StackApi>(harness: &Harness<Api>, base: &Base) -> Judgement {
    let action = Action::AssociateRouteTable { table: id(&base.table), subnet: id(&base.subnet) };
    harness.done("association", action).await.map(|_| ())
}

pub(super) async fn a_vpc_goes_last<A: Accounts>(accounts: Arc<A>, number: u32) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let base = harness.base().await?;
    associate(&harness, &base).await?;
    let plan = decommission(&harness).await?;
    let vpc = deleting(&plan, |it| matches!(it, RemovalTarget::Vpc { .. }))?;
    let subnet = deleting(&plan, |it| matches!(it, RemovalTarget::Subnet { .. }))?;
    let gateway = deleting(&plan, |it| matches!(it, RemovalTarget::InternetGateway { .. }))?;
    let dependency = ["DependencyViolation"];
    harness.refused(vpc, Class::EventuallyConsistent, &dependency).await?;
    harness.refused(gateway, Class::EventuallyConsistent, &dependency).await?;
    harness.done("subnet", subnet.clone()).await?;
    harness.refused(subnet, Class::AlreadyDone, &["InvalidSubnetID.NotFound"]).await
}

pub(super) async fn what_is_used_is_not_deleted<A: Accounts>(accounts: Arc<A>, number: u32) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let base = with_way_out(&harness).await?;
    associate(&harness, &base).await?;
    let plan = decommission(&harness).await?;
    let dependency = ["DependencyViolation"];
    let subnet = deleting(&plan, |it| matches!(it, RemovalTarget::Subnet { .. }))?;
    harness.refused(subnet, Class::EventuallyConsistent, &dependency).await?;
    let table = deleting(&plan, |it| matches!(it, RemovalTarget::RouteTable { .. }))?;
    harness.refused(table, Class::EventuallyConsistent, &dependency).await?;
    let attachment = deleting(&plan, |it| matches!(it, RemovalTarget::InternetGatewayAttachment { .. }))?;
    harness.refused(attachment, Class::EventuallyConsistent, &dependency).await?;
    // EC2 has no permission for the address while the NAT gateway has it, says it is locked, or in use.
    let codes = ["InvalidIPAddress.InUse", "InvalidAddress.Locked", "AuthFailure"];
    let ip = deleting(&plan, |it| matches!(it, RemovalTarget::ElasticIp { .. }))?;
    harness.refused(ip, Class::EventuallyConsistent, &codes).await
}

pub(super) async fn a_stack_is_released_in_the_planned_order<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let base = with_way_out(&harness).await?;
    let (vpc, service) = (id(&base.vpc), format!("com.amazonaws.{}.s3", harness.spec.region));
    let action = Action::CreateGatewayEndpoint { vpc: vpc.clone(), service, tables: vec![id(&base.table)] };
    harness.make("endpoint/s3", action).await?;
    let destination = harness.spec.features.flow_logs_to.clone().ok_or("the sample has a flow log")?;
    harness.make("flow-log", Action::CreateFlowLog { vpc: vpc.clone(), destination }).await?;
    let (name, description) = ("phonehome-probe".into(), "phonehome probes".into());
    harness.make("security-group/probe", Action::CreateSecurityGroup { vpc, name, description }).await?;
    is_released(&harness).await
}

pub(super) async fn associations_go_with_their_subnets<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let base = with_way_out(&harness).await?;
    associate(&harness, &base).await?;
    is_released(&harness).await
}

async fn is_released<Api: StackApi>(harness: &Harness<Api>) -> Judgement {
    let mut last = String::new();
    for _ in 0..OBSERVATIONS_MAX {
        let plan = decommission(harness).await?;
        if plan.is_converged() {
            let seen = harness.see().await?;
            let left = seen.vpcs.iter().filter(|it| it.address().is_some()).count()
                + seen.subnets.iter().filter(|it| it.address().is_some()).count()
                + seen.elastic_ips.iter().filter(|it| it.address().is_some()).count()
                + seen.internet_gateways.iter().filter(|it| it.address().is_some()).count();
            return check(left == 0, || format!("nothing to do, and {left} resources are left: {seen:?}"));
        }
        for step in &plan.steps {
            let ids = phonehome_executor::Ids::default();
            match harness.api.perform(&step.address, &step.action, &ids).await {
                Ok(_) => {}
                Err(error) if matches!(error.class(), Class::EventuallyConsistent | Class::AlreadyDone) => {
                    last = error.to_string();
                }
                Err(error) => return Err(format!("{}: {error}", step.address)),
            }
        }
    }
    Err(format!("not released after {OBSERVATIONS_MAX} looks: {last}"))
}
