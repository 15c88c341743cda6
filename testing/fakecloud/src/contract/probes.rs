//! Functions and schedules.

use std::sync::Arc;

use phonehome_network::Kind;
use phonehome_planner::{Action, StackSpec};
use phonehome_wire::{ProbeInput, WIRE_VERSION};

use super::harness::{Harness, check, id};
use super::subject::{Accounts, Judgement};

pub(super) async fn functions_and_schedules_are_made_and_seen<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let probe = harness.spec.probe.clone().ok_or("the sample has probes")?;
    let base = harness.base().await?;
    let action = Action::CreateSecurityGroup {
        vpc: id(&base.vpc),
        name: "phonehome-probe".into(),
        description: "phonehome probes".into(),
    };
    let group = harness.make("security-group/probe", action).await?;
    let name = StackSpec::probe_name("use1-az1");
    let make = || Action::CreateFunction {
        name: name.clone(),
        subnet: id(&base.subnet),
        security_group: id(&group),
    };
    harness.done("probe/use1-az1", make()).await?;
    // Made by an earlier call whose answer was lost: the next observation sees it.
    harness.so("probe/use1-az1", make()).await?;
    harness.done("probe/use1-az1/destination", Action::PutDestination { name: name.clone() }).await?;
    let function_arn = harness.spec.probe_arn("use1-az1");
    let input = |generation| ProbeInput {
        version: WIRE_VERSION,
        generation,
        report_version: 1,
        timeout_s: 0,
        region: harness.spec.region.clone(),
        availability_zone: "use1-az1".parse().unwrap(),
        part: 0,
        rerun: false,
        checks: probe.checks.clone(),
    };
    let arn = || function_arn.clone();
    let action = || Action::CreateSchedule { name: name.clone(), function_arn: arn(), input: input(1) };
    harness.done("probe/use1-az1/schedule", action()).await?;
    harness.so("probe/use1-az1/schedule", action()).await?;
    let action = Action::UpdateSchedule { name: name.clone(), function_arn: arn(), input: input(2) };
    harness.done("probe/use1-az1/schedule", action).await?;

    let seen = harness.observe(&[Kind::Function, Kind::Schedule]).await?;
    let [function] = seen.functions.as_slice() else { return Err(format!("{:?}", seen.functions)) };
    let placed = function.subnet_ids == [base.subnet.clone()] && function.security_group_ids == [group];
    let set = (&function.role_arn, function.memory_mb, function.timeout_s)
        == (&probe.role_arn, probe.memory_mb, probe.timeout_s);
    check(placed && set && function.name == name, || format!("{function:?}"))?;
    check(function.destination.as_ref() == Some(&probe.bus_arn), || format!("{function:?}"))?;
    let [schedule] = seen.schedules.as_slice() else { return Err(format!("{:?}", seen.schedules)) };
    let set = (&schedule.target_arn, &schedule.role_arn) == (&function_arn, &probe.schedule_role_arn);
    let input = schedule.input.as_ref() == Some(&input(2));
    check(set && input && schedule.enabled && schedule.name == name, || format!("{schedule:?}"))
}
