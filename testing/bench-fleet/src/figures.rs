//! Figures, with the limits that are set to them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// What one measurement came to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    title: String,
    lines: Vec<Figure>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Figure {
    what: String,
    value: f64,
    unit: String,
    /// The most it may be.
    limit: Option<f64>,
}

impl Figures {
    pub(crate) fn new(title: String) -> Self {
        Self { title, lines: Vec::new() }
    }

    /// One that has no limit.
    pub(crate) fn with(self, what: &str, value: f64, unit: &str) -> Self {
        self.and(what, value, unit, None)
    }

    /// One that may be so much at most.
    pub(crate) fn at_most(self, limit: f64, what: &str, value: f64, unit: &str) -> Self {
        self.and(what, value, unit, Some(limit))
    }

    fn and(mut self, what: &str, value: f64, unit: &str, limit: Option<f64>) -> Self {
        self.lines.push(Figure { what: what.to_owned(), value, unit: unit.to_owned(), limit });
        self
    }

    pub(crate) fn print(&self) {
        println!("\n{}", self.title);
        for Figure { what, value, unit, limit } in &self.lines {
            let verdict = match limit {
                Some(limit) if value <= limit => format!("at most {limit}: met"),
                Some(limit) => format!("at most {limit}: MISSED"),
                None => String::new(),
            };
            println!("  {what:<58}{value:>9.1} {unit:<6}{verdict}");
        }
    }
}

/// In seconds.
pub(crate) fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// The most memory that this process ever had resident, as Linux counts it, in MB.
pub(crate) fn peak_memory_mb() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").context("memory is measured on Linux only")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kilobytes / 1024.0)
}
