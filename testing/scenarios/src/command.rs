//! The command line.

use std::io::{BufRead as _, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use phonehome_lab::enter;
use phonehome_scenarios::{Outcome, Scenario, Watch, World, detect, live, run as play, scenarios};

/// Breaks networks, hears what the probes say of it and what Slack and on-call are told, and has it repaired. Nothing
/// of it leaves this process, which needs neither root nor an AWS account.
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
    /// How long it takes until a fault is told: so many faults, each at another moment of the interval
    #[arg(long, value_name = "FAULTS")]
    detect: Option<u32>,
    /// Which fault of `--detect` is the first, so that several can be measured side by side
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "detect")]
    first: u32,
    /// How long networks of several sizes, and a change, take, and how much memory
    #[arg(long)]
    measure: bool,
    /// Shows the fleet as it changes, to be broken and mended by hand
    #[arg(long)]
    watch: bool,
    /// How many labs play the scenarios at once. They know nothing of each other, and most of the time is spent in
    /// waiting for silence.
    #[arg(long, value_name = "LABS", default_value_t = 4)]
    at_once: usize,
    /// How often each probe runs, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    interval: u64,
    /// The probe's binary; the one beside this program by default
    #[arg(long, env = "PHONEHOME_PROBE")]
    probe: Option<PathBuf>,
}

/// After how many intervals of silence a probe is lost, as in the fleet file's default.
const OVERDUE_INTERVALS: u32 = 3;

/// Does what the command line says.
pub(crate) fn run() -> Result<()> {
    let arguments = &Arguments::parse();
    if arguments.list {
        scenarios().for_each(|it| println!("{}", it.name));
        return Ok(());
    }
    let chosen = if arguments.watch || arguments.measure || arguments.detect.is_some() {
        vec![]
    } else {
        chosen(arguments)?
    };
    let probe = probe(arguments)?;
    let interval_s = arguments.interval.max(1);
    if chosen.len() > 1 && arguments.at_once > 1 {
        return play_side_by_side(&chosen, &probe, interval_s, arguments.at_once);
    }
    enter()?;
    let interval = Duration::from_secs(interval_s);
    if arguments.measure {
        for (accounts, zones) in [(2, 2), (6, 3), (40, 3)] {
            println!("{}", phonehome_lab::measure::measure(accounts, zones, &probe)?);
        }
        return Ok(());
    }
    let mut world = World::new(&probe, interval, interval * OVERDUE_INTERVALS)?;
    let mut watch = Watch::new(&world, interval);
    if arguments.watch {
        return live(&mut world, &mut watch);
    }
    match arguments.detect {
        Some(faults) => measure(&mut world, &mut watch, arguments.first..arguments.first + faults, interval),
        None => play_all(&mut world, &mut watch, &chosen, interval),
    }
}

/// Gives each of several labs, which are processes of their own, its share of the scenarios, and prints what they say.
fn play_side_by_side(chosen: &[&Scenario], probe: &Path, interval_s: u64, at_once: usize) -> Result<()> {
    let begun = Instant::now();
    let start = |first: usize| -> Result<Child> {
        let names = chosen.iter().skip(first).step_by(at_once).flat_map(|it| ["--scenario", it.name]);
        // It ends with this one, however that ends.
        let mut lab = Command::new("setpriv");
        lab.args(["--pdeathsig", "KILL", "--"]).arg(std::env::current_exe()?);
        lab.args(["--at-once", "1", "--interval", &interval_s.to_string(), "--probe"]).arg(probe).args(names);
        lab.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("a lab beside this one")
    };
    let labs = (0..at_once.min(chosen.len())).map(start).collect::<Result<Vec<_>>>()?;
    let all_passed = std::thread::scope(|scope| {
        let labs: Vec<_> = labs.into_iter().map(|lab| scope.spawn(|| listen(lab))).collect();
        labs.into_iter().all(|lab| lab.join().is_ok_and(|passed| passed.is_ok_and(|passed| passed)))
    });
    println!("{} scenarios, {} s", chosen.len(), begun.elapsed().as_secs());
    ensure!(all_passed, "not all scenarios ended as expected");
    Ok(())
}

/// Prints what a lab says; whether it ended well.
fn listen(mut lab: Child) -> Result<bool> {
    if let Some(said) = lab.stdout.take() {
        for line in BufReader::new(said).lines() {
            println!("{}", line?);
        }
    }
    Ok(lab.wait()?.success())
}

fn play_all(world: &mut World, watch: &mut Watch, chosen: &[&Scenario], interval: Duration) -> Result<()> {
    let begun = Instant::now();
    let mut failed = 0;
    for scenario in chosen {
        let outcome = play(world, watch, scenario, interval).with_context(|| scenario.name)?;
        failed += usize::from(!outcome.differences.is_empty());
        print(scenario, &outcome);
    }
    if chosen.len() > 1 {
        println!("{} of the scenarios, {} s", chosen.len(), begun.elapsed().as_secs());
    }
    ensure!(failed == 0, "{failed} of {} scenarios did not end as expected", chosen.len());
    Ok(())
}

/// Faults that so many paths see are told sooner: each confirms the others.
const PATHS_MANY: usize = 3;

fn measure(world: &mut World, watch: &mut Watch, faults: Range<u32>, interval: Duration) -> Result<()> {
    let (mut many, mut few) = (vec![], vec![]);
    for number in faults {
        let found = detect(world, watch, number, interval)?;
        println!(
            "{:<42} {} paths, told after {:.1} s",
            found.scenario,
            found.paths,
            found.message.as_secs_f64()
        );
        if found.paths >= PATHS_MANY { &mut many } else { &mut few }.push(found.message);
    }
    let groups = [("three paths or more", many), ("fewer paths", few)];
    for (which, mut times) in groups.into_iter().filter(|(_, times)| !times.is_empty()) {
        times.sort();
        let at = |share: usize| times.get((times.len() * share).div_ceil(100).saturating_sub(1));
        let [half, most, all] = [50, 95, 100].map(|share| at(share).map_or(0.0, Duration::as_secs_f64));
        println!(
            "{which}: {} faults, told after {half:.1} s (p50), {most:.1} s (p95), {all:.1} s (longest)",
            times.len()
        );
    }
    Ok(())
}

fn print(scenario: &Scenario, outcome: &Outcome) {
    let verdict = if outcome.differences.is_empty() { "as expected" } else { "NOT AS EXPECTED" };
    let seconds =
        |time: Option<Duration>| time.map_or("–".to_owned(), |it| format!("{:.1} s", it.as_secs_f64()));
    println!(
        "{:<42} {verdict}: {} results, change {} ms, message after {}, page after {}, well again after {}",
        scenario.name,
        outcome.results,
        outcome.change.as_millis(),
        seconds(outcome.message),
        seconds(outcome.page),
        seconds(outcome.green),
    );
    outcome.differences.iter().for_each(|it| println!("    {it}"));
}

fn chosen(arguments: &Arguments) -> Result<Vec<&'static Scenario>> {
    if arguments.all {
        return Ok(scenarios().collect());
    }
    ensure!(!arguments.scenario.is_empty(), "which scenario? --scenario NAME, or --all; --list names them");
    let named = |name: &String| {
        let found = scenarios().find(|it| it.name == name);
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
