//! `cargo xtask simulate`: days of a fleet from seeds, and whether what was told of them is what was so.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;
use clap::Parser;
use phonehome_simulation::{Options, Outcome, record, run};

/// Simulates the whole path from probes to Slack and on-call, in virtual time.
#[derive(Debug, Parser)]
#[command(name = "simulate")]
struct Arguments {
    /// One seed, and what was told of each of its episodes
    #[arg(long)]
    seed: Option<u64>,
    /// How many seeds
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many accounts, of three zones each
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(12..))]
    accounts: u32,
    /// How many hours
    #[arg(long, default_value_t = 24)]
    hours: u64,
    /// How many seeds at a time
    #[arg(long, default_value_t = 2)]
    threads: u64,
    /// Simulate the hours too in which nothing happens
    #[arg(long)]
    whole: bool,
    /// Lose nothing, and let no function die: what is told wrongly then is wrong by itself
    #[arg(long)]
    calm: bool,
    /// Write what the hub would keep of the seed into this file, for `phonehome replay`
    #[arg(long, requires_all = ["seed", "whole"])]
    record: Option<PathBuf>,
    /// Break what is known to be told in pieces, too: zones and subnets in which a target has an address
    #[arg(long)]
    all_kinds: bool,
}

/// What came of all seeds.
#[derive(Debug, Default)]
struct Sum {
    causes: usize,
    pages_due: usize,
    pages: usize,
    incidents: usize,
    reports: u64,
    reruns: u64,
    deaths: u64,
    failed: Vec<u64>,
    /// By kind, how many there were and how many were told wrongly.
    kinds: BTreeMap<&'static str, (usize, usize)>,
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: &Outcome, is_verbose: bool) {
        self.reports += outcome.reports;
        self.reruns += outcome.reruns;
        self.deaths += outcome.deaths;
        for told in &outcome.told {
            let (count, wrong) = self.kinds.entry(told.kind).or_default();
            *count += 1;
            *wrong += usize::from(!told.problems.is_empty());
            self.causes += usize::from(told.is_cause);
            self.pages_due += usize::from(told.is_cause && told.is_page);
            self.pages += usize::from(told.is_cause) * told.pages;
            self.incidents += usize::from(told.is_cause) * told.incidents;
            if is_verbose || !told.problems.is_empty() {
                println!("seed {seed}, {}: {} incidents, {} pages", told.about, told.incidents, told.pages);
            }
            told.problems.iter().for_each(|problem| println!("  {problem}"));
        }
        if outcome.told.iter().any(|it| !it.problems.is_empty()) {
            println!("  again: cargo xtask simulate --seed {seed}");
            self.failed.push(seed);
        }
    }
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let Arguments { accounts, hours, whole, calm, all_kinds, .. } = arguments;
    let seeds = match arguments.seed {
        Some(seed) => seed..seed + 1,
        None => arguments.from..arguments.from.saturating_add(arguments.seeds),
    };
    let start = Instant::now();
    if let (Some(seed), Some(path)) = (arguments.seed, &arguments.record) {
        let (_, recording) = record(Options { seed, accounts, hours, whole, calm, all_kinds })?;
        std::fs::write(path, recording)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (next, sum) = (AtomicU64::new(seeds.start), Mutex::new(Sum::default()));
    let work = || -> Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return Ok(());
            }
            let outcome = run(Options { seed, accounts, hours, whole, calm, all_kinds })?;
            sum.lock().unwrap_or_else(PoisonError::into_inner).add(seed, &outcome, arguments.seed.is_some());
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..arguments.threads.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a simulation panicked")))
        })
    })?;
    let Sum { causes, pages_due, pages, incidents, reports, reruns, deaths, mut failed, kinds } =
        sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.sort_unstable();
    for (kind, (count, wrong)) in kinds {
        println!("{kind:<28}{count:>5} {wrong:>5} wrong");
    }
    println!(
        "{} seeds of {hours} h with {accounts} accounts in {:.1} s: {reports} reports, {reruns} of them of reruns, {deaths} invocations died; \
         {causes} causes, {incidents} incidents; {pages_due} pages due, {pages} pages",
        seeds.end - seeds.start,
        start.elapsed().as_secs_f64()
    );
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("wrong in {} seeds: {failed:?}", failed.len());
    Ok(ExitCode::FAILURE)
}
