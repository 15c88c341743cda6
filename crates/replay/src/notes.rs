//! What a replay cannot know, or leaves out.

use std::collections::BTreeMap;

use serde::Serialize;

/// How many bad lines and gaps are named.
const NAMED: usize = 5;
/// Without a report for longer than this there is a gap, in milliseconds: two minutes. Each probe reports each minute.
const GAP_MS: u64 = 2 * 60_000;

/// What is to be known of a recording and of what its replay says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Notes {
    /// Reports that were read.
    pub reports: u64,
    /// Probes that they are of.
    pub probes: usize,
    /// Probes that could not make a report.
    pub crashes: u64,
    /// Reports that came twice, or after a later one.
    pub duplicates: u64,
    /// Reports that were refused, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Reports of before a fleet file was in force.
    pub unjudged: u64,
    /// Lines whose report was received before the one above it: they count as if they had come then.
    pub out_of_order: u64,
    /// Lines of before the beginning and of after the end.
    pub outside: u64,
    /// Lines that cannot be read.
    pub bad_lines: u64,
    /// The first of them.
    pub first_bad_lines: Vec<BadLine>,
    /// Whether the file ends in the middle: it is replayed to its last report.
    pub is_cut: bool,
    /// Times without any report.
    pub gaps: u64,
    /// The first of them.
    pub first_gaps: Vec<Gap>,
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadLine {
    /// Its number, from 1 on.
    pub line: u64,
    /// What is wrong.
    pub problem: String,
}

/// A time in which no probe reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// From when; milliseconds since the Unix epoch.
    pub from_ms: u64,
    /// Until when.
    pub to_ms: u64,
}

impl Notes {
    pub(crate) fn bad(&mut self, line: u64, problem: String) {
        self.bad_lines += 1;
        if self.first_bad_lines.len() < NAMED {
            self.first_bad_lines.push(BadLine { line, problem });
        }
    }

    /// From one report, or the beginning, to the next, or the end.
    pub(crate) fn between(&mut self, from_ms: u64, to_ms: u64) {
        if to_ms.saturating_sub(from_ms) > GAP_MS {
            self.gaps += 1;
            if self.first_gaps.len() < NAMED {
                self.first_gaps.push(Gap { from_ms, to_ms });
            }
        }
    }
}
