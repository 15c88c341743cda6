//! `cargo xtask demo`: builds everything, then hands over to the local cloud.

use anyhow::{Result, anyhow};
use clap::Args;
use std::os::unix::process::CommandExt;

use crate::project::{Project, shown};
use crate::steps::Steps;
use crate::venv;

/// The same as in .cargo/config.toml: what runs here never speaks to AWS.
const ENVIRONMENT: [(&str, &str); 2] = [("PHONEHOME_CLOUD", "local"), ("AWS_EC2_METADATA_DISABLED", "true")];

/// What the demo can be told.
#[derive(Args)]
pub(crate) struct Options {
    /// Leave the local cloud running after the story, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// How many accounts there are, instead of the six that the story is about
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(6..=100))]
    accounts: Option<u16>,
    /// Show what the emulator and the functions log
    #[arg(long)]
    verbose: bool,
}

/// Returns only when something went wrong: the local cloud takes this process's place, so signals
/// reach it directly and its exit code is the demo's.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    let mut steps = Steps::new(3);
    steps.run("the emulator", || venv::ensure(project, venv::LOCALCLOUD))?;
    steps.run("the functions and the local cloud", || project.build())?;
    steps.heading("the demo");
    let mut demo = project.command(project.binary("localcloud"), ["demo"]);
    demo.args(options.keep.then_some("--keep"))
        .args(options.accounts.map(|count| format!("--accounts={count}")))
        .args(options.verbose.then_some("--verbose"))
        .envs(ENVIRONMENT);
    Err(anyhow!(demo.exec()).context(format!("cannot start {}", shown(&demo))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_gets_what_cargo_gives_to_what_it_runs() {
        let config = include_str!("../../.cargo/config.toml");
        let set: Vec<_> = config.lines().filter(|line| line.contains("force = true")).collect();
        assert_eq!(set.len(), ENVIRONMENT.len());
        for (name, value) in ENVIRONMENT {
            assert!(
                set.iter().any(|line| line.starts_with(&format!("{name} = {{ value = \"{value}\""))),
                "{name}"
            );
        }
    }
}
