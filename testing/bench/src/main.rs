//! Benchmarks: programs that print figures, with peers in the same run. `cargo xtask bench NAME` builds
//! what they need and runs them.

mod figures;
mod fleet;
mod peers;
mod provision;
mod specs;
mod validate;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Benchmarks of phonehome.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check fleet files with one section as long as it may be, and half as long: the time grows with the
    /// file's size.
    Validate,
    /// Make and verify networks: calls, rounds, seconds, memory; against moto with 60 ms on each call.
    Provision {
        /// How often each thing is measured; the median counts.
        #[arg(long, default_value_t = 5)]
        runs: usize,
        /// `ansible-playbook`, to measure it too (xtask/bench/provision/README.md says how to get it).
        #[arg(long, env = "PHONEHOME_ANSIBLE_PLAYBOOK")]
        ansible: Option<PathBuf>,
        /// Only the simulation of so many accounts; prints its figures as JSON.
        #[arg(long, hide = true)]
        simulate: Option<usize>,
        /// Only many accounts on the moto at this address; prints its figures as JSON.
        #[arg(long, hide = true)]
        memory: Option<String>,
    },
}

fn main() -> anyhow::Result<()> {
    let Command::Provision { runs, ansible, simulate, memory } = Arguments::parse().command else {
        validate::run();
        return Ok(());
    };
    if let Some(accounts) = simulate {
        return fleet::simulate(accounts);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match memory {
        Some(endpoint) => runtime.block_on(fleet::memory(&endpoint)),
        None => runtime.block_on(provision::run(runs.max(1), ansible.as_deref())),
    }
}
