//! Writes down the calls that reached the emulator, for whoever judges them afterwards: whether AWS's
//! own service models know them, and whether the real policies allow them.

use std::fs::{File, create_dir_all};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use hyper::http::request::Parts;
use serde_json::json;

use super::Incoming;

/// The folder that calls are recorded in, unless it is not set.
const FOLDER: &str = "PHONEHOME_RECORD_CALLS";

/// One file, a JSON object for each call in each of its lines. Its members: `sequence` (orders the calls of
/// all files of a process), `account` (null if it is not
/// known), `operation` as in [`Incoming`], `method`, `target` (path and query), `body` (text), `status`,
/// `answer` (text; null where nobody needs it) and `exercise` (see [`Record::mark_as_exercise`]).
#[derive(Debug)]
pub(crate) struct Record {
    file: Mutex<File>,
    exercise: AtomicBool,
}

impl Record {
    /// A new file in the folder that the environment names; `None` when it names none.
    pub(crate) fn open() -> Result<Option<Self>> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let Some(folder) = std::env::var_os(FOLDER) else { return Ok(None) };
        let folder = Path::new(&folder);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{}-{number}.jsonl", std::process::id()));
        let file = create_dir_all(folder).and_then(|()| File::create(&path));
        let file = Mutex::new(file.with_context(|| format!("writing {}", path.display()))?);
        Ok(Some(Self { file, exercise: AtomicBool::new(false) }))
    }

    /// From now on calls are made for a test of the adapter alone.
    pub(crate) fn mark_as_exercise(&self) {
        self.exercise.store(true, Ordering::Relaxed);
    }

    /// Adds a call. A disk that is full fails the call and so the test: half a record would prove less
    /// than it seems to.
    pub(crate) fn add(
        &self,
        call: &Incoming,
        head: &Parts,
        body: &[u8],
        status: u16,
        answer: &[u8],
    ) -> Result<()> {
        static SEQUENCE: AtomicUsize = AtomicUsize::new(0);
        let body = String::from_utf8_lossy(body);
        // Of what was only described, the judges want to know what was asked for by a filter.
        let is_wanted = !call.operation.contains(":Describe") || body.contains("Filter.1");
        let line = json!({
            "sequence": SEQUENCE.fetch_add(1, Ordering::Relaxed),
            "account": call.account,
            "operation": call.operation,
            "method": head.method.as_str(),
            "target": head.uri.path_and_query().map(ToString::to_string),
            "body": body,
            "status": status,
            "exercise": self.exercise.load(Ordering::Relaxed),
            "answer": is_wanted.then(|| String::from_utf8_lossy(answer)),
        });
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(file, "{line}").context("recording a call")
    }
}
