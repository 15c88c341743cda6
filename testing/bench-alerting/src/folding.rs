//! How many results of paths a collector takes in.

use std::collections::BTreeSet;

use phonehome_alerting::{Asked, Folded, Hysteresis, Paths, Received, fold};
use phonehome_wire::{CheckResult, Report, Verdict, WIRE_VERSION};

use crate::deciding::cpu_s;
use crate::fleet::{INTERVAL_MS, checks, ids};

/// How many reports are taken in.
const REPORTS: u64 = 100_000;

/// Prints it: with all results as before, and with every tenth another one than before.
pub(crate) fn measure() {
    println!("\nResults that are folded into what is stored of their paths, by one core");
    for (name, turns) in [("all pass", false), ("one in ten turns", true)] {
        let (results, seconds) = run(turns);
        println!("  {name:<20}{:>6.1} M a second", results as f64 / seconds / 1e6);
    }
}

fn run(turns: bool) -> (u64, f64) {
    let checks = checks();
    let ids = ids(&checks);
    let asked = Asked {
        checks: checks.iter().map(|check| (check.id.clone(), check.target.endpoint.clone())).collect(),
        declared: ids.iter().cloned().collect::<BTreeSet<_>>(),
        presumed_to_have_worked: false,
    };
    let (mut newest, mut paths) = (None, Paths::new());
    let mut report = Report {
        version: WIRE_VERSION,
        #[allow(clippy::expect_used, reason = "a constant")]
        account: "100000000000".parse().expect("an account id"),
        #[allow(clippy::expect_used, reason = "a constant")]
        region: "us-east-1".parse().expect("a Region"),
        #[allow(clippy::expect_used, reason = "a constant")]
        availability_zone: "use1-az1".parse().expect("an Availability Zone ID"),
        part: 0,
        run_id: String::new(),
        generation: 1,
        started_at_ms: 0,
        duration_ms: 40,
        clock_ahead_ms: 0,
        stalled_ms: 0,
        rerun: false,
        results: ids.into_iter().map(|id| CheckResult::new(id, Verdict::Ok)).collect(),
    };
    let start_s = cpu_s();
    for run in 1..=REPORTS {
        report.run_id = format!("run-{run}");
        report.started_at_ms = run * INTERVAL_MS;
        if turns {
            for (number, result) in report.results.iter_mut().enumerate() {
                let fails = (number as u64 + run).is_multiple_of(10);
                result.verdict = if fails { failure() } else { Verdict::Ok };
            }
        }
        let received = Received::at_once(report.started_at_ms + 800);
        let before = std::mem::take(&mut paths);
        match fold(newest.as_ref(), before, &report, &asked, received, &Hysteresis::default()) {
            Folded::Fresh { heartbeat, paths: folded, .. } => (newest, paths) = (Some(heartbeat), folded),
            Folded::Stale => unreachable!("each run is newer than the one before"),
        }
    }
    (REPORTS * checks.len() as u64, cpu_s() - start_s)
}

fn failure() -> Verdict {
    Verdict::Fail {
        stage: phonehome_wire::Stage::Connect,
        class: phonehome_wire::Class::ConnectTimeout,
        error: "no answer to 3 SYNs within 3 s".to_owned(),
    }
}
