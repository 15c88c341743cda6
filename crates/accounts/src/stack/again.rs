//! An observation of a stack that was as declared, with fewer calls: lists in place of what is asked for one by one,
//! and nothing read again of what AWS says that nothing has changed (docs/decisions/0028-fewer-calls.md).
//!
//! Whatever the lists do not say is asked for as ever.

use std::collections::BTreeMap;

use aws_sdk_lambda::types::FunctionConfiguration;
use aws_sdk_scheduler::types::{ScheduleState, ScheduleSummary};
use futures_util::future::try_join_all;
use phonehome_network::{
    Function, FunctionState, Inventory, Kind, KnownFunction, KnownProbes, Lists, Schedule,
};
use phonehome_planner::{PROBE_PREFIX, StackSpec, addresses_in_use};

use super::AwsStack;
use super::observe::{observe as observe_all, observe_kind};
use super::observe_probes::function;
use phonehome_aws::OfSdk as _;
use phonehome_cloud::{Class, CloudError};

/// How many functions a page of Lambda's has at most. One page is asked for: a team may have thousands.
const FUNCTIONS_MAX: i32 = 50;
/// How many schedules a page of EventBridge Scheduler's has at most. The probes of a stack have 36.
const SCHEDULES_MAX: i32 = 100;
/// The group of schedules that are in none.
const GROUP: &str = "default";

/// What is asked for again of these kinds.
///
/// # Errors
/// As those of a whole observation.
pub(super) async fn observe(
    stack: &AwsStack,
    kinds: &[Kind],
    known: &KnownProbes,
) -> Result<(Inventory, Lists), CloudError> {
    let spared = [Kind::ElasticIp, Kind::Function, Kind::Schedule];
    let others: Vec<Kind> = kinds.iter().copied().filter(|kind| !spared.contains(kind)).collect();
    let (mut seen, functions, schedules) = tokio::try_join!(
        Box::pin(observe_all(stack, &others)),
        Box::pin(observe_kind(kinds, Kind::Function, functions(stack, known))),
        Box::pin(observe_kind(kinds, Kind::Schedule, schedules(stack, known))),
    )?;
    let mut lists = known.lists;
    if let Some((functions, is_of_use)) = functions {
        (seen.functions, lists.functions) = (functions, is_of_use);
        seen.unseen.remove(&Kind::Function);
    }
    if let Some(found) = schedules {
        (seen.schedules, seen.unchanged_schedules, lists.schedules) =
            (found.read, found.unchanged, found.is_of_use);
        seen.unseen.remove(&Kind::Schedule);
    }
    let in_use = addresses_in_use(&stack.spec, &seen.nat_gateways);
    let addresses =
        match in_use.filter(|_| kinds.contains(&Kind::ElasticIp) && seen.has_seen(Kind::NatGateway)) {
            Some(in_use) => Some(in_use),
            None => observe_kind(kinds, Kind::ElasticIp, stack.elastic_ips()).await?,
        };
    if let Some(addresses) = addresses {
        seen.elastic_ips = addresses;
        seen.unseen.remove(&Kind::ElasticIp);
    }
    Ok((seen, lists))
}

/// The functions that are declared, and whether the list of functions is of use.
async fn functions(stack: &AwsStack, known: &KnownProbes) -> Result<(Vec<Function>, bool), CloudError> {
    let names: Vec<String> = stack.spec.zones.iter().map(|zone| StackSpec::probe_name(&zone.az_id)).collect();
    let page = match known.lists.functions {
        true => unless_denied(stack.page_of_functions().await)?,
        false => None,
    };
    let Some((listed, is_complete)) = page else {
        let found = try_join_all(names.iter().map(|name| function(stack, name, None, known))).await?;
        return Ok((found.into_iter().flatten().collect(), false));
    };
    let has_ours = names.iter().any(|name| listed.contains_key(name));
    let found = names.iter().map(|name| function(stack, name, listed.get(name), known));
    let found = try_join_all(found).await?;
    Ok((found.into_iter().flatten().collect(), has_ours || is_complete))
}

