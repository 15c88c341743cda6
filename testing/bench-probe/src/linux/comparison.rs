//! CPU seconds for 1,000 checks, and those of others.

use anyhow::{Context as _, Result, ensure};

use crate::linux::blackbox::{self, Blackbox};
use crate::linux::child::{self, Kind, Work};
use crate::linux::figures::{Limit, cell, median, verdict};
use crate::linux::plugins;
use crate::linux::targets::{Protocol, Targets};

/// What is compared: of how many targets, and how many times less CPU than blackbox exporter it has to take.
const CASES: [(Protocol, usize, f64); 3] =
    [(Protocol::Tcp, 1_000, 8.0), (Protocol::Http, 1_000, 8.0), (Protocol::Tls, 500, 2.5)];

/// CPU seconds for 1,000 checks; `None` of what is not installed or does not exist.
#[derive(Debug, Default)]
struct Compared {
    ours: f64,
    blackbox: Option<f64>,
    plugin: Option<f64>,
    floor: Option<f64>,
}

pub(crate) fn run(targets: &Targets, rounds: usize) -> Result<()> {
    println!("CPU seconds for 1,000 checks over loopback, user and system; medians of {rounds}");
    let blackbox = Blackbox::start(targets)?;
    println!(
        "  {:<6}{:>12}{:>20}{:>22}{:>12}",
        "", "phonehome", "blackbox exporter", "check_tcp, check_http", "floor"
    );
    let mut verdicts = vec![];
    for (protocol, count, least) in CASES {
        let compared = compare(targets, blackbox.as_ref(), protocol, count, rounds)?;
        let Compared { ours, blackbox, plugin, floor } = &compared;
        println!(
            "  {:<6}{:>12}{:>20}{:>22}{:>12}",
            protocol.as_str(),
            cell(Some(*ours)),
            cell(*blackbox),
            cell(*plugin),
            cell(*floor)
        );
        verdicts.push((protocol, compared, least));
    }
    for (protocol, compared, least) in verdicts {
        let name = protocol.as_str();
        if let Some(blackbox) = compared.blackbox {
            let what = format!("{name}, blackbox exporter's CPU to phonehome's");
            verdict(&what, blackbox / compared.ours, Limit::AtLeast(least), " x");
        }
        if let Some(floor) = compared.floor {
            println!("         {name}, phonehome's CPU to the floor's: {:.2} x", compared.ours / floor);
        }
    }
    println!("  A plugin is a process for each check. Blackbox exporter answers a scrape for each check,");
    println!(
        "  counted to 10 ms. Phonehome, blackbox exporter and the floor verify the certificate of each TLS target."
    );
    if blackbox.is_none() {
        println!("  No blackbox exporter here: {}", blackbox::HOW_TO_GET_IT);
    }
    if plugins::measure(targets, Protocol::Tcp, 0)?.is_none() {
        println!("  No monitoring plugins here: {}", plugins::HOW_TO_GET_THEM);
    }
    Ok(())
}

fn compare(
    targets: &Targets,
    blackbox: Option<&Blackbox>,
    protocol: Protocol,
    count: usize,
    rounds: usize,
) -> Result<Compared> {
    let work = Work {
        checks: targets.checks(protocol, count),
        root_der: targets.root_der.clone(),
        descriptors: None,
    };
    if let Some(blackbox) = blackbox {
        // Its first requests are not measured: a server has run for long.
        blackbox.measure(targets, protocol, 100)?;
    }
    let (mut ours, mut theirs, mut plugin, mut floor) = (vec![], vec![], vec![], vec![]);
    // In turn, so that what else the machine does meets all of them.
    for _ in 0..rounds {
        ours.push(seconds(Kind::Checks, &work)?);
        theirs.extend(blackbox.map(|it| it.measure(targets, protocol, count)).transpose()?);
        plugin.extend(plugins::measure(targets, protocol, count)?);
        if protocol != Protocol::Http {
            floor.push(seconds(Kind::Floor, &work)?);
        }
    }
    let per_thousand = |values: Vec<f64>| median(values).map(|seconds| seconds * 1_000.0 / count as f64);
    Ok(Compared {
        ours: per_thousand(ours).context("at least one round")?,
        blackbox: per_thousand(theirs),
        plugin: per_thousand(plugin),
        floor: per_thousand(floor),
    })
}

fn seconds(kind: Kind, work: &Work) -> Result<f64> {
    let done = child::start(kind, work)?;
    let count = work.checks.len();
    ensure!(done.ok == count, "{kind:?} reached {} of {count} targets, {} failed", done.ok, done.failed);
    Ok(done.cpu_s)
}
