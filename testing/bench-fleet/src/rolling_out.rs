//! A change of every account, in three waves one after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use phonehome_wire::AccountId;
use serde_json::json;
use tokio::time::Instant;

use crate::figures::{Figures, seconds};
use crate::fleet::{ENVIRONMENTS, wave};
use crate::lambda::Fleet;

/// As many invocations at once as infra/hub.yaml lets in by default.
const INVOCATIONS: usize = 2;

pub(crate) fn measure(accounts: usize) -> Result<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let fleet = Fleet::standing(accounts, "s3").await?;
        fleet.publish("s3, dynamodb").await?;
        let began = Instant::now();
        let mut slowest = BTreeMap::new();
        for (environment, name) in ENVIRONMENTS.into_iter().enumerate() {
            slowest.insert(name, roll_out(&fleet, &wave(environment, accounts)).await?);
        }
        let took = began.elapsed();
        let throttled: usize = fleet.accounts.take_calls().values().map(|calls| calls.throttled).sum();
        let title = format!("A change of each of {accounts} accounts in 3 waves, 20 at once");
        let mut figures = Figures::new(title);
        for (wave, slowest) in &slowest {
            let what = format!("from its turn until it is as declared, the slowest of {wave}");
            figures = figures.at_most(90.0, &what, seconds(*slowest), "s");
        }
        Ok(figures
            .at_most(600.0, "the fleet, without the time that each wave bakes", seconds(took), "s")
            .at_most(0.0, "calls in accounts that were refused as too many", throttled as f64, "calls"))
    })
}

/// Lets the accounts of a wave have their turn; returns how long the slowest took until it was as declared.
async fn roll_out(fleet: &Fleet, accounts: &[AccountId]) -> Result<Duration> {
    let began_ms = phonehome_cloud::WallClock::now_ms(&fleet.cloud);
    for account in accounts {
        fleet.queue.put(json!({"reconcile": {"account": account}}).to_string(), Duration::ZERO);
    }
    fleet.run(INVOCATIONS).await?;
    let mut slowest_ms = 0;
    for stack in fleet.stacks().await?.iter().filter(|stack| accounts.contains(&stack.account)) {
        ensure!(
            stack.phase == phonehome_state::Phase::Ready && stack.updated_at_ms > began_ms,
            "{} is not as declared: {}",
            stack.account_name,
            stack.message
        );
        let endpoints =
            fleet.cloud.with(|cloud| cloud.stack(&stack.account, &stack.region).truth().endpoints);
        ensure!(endpoints.len() == 2, "{} has {} endpoints", stack.account_name, endpoints.len());
        slowest_ms = slowest_ms.max(stack.updated_at_ms - began_ms);
    }
    Ok(Duration::from_millis(slowest_ms))
}
