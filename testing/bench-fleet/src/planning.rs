//! What a change of every account comes to, in real time.

use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use phonehome_executor::estimate_ms;
use phonehome_fakecloud::SharedCloud;
use phonehome_fleet::{Fleet as Declared, Member};
use phonehome_planner::{Plan, render};
use phonehome_provision::{CannotPlan, Job, Provision};
use phonehome_wire::{AccountId, Region};

use crate::accounts::Accounts;
use crate::figures::{Figures, peak_memory_mb, seconds};
use crate::fleet::{REGION, id, text};
use crate::hub::SlowTable;
use crate::lambda::Fleet;

/// Seconds that a plan of so many accounts may take.
fn limit_s(accounts: usize) -> f64 {
    if accounts <= 130 { 10.0 } else { 20.0 }
}

pub(crate) fn measure(accounts: usize) -> Result<Figures> {
    // The fleet as it stands is made in virtual time, and planned in real time.
    let standing = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let (cloud, table) = standing.block_on(async {
        let fleet = Fleet::standing(accounts, "s3").await?;
        anyhow::Ok((fleet.cloud.with(|cloud| cloud.clone()), fleet.table))
    })?;
    drop(standing);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let before_mb = peak_memory_mb()?;
    let (plans, took) = runtime.block_on(async {
        let members = Accounts::new(&SharedCloud::by_tokio_time(cloud));
        plans(&table, members, &declared(accounts)?, accounts).await
    })?;
    let texts: Vec<(String, Result<Plan, String>)> = plans;
    let changed = texts.iter().filter(|(_, plan)| plan.as_ref().is_ok_and(|plan| !plan.steps.is_empty()));
    ensure!(changed.count() == accounts, "each account has a change");
    let estimate_s = |plan: &Plan| estimate_ms(plan).div_ceil(1000);
    let comment = render::markdown_fleet(
        &texts,
        &render::Section::default(),
        &[],
        &estimate_s,
        render::GITHUB_COMMENT_CHARS,
    );
    let lines = comment.lines().count();
    Ok(Figures::new(format!("A plan of a change of each of {accounts} accounts"))
        .at_most(limit_s(accounts), "until all are planned", seconds(took), "s")
        .at_most(128.0, "peak resident memory, with the accounts themselves", peak_memory_mb()?, "MB")
        .with("of that before it was planned", before_mb, "MB")
        .at_most(200.0, "lines of what is shown, as Markdown", lines as f64, "lines"))
}

fn declared(accounts: usize) -> Result<Declared> {
    match phonehome_fleet::parse(&text(accounts, "s3, dynamodb")) {
        Ok(fleet) => Ok(fleet),
        Err(diagnostics) => bail!("{}", diagnostics.render("fleet.yaml")),
    }
}

async fn plans(
    table: &SlowTable,
    members: Accounts,
    fleet: &Declared,
    accounts: usize,
) -> Result<(Vec<(String, Result<Plan, String>)>, std::time::Duration)> {
    let provision =
        Provision { table: table.clone(), members, cooldown_ms: 0, clock: phonehome_cloud::SystemClock };
    let region: Region = REGION.parse()?;
    let members: Vec<(AccountId, Member)> =
        fleet.members().into_iter().enumerate().map(|(number, member)| (id(number), member)).collect();
    ensure!(members.len() == accounts, "the fleet file has {} accounts", members.len());
    let jobs: Vec<Job<'_>> = members
        .iter()
        .map(|(account, member)| Job {
            fleet,
            member,
            account,
            region: &region,
            authorities: None,
            limits: None,
            published: None,
        })
        .collect();
    let began = Instant::now();
    let plans =
        provision.previews(&jobs, |_, _: &Result<Plan, CannotPlan>| {}).await.context("the ledger")?;
    let took = began.elapsed();
    let named = members.iter().map(|(_, member)| member.account_name.clone());
    Ok((named.zip(plans.into_iter().map(|plan| plan.map_err(|it| it.to_string()))).collect(), took))
}
