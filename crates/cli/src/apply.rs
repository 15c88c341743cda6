//! `phonehome apply`.

use std::time::{Duration, Instant};

use clap::Args;
use futures_util::future::join_all;
use phonehome_provision::{Job, STACKS_AT_ONCE, StackProgress, requeue};
use phonehome_text::count;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::output::Failure;
use crate::output::{Done, Format};
use crate::targets::{Access, Scope, Targets, name};

/// Do it from here, with the same planner and executor as the provisioner.
#[derive(Debug, Args)]
pub(crate) struct ApplyArguments {
    #[command(flatten)]
    scope: Scope,
    /// How long to go on while something is not ready, in minutes. A NAT gateway takes two.
    #[arg(long, default_value_t = 15, value_name = "MINUTES")]
    wait: u64,
}

/// Brings every account that is asked for as far as the time allows.
pub(crate) async fn run(arguments: ApplyArguments, table: &str, format: Format) -> Result<Done, Failure> {
    let work = Targets::open(arguments.scope, Access::Change, table, format).await?;
    work.bind().await?;
    let until = Instant::now() + Duration::from_secs(arguments.wait * 60);
    let jobs = work.jobs();
    // Every account at its own pace: one that waits holds up no other.
    let slots = Semaphore::new(STACKS_AT_ONCE);
    let all = jobs.iter().map(|job| one(&work, job, until, &slots));
    let ended = join_all(all).await;
    let ended: Vec<(String, StackProgress)> = jobs.iter().map(name).zip(ended).collect();
    let not_converged = ended.iter().filter(|(_, progress)| *progress != StackProgress::Converged).count();
    let text = match format {
        Format::Json => as_json(&work, &ended)?,
        Format::Text => as_text(&work, &ended, not_converged),
    };
    Ok(Done { text, exit_code: u8::from(not_converged > 0) })
}

/// Looks again until the stack is as declared, has failed, or the time is over.
async fn one(work: &Targets, job: &Job<'_>, until: Instant, slots: &Semaphore) -> StackProgress {
    let (mut attempt, mut job) = (0, *job);
    loop {
        let Ok(slot) = slots.acquire().await else { return StackProgress::Failed("no slot".to_owned()) };
        let reconciled = match work.provision.reconcile(&job).await {
            Ok(reconciled) => reconciled,
            Err(error) => return StackProgress::Failed(error.to_string()),
        };
        drop(slot);
        // What was allowed was allowed once, not once for each observation.
        job.limits = Some(reconciled.limits_left);
        let StackProgress::Later { reason, class } = &reconciled.progress else {
            eprintln!("{}: {}", name(&job), outcome(&reconciled.progress));
            return reconciled.progress;
        };
        let changed = reconciled.applied.is_some();
        let converged = Duration::from_millis(if changed { work.provision.cooldown_ms + 1000 } else { 0 });
        let delay = requeue::delay(*class, attempt, job.account).max(converged);
        if Instant::now() + delay > until {
            return reconciled.progress;
        }
        eprintln!("{}: {reason}; looking again in {} s", name(&job), delay.as_secs());
        tokio::time::sleep(delay).await;
        attempt += 1;
    }
}

fn outcome(progress: &StackProgress) -> String {
    match progress {
        StackProgress::Converged => "as declared".to_owned(),
        StackProgress::Later { reason, .. } => format!("not ready yet: {reason}"),
        StackProgress::Outdated(reason) => format!("as far as it can be: {reason}"),
        StackProgress::Failed(reason) => format!("FAILED: {reason}"),
    }
}

fn as_text(work: &Targets, ended: &[(String, StackProgress)], not_converged: usize) -> String {
    let mut text: String = ended.iter().map(|(name, it)| format!("{name}: {}\n", outcome(it))).collect();
    for note in &work.notes {
        text.push_str(&format!("left out: {note}\n"));
    }
    let converged = ended.len() - not_converged;
    let stacks = count(ended.len(), "stack");
    text.push_str(&format!("{stacks}: {converged} as declared, {not_converged} not.\n"));
    text
}

fn as_json(work: &Targets, ended: &[(String, StackProgress)]) -> Result<String, Failure> {
    let stacks: Vec<_> = ended
        .iter()
        .map(|(name, progress)| {
            json!({"stack": name, "settled": *progress == StackProgress::Converged, "message": outcome(progress)})
        })
        .collect();
    crate::output::json(&json!({"stacks": stacks, "left_out": work.notes}))
}
