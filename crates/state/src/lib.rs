//! What is stored, and under which key. One table holds it all; a document's partition says what
//! it is.
//!
//! "The table" in ARCHITECTURE.md lists every partition with its document, its writer and when it expires;
//! [`Keys`] makes the keys, and [`WRITERS`] says which role may write where.

mod bindings;
mod change_log;
mod contract;
mod default_vpcs;
mod desired;
mod expected;
mod finding;
mod in_force;
mod keys;
mod ledger;
mod notified;
mod outbox;
mod page_turn;
mod paging;
mod probe_cleanup;
mod probe_code;
mod probe_store;
mod published;
mod readable;
mod removals;
mod rollouts;
mod status;
mod sweeps;
mod vending_note;

use phonehome_cloud::table::{Doc, MayConflict, Table, TableError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use bindings::{NotifiedFinding, bind, bindings, keep, known, rebind, unbind};
pub use change_log::{ApiCall, ChangeLog};
pub use contract::{AgreedStack, Contract};
pub use default_vpcs::DefaultVpcs;
pub use desired::{Desired, InUse, LastRead, Rolling, Version, desired};
pub use expected::{Expected, Expecting};
pub use finding::findings;
pub use in_force::{InForce, came_into_force, fleet, in_force};
pub use keys::{Keys, WRITERS, written_by};
pub use ledger::{
    Claim, ClaimState, Exhausted, Finding, FullPool, LedgerError, Seen, SeenVpc, Severity, Taker, audit,
    claim, claim_existing, peek, peek_all, peek_existing, record_seen, release_block,
};
pub use notified::{Drift, Line, Notice, Notified, Open, Ready, Repair, Withheld};
pub use outbox::{CLAIM_MS, Held, Hold, NOTIFIER_LIMIT_MS, Outboxed, SETTLES_MS, SLACK_LIMIT_MS};
pub use page_turn::{PageTurn, page_turn};
pub use paging::{PAGES_PER_MINUTE, Paging, Ration};
pub use probe_cleanup::remove_unused_probes;
pub use probe_code::{
    NewestProbes, NoProbeCode, PROBE_ZIP_BYTES_MAX, ProbeRelease, code_sha256, newest_probes, probe_zip,
};
pub use probe_store::{NotStored, store_probes};
pub use readable::{Readable, SetAside, Unread, readable, set_aside};
pub use status::{Outdated, Phase, ProbeCodeSince, StackStatus};
pub use sweeps::{ListedAccount, ListedPart, Sweep, SweepStage};
pub use vending_note::VendingNote;

pub use published::{
    Accepted, AcceptedStack, Base, NotPublished, PERMISSION_MS, PUBLISHED_BYTES_MAX, PermittedAccount,
    PublishedFleet, TooLarge, base, fits, history, loopback_targets, text_fits, version,
};
pub use removals::{Hour, Reservation, Reserved, Used, hour_of, next_hour_ms, reserve, unreserve, used};
pub use rollouts::{NotChanged, Way, change_roll_out, publish, publish_by, roll_out};

/// Guards decisions that rest on more than the documents they change, the alerter's and the
/// ledger's: each is stored only if none was stored since it observed. Without it, two runs that observe
/// at the same moment would open two incidents for one cause, or give blocks of two sizes with the
/// same addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// When the newest decision was taken; milliseconds since the Unix epoch.
    pub decided_at_ms: u64,
}

/// Why stored state could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Nothing was published yet.
    #[error("no fleet file is published: run `phonehome publish --fleet fleet.yaml`")]
    NoFleet,
    /// A version is rolled out that is not there.
    #[error("there is no version {0} of the fleet file")]
    NoVersion(u64),
    /// The published fleet file does not pass this version's checks.
    #[error("the published fleet file is not valid for this version of phonehome:\n{0}")]
    BadFleet(String),
}

impl MayConflict for StateError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Table(error) if error.is_conflict())
    }
}

/// All documents of a partition, as `T`, by sort key.
///
/// # Errors
/// [`TableError`], also when a single document is unreadable: a partial view is never returned.
pub async fn all<T: DeserializeOwned>(
    table: &impl Table,
    partition: &str,
) -> Result<Vec<(Doc, T)>, TableError> {
    let docs = table.query(partition).await?;
    docs.into_iter().map(|doc| doc.read().map(|value| (doc, value))).collect()
}
