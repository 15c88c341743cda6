//! A probe that runs some of its checks once more.

use std::collections::BTreeSet;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use phonehome_aws::{OfSdk as _, Session};
use phonehome_cloud::CloudError;
use phonehome_planner::StackSpec;
use phonehome_wire::{AzId, CheckId, rerun_input};

/// Has a zone's probe run these checks of a part of its input once more, without waiting for it: the report comes as any.
/// Returns whether its schedule has any of them. What it is given is what its schedule gives it, less the other checks.
///
/// # Errors
/// [`CloudError`]: where the account's role is older it is denied, and nothing else happens.
pub async fn rerun(
    session: &Session,
    (zone, part): (&AzId, u32),
    checks: &BTreeSet<CheckId>,
) -> Result<bool, CloudError> {
    let (schedule, function) = (StackSpec::schedule_name(zone, part), StackSpec::probe_name(zone));
    let answer = aws_sdk_scheduler::Client::new(session.config()).get_schedule().name(&schedule).send().await;
    let answer = answer.map_err(|error| CloudError::of("scheduler:GetSchedule", &schedule, &error))?;
    let given = answer.target().and_then(|target| target.input());
    let Some(input) = given.and_then(|input| rerun_input(input, checks)) else { return Ok(false) };
    let lambda = aws_sdk_lambda::Client::new(session.config());
    let invoke = lambda.invoke().function_name(&function).invocation_type(InvocationType::Event);
    let invoked = invoke.payload(Blob::new(input)).send().await;
    invoked.map_err(|error| CloudError::of("lambda:InvokeFunction", &function, &error))?;
    Ok(true)
}
