//! The command line.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use phonehome_lab::enter;
use phonehome_lab::measure::measure;
use phonehome_lab::scenarios::{SCENARIOS, Scenario, healthy};

/// Breaks networks and hears what the probes say of it. Nothing of it leaves this process, which needs neither root
/// nor an AWS account.
#[derive(Parser)]
struct Arguments {
    /// One scenario, by its name; several when given several times
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
    /// Every scenario
    #[arg(long)]
    all: bool,
    /// The names of the scenarios
    #[arg(long)]
    list: bool,
    /// How long networks of several sizes, and a change, take, and how much memory
    #[arg(long)]
    measure: bool,
    /// The probe's binary; the one beside this program by default
    #[arg(long, env = "PHONEHOME_PROBE")]
    probe: Option<PathBuf>,
}

/// Does what the command line says.
pub(crate) fn run() -> Result<()> {
    let arguments = &Arguments::parse();
    if arguments.list {
        SCENARIOS.iter().for_each(|it| println!("{}", it.name));
        return Ok(());
    }
    let chosen = chosen(arguments)?;
    let probe = probe(arguments)?;
    enter()?;
    if arguments.measure {
        return print_measured(&probe);
    }
    let mut lab = healthy(&probe)?;
    let mut failed = 0;
    let begun = Instant::now();
    for scenario in &chosen {
        let outcome = scenario.run(&mut lab).with_context(|| scenario.name)?;
        let [change, probes] = [outcome.change, outcome.probes].map(|it| it.as_millis());
        let verdict = if outcome.differences.is_empty() { "as expected" } else { "NOT AS EXPECTED" };
        let results = outcome.results;
        println!(
            "{:<42} {verdict}: {results} results, change {change} ms, probes {probes} ms",
            scenario.name
        );
        outcome.differences.iter().for_each(|it| println!("    {it}"));
        failed += usize::from(!outcome.differences.is_empty());
    }
    println!("{} scenarios, {} s", chosen.len(), begun.elapsed().as_secs());
    ensure!(failed == 0, "{failed} of {} scenarios did not end as expected", chosen.len());
    Ok(())
}

fn chosen(arguments: &Arguments) -> Result<Vec<&'static Scenario>> {
    if arguments.all || (arguments.scenario.is_empty() && arguments.measure) {
        return Ok(SCENARIOS.iter().collect());
    }
    ensure!(!arguments.scenario.is_empty(), "which scenario? --scenario NAME, or --all; --list names them");
    let named = |name: &String| {
        let found = SCENARIOS.iter().find(|it| it.name == name);
        found.with_context(|| format!("no scenario {name:?}: --list names them"))
    };
    arguments.scenario.iter().map(named).collect()
}

fn probe(arguments: &Arguments) -> Result<PathBuf> {
    let beside = || Some(std::env::current_exe().ok()?.with_file_name("phonehome-probe"));
    let probe = arguments.probe.clone().or_else(beside).context("this program does not know its own file")?;
    if !probe.exists() {
        let build = "cargo build --release --package phonehome-probe";
        bail!("{} is not there: {build}, or name one with --probe", probe.display());
    }
    Ok(probe)
}

/// Prints what networks of several sizes take.
fn print_measured(probe: &Path) -> Result<()> {
    for (accounts, zones) in [(2, 2), (6, 3), (40, 3)] {
        println!("{}", measure(accounts, zones, probe)?);
    }
    Ok(())
}
