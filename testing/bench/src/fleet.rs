//! Many accounts at once: simulated, because moto serves one call at a time; and against moto for the
//! memory that the real clients take.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::stream::{self, StreamExt as _};
use phonehome_accounts::{AwsStack, ProbeCode};
use phonehome_aws::{Session, sdk};
use phonehome_executor::{Executor, NoFence, StackApi as _};
use phonehome_fakecloud::fleet::{RolledOut, Rollout, roll_out};
use phonehome_planner::{Limits, plan};
use serde::{Deserialize, Serialize};

use crate::figures::verdict;
use crate::specs;

const ACCOUNTS: usize = 130;
/// As many accounts as two batches have, which infra/hub.yaml lets in by default.
const AT_ONCE: usize = 20;
/// The most that the provisioner may take.
const MEMORY_MB_MAX: f64 = 64.0;

/// What a process of its own measured.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    /// Until the last call that changed something was answered, in seconds of simulated time.
    changed_s: f64,
    /// Until the last account was as declared, in seconds of simulated time.
    converged_s: f64,
    /// The process's peak resident memory, in MB.
    memory_mb: f64,
}

/// Predicts, simulates, compares; each in a process of its own, for its memory.
pub(crate) fn run(endpoint: &str) -> Result<()> {
    println!(
        "{ACCOUNTS} accounts, all to be made, {AT_ONCE} at once: simulated calls of 60 ms within AWS's limits"
    );
    let rollout = rollout(ACCOUNTS);
    let one = measure(&["--simulate", "1"])?;
    let burst = usize::try_from(rollout.organizations_burst)?;
    let rate = f64::from(u32::try_from(rollout.organizations_per_second)?);
    let forced_s = ACCOUNTS.saturating_sub(burst) as f64 / rate;
    println!(
        "  One account: calls done after {:.2} s, as declared after {:.1} s (a NAT gateway takes {} s)",
        one.changed_s,
        one.converged_s,
        rollout.nat_pending.as_secs()
    );
    println!(
        "  Organizations forces {forced_s:.1} s: {ACCOUNTS} DescribeAccount calls, {burst} at once and {rate} a second after"
    );
    println!(
        "  Predicted: calls done after {:.1} s, as declared after {:.1} s",
        one.changed_s + forced_s,
        one.converged_s + forced_s
    );
    let all = measure(&["--simulate", &ACCOUNTS.to_string()])?;
    println!(
        "  Measured:  calls done after {:.1} s, as declared after {:.1} s",
        all.changed_s, all.converged_s
    );
    verdict("until calls are done", all.changed_s, one.changed_s * 1.5 + forced_s, "s");
    verdict("until all are as declared", all.converged_s, one.converged_s * 1.5 + forced_s, "s");
    println!("Memory, with the real clients: {ACCOUNTS} plain stacks made on moto, {AT_ONCE} at once");
    let real = measure(&["--memory", endpoint])?;
    verdict("peak resident memory", real.memory_mb, MEMORY_MB_MAX, "MB");
    Ok(())
}

fn rollout(accounts: usize) -> Rollout {
    Rollout { accounts, concurrency: AT_ONCE, ..Rollout::default() }
}

fn measure(arguments: &[&str]) -> Result<Measured> {
    let output = Command::new(std::env::current_exe()?)
        .arg("provision")
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .context("starting a process of its own")?;
    ensure!(output.status.success(), "bench provision {} ended with {}", arguments.join(" "), output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Simulates a rollout and prints what it took as JSON.
pub(crate) fn simulate(accounts: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let RolledOut { wall, accounts } =
        runtime.block_on(roll_out(rollout(accounts))).map_err(|stuck| anyhow::anyhow!("{stuck:?}"))?;
    let changed = accounts.iter().map(|account| account.changed).max().unwrap_or_default();
    print_measured(changed, wall)
}

/// Makes every stack on moto and prints the memory that took as JSON.
pub(crate) async fn memory(endpoint: &str) -> Result<()> {
    let base = sdk::in_local_cloud(endpoint, "500000000000", "us-east-1").await?;
    let made: Vec<Result<()>> =
        stream::iter((0..ACCOUNTS).map(|number| one(&base, 500_000_000_000 + number)))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
    made.into_iter().collect::<Result<()>>()?;
    print_measured(Duration::ZERO, Duration::ZERO)
}

async fn one(base: &Session, account: usize) -> Result<()> {
    let spec = specs::plain(&account.to_string())?;
    let config = sdk::as_local_account(base, &spec.account)?;
    let stack = AwsStack::new(&config, spec.clone(), ProbeCode::new(vec![]));
    let seen = stack.observe(&spec.kinds()).await?;
    let plan = plan(&spec, &seen, &Limits::SWEEP)?;
    let applied = Executor::new().apply(&stack, &plan, &NoFence).await;
    if applied.done() < plan.steps.len() {
        bail!("account {account}: {:?} {:?}", applied.failure(), applied.waiting());
    }
    Ok(())
}

fn print_measured(changed: Duration, converged: Duration) -> Result<()> {
    let measured = Measured {
        changed_s: changed.as_secs_f64(),
        converged_s: converged.as_secs_f64(),
        memory_mb: peak_memory_mb()?,
    };
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

/// The most memory this process ever had resident, as Linux counts it.
fn peak_memory_mb() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").context("memory is measured on Linux only")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kilobytes / 1024.0)
}
