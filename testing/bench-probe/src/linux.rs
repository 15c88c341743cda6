//! Reads `/proc` and counts what the kernel counts.

mod blackbox;
mod child;
mod comparison;
mod cpu;
mod figures;
mod floor;
mod function;
mod growth;
mod plugins;
mod runtime_api;
mod targets;
#[cfg(test)]
mod tests;

use clap::{Parser, Subcommand, ValueEnum};

/// The benchmark of the probe.
#[derive(Debug, Parser)]
#[command(name = "bench-probe")]
struct Arguments {
    /// How often each thing is measured; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only this part.
    #[arg(long)]
    only: Option<Part>,
    #[command(subcommand)]
    child: Option<Child>,
}

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// CPU seconds for 1,000 checks, and those of others.
    Comparison,
    /// More targets, and targets that never answer; a minute.
    Growth,
    /// Start and memory of the Lambda function.
    Function,
}

/// What runs in a process of its own, for its CPU time: work as JSON on the input, figures on the output.
#[derive(Debug, Clone, Copy, Subcommand)]
enum Child {
    /// The probe's checks.
    #[command(hide = true)]
    Checks,
    /// The least that connecting takes.
    #[command(hide = true)]
    Floor,
}

/// Does what the command line says.
pub(crate) fn run() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.child {
        Some(Child::Checks) => return child::answer(child::run_checks),
        Some(Child::Floor) => return child::answer(floor::run),
        None => {}
    }
    cpu::all_descriptors()?;
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let targets = servers.block_on(targets::serve())?;
    let rounds = arguments.rounds.max(1);
    for part in Part::value_variants() {
        if arguments.only.is_none_or(|only| only == *part) {
            match part {
                Part::Comparison => comparison::run(&targets, rounds)?,
                Part::Growth => growth::run(&targets)?,
                Part::Function => function::run(&targets, rounds)?,
            }
        }
    }
    Ok(())
}
