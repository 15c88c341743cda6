//! How long networks take, and how much memory.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::sample::Fleet;
use crate::{Lab, describe};

/// How often each is measured; the medians count.
const RUNS: usize = 5;

/// What a network of one size takes.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Accounts.
    pub accounts: u8,
    /// Zones of each.
    pub zones: u8,
    /// Network namespaces, and pairs of interfaces.
    pub parts: [usize; 2],
    /// Making all of it.
    pub build: Duration,
    /// Of that: what has to be known before the kernel is told anything.
    pub describe: Duration,
    /// Making another one of it: one NAT gateway goes.
    pub change: Duration,
    /// Reading the counters.
    pub counters: Duration,
    /// Taking it away.
    pub tear_down: Duration,
    /// Resident memory of all processes inside, in KiB.
    pub resident_kib: u64,
    /// What the kernel's own memory on the whole machine grew by, in KiB.
    pub kernel_kib: u64,
}

/// Measures a network of the sample's.
///
/// # Errors
/// As [`Lab::build`].
pub fn measure(accounts: u8, zones: u8, probe: &Path) -> Result<Measured> {
    let fleet = Fleet::new(accounts, zones);
    let mut changed = fleet.clone();
    changed.account(1).nat_gateways.remove(0);
    let mut times = vec![];
    let mut memory = [0, 0];
    let mut parts = [0, 0];
    for _ in 0..RUNS {
        let before = kernel_kib()?;
        let (network, describe) = timed(|| describe(&fleet.inventories, &fleet.wishes))?;
        parts = [network.namespaces.len(), network.links.len()];
        let (mut lab, build) = timed(|| Lab::build(&fleet.inventories, &fleet.wishes, probe))?;
        let used = [resident_kib()?, kernel_kib()?.saturating_sub(before)];
        memory = [memory[0].max(used[0]), memory[1].max(used[1])];
        let (_, counters) = timed(|| lab.counters())?;
        let ((), change) = timed(|| lab.update(&changed.inventories, &changed.wishes))?;
        let ((), tear_down) = timed(|| {
            drop(lab);
            Ok(())
        })?;
        times.push([build, describe, change, counters, tear_down]);
    }
    let median = |index: usize| {
        let mut of: Vec<Duration> = times.iter().map(|it| it[index]).collect();
        of.sort();
        of[of.len() / 2]
    };
    let [build, describe, change, counters, tear_down] = [0, 1, 2, 3, 4].map(median);
    let [resident_kib, kernel_kib] = memory;
    Ok(Measured {
        accounts,
        zones,
        parts,
        build,
        describe,
        change,
        counters,
        tear_down,
        resident_kib,
        kernel_kib,
    })
}

fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let begun = Instant::now();
    let done = work()?;
    Ok((done, begun.elapsed()))
}

/// Of all processes that this one sees, which inside are the lab's.
fn resident_kib() -> Result<u64> {
    let processes = std::fs::read_dir("/proc")?.flatten();
    let texts = processes.filter_map(|it| std::fs::read_to_string(it.path().join("status")).ok());
    Ok(texts.filter_map(|text| number(&text, "VmRSS:")).sum())
}

/// What the kernel uses for itself on the whole machine.
fn kernel_kib() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").context("/proc/meminfo")?;
    Ok(["Slab:", "Percpu:", "KernelStack:"].iter().filter_map(|name| number(&text, name)).sum())
}

/// The number behind a name at the beginning of a line.
fn number(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accounts, zones, parts: [namespaces, links], .. } = self;
        let ms = |duration: Duration| duration.as_secs_f64() * 1_000.0;
        write!(
            f,
            "{accounts} accounts, {zones} zones ({namespaces} namespaces, {links} links): build {:.0} ms (of which \
             describe {:.1} ms), change {:.0} ms, counters {:.2} ms, tear down {:.0} ms (medians of {RUNS}); resident \
             {:.1} MiB, kernel {:.0} MiB",
            ms(self.build),
            ms(self.describe),
            ms(self.change),
            ms(self.counters),
            ms(self.tear_down),
            self.resident_kib as f64 / 1_024.0,
            self.kernel_kib as f64 / 1_024.0,
        )
    }
}
