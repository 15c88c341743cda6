//! What a command prints, and how it fails.

use clap::ValueEnum;
use jiff::Timestamp;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use phonehome_aws::DynamoTable;
use phonehome_aws::sdk;
use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// What a command that did its work prints, and exits with.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) text: String,
    pub(crate) exit_code: u8,
}

impl From<String> for Done {
    fn from(text: String) -> Self {
        Self { text, exit_code: 0 }
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What to print, with its last line break.
    pub(crate) text: String,
    /// The input is wrong (exit code 2), rather than the world (1).
    pub(crate) input: bool,
}

impl Failure {
    /// The input is wrong.
    pub(crate) fn input(error: impl std::fmt::Display) -> Self {
        Self { text: format!("error: {error}\n"), input: true }
    }

    /// As JSON: what the command made as such already, or an object with the error.
    pub(crate) fn to_json(&self) -> String {
        if self.text.is_empty() || self.text.starts_with('{') {
            return self.text.clone();
        }
        let error = self.text.trim_end().trim_start_matches("error: ");
        serde_json::json!({ "error": error }).to_string() + "\n"
    }

    /// Something else failed.
    pub(crate) fn other(error: impl std::fmt::Display) -> Self {
        Self { text: format!("error: {error}\n"), input: false }
    }
}

/// Reads a text file of the user's.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| unread(path, &error))
}

/// Reads a file of the user's, of a large one not much more than `max` bytes.
pub(crate) fn read_bytes(path: &Path, max: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let file = File::open(path).and_then(|file| file.take(max as u64 + 1).read_to_end(&mut bytes));
    file.map_err(|error| unread(path, &error))?;
    Ok(bytes)
}

fn unread(path: &Path, error: &std::io::Error) -> Failure {
    let hint = match path.file_name() {
        Some(name) if name == "fleet.yaml" => {
            ". Begin with `phonehome init --draft fleet.yaml` or a copy of fleet.example.yaml, or name yours: --fleet FILE"
        }
        _ => "",
    };
    Failure::input(format!("{}: {error}{hint}", path.display()))
}

/// JSON, with its last line break.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(Failure::other)
}

/// The hub's table, by the usual AWS settings.
pub(crate) async fn table(name: &str) -> Result<DynamoTable, Failure> {
    let session = sdk::connect().await.map_err(Failure::other)?;
    Ok(DynamoTable::new(&session, name))
}

pub(crate) fn time(ms: u64) -> String {
    let timestamp = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.map_or("unknown".to_owned(), |timestamp| timestamp.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}
