//! What is stored, and under which key. One table holds it all; a document's partition says what
//! it is.
//!
//! | partition | sort key | document | written by |
//! |---|---|---|---|
//! | `fleet` | `current` | [`PublishedFleet`] | `phonehome publish` |
//! | `fleet/versions` | number | every [`PublishedFleet`] there was | `phonehome publish` |
//! | `permissions` | account/Region | [`Used`], what was used up of the permission of a version | provisioner |
//! | `removals` | hour | [`Hour`], how much was taken away in all accounts | provisioner |
//! | `stacks` | account/Region | [`StackStatus`](crate::StackStatus) | provisioner |
//! | `ledger` | CIDR | [`Claim`], held or in quarantine | provisioner |
//! | `ledger/holders` | account/Region | the same [`Claim`] while it is held | provisioner |
//! | `ledger/turn` | `current` | [`Turn`] | provisioner, with each change of the ledger |
//! | `ledger/seen` | account/Region | [`Seen`], the VPCs in an account | provisioner, when they change |
//! | `bindings` | line | [`Binding`](phonehome_fleet::Binding), which account a line is | provisioner, `phonehome rebind` |
//! | `bindings/accounts` | account | the same [`Binding`](phonehome_fleet::Binding), so that an account is one line | provisioner, `phonehome rebind` |
//! | `bindings/told` | finding | [`Told`], what was told of who is who | provisioner |
//! | `deeds` | account/Region | who changed what lately, for a while | provisioner, for CloudTrail's events |
//! | `notices` | account/Region; `unlisted` | what has been told of a stack; which accounts were told to be in no fleet file | provisioner, `phonehome apply` |
//! | `default-vpcs` | account | Regions whose default VPC is gone | provisioner |
//! | `heartbeats` | account/Region/AZ | [`Heartbeat`](phonehome_alerting::Heartbeat) | collector, for every report |
//! | `paths` | account/Region/AZ | [`Paths`](phonehome_alerting::Paths) | collector, when a path changes |
//! | `inputs` | account/Region | [`Inputs`](phonehome_alerting::Inputs), the last two of each probe | provisioner, before it deploys one |
//! | `refusals` | account | [`Refusals`](phonehome_alerting::Refusals), for a day | collector |
//! | `unreadable` | partition/sort key/time | [`SetAside`], for 90 days | whoever wrote the item anew |
//! | `incidents` | id | [`Incident`](phonehome_alerting::Incident), open ones | alerter |
//! | `incidents/resolved` | id | [`Incident`](phonehome_alerting::Incident), for 90 days | alerter |
//! | `alerter` | turn | [`Turn`] | alerter, with each decision |
//! | `alerter` | notices | [`Notices`](phonehome_alerting::Notices) | alerter |
//! | `outbox` | time/id | [`Outboxed`] | alerter; removed by the notifier |
//! | `slack` | incident/channel | [`MessageRef`](phonehome_slack::MessageRef) | notifier |
//! | `silences` | id | [`Silence`](phonehome_alerting::Silence) | `phonehome silence` |

mod bindings;
mod keys;
mod ledger;
mod outbox;
mod published;
mod readable;
mod removals;
mod status;

use phonehome_cloud::table::{Doc, Table, TableError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use bindings::{NotifiedFinding, bind, bindings, keep, known, rebind, unbind};
pub use keys::{Keys, WRITERS, written_by};
pub use ledger::{
    Claim, ClaimState, Exhausted, Finding, FullPool, LedgerError, Seen, SeenVpc, Severity, Taker, audit,
    claim, claim_existing, peek, peek_existing, record_seen, release_block,
};
pub use outbox::{CLAIM_MS, Held, Hold, NOTIFIER_LIMIT_MS, Outboxed};
pub use readable::{Readable, SetAside, Unread, readable, set_aside};
pub use status::{Phase, StackStatus};

pub use published::{
    Accepted, AcceptedStack, Base, InForce, NotPublished, PERMISSION_MS, PUBLISHED_BYTES_MAX, PublishedFleet,
    TooLarge, base, fits, fleet, history, in_force, loopback_targets, publish, text_fits, version,
};
pub use removals::{Hour, Reservation, Reserved, Used, hour_of, next_hour_ms, reserve, unreserve, used};

/// Guards decisions that rest on more than the documents they change, the alerter's and the
/// ledger's: each is stored only if none was stored since it observed. Without it, two runs that observation
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
    /// The published fleet file does not pass this version's checks.
    #[error("the published fleet file is not valid for this version of phonehome:\n{0}")]
    BadFleet(String),
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
