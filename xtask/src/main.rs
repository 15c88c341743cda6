//! The project's own commands, run as `cargo xtask COMMAND`.

mod bench;
mod beside;
mod ci;
mod demo;
mod deny;
mod lab;
mod mutants;
mod package;
mod project;
mod python;
mod simulate;
mod steps;
#[cfg(test)]
mod tests;
mod venv;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

use project::Project;

/// The project's own commands.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Play the story on a local cloud: no AWS account is needed
    Demo(demo::Options),
    /// Run all tests, the end-to-end tests included
    Test {
        /// What to pass on to `cargo test`, for instance a test's name
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Everything a change has to pass: format, licences, templates, lints, documentation, tests, judges
    Ci,
    /// Measure, with peers in the same run
    Bench {
        /// Which benchmark
        #[arg(value_enum)]
        benchmark: bench::Benchmark,
        /// What to pass on to it
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Break networks in which packets really move, and hear what the probe says of it: every scenario, or those
    /// named by `--scenario`. Needs Linux, and no root
    Lab {
        /// What to pass on to it
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Simulate days of a fleet from seeds, with what breaks, gets lost and dies, and see whether each cause is told
    /// once: `--seed N` again one that was wrong
    Simulate {
        /// What to pass on to it
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build the functions for AWS, where `infra/hub.yaml` looks for them
    Package(package::Options),
    /// Change the code in small ways and see whether the tests notice
    Mutants(mutants::Options),
    /// Write docs/fleet.schema.json anew
    Schema,
    /// Record what this release leaves behind, in tests/releases, for the builds after it
    RecordRelease {
        /// Its version, for instance 0.2.0
        version: String,
    },
}

fn main() -> ExitCode {
    let outcome = match deny::as_cargo() {
        Some(outcome) => outcome,
        None => run(Arguments::parse().command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let project = Project::find()?;
    match command {
        Command::Demo(options) => demo::run(&project, &options),
        Command::Test { arguments } => ci::test(&project, &arguments),
        Command::Ci => ci::run(&project),
        Command::Bench { benchmark, arguments } => bench::run(&project, benchmark, &arguments),
        Command::Lab { arguments } => lab::run(&project, &arguments),
        Command::Simulate { arguments } => simulate::run(&project, &arguments),
        Command::Package(options) => package::run(&project, &options),
        Command::Mutants(options) => mutants::run(&project, &options),
        Command::Schema => project::run(
            project
                .cargo(["test", "--release", "--package", "phonehome-fleet", "--test", "schema"])
                .env("UPDATE_SCHEMA", "1"),
        ),
        Command::RecordRelease { version } => ci::record_release(&project, &version),
    }
}