/// A function: of the list where that says that it is as it was when it was read, and else as it is read now.
async fn function(
    stack: &AwsStack,
    name: &str,
    listed: Option<&FunctionConfiguration>,
    known: &KnownProbes,
) -> Result<Option<Function>, CloudError> {
    let known = known.functions.get(name);
    let is_known = |seen: &Function| {
        known.is_some_and(|known: &KnownFunction| seen.revision.as_ref() == Some(&known.revision))
    };
    // No list says it. What was read was active; what has failed since without a change reports nothing.
    let listed = listed.map(|seen| function!(name.to_owned(), seen, FunctionState::Active));
    let seen = match listed.filter(is_known) {
        Some(seen) => Some(seen),
        None => stack.configuration(name).await?,
    };
    let Some(seen) = seen else { return Ok(None) };
    let still_reports = is_known(&seen) && known.is_some_and(|known| known.still_reports);
    let destination = match &stack.spec.probe {
        Some(probe) if still_reports => Some(probe.bus_arn.clone()),
        _ => stack.destination(name).await?,
    };
    Ok(Some(Function { destination, ..seen }))
}

/// The schedules that are declared.
struct Schedules {
    read: Vec<Schedule>,
    /// By name, the digests of those that were not read.
    unchanged: BTreeMap<String, String>,
    /// Whether the list of schedules is of use.
    is_of_use: bool,
}

async fn schedules(stack: &AwsStack, known: &KnownProbes) -> Result<Schedules, CloudError> {
    let page = match known.lists.schedules {
        true => unless_denied(stack.page_of_schedules().await)?,
        false => None,
    };
    let (mut unchanged, mut to_read) = (BTreeMap::new(), Vec::new());
    let parts = stack.spec.probe.as_ref().map_or(0, |probe| probe.parts().count());
    for (zone, part) in stack.spec.zones.iter().flat_map(|zone| (0..parts).map(move |part| (zone, part))) {
        let name = StackSpec::schedule_name(&zone.az_id, part);
        let listed = page.as_ref().and_then(|page| page.get(&name));
        let known = known.schedules.get(&name);
        match known.filter(|known| {
            listed.is_some_and(|it| is_unchanged(it, known.modified_ms, &stack.spec.probe_arn(&zone.az_id)))
        }) {
            Some(known) => drop(unchanged.insert(name, known.digest.clone())),
            None => to_read.push(name),
        }
    }
    let read = try_join_all(to_read.iter().map(|name| stack.schedule(name))).await?;
    Ok(Schedules { read: read.into_iter().flatten().collect(), unchanged, is_of_use: page.is_some() })
}

/// Whether a schedule is the one that was read, by AWS's own date, and what else the list says of it is as declared.
fn is_unchanged(listed: &ScheduleSummary, modified_ms: i64, target_arn: &str) -> bool {
    listed.last_modification_date().and_then(|at| at.to_millis().ok()) == Some(modified_ms)
        && listed.state() == Some(&ScheduleState::Enabled)
        && listed.target().is_some_and(|target| target.arn() == target_arn)
}

/// `None` where the role may not ask: that of an older template, or a policy of the organization's.
fn unless_denied<T>(answer: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.class() == Class::Denied => {
            tracing::info!(%error, "asked for one by one");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl AwsStack {
    /// The first page of the account's functions by their names, and whether it has them all.
    async fn page_of_functions(&self) -> Result<(BTreeMap<String, FunctionConfiguration>, bool), CloudError> {
        let answer = self.lambda.list_functions().max_items(FUNCTIONS_MAX).send().await;
        let answer = answer.map_err(|error| CloudError::of("lambda:ListFunctions", self.place(), &error))?;
        let is_complete = answer.next_marker().is_none_or(str::is_empty);
        let named = |it: FunctionConfiguration| Some((it.function_name()?.to_owned(), it));
        let listed = answer.functions.unwrap_or_default().into_iter();
        Ok((listed.filter_map(named).collect(), is_complete))
    }

    /// The first page of the schedules that are called as those of probes, by their names.
    async fn page_of_schedules(&self) -> Result<BTreeMap<String, ScheduleSummary>, CloudError> {
        let request = self.scheduler.list_schedules().group_name(GROUP).name_prefix(PROBE_PREFIX);
        let answer = request.max_results(SCHEDULES_MAX).send().await;
        let answer =
            answer.map_err(|error| CloudError::of("scheduler:ListSchedules", self.place(), &error))?;
        let named = |it: ScheduleSummary| Some((it.name()?.to_owned(), it));
        Ok(answer.schedules.into_iter().filter_map(named).collect())
    }
}

#[cfg(test)]
mod tests;
