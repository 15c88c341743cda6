//! An observation with fewer calls, as the real adapter makes it: each call of it is one here.

use std::collections::BTreeMap;

use futures_util::future::{try_join_all, try_join4};
use phonehome_cloud::{Class, CloudError};
use phonehome_network::{Function, FunctionState, Inventory, Kind, KnownProbes, Lists, Schedule};
use phonehome_planner::{StackSpec, addresses_in_use, sha256};

use crate::stack::{FakeStack, merge};
use crate::{FakeAccountRegion, Refused};

/// The first version of `infra/member-role.yaml` whose role may call the lists.
const LISTING_TEMPLATE: u32 = 2;
/// How many functions a page of Lambda's has.
const FUNCTIONS_MAX: usize = 50;

/// What AWS marks each change by. What is the same has the same mark here.
pub(crate) fn mark(seen: &mut Inventory) {
    for function in &mut seen.functions {
        let configured =
            Function { revision: None, destination: None, state: FunctionState::Active, ..function.clone() };
        function.revision = Some(sha256(&[format!("{configured:?}")])[..36].to_owned());
    }
    for schedule in &mut seen.schedules {
        let digest = sha256(&[format!("{:?}", Schedule { modified_ms: None, ..schedule.clone() })]);
        // Long ago.
        schedule.modified_ms = i64::from_str_radix(&digest[..7], 16).ok();
    }
}

pub(crate) async fn observe(
    stack: &FakeStack,
    kinds: &[Kind],
    known: &KnownProbes,
) -> Result<(Inventory, Lists), CloudError> {
    let apart = [Kind::VpcAttribute, Kind::ElasticIp, Kind::Function, Kind::Schedule];
    let others = kinds.iter().filter(|kind| !apart.contains(kind));
    let attributes = kinds.contains(&Kind::VpcAttribute);
    let (others, attributes, functions, schedules) = try_join4(
        try_join_all(others.map(|kind| stack.describe(*kind))),
        // EC2 answers one of the two attributes a call.
        try_join_all((0..if attributes { 2 } else { 0 }).map(|_| vpc_attributes(stack))),
        functions(stack, known),
        schedules(stack, known),
    )
    .await?;
    let mut seen = Inventory { unseen: Kind::ALL.into_iter().collect(), ..Inventory::default() };
    seen.unseen.retain(|kind| !kinds.contains(kind));
    for answer in others {
        merge(&mut seen, answer);
    }
    for vpc in &mut seen.vpcs {
        let found = attributes.iter().flat_map(|answer| &answer.vpcs).find(|it| it.id == vpc.id);
        vpc.dns_support = found.and_then(|it| it.dns_support);
        vpc.dns_host_names = found.and_then(|it| it.dns_host_names);
    }
    seen.elastic_ips = match addresses_in_use(stack.spec(), &seen.nat_gateways) {
        Some(in_use) => in_use,
        None => stack.describe(Kind::ElasticIp).await?.elastic_ips,
    };
    seen.functions = functions.0;
    (seen.schedules, seen.unchanged_schedules) = (schedules.0, schedules.1);
    Ok((seen, Lists { functions: functions.1, schedules: schedules.2 }))
}

async fn vpc_attributes(stack: &FakeStack) -> Result<Inventory, CloudError> {
    let ask = |it: &mut FakeAccountRegion<'_>| Ok(it.inventory(&[Kind::Vpc, Kind::VpcAttribute]));
    stack.call(Kind::VpcAttribute.operation(), Kind::VpcAttribute.plural(), ask).await
}

/// One call of an operation, that answers what there is of a kind.
async fn ask(stack: &FakeStack, operation: &'static str, kind: Kind) -> Result<Inventory, CloudError> {
    let is_list = operation.contains(":List");
    let ask = |it: &mut FakeAccountRegion<'_>| match is_list && !it.has_template(LISTING_TEMPLATE) {
        true => Err(Refused::new("AccessDeniedException", "the role may not list")),
        false => Ok(it.inventory(&[kind])),
    };
    let mut seen = stack.call(operation, kind.plural(), ask).await?;
    mark(&mut seen);
    Ok(seen)
}

