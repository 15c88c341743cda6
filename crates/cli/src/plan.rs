//! `phonehome plan`.

use std::path::PathBuf;

use clap::Args;
use phonehome_aws::{DynamoTable, sdk};
use phonehome_executor::estimate_ms;
use phonehome_fleet::IdentifiedLine;
use phonehome_planner::{Plan, render};
use phonehome_provision::CannotPlan;
use phonehome_state::{Base, base};
use phonehome_vending::{Vacancy, kept};
use serde_json::json;

use crate::bearing::Bearing;
use crate::contract::Grounds;
use crate::creations::{Creations, Orders, Permitted};
use crate::output::Failure;
use crate::output::{Done, Format};
use crate::packs::Packs;
use crate::probes::{self, ProbesArgument};
use crate::summary::{Planned, Summary};
use crate::targets::{Access, Scope, Targets, name};
use crate::validate::load;

/// How long a comment is at most, in characters: GitHub's limit, and room for what posts it to mark it by.
const COMMENT_CHARS: usize = render::GITHUB_COMMENT_CHARS - 536;

/// Show what would change.
#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    probes: ProbesArgument,
    /// As Markdown, for a comment on a pull request, instead of text: at most 65,000 characters, of the 65,536
    /// that GitHub takes. What does not fit is said; --output has it.
    #[arg(long)]
    markdown: bool,
    /// Write the complete plan, each account in full, to this file as well. `publish --reviewed` compares with it.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Exit with 0 when nothing would change, with 2 when something would.
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Observes every account that is asked for and shows what would change. Changes nothing.
pub(crate) async fn run(arguments: PlanArguments, table: &str, format: Format) -> Result<Done, Failure> {
    let (is_whole, wanted) = (arguments.scope.is_whole(), arguments.scope.account.clone());
    let loaded = load(&arguments.scope.fleet, format)?;
    let session = sdk::connect().await.map_err(Failure::other)?;
    let table = DynamoTable::new(&session, table);
    let base = base(&table).await.map_err(Failure::other)?;
    let probes = arguments.probes.next(&table, base.current()).await?;
    probes::is_of_version(&arguments.scope, probes.as_ref())?;
    let work = Targets::of(&loaded, arguments.scope, Access::Observe, &session, &table).await?;
    let creations = creations(&work, &base, &Orders::read(&table).await?, &wanted);
    let bearing = bearing(&work, &base, &wanted);
    let packs = Packs::of(&work, &creations, &wanted, &table).await?;
    let planned = plans(&work).await?;
    let changes = planned.iter().any(|it| it.plan.as_ref().is_ok_and(|plan| !plan.steps.is_empty()));
    let changes = changes || !creations.to_permit().is_empty() || !bearing.is_empty() || !packs.is_empty();
    let failed = planned.iter().any(|it| it.plan.is_err());
    let grounds = Grounds::of(&base, &loaded, probes.as_ref(), &creations, &bearing).with_packs(&packs);
    if let Some(path) = &arguments.output {
        let written = std::fs::write(path, grounds.in_full(&planned) + &lines(&notes(&work, &creations)));
        written.map_err(|error| Failure::other(format!("{}: {error}", path.display())))?;
    }
    // A part of the fleet is nothing that could be published.
    let hash = is_whole.then(|| grounds.hash(&planned));
    let text = match format {
        Format::Json => as_json(&work, (&creations, &bearing, &packs), &planned, hash.as_deref())?,
        Format::Text => {
            let beside = (&creations, &bearing, &packs);
            as_text(&work, beside, &named(planned), arguments.markdown, hash.as_deref())
        }
    };
    let exit_code = match (failed, changes && arguments.detailed_exitcode) {
        (true, _) => 1,
        (false, true) => 2,
        (false, false) => 0,
    };
    Ok(Done { text, exit_code })
}

/// The lines that are no account, of those that are asked for, with what the version in force permits.
fn creations(work: &Targets, base: &Base, orders: &Orders, wanted: &[String]) -> Creations {
    let permitted = in_force(work, base);
    let is_wanted = |it: &Vacancy| {
        let names = [it.member.account_name.as_str(), &it.line().to_string()];
        wanted.is_empty() || wanted.iter().any(|wanted| names.contains(&wanted.as_str()))
    };
    Creations::of(&work.fleet, &work.who, orders, &permitted).only(is_wanted)
}

