//! A sweep of accounts in which there is nothing to do.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::time::Instant;

use crate::figures::{Figures, seconds};
use crate::lambda::Fleet;

/// How many accounts are worked on at once: one invocation with a full batch.
const INVOCATIONS: usize = 1;

pub(crate) fn measure(accounts: usize) -> Result<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let fleet = Fleet::standing(accounts, "s3").await?;
        // From the second sweep on what AWS says that nothing has changed is not read again, as long as reports come.
        fleet.queue.put(json!({"sweep": {}}).to_string(), Duration::ZERO);
        fleet.run(INVOCATIONS).await?;
        fleet.report().await?;
        fleet.table.take_calls();
        fleet.accounts.take_calls();
        fleet.organization.take_calls();
        let changes = generations(&fleet).await?;
        let began = Instant::now();
        fleet.queue.put(json!({"sweep": {}}).to_string(), Duration::ZERO);
        fleet.run(INVOCATIONS).await?;
        let took = began.elapsed();
        let calls = fleet.accounts.take_calls();
        ensure!(calls.len() == accounts, "{} accounts were observed", calls.len());
        ensure!(generations(&fleet).await? == changes + accounts as u64, "each was observed once");
        let most = calls.values().map(|calls| calls.made).max().unwrap_or_default();
        let throttled: usize = calls.values().map(|calls| calls.throttled).sum();
        let each = |calls: usize| calls as f64 / accounts as f64;
        let title = format!("A sweep of {accounts} accounts as declared, 10 at once");
        Ok(Figures::new(title)
            .at_most(30.0, "until the last one was observed", seconds(took), "s")
            .at_most(15.0, "calls in an account, at most", most as f64, "calls")
            .at_most(0.0, "of them refused as too many", throttled as f64, "calls")
            .with("calls to the table for each account", each(fleet.table.take_calls()), "calls")
            .with("calls to Organizations for each account", each(fleet.organization.take_calls()), "calls"))
    })
}

/// The sum of all stacks' generations: each observation is one.
async fn generations(fleet: &Fleet) -> Result<u64> {
    Ok(fleet.stacks().await?.iter().map(|stack| stack.generation).sum())
}
