//! The lab as a process of its own, which others tell by a unix socket what EC2 says and what to run: `lab-serve`.
//!
//! A connection carries one [`Request`] and one [`Answer`], both as JSON; whoever asks closes its half after the
//! request. A socket with a path is met from any network namespace.

mod serving;
mod wanted;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use phonehome_wire::StackId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::counters::Counters;
use crate::describe::Inventories;
use crate::wishes::Wishes;

pub use serving::serve;

/// What the lab is asked: `{"run": {…}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// These are all the inventories there are.
    SetInventories(Inventories),
    /// These take the place of what was known of the same accounts and Regions.
    UpdateInventories(Inventories),
    /// These are the wishes. A host whose subnet is not there, or no longer, waits for it; so does an impairment.
    SetWishes(Wishes),
    /// Run a function. Whatever is asked meanwhile does not wait for its end.
    Run(Run),
    /// What has gone over the network so far.
    Counters,
}

/// A function to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The invocation's own id, which the function is told.
    pub request_id: String,
    /// Where the function is: `111122223333/us-east-1`.
    pub stack: StackId,
    /// Its name.
    pub function: String,
    /// The folder that its code was unpacked into, outside of `/run`, of which the lab has its own. `bootstrap` is
    /// what runs.
    pub folder: PathBuf,
    /// The event.
    pub event: Value,
    /// How long it may take, with its start, in seconds.
    pub timeout_s: u64,
    /// How much memory it is told that it has, in MB.
    pub memory_mb: u32,
    /// Its own environment variables.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

/// What the lab answers: `{"ended": {…}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The network is as it was asked for.
    Applied {
        /// How long that took, in milliseconds.
        took_ms: u64,
        /// The hosts and impairments that wait for what they are about, each with the reason.
        waiting: Vec<String>,
    },
    /// The function has ended.
    Ended {
        /// How.
        outcome: End,
        /// What it wrote; of much the last 64 KB.
        log: String,
    },
    /// What has gone over the network since the lab was last made anew.
    Counted(Counters),
    /// Nothing was done.
    Refused {
        /// Why.
        reason: Reason,
        /// The same for people.
        message: String,
    },
}

/// How a function ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// With this response.
    Response(Value),
    /// With this error, in its own words.
    Error(Value),
    /// Not in time: it was killed.
    TimedOut,
    /// Without a word: the process ended, with this status.
    Exited(String),
}

/// Why nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The request is none.
    BadRequest,
    /// Inventories and wishes make no network; it stays as it was. What inventories said is remembered.
    NoNetwork,
    /// The function is in no subnet that the lab knows, or not yet.
    UnknownFunction,
    /// The lab could not do it.
    Failed,
}

/// Asks the lab that serves at `socket`.
///
/// # Errors
/// When it is not there, or what it says is no answer. A refusal is an answer.
pub fn ask(socket: &Path, request: &Request) -> Result<Answer> {
    let mut stream =
        UnixStream::connect(socket).with_context(|| format!("no lab serves at {}", socket.display()))?;
    stream.write_all(&serde_json::to_vec(request)?)?;
    stream.shutdown(Shutdown::Write)?;
    let mut said = vec![];
    stream.read_to_end(&mut said)?;
    serde_json::from_slice(&said)
        .with_context(|| format!("the lab says {:?}", String::from_utf8_lossy(&said)))
}
