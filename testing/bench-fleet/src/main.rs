//! The benchmark of a whole fleet: `cargo xtask bench fleet` plans a change of every account, rolls it out in three
//! waves and sweeps, with calls that take time and AWS's limits. The provisioner is as it is; what it calls is in
//! memory.

// Futures within futures: the compiler's default of 128 does not reach.
#![recursion_limit = "256"]

mod accounts;
mod figures;
mod fleet;
mod hub;
mod lambda;
mod planning;
mod rolling_out;
mod sweeping;

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, ValueEnum};

use figures::Figures;

/// Plans, roll-outs and sweeps.
#[derive(Debug, Parser)]
#[command(name = "bench-fleet")]
struct Arguments {
    /// Only this part
    #[arg(long)]
    only: Option<Part>,
    /// One measurement of a part, with so many accounts; prints its figures as JSON
    #[arg(long, hide = true)]
    accounts: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What a change of every account comes to
    Plan,
    /// That change in three waves
    RollOut,
    /// Accounts in which there is nothing to do
    Sweep,
}

impl Part {
    /// With how many accounts each is measured.
    fn sizes(self) -> &'static [usize] {
        match self {
            Self::Plan => &[130, 300],
            Self::RollOut => &[130],
            Self::Sweep => &[300],
        }
    }

    fn measure(self, accounts: usize) -> Result<Figures> {
        match self {
            Self::Plan => planning::measure(accounts),
            Self::RollOut => rolling_out::measure(accounts),
            Self::Sweep => sweeping::measure(accounts),
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let parts = [Part::Plan, Part::RollOut, Part::Sweep];
    let wanted = parts.into_iter().filter(|part| arguments.only.is_none_or(|only| only == *part));
    if let (Some(accounts), Some(part)) = (arguments.accounts, arguments.only) {
        println!("{}", serde_json::to_string(&part.measure(accounts)?)?);
        return Ok(());
    }
    println!("Calls take {} ms, within AWS's limits; everything else is as it is.", hub::LATENCY.as_millis());
    for part in wanted {
        for accounts in part.sizes() {
            in_a_process_of_its_own(part, *accounts)?.print();
        }
    }
    Ok(())
}

/// So that its memory is its own.
fn in_a_process_of_its_own(part: Part, accounts: usize) -> Result<Figures> {
    let name = part.to_possible_value().context("a part has a name")?;
    let output = Command::new(std::env::current_exe()?)
        .args(["--only", name.get_name(), "--accounts", &accounts.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .context("starting a process of its own")?;
    ensure!(
        output.status.success(),
        "{} of {accounts} accounts ended with {}",
        name.get_name(),
        output.status
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}
