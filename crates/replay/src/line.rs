//! The lines of a recording: JSON, one object each. docs/replay.md describes them for people.

use jiff::Timestamp;
use phonehome_alerting::Incident;
use phonehome_cloud::table::Key;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The format that this build writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// What the recording is; its first line.
    Header(Header),
    /// A document of the table.
    Document(Document),
    /// A report.
    Kept(Box<Kept>),
    /// An incident as it was told then.
    Told(Box<Incident>),
}

/// What a recording is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its format.
    pub recording: u32,
    /// When it begins; milliseconds since the Unix epoch.
    pub from_ms: u64,
    /// When it ends: of what comes later nothing is in it; milliseconds since the Unix epoch.
    pub to_ms: u64,
}

/// A document of the table, as it was from a moment on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// From when on; milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Its partition.
    pub partition: String,
    /// Its sort key.
    pub sort: String,
    /// Its schema.
    pub schema: u32,
    /// What it says.
    pub body: Value,
}

impl Document {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> Key {
        phonehome_cloud::table::key(&self.partition, &self.sort)
    }
}

/// A report as the hub keeps it: `KeptReports` in `infra/hub.yaml` writes such lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// When EventBridge received it.
    pub received: Timestamp,
    /// The event, without what the probe was asked.
    pub event: Value,
}

impl Kept {
    /// When it was received; milliseconds since the Unix epoch.
    #[must_use]
    pub fn at_ms(&self) -> u64 {
        u64::try_from(self.received.as_millisecond()).unwrap_or(0)
    }
}

/// What can stand in a line.
#[derive(Deserialize)]
struct Fields {
    recording: Option<u32>,
    from_ms: Option<u64>,
    to_ms: Option<u64>,
    received: Option<Timestamp>,
    event: Option<Value>,
    at_ms: Option<u64>,
    partition: Option<String>,
    sort: Option<String>,
    schema: Option<u32>,
    body: Option<Value>,
    told: Option<Box<Incident>>,
}

impl Fields {
    fn line(self) -> Result<Line, String> {
        match self {
            Self { received: Some(received), event: Some(event), .. } => {
                Ok(Line::Kept(Box::new(Kept { received, event })))
            }
            Self { recording: Some(recording), from_ms, to_ms, .. } => {
                let (from_ms, to_ms) = (from_ms.unwrap_or(0), to_ms.unwrap_or(0));
                Ok(Line::Header(Header { recording, from_ms, to_ms }))
            }
            Self {
                at_ms: Some(at_ms),
                partition: Some(partition),
                sort: Some(sort),
                schema: Some(schema),
                body: Some(body),
                ..
            } => Ok(Line::Document(Document { at_ms, partition, sort, schema, body })),
            Self { told: Some(incident), .. } => Ok(Line::Told(incident)),
            _ => Err("neither a report (`received`, `event`) nor anything else of a recording".to_owned()),
        }
    }
}

/// What stands in a line of a file: one object, or several where nobody put line breaks between them.
pub(crate) fn parse(text: &[u8]) -> impl Iterator<Item = Result<Line, String>> {
    let objects = serde_json::Deserializer::from_slice(text).into_iter::<Fields>();
    // After an error in the text, serde_json gives none but errors.
    let mut is_broken = false;
    let objects = objects.take_while(move |it| !std::mem::replace(&mut is_broken, it.is_err()));
    objects.map(|it| it.map_err(|error| format!("not a line of a recording: {error}"))?.line())
}

/// A line as it is written, with its line break.
pub(crate) fn written(line: &impl Serialize) -> String {
    #[allow(clippy::expect_used, reason = "our own types, all with string keys, always serialise")]
    let text = serde_json::to_string(line).expect("serialisable");
    text + "\n"
}
