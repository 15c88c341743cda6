//! The checks in a process of their own, so that its CPU time is theirs.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use phonehome_checks::{CertificateDer, Identity, Settings, run_with, sockets_at_once};
use phonehome_wire::{Check, ProbeInput, REPORT_VERSION, Verdict, WIRE_VERSION};
use serde::{Deserialize, Serialize};

use crate::linux::cpu;

/// What a child has to do.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) checks: Vec<Check>,
    /// The authority to trust, in DER.
    pub(crate) root_der: Vec<u8>,
    /// How many files it may open; the system's limit when absent.
    pub(crate) descriptors: Option<u64>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) wall_s: f64,
    /// In user and system, from the first check to the last: without the start of the process.
    pub(crate) cpu_s: f64,
    /// How many were reached.
    pub(crate) ok: usize,
    /// How many were tested and not reached.
    pub(crate) failed: usize,
    /// How many sockets it could have open at the same time.
    pub(crate) sockets: usize,
}

/// Which child.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Checks,
    Floor,
}

/// Has a child do it.
pub(crate) fn start(kind: Kind, work: &Work) -> Result<Done> {
    let name = match kind {
        Kind::Checks => "checks",
        Kind::Floor => "floor",
    };
    let mut child = Command::new(std::env::current_exe()?)
        .arg(name)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting a process of its own")?;
    let mut input = child.stdin.take().context("it has an input")?;
    input.write_all(&serde_json::to_vec(work)?)?;
    drop(input);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "bench-probe {name} ended with {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Does what the input says, in a child.
pub(crate) fn answer(work: impl FnOnce(Work) -> Result<Done>) -> Result<()> {
    let mut text = vec![];
    std::io::stdin().read_to_end(&mut text)?;
    let done = work(serde_json::from_slice(&text)?)?;
    println!("{}", serde_json::to_string(&done)?);
    Ok(())
}

/// Runs the checks as the probe does: on one thread.
pub(crate) fn run_checks(work: Work) -> Result<Done> {
    if let Some(count) = work.descriptors {
        cpu::limit_descriptors(count)?;
    }
    let sockets = sockets_at_once();
    let identity = Identity { account: "444455556666".parse()?, run_id: "bench".to_owned() };
    let settings = Settings {
        // Thousands that never answer take longer than a minute.
        limit: Duration::from_secs(600),
        extra_roots: vec![CertificateDer::from(work.root_der)],
        own_machine_counts: true,
        ..Settings::default()
    };
    let input = input(work.checks)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (started, before) = (Instant::now(), cpu::own()?);
    let report = runtime.block_on(run_with(&input, &identity, &settings));
    let (wall, used) = (started.elapsed(), cpu::own()?.saturating_sub(before));
    let count = |is: fn(&Verdict) -> bool| report.results.iter().filter(|result| is(&result.verdict)).count();
    Ok(Done {
        wall_s: wall.as_secs_f64(),
        cpu_s: used.as_secs_f64(),
        ok: count(|verdict| *verdict == Verdict::Ok),
        failed: count(|verdict| matches!(verdict, Verdict::Fail { .. })),
        sockets,
    })
}

/// A probe's input with these checks.
pub(crate) fn input(checks: Vec<Check>) -> Result<ProbeInput> {
    Ok(ProbeInput {
        version: WIRE_VERSION,
        generation: 1,
        region: "us-east-1".parse()?,
        availability_zone: "use1-az1".parse()?,
        part: 0,
        rerun: false,
        report_version: REPORT_VERSION,
        timeout_s: 0,
        checks,
    })
}
