//! What the hub would keep of a simulation.

use std::cell::RefCell;

use anyhow::Result;
use jiff::Timestamp;
use phonehome_cloud::table::Table;
use phonehome_replay::{FORMAT, Header, Line, documents};
use serde_json::json;

/// A simulation that is recorded.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    /// When each report arrived, in milliseconds since the Unix epoch, and its event.
    kept: RefCell<Vec<(u64, String)>>,
    /// What stands above them in a recording.
    head: RefCell<String>,
}

impl Tape {
    /// A report, as an event's text.
    pub(crate) fn keep(&self, at_ms: u64, event: &str) {
        self.kept.borrow_mut().push((at_ms, event.to_owned()));
    }

    /// What the reports were judged by, and what was told.
    pub(crate) async fn finish(&self, table: &impl Table, from_ms: u64, to_ms: u64) -> Result<()> {
        let mut head = format!("{}\n", json!(Header { recording: FORMAT, from_ms, to_ms }));
        for line in documents(table, from_ms, to_ms).await? {
            match line {
                Line::Document(document) => head += &format!("{}\n", json!(document)),
                Line::Told(incident) => head += &format!("{}\n", json!({ "told": incident })),
                Line::Header(_) | Line::Kept(_) => {}
            }
        }
        *self.head.borrow_mut() = head;
        Ok(())
    }

    /// The recording's text.
    pub(crate) fn recording(self) -> String {
        let (mut text, mut kept) = (self.head.into_inner(), self.kept.into_inner());
        kept.sort_by_key(|(at_ms, _)| *at_ms);
        for (at_ms, event) in kept {
            let at = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
            let at = at.unwrap_or_default();
            text += &format!("{{\"received\":\"{at}\",\"event\":{event}}}\n");
        }
        text
    }
}
