//! Figures, and how they are shown.

use std::time::Duration;

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Calls to AWS.
    pub(crate) calls: usize,
    /// How many of them had to wait for one another; `None` where that is not known.
    pub(crate) rounds: usize,
    /// Wall time.
    pub(crate) time: Duration,
}

/// The run in the middle, by time.
pub(crate) fn median(mut runs: Vec<Run>) -> Option<Run> {
    runs.sort_by_key(|run| run.time);
    runs.get(runs.len() / 2).copied()
}

/// One line of a table.
pub(crate) fn line(name: &str, create: Run, verify: Run) {
    println!(
        "  {name:<34}{:>5} calls {:>4} rounds {:>8.2} s  {:>5} calls {:>4} rounds {:>8.2} s",
        create.calls,
        create.rounds,
        create.time.as_secs_f64(),
        verify.calls,
        verify.rounds,
        verify.time.as_secs_f64()
    );
}

/// Whether a target was met, in words.
pub(crate) fn verdict(what: &str, value: f64, limit: f64, unit: &str) {
    let met = if value <= limit { "met" } else { "MISSED" };
    println!("  {met:<7}{what}: {value:.2} {unit}, at most {limit:.2} {unit}");
}
