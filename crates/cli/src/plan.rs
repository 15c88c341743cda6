//! `phonehome plan`.

use clap::Args;
use phonehome_planner::{Plan, render};
use phonehome_provision::CannotPlan;
use phonehome_text::count;
use serde_json::json;

use crate::output::Failure;
use crate::output::{Done, Format};
use crate::summary::Summary;
use crate::targets::{Access, Scope, Targets, name};

/// Show what would change.
#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    scope: Scope,
    /// As Markdown, for a pull request, instead of text; cut into comments of at most 65,536
    /// characters with a line `<!-- next comment -->` between them.
    #[arg(long)]
    markdown: bool,
    /// Exit with 0 when nothing would change, with 2 when something would.
    #[arg(long)]
    detailed_exitcode: bool,
}

/// What one stack's observation came to.
type Planned = (String, Result<Plan, String>);

/// Observes every account that is asked for and shows what would change. Changes nothing.
pub(crate) async fn run(arguments: PlanArguments, table: &str, format: Format) -> Result<Done, Failure> {
    let work = Targets::open(arguments.scope, Access::Observe, table, format).await?;
    let planned = plans(&work).await?;
    let changes = planned.iter().any(|(_, plan)| plan.as_ref().is_ok_and(|plan| !plan.steps.is_empty()));
    let failed = planned.iter().any(|(_, plan)| plan.is_err());
    let text = match format {
        Format::Json => as_json(&work, &planned)?,
        Format::Text if arguments.markdown => {
            render::markdown_fleet(&planned, render::GITHUB_COMMENT_CHARS).join("\n<!-- next comment -->\n")
        }
        Format::Text => as_text(&work, &planned),
    };
    let exit_code = match (failed, changes && arguments.detailed_exitcode) {
        (true, _) => 1,
        (false, true) => 2,
        (false, false) => 0,
    };
    Ok(Done { text, exit_code })
}

/// What the plans of all stacks come to, for whoever is to accept it.
pub(crate) async fn summary(work: &Targets) -> Result<Summary, Failure> {
    let jobs = work.jobs();
    let planned = jobs.iter().zip(plans(work).await?).map(|(job, (name, plan))| {
        let (account, region) = (job.account.clone(), job.region.clone());
        crate::summary::Planned { name, account, region, plan }
    });
    Ok(Summary::new(planned.collect()))
}

/// The plan of every stack, several at a time, in the fleet file's order.
async fn plans(work: &Targets) -> Result<Vec<Planned>, Failure> {
    let jobs = work.jobs();
    let known = |place: usize, plan: &Result<Plan, CannotPlan>| {
        let outcome = plan.as_ref().map_or_else(|_| "cannot be planned".to_owned(), Plan::sums);
        eprintln!("[{}/{}] {}: {outcome}", place + 1, jobs.len(), name(&jobs[place]));
    };
    let plans = work.provision.previews(&jobs, known).await.map_err(Failure::other)?;
    let plans = plans.into_iter().map(|plan| plan.map_err(|refused| refused.to_string()));
    Ok(jobs.iter().map(name).zip(plans).collect())
}

fn as_text(work: &Targets, planned: &[Planned]) -> String {
    let mut text = String::new();
    for (name, plan) in planned {
        match plan {
            Ok(plan) => text.push_str(&format!("{name}\n{}\n", render::text(plan))),
            Err(problem) => text.push_str(&format!("{name}\n  cannot be planned: {problem}\n\n")),
        }
    }
    for note in &work.notes {
        text.push_str(&format!("left out: {note}\n"));
    }
    for note in work.who.notes() {
        text.push_str(&format!("{note}\n"));
    }
    let changed = planned.iter().filter(|(_, plan)| plan.as_ref().is_ok_and(|plan| !plan.steps.is_empty()));
    let failed = planned.iter().filter(|(_, plan)| plan.is_err()).count();
    let (changed, stacks) = (changed.count(), count(planned.len(), "stack"));
    text.push_str(&format!("{stacks}: {changed} would change, {failed} cannot be planned.\n"));
    text
}

fn as_json(work: &Targets, planned: &[Planned]) -> Result<String, Failure> {
    let stacks: Vec<_> = planned
        .iter()
        .map(|(name, plan)| match plan {
            Ok(plan) => json!({"stack": name, "plan": render::json(plan)}),
            Err(problem) => json!({"stack": name, "error": problem}),
        })
        .collect();
    crate::output::json(&json!({"stacks": stacks, "left_out": work.notes, "who_is_who": work.who.as_json()}))
}
