//! The probes' code, as it is kept: which there is, which is the newest, and its bytes.
//!
//! A zip is larger than an item of the table may be, so it lies in chunks. What is kept of it is said by one document
//! ([`KeptCode`]), which is [`Stage::Complete`] only once every chunk is there. Whoever reads compares the hash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phonehome_cloud::table::{Doc, Table, TableError};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::Keys;

/// How large a zip is at most, in bytes: 16 MiB, several times what the probe has. A function that reads one holds it
/// in memory, beside others.
pub const PROBE_ZIP_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How large a chunk is, in bytes: 256 KiB. As base64 in JSON and compressed again it takes about as much of an item's
/// 400 KB.
pub(crate) const CHUNK_BYTES: usize = 256 * 1024;

/// Which code the probes have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProbeRelease {
    /// Lambda's `CodeSha256` of the zip without certificate authorities: base64 of its SHA-256.
    pub code_sha256: String,
    /// `arm64` or `x86_64`.
    pub architecture: String,
    /// For people: the release of phonehome that it came with, `0.2.0`.
    pub release: String,
}

impl ProbeRelease {
    /// For people: `release 0.2.0 (q83vASNF…)`.
    #[must_use]
    pub fn title(&self) -> String {
        let short: String = self.code_sha256.chars().take(8).collect();
        format!("release {} ({short}…)", self.release)
    }
}

/// The code that the newest provisioner came with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestProbes {
    /// Which it is.
    pub probes: ProbeRelease,
    /// Since when; milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// What is kept of one code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptCode {
    pub(crate) probes: ProbeRelease,
    /// How many bytes a chunk has, but the last one.
    pub(crate) chunk_bytes: usize,
    pub(crate) chunks: u32,
    pub(crate) stage: Stage,
    /// When somebody last wrote this; milliseconds since the Unix epoch.
    pub(crate) at_ms: u64,
}

/// How far a code is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Chunks are being written.
    Storing,
    /// All of it is there.
    Complete,
    /// Chunks are being removed.
    Removing,
}

/// One chunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chunk {
    /// Its bytes, as base64.
    pub(crate) base64: String,
}

impl Chunk {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { base64: STANDARD.encode(bytes) }
    }
}

/// Why code cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum NoProbeCode {
    /// It is not kept, or not all of it.
    #[error(
        "the probes' code of {} is not in the table, so probes without it stay as they are. Deploy the hub of that \
         release again, which stores it, or publish: the new version names the code of the hub that runs now", .0.title()
    )]
    Missing(ProbeRelease),
    /// What is kept has another hash.
    #[error(
        "the probes' code of {} is damaged in the table (what is there has the hash {found}), so probes without it stay \
         as they are. Delete the item {partition} | {sort} and deploy the hub of that release again, which stores it \
         anew, or publish: the new version names the code of the hub that runs now",
        .wanted.title(), partition = Keys::PROBE_CODE, sort = Keys::probe_code(&.wanted.code_sha256).sort
    )]
    Damaged {
        /// What was asked for.
        wanted: ProbeRelease,
        /// The hash of what is there.
        found: String,
    },
    /// The table failed: nothing is known.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// A zip's hash, as Lambda's `CodeSha256` shows it.
#[must_use]
pub fn code_sha256(zip: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(zip))
}

/// The newest code, if any was noted.
///
/// # Errors
/// [`TableError`], also when it is unreadable.
pub async fn newest_probes<T: Table>(table: &T) -> Result<Option<NewestProbes>, TableError> {
    table.get(&Keys::newest_probes()).await?.map(|doc| doc.read()).transpose()
}

/// The bytes of a code: all of them, and just those that its hash says.
///
/// # Errors
/// [`NoProbeCode`]
pub async fn probe_zip<T: Table>(table: &T, wanted: &ProbeRelease) -> Result<Vec<u8>, NoProbeCode> {
    let missing = || NoProbeCode::Missing(wanted.clone());
    let doc = table.get(&Keys::probe_code(&wanted.code_sha256)).await?;
    let kept = doc.as_ref().map(Doc::read::<KeptCode>).transpose()?;
    let kept = kept.filter(|kept| kept.stage == Stage::Complete).ok_or_else(missing)?;
    let mut zip = Vec::new();
    for number in 0..kept.chunks {
        let key = Keys::probe_chunk(&wanted.code_sha256, kept.chunk_bytes, number);
        let chunk = table.get(&key).await?.ok_or_else(missing)?;
        // What is no chunk, or no base64, has another hash.
        let bytes = chunk.read::<Chunk>().ok().and_then(|chunk| STANDARD.decode(chunk.base64).ok());
        zip.extend(bytes.unwrap_or_default());
        if zip.len() > PROBE_ZIP_BYTES_MAX {
            break;
        }
    }
    let found = code_sha256(&zip);
    if found != wanted.code_sha256 {
        return Err(NoProbeCode::Damaged { wanted: wanted.clone(), found });
    }
    Ok(zip)
}