/// What changes of what the accounts bear that are asked for.
pub(crate) fn bearing(work: &Targets, base: &Base, wanted: &[String]) -> Bearing {
    let is_wanted = |it: &IdentifiedLine| {
        let (line, id) = (it.member.line(), it.state.account().map(ToString::to_string));
        let names = [Some(it.member.account_name.clone()), Some(line.to_string()), id];
        wanted.is_empty() || wanted.iter().any(|wanted| names.iter().flatten().any(|name| name == wanted))
    };
    Bearing::of(base, &work.fleet, &work.who, is_wanted)
}

/// The accounts that the version in force permits, as far as the next one keeps that.
pub(crate) fn in_force(work: &Targets, base: &Base) -> Permitted {
    let accounts = base.current().map(|current| current.accepted.accounts.as_slice()).unwrap_or_default();
    kept(&work.fleet, &work.who.bindings, accounts.iter().map(|it| (&it.line, it.at_ms)))
}

/// What the plans of all stacks come to, for whoever is to accept it.
pub(crate) async fn summary(work: &Targets) -> Result<Summary, Failure> {
    // Whoever publishes a file without a line has to see what becomes of its account.
    for orphaned in &work.who.orphaned {
        eprintln!("{orphaned}");
    }
    Ok(Summary::new(plans(work).await?, work.fleet.network.removals_per_hour))
}

/// The plan of every stack, several at a time, in the fleet file's order.
async fn plans(work: &Targets) -> Result<Vec<Planned>, Failure> {
    let jobs = work.jobs();
    let known = |place: usize, plan: &Result<Plan, CannotPlan>| {
        let outcome = plan.as_ref().map_or_else(|_| "cannot be planned".to_owned(), Plan::sums);
        eprintln!("[{}/{}] {}: {outcome}", place + 1, jobs.len(), name(&jobs[place]));
    };
    let plans = work.provision.previews(&jobs, known).await.map_err(Failure::other)?;
    let planned = jobs.iter().zip(plans).map(|(job, plan)| {
        let (account, region) = (job.account.clone(), job.region.clone());
        let plan = plan.map_err(|refused| refused.to_string());
        Planned { name: name(job), account, region, plan }
    });
    Ok(planned.collect())
}

/// How long the calls of a plan take, in seconds.
fn estimate_s(plan: &Plan) -> u64 {
    estimate_ms(plan).div_ceil(1000)
}

/// For people: at a terminal, or in a comment.
fn as_text(
    work: &Targets,
    (creations, bearing, packs): (&Creations, &Bearing, &Packs),
    planned: &[render::Planned],
    markdown: bool,
    hash: Option<&str>,
) -> String {
    let notes = notes(work, creations);
    match (markdown, hash) {
        (true, hash) => {
            let hash = hash.map(|hash| format!("\nPlan `{hash}`\n")).unwrap_or_default();
            let notes = [creations.notes(), notes].concat();
            let mut section = creations.section();
            bearing.add_to(&mut section);
            packs.add_to(&mut section);
            render::markdown_fleet(planned, &section, &notes, &estimate_s, COMMENT_CHARS) + &hash
        }
        (false, hash) => {
            let hash = hash.map(|hash| format!("Plan {hash}\n")).unwrap_or_default();
            let beside = creations.text() + &bearing.text() + &packs.text();
            render::text_fleet(planned, &estimate_s) + &beside + &lines(&notes) + &hash
        }
    }
}

/// The same for whoever only shows them.
fn named(planned: Vec<Planned>) -> Vec<render::Planned> {
    planned.into_iter().map(|it| (it.name, it.plan)).collect()
}

/// What of the fleet file was not planned, and what is to be known of who is who.
fn notes(work: &Targets, creations: &Creations) -> Vec<String> {
    let left_out = work.notes.iter().filter(|note| !creations.has(&note.line));
    left_out.map(|note| format!("left out: {note}")).chain(work.who.notes()).collect()
}

fn lines(notes: &[String]) -> String {
    notes.iter().map(|note| format!("{note}\n")).collect()
}

fn as_json(
    work: &Targets,
    (creations, bearing, packs): (&Creations, &Bearing, &Packs),
    planned: &[Planned],
    hash: Option<&str>,
) -> Result<String, Failure> {
    let stacks: Vec<_> = planned
        .iter()
        .map(|it| match &it.plan {
            Ok(plan) => json!({"stack": it.name, "plan": render::json(plan)}),
            Err(problem) => json!({"stack": it.name, "error": problem}),
        })
        .collect();
    crate::output::json(&json!({
        "plan": hash,
        "stacks": stacks,
        "accounts": creations.json(),
        "properties": bearing.json(),
        "starter_packs": packs.json(),
        "left_out": work.notes,
        "who_is_who": work.who.as_json(),
    }))
}
