//! The probe as a Lambda function: how long it takes to start, and how much memory.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use phonehome_wire::{Check, Report};

use crate::linux::child::input;
use crate::linux::cpu;
use crate::linux::figures::{Limit, median, verdict};
use crate::linux::runtime_api::RuntimeApi;
use crate::linux::targets::{Protocol, Targets};

/// How often a round starts each function.
const STARTS: usize = 100;
/// How much longer the probe's start may take than that of a function that does nothing.
const START_MOST: f64 = 1.3;
const MEMORY_MB_MOST: f64 = 10.0;
/// The 200 targets of which memory is measured. The probe does not trust the TLS server's authority: those
/// checks fail when they come to it, with the same memory used.
const MIX: [(Protocol, usize); 3] = [(Protocol::Tcp, 100), (Protocol::Http, 60), (Protocol::Tls, 40)];

pub(crate) fn run(targets: &Targets, rounds: usize) -> Result<()> {
    let (probe, bare) = (beside("phonehome-probe")?, beside("examples/bare-function")?);
    println!("\nStart, to the first call of the runtime API; medians of {}", rounds * STARTS);
    let (mut of_probe, mut of_bare) = (vec![], vec![]);
    for _ in 0..rounds * STARTS {
        of_probe.push(start(&probe)?);
        of_bare.push(start(&bare)?);
    }
    let of_probe = median(of_probe).context("at least one start")?;
    let of_bare = median(of_bare).context("at least one start")?;
    println!("  probe {of_probe:.2} ms, a function that does nothing {of_bare:.2} ms");
    verdict("ratio", of_probe / of_bare, Limit::AtMost(START_MOST), " x");
    let mut peaks = vec![];
    for _ in 0..rounds {
        peaks.push(memory(&probe, targets)?);
    }
    println!("\nPeak resident memory of the probe, one run of 200 targets (100 TCP, 60 HTTP, 40 TLS)");
    verdict("memory", median(peaks).context("at least one run")?, Limit::AtMost(MEMORY_MB_MOST), " MB");
    Ok(())
}

/// A binary that was built together with this one.
fn beside(name: &str) -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(name);
    ensure!(program.is_file(), "{} is not built: run this as `cargo xtask bench probe`", program.display());
    Ok(program)
}

/// Milliseconds until a function asks for its first event.
fn start(program: &Path) -> Result<f64> {
    // One for each start: what an earlier function still asks reaches nobody.
    let api = RuntimeApi::start()?;
    let started = Instant::now();
    let function = api.function(program)?;
    let asker = api.asked()?;
    let took = started.elapsed();
    drop((function, asker));
    Ok(took.as_secs_f64() * 1e3)
}

/// MB that the probe has resident at most until it has answered.
fn memory(probe: &Path, targets: &Targets) -> Result<f64> {
    let api = RuntimeApi::start()?;
    let checks: Vec<Check> =
        MIX.into_iter().flat_map(|(protocol, count)| targets.checks(protocol, count)).collect();
    let count = checks.len();
    let function = api.function(probe)?;
    let asker = api.asked()?;
    let response = api.invoke(asker, &serde_json::to_vec(&input(checks)?)?)?;
    let report: Report = serde_json::from_slice(&response)?;
    ensure!(report.results.len() == count, "{} results of {count} checks", report.results.len());
    cpu::peak_memory_mb(function.id())
}
