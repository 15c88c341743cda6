//! A run of several steps: a heading for each, the time it took, a table at the end.

use anyhow::{Context, Result};
use std::fmt;
use std::io::Write;
use std::time::{Duration, Instant};

/// Runs steps one after the other; the first that fails ends the run.
pub(crate) struct Steps {
    total: usize,
    started: Instant,
    done: Vec<(String, Duration)>,
}

impl Steps {
    /// A run of so many steps.
    pub(crate) fn new(total: usize) -> Self {
        Self { total, started: Instant::now(), done: Vec::new() }
    }

    /// Prints the next step's heading.
    pub(crate) fn heading(&self, title: &str) {
        let number = self.done.len() + 1;
        println!("\n[{number}/{}] {title}  ({} so far)", self.total, Elapsed(self.started.elapsed()));
        let _ = std::io::stdout().flush();
    }

    /// Runs one step under its heading.
    pub(crate) fn run<T>(&mut self, title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.heading(title);
        let started = Instant::now();
        let outcome = work();
        let took = started.elapsed();
        if outcome.is_err() {
            self.done.push((format!("{title}: FAILED"), took));
            self.print_table();
        } else {
            self.done.push((title.to_owned(), took));
        }
        outcome.with_context(|| format!("step {} of {}, {title}, failed", self.done.len(), self.total))
    }

    /// What each step took, and all of them together.
    pub(crate) fn print_table(&self) {
        println!("\n{}", self.table(self.started.elapsed()));
    }

    fn table(&self, total: Duration) -> String {
        let rows =
            self.done.iter().map(|(title, took)| format!("{:>9}  {title}\n", Elapsed(*took).to_string()));
        format!("{}{:>9}  in all", rows.collect::<String>(), Elapsed(total).to_string())
    }
}

/// A duration for people: `4.2s`, `3m 05s`.
struct Elapsed(Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if seconds < 60 {
            return write!(formatter, "{}.{}s", seconds, self.0.subsec_millis() / 100);
        }
        write!(formatter, "{}m {:02}s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let shown = |milliseconds| Elapsed(Duration::from_millis(milliseconds)).to_string();
        assert_eq!(shown(4_260), "4.2s");
        assert_eq!(shown(59_999), "59.9s");
        assert_eq!(shown(60_000), "1m 00s");
        assert_eq!(shown(185_000), "3m 05s");
    }

    #[test]
    fn a_failed_step_names_itself_and_its_place() {
        let mut steps = Steps::new(3);
        steps.run("one", || Ok(())).unwrap();
        let error = steps.run("two", || -> Result<()> { anyhow::bail!("no luck") }).unwrap_err();
        assert_eq!(format!("{error:#}"), "step 2 of 3, two, failed: no luck");
    }

    #[test]
    fn the_table_lists_every_step_and_the_sum() {
        let mut steps = Steps::new(1);
        steps.done.push(("lints".to_owned(), Duration::from_secs(62)));
        assert_eq!(steps.table(Duration::from_secs(70)), "   1m 02s  lints\n   1m 10s  in all");
    }
}