/// A list; `None` where it is of no use, or denied.
async fn list(
    stack: &FakeStack,
    operation: &'static str,
    kind: Kind,
    is_of_use: bool,
) -> Result<Option<Inventory>, CloudError> {
    if !is_of_use {
        return Ok(None);
    }
    match ask(stack, operation, kind).await {
        Err(error) if error.class() == Class::Denied => Ok(None),
        answer => answer.map(Some),
    }
}

async fn functions(stack: &FakeStack, known: &KnownProbes) -> Result<(Vec<Function>, bool), CloudError> {
    let page = list(stack, "lambda:ListFunctions", Kind::Function, known.lists.functions).await?;
    let mut listed: Vec<Function> = page.iter().flat_map(|page| page.functions.clone()).collect();
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    let is_complete = listed.len() <= FUNCTIONS_MAX;
    listed.truncate(FUNCTIONS_MAX);
    let names: Vec<String> = stack.spec().zones.iter().map(|it| StackSpec::probe_name(&it.az_id)).collect();
    let has_ours = listed.iter().any(|it| names.contains(&it.name));
    let found = try_join_all(names.iter().map(async |name| {
        let known = known.functions.get(name);
        let is_known =
            |it: &Function| known.is_some_and(|known| it.revision.as_ref() == Some(&known.revision));
        let of_name = |all: &[Function]| all.iter().find(|it| it.name == *name).cloned();
        let seen = match of_name(&listed).filter(is_known) {
            Some(seen) => Some(Function { state: FunctionState::Active, ..seen }),
            None => of_name(&ask(stack, "lambda:GetFunctionConfiguration", Kind::Function).await?.functions),
        };
        let Some(seen) = seen else { return Ok(None) };
        let bus_arn = stack.spec().probe.as_ref().map(|probe| probe.bus_arn.clone());
        let destination = match known.is_some_and(|known| known.still_reports) && is_known(&seen) {
            true => bus_arn,
            false => {
                let all = ask(stack, "lambda:GetFunctionEventInvokeConfig", Kind::Function).await?;
                of_name(&all.functions).and_then(|it| it.destination)
            }
        };
        Ok::<_, CloudError>(Some(Function { destination, ..seen }))
    }))
    .await?;
    Ok((found.into_iter().flatten().collect(), page.is_some() && (has_ours || is_complete)))
}

type Schedules = (Vec<Schedule>, BTreeMap<String, String>, bool);

async fn schedules(stack: &FakeStack, known: &KnownProbes) -> Result<Schedules, CloudError> {
    let page = list(stack, "scheduler:ListSchedules", Kind::Schedule, known.lists.schedules).await?;
    let listed: Vec<Schedule> = page.iter().flat_map(|page| page.schedules.clone()).collect();
    let parts = stack.spec().probe.as_ref().map_or(0, |probe| probe.parts().count());
    let zones = stack.spec().zones.iter();
    let names =
        zones.flat_map(|zone| (0..parts).map(move |part| StackSpec::schedule_name(&zone.az_id, part)));
    let (mut read, mut unchanged) = (vec![], BTreeMap::new());
    for name in names {
        let listed = listed.iter().find(|it| it.name == name && it.enabled);
        let known = known
            .schedules
            .get(&name)
            .filter(|known| listed.is_some_and(|it| it.modified_ms == Some(known.modified_ms)));
        match known {
            Some(known) => drop(unchanged.insert(name, known.digest.clone())),
            None => {
                let all = ask(stack, "scheduler:GetSchedule", Kind::Schedule).await?;
                read.extend(all.schedules.into_iter().filter(|it| it.name == name));
            }
        }
    }
    Ok((read, unchanged, page.is_some()))
}
