//! What is seen of the probe half of a stack: Lambda and EventBridge Scheduler. Both are found by name: a probe and
//! its schedules are called after their zone.

use std::collections::BTreeSet;

use aws_sdk_lambda::operation::get_function_event_invoke_config::GetFunctionEventInvokeConfigOutput;
use aws_sdk_lambda::types::{EnvironmentResponse, LastUpdateStatus, State};
use aws_sdk_scheduler::types::ScheduleState;
use futures_util::future::try_join_all;
use phonehome_network::{Function, FunctionState, PARTS_MAX, Schedule, ZONE_SLOTS};
use phonehome_planner::StackSpec;

use super::AwsStack;
use phonehome_aws::OfSdk as _;
use phonehome_cloud::CloudError;

/// How many names of environment variables are kept, and how many letters of each: one would be enough to differ.
const VARIABLES_MAX: usize = 8;
const VARIABLE_LETTERS_MAX: usize = 64;

/// A function of what Lambda says of its configuration, in whichever of its answers, but for where its reports go.
macro_rules! function {
    ($name:expr, $seen:expr, $state:expr) => {{
        let vpc = $seen.vpc_config();
        phonehome_network::Function {
            name: $name,
            code_sha256: $seen.code_sha256().unwrap_or_default().to_owned(),
            subnet_ids: vpc.map(|vpc| vpc.subnet_ids().to_vec()).unwrap_or_default(),
            security_group_ids: vpc.map(|vpc| vpc.security_group_ids().to_vec()).unwrap_or_default(),
            role_arn: $seen.role().unwrap_or_default().to_owned(),
            memory_mb: $seen.memory_size().unwrap_or_default(),
            timeout_s: $seen.timeout().unwrap_or_default(),
            environment: $crate::stack::observe_probes::variables($seen.environment()),
            revision: $seen.revision_id().filter(|it| !it.is_empty()).map(str::to_owned),
            state: $state,
            destination: None,
        }
    }};
}
pub(super) use function;

impl AwsStack {
    /// The zones in which probes are looked for: all that there can be in this Region, those that left the fleet file
    /// too, which nothing else would find; or those that are declared.
    fn probe_zones(&self) -> Vec<String> {
        if !self.spec.looks_for_all() {
            return self.spec.zones.iter().map(|zone| zone.az_id.to_string()).collect();
        }
        let prefixes: BTreeSet<&str> =
            self.spec.zones.iter().filter_map(|zone| zone.az_id.rsplit_once("-az").map(|it| it.0)).collect();
        let zones = prefixes
            .into_iter()
            .flat_map(|prefix| (1..=ZONE_SLOTS).map(move |it| format!("{prefix}-az{it}")));
        zones.collect()
    }

