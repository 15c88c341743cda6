//! A recording from what the hub keeps.

use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::{cmp::Reverse, collections::VecDeque};

use serde::Serialize;
use serde_json::json;

use crate::line::{FORMAT, Header, Kept, Line, parse, written};
use crate::source::Lines;

/// The objects that were fetched from the hub's bucket: files in a folder and its folders.
#[derive(Debug)]
pub struct Objects {
    /// When the first of its reports was received, and where it is; the first first.
    files: VecDeque<(u64, PathBuf)>,
}

/// What a recording came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// Files that were read.
    pub files: usize,
    /// Reports in the recording.
    pub reports: u64,
    /// Reports of before and after.
    pub outside: u64,
    /// Lines that cannot be read, which are left out.
    pub bad_lines: u64,
    /// When the first report in it was received; milliseconds since the Unix epoch.
    pub first_ms: Option<u64>,
    /// When the last one was.
    pub last_ms: Option<u64>,
}

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A file cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It cannot be written.
    #[error("the recording cannot be written: {0}")]
    Written(#[from] io::Error),
}

/// A report on its way into the recording: when it was received, in which order it was read, and its line.
type Waiting = Reverse<(u64, u64, String)>;

impl Objects {
    /// The files of a folder.
    ///
    /// # Errors
    /// [`RecordError`]
    pub fn of(folder: &Path) -> Result<Self, RecordError> {
        let mut files = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let unread = |error| RecordError::Read { path: folder.clone(), error };
            for entry in fs::read_dir(&folder).map_err(unread)? {
                let path = entry.map_err(unread)?.path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        let mut known = Vec::new();
        for path in files {
            let first = lines(&path)?.filter_map(|(_, text)| text.ok());
            let first = first.flat_map(|text| kept(&text).collect::<Vec<_>>()).flatten();
            known.extend(first.map(|it| it.at_ms()).min().map(|at_ms| (at_ms, path)));
        }
        known.sort();
        Ok(Self { files: known.into() })
    }
}

fn lines(path: &Path) -> Result<Lines<'static>, RecordError> {
    let file = File::open(path).and_then(Lines::of);
    file.map_err(|error| RecordError::Read { path: path.to_owned(), error })
}

/// The reports in a line.
fn kept(text: &[u8]) -> impl Iterator<Item = Result<Kept, String>> {
    parse(text).map(|line| match line {
        Ok(Line::Kept(kept)) => Ok(*kept),
        Ok(_) => Err("no report".to_owned()),
        Err(problem) => Err(problem),
    })
}

/// Writes a recording: what it is, what its reports are judged by, what was told then, and the reports of this time in
/// the order in which they were received. No more of them are in memory than the files have that overlap.
///
/// # Errors
/// [`RecordError`]
pub fn record(
    objects: Objects,
    judged_by: &[Line],
    (from_ms, to_ms): (u64, u64),
    out: &mut impl Write,
) -> Result<Recorded, RecordError> {
    out.write_all(written(&Header { recording: FORMAT, from_ms, to_ms }).as_bytes())?;
    for line in judged_by {
        let text = match line {
            Line::Document(document) => written(document),
            Line::Told(incident) => written(&json!({ "told": incident })),
            Line::Header(_) | Line::Kept(_) => continue,
        };
        out.write_all(text.as_bytes())?;
    }
    let mut recorded = Recorded::default();
    let mut waiting: BinaryHeap<Waiting> = BinaryHeap::new();
    let mut files = objects.files;
    let mut order = 0;
    while let Some((_, path)) = files.pop_front() {
        recorded.files += 1;
        for (_, text) in lines(&path)? {
            let Ok(text) = text else {
                recorded.bad_lines += 1;
                continue;
            };
            for kept in kept(&text) {
                match kept {
                    Err(_) => recorded.bad_lines += 1,
                    Ok(kept) if !(from_ms..=to_ms).contains(&kept.at_ms()) => recorded.outside += 1,
                    Ok(kept) => {
                        order += 1;
                        waiting.push(Reverse((kept.at_ms(), order, written(&kept))));
                    }
                }
            }
        }
        let next_ms = files.front().map_or(u64::MAX, |(at_ms, _)| *at_ms);
        while waiting.peek().is_some_and(|Reverse((at_ms, ..))| *at_ms < next_ms) {
            let Some(Reverse((at_ms, _, text))) = waiting.pop() else { break };
            out.write_all(text.as_bytes())?;
            recorded.reports += 1;
            recorded.first_ms = recorded.first_ms.or(Some(at_ms));
            recorded.last_ms = Some(at_ms);
        }
    }
    Ok(recorded)
}
