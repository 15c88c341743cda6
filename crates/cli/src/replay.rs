//! `phonehome replay`.

use std::fs::File;
use std::path::PathBuf;

use clap::Args;
use phonehome_replay::{Lines, render, replay};

use crate::output::{Failure, Format, json};
use crate::validate;

/// Which recording, and by which other rules.
#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    /// The recording, as `phonehome record` writes it.
    file: PathBuf,
    /// Another fleet file: what would have been told by its thresholds, windows, routes and checks.
    #[arg(long, value_name = "FLEET")]
    rules: Option<PathBuf>,
}

/// Replays a recording, and says what is told otherwise by other rules.
pub(crate) async fn run(arguments: ReplayArguments, format: Format) -> Result<String, Failure> {
    let ReplayArguments { file: path, rules } = arguments;
    let text = rules.as_ref().map(|rules| validate::load(rules, format)).transpose()?.map(|it| it.text);
    let unread = |error: std::io::Error| Failure::input(format!("{}: {error}", path.display()));
    let lines = File::open(&path).and_then(Lines::of).map_err(unread)?;
    let replayed = replay(lines, text.as_deref()).await;
    let replayed = replayed.map_err(|error| Failure::input(format!("{}: {error}", path.display())))?;
    match format {
        Format::Json => json(&replayed),
        Format::Text => {
            let rules = rules.map(|rules| rules.display().to_string()).unwrap_or_default();
            Ok(render(&replayed, &rules))
        }
    }
}