    pub(super) async fn functions(&self) -> Result<Vec<Function>, CloudError> {
        let names = self.probe_zones().into_iter().map(|az_id| StackSpec::probe_name(&az_id));
        let names: Vec<String> = names.collect();
        let found = try_join_all(names.iter().map(|name| self.function(name))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn function(&self, name: &str) -> Result<Option<Function>, CloudError> {
        let Some(seen) = self.configuration(name).await? else { return Ok(None) };
        Ok(Some(Function { destination: self.destination(name).await?, ..seen }))
    }

    /// A function, but for where its reports go.
    pub(super) async fn configuration(&self, name: &str) -> Result<Option<Function>, CloudError> {
        match self.lambda.get_function_configuration().function_name(name).send().await {
            Ok(seen) => {
                let state = state(seen.state(), seen.last_update_status());
                Ok(Some(function!(name.to_owned(), seen, state)))
            }
            Err(error) => absent(CloudError::of("lambda:GetFunctionConfiguration", name, &error)),
        }
    }

    /// Where the function's reports go.
    pub(super) async fn destination(&self, name: &str) -> Result<Option<String>, CloudError> {
        let seen = match self.lambda.get_function_event_invoke_config().function_name(name).send().await {
            Ok(seen) => seen,
            Err(error) => return absent(CloudError::of("lambda:GetFunctionEventInvokeConfig", name, &error)),
        };
        Ok(destination_of(&seen))
    }

    pub(super) async fn schedules(&self) -> Result<Vec<Schedule>, CloudError> {
        let zones = self.probe_zones();
        let found = try_join_all(zones.iter().map(|az_id| self.schedules_of(az_id))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The schedules of a zone: those of the parts that are declared, and of those after them up to the first that
    /// is not there. Most zones have one part, and it would take six times the calls to ask for each.
    async fn schedules_of(&self, az_id: &str) -> Result<Vec<Schedule>, CloudError> {
        let declared = declared_parts(&self.spec, az_id);
        let parts = if self.spec.looks_for_all() { PARTS_MAX } else { declared };
        let mut found = Vec::new();
        for part in 0..parts {
            let schedule = self.schedule(&StackSpec::schedule_name(az_id, part)).await?;
            let is_last = is_last(part, declared, schedule.is_some());
            found.extend(schedule);
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    pub(super) async fn schedule(&self, name: &str) -> Result<Option<Schedule>, CloudError> {
        let seen = match self.scheduler.get_schedule().name(name).send().await {
            Ok(seen) => seen,
            Err(error) => return absent(CloudError::of("scheduler:GetSchedule", name, &error)),
        };
        let target = seen.target();
        Ok(Some(Schedule {
            name: name.to_owned(),
            expression: seen.schedule_expression().unwrap_or_default().to_owned(),
            enabled: seen.state() == Some(&ScheduleState::Enabled),
            target_arn: target.map(|target| target.arn().to_owned()).unwrap_or_default(),
            role_arn: target.map(|target| target.role_arn().to_owned()).unwrap_or_default(),
            input: target
                .and_then(|target| target.input())
                .and_then(|input| serde_json::from_str(input).ok()),
            modified_ms: seen.last_modification_date().and_then(|at| at.to_millis().ok()),
        }))
    }
}

/// The names of a function's environment variables, in order.
pub(super) fn variables(environment: Option<&EnvironmentResponse>) -> Vec<String> {
    let Some(environment) = environment else { return vec![] };
    // Those that cannot be decrypted are there all the same.
    let unreadable = environment.error().map(|_| "unreadable".to_owned());
    let names = environment.variables().into_iter().flatten().map(|(name, _)| name);
    let names: BTreeSet<String> = names.map(|it| it.chars().take(VARIABLE_LETTERS_MAX).collect()).collect();
    unreadable.into_iter().chain(names).take(VARIABLES_MAX).collect()
}

fn state(state: Option<&State>, last_update: Option<&LastUpdateStatus>) -> FunctionState {
    match (state, last_update) {
        (Some(State::Pending), _) | (_, Some(LastUpdateStatus::InProgress)) => FunctionState::Pending,
        // After an update that failed nobody knows what runs: it is made again.
        (Some(State::Failed), _) | (_, Some(LastUpdateStatus::Failed)) => FunctionState::Failed,
        _ => FunctionState::Active,
    }
}

/// A destination for failures must be there too, and no retries: one that differs counts as none.
fn destination_of(seen: &GetFunctionEventInvokeConfigOutput) -> Option<String> {
    let to = seen.destination_config();
    let success = to.and_then(|to| to.on_success()).and_then(|to| to.destination());
    let failure = to.and_then(|to| to.on_failure()).and_then(|to| to.destination());
    let as_ours = success == failure && seen.maximum_retry_attempts() == Some(0);
    success.filter(|_| as_ours).map(str::to_owned)
}

/// How many parts of a zone are looked for, whatever is missing. Where no probes are declared a stack is being given up:
/// what is not found then stays for ever.
fn declared_parts(spec: &StackSpec, az_id: &str) -> u32 {
    match &spec.probe {
        None => PARTS_MAX,
        Some(probe) if spec.zones.iter().any(|zone| &*zone.az_id == az_id) => probe.parts().count(),
        Some(_) => 0,
    }
}

/// Whether nothing is looked for after this part of so many that are declared.
fn is_last(part: u32, declared: u32, is_there: bool) -> bool {
    !is_there && part + 1 >= declared
}

fn absent<T>(error: CloudError) -> Result<Option<T>, CloudError> {
    if error.says_missing() { Ok(None) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use aws_sdk_lambda::types::{DestinationConfig, OnFailure, OnSuccess};

    use super::*;

    #[test]
    fn a_function_works_when_neither_it_nor_its_last_update_is_under_way_or_has_failed() {
        use FunctionState::{Active, Failed, Pending};
        for (is, last_update, expected) in [
            (State::Active, LastUpdateStatus::Successful, Active),
            (State::Inactive, LastUpdateStatus::Successful, Active),
            (State::Active, LastUpdateStatus::InProgress, Pending),
            (State::Pending, LastUpdateStatus::Successful, Pending),
            (State::Active, LastUpdateStatus::Failed, Failed),
            (State::Failed, LastUpdateStatus::Successful, Failed),
            (State::Pending, LastUpdateStatus::Failed, Pending),
        ] {
            assert_eq!(state(Some(&is), Some(&last_update)), expected, "{is:?} {last_update:?}");
        }
        assert_eq!(state(Some(&State::Active), None), Active);
    }

    #[test]
    fn of_a_zone_every_part_that_is_declared_is_looked_for_and_those_after_it_up_to_a_gap() {
        let seen = |there: &[u32], declared: u32| {
            let parts = 0..PARTS_MAX;
            let asked = parts.clone().find(|part| is_last(*part, declared, there.contains(part)));
            let seen = there.iter().filter(|part| **part <= asked.unwrap_or(PARTS_MAX));
            (seen.copied().collect::<Vec<_>>(), asked.map_or(PARTS_MAX, |last| last + 1))
        };
        assert_eq!(seen(&[], 0), (vec![], 1), "a zone without a probe");
        assert_eq!(seen(&[0], 1), (vec![0], 2));
        assert_eq!(seen(&[1, 2], 3), (vec![1, 2], 4), "somebody deleted the first one");
        assert_eq!(seen(&[0, 2], 3), (vec![0, 2], 4));
        assert_eq!(seen(&[0, 1, 2, 3, 4, 5], 1), (vec![0, 1, 2, 3, 4, 5], 6), "what is no longer declared");
    }

    #[test]
    fn of_a_stack_that_was_as_declared_only_what_is_declared_is_looked_for_but_for_every_sixteenth_time() {
        let mut spec = super::super::test_cloud::spec();
        let mut at = |generation: u64, was_as_declared: bool| {
            spec.probe.as_mut().unwrap().generation = generation;
            spec.history.was_as_declared = was_as_declared;
            spec.looks_for_all()
        };
        assert!((1..100).all(|generation| at(generation, false)));
        let all: Vec<u64> = (1..50).filter(|generation| at(*generation, true)).collect();
        assert_eq!(all, [16, 32, 48]);
        spec.probe = None;
        assert!(spec.looks_for_all(), "it is being given up");
    }

    #[test]
    fn whoever_gives_a_stack_up_looks_for_all_parts_that_there_can_be() {
        let id = "444455556666/us-east-1".parse().unwrap();
        assert_eq!(declared_parts(&StackSpec::bare(&id, "shop-prod"), "use1-az1"), PARTS_MAX);
    }

    #[test]
    fn a_destination_that_retries_or_knows_no_failures_is_put_right() {
        let seen = |success: Option<&str>, failure: Option<&str>, retries: Option<i32>| {
            let success = success.map(|to| OnSuccess::builder().destination(to).build());
            let failure = failure.map(|to| OnFailure::builder().destination(to).build());
            let to = DestinationConfig::builder().set_on_success(success).set_on_failure(failure).build();
            let seen = GetFunctionEventInvokeConfigOutput::builder().destination_config(to);
            destination_of(&seen.set_maximum_retry_attempts(retries).build())
        };
        assert_eq!(seen(Some("bus"), Some("bus"), Some(0)).as_deref(), Some("bus"));
        assert_eq!(seen(Some("bus"), Some("bus"), Some(2)), None, "AWS retries twice unless told otherwise");
        assert_eq!(seen(Some("bus"), Some("bus"), None), None);
        assert_eq!(seen(Some("bus"), None, Some(0)), None);
        assert_eq!(seen(Some("bus"), Some("other"), Some(0)), None);
        assert_eq!(seen(None, None, Some(0)), None);
    }
}
