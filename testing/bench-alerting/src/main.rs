//! The benchmark of collector and alerter: `cargo xtask bench alerting` measures how many results are taken in, what a
//! run of the alerter takes in fleets of growing size, and what Prometheus' Alertmanager takes for as many alerts.

mod alertmanager;
mod deciding;
mod fleet;
mod folding;
mod metered;

use anyhow::Result;
use clap::Parser;
use peak_alloc::PeakAlloc;

/// Counts what is allocated: what a run takes is the most there is at once, beyond what there was before.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Results, decisions and memory, with a peer in the same run.
#[derive(Debug, Parser)]
#[command(name = "bench-alerting")]
struct Arguments {
    /// How many accounts; each number in turn
    #[arg(long, value_delimiter = ',', default_values_t = [130, 1_000, 10_000])]
    accounts: Vec<usize>,
    /// How many things break at once
    #[arg(long, default_value_t = 200)]
    causes: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    folding::measure();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    // Time passes at once while a run does nothing but wait for the table.
    let waiting = runtime.enable_all().start_paused(true).build()?;
    for accounts in arguments.accounts {
        waiting.block_on(deciding::measure(&MEMORY, accounts, arguments.causes))?;
    }
    runtime.start_paused(false).build()?.block_on(alertmanager::measure())
}
