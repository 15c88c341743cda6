//! Prints the story, each step with its time.

use std::path::Path;
use std::time::Instant;

/// Tells the story on standard output.
#[derive(Debug)]
pub(crate) struct Narrator {
    start: Instant,
}

impl Narrator {
    /// The clock starts now.
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Seconds since the start.
    pub(crate) fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// A new act.
    pub(crate) fn act(&self, title: &str) {
        println!("\n── {title} {}", "─".repeat(88_usize.saturating_sub(title.chars().count())));
    }

    /// Something happened.
    pub(crate) fn say(&self, text: &str) {
        println!("{:6.1} s  {text}", self.seconds());
    }

    /// Something to know.
    pub(crate) fn note(&self, text: &str) {
        println!("          ({text})");
    }

    /// Something to read, indented.
    pub(crate) fn quote(&self, text: &str) {
        for line in text.lines() {
            println!("          │ {line}");
        }
    }

    /// The end of a log, where there is one.
    pub(crate) fn log(&self, path: &Path, lines: usize) {
        let Ok(text) = std::fs::read_to_string(path) else { return };
        let name = path.file_name().unwrap_or_default().display();
        let all: Vec<&str> = text.lines().collect();
        println!("\n── {name}, the last {} of {} lines", lines.min(all.len()), all.len());
        for line in all.iter().skip(all.len().saturating_sub(lines)) {
            println!("{line}");
        }
    }
}
