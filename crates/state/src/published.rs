//! The fleet files that were published: every version is kept, the newest is in force.

use std::fmt;

use phonehome_cloud::table::{Doc, Expect, Table, TableError};
use phonehome_fleet::{Line, Loopback};
use phonehome_network::{Ask, Permission};
use phonehome_wire::{AccountId, Region, StackId};
use serde::{Deserialize, Serialize};

use crate::Keys;
use crate::contract::Contract;
use crate::probe_code::ProbeRelease;

/// For how long what was accepted with a version may be done: 7 days. Longer than a weekend and an
/// hourly limit need; what is left then was forgotten, and is shown again by the next `publish`.
pub const PERMISSION_MS: u64 = 7 * 24 * 60 * 60_000;

/// How large a published document may be, in bytes of JSON after compression: DynamoDB takes items of
/// 400 KB, keys and attributes' names included.
pub const PUBLISHED_BYTES_MAX: usize = 380 * 1024;

/// One version of the fleet file. The newest is stored twice: as a version, and as the one in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFleet {
    /// Its text.
    pub text: String,
    /// When it was published; milliseconds since the Unix epoch.
    pub published_at_ms: u64,
    /// By whom: the caller's ARN, as STS says it.
    pub published_by: String,
    /// Which version it is; 0 for one that was published before versions were kept.
    #[serde(default)]
    pub number: u64,
    /// What was shown and accepted with it.
    #[serde(default)]
    pub accepted: Accepted,
    /// The certificates of the file that it names as `authorities`, as PEM, and nothing else of that file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<String>,
    /// Which version was in force when this one was published. Those between the two were never in force, or no more.
    /// Absent where there was none, and in documents of releases that put each version in force at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<u64>,
    /// The code that the probes of accounts with this version have. Absent where nobody had noted any, and in documents
    /// of releases that know no such code: then it is the one that the running provisioner came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probes: Option<ProbeRelease>,
}

impl PublishedFleet {
    /// For people: `version 7 (by arn:… )`.
    pub fn title(&self) -> String {
        match self.number {
            0 => format!("the file that {} published", self.published_by),
            number => format!("version {number} (by {})", self.published_by),
        }
    }
}

/// What may be taken away, cut off or replaced because somebody saw it in the plan of a version and
/// accepted it. It ends with that version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// For people: what the plan came to.
    #[serde(default)]
    pub summary: String,
    /// Until when it may be done; milliseconds since the Unix epoch.
    #[serde(default)]
    pub until_ms: u64,
    /// When the version came into force, where it was rolled out; milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force_at_ms: Option<u64>,
    /// What, account by account.
    #[serde(default)]
    pub stacks: Vec<AcceptedStack>,
    /// The plan that it was published with, where that binds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
    /// The lines for which an account may be made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<PermittedAccount>,
}

/// A line for which an account may be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermittedAccount {
    /// The line, as it is called in the version.
    pub line: Line,
    /// When that was permitted: with this version, or with an earlier one while the line was none yet; milliseconds
    /// since the Unix epoch.
    pub at_ms: u64,
}

/// What was accepted for one account in one Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedStack {
    /// The account's id.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// Just this, by the ids that were seen.
    pub permission: Permission,
}

impl Accepted {
    /// What may still be done in an account and Region at a moment, while the version is in force. What could not be
    /// done before has the same time from then on.
    pub fn in_stack(&self, stack: &StackId, now_ms: u64) -> Permission {
        let waited_until_ms = self.in_force_at_ms.map_or(0, |at_ms| at_ms.saturating_add(PERMISSION_MS));
        self.of_stack(stack, now_ms, now_ms < waited_until_ms)
    }

    /// The same while the version is rolled out: what has to wait until it is in force does not end meanwhile.
    pub fn before_in_force(&self, stack: &StackId, now_ms: u64) -> Permission {
        self.of_stack(stack, now_ms, true)
    }

    fn of_stack(&self, stack: &StackId, now_ms: u64, has_waited: bool) -> Permission {
        let stacks = self.stacks.iter().filter(|it| it.account == stack.account && it.region == stack.region);
        let asks = stacks.flat_map(|it| it.permission.asks());
        asks.filter(|ask| now_ms < self.until_ms || (has_waited && ask.may_give_up())).cloned().collect()
    }

    /// Everything that was accepted.
    pub fn asks(&self) -> impl Iterator<Item = &Ask> {
        self.stacks.iter().flat_map(|it| it.permission.asks())
    }
}

/// Whether a fleet file may name targets on this machine: those of the local cloud are.
#[must_use]
pub fn loopback_targets() -> Loopback {
    if phonehome_cloud::endpoint::is_local() { Loopback::Allowed } else { Loopback::Refused }
}

/// What is published now: what the next version is made over.
#[derive(Debug, Clone)]
pub struct Base {
    doc: Option<Doc>,
    current: Option<PublishedFleet>,
    newest: u64,
}

impl Base {
    /// What is in force, where it can be read.
    pub fn current(&self) -> Option<&PublishedFleet> {
        self.current.as_ref()
    }

    /// Whether something is in force that cannot be read.
    pub fn is_unreadable(&self) -> bool {
        self.doc.is_some() && self.current.is_none()
    }

    /// Which version comes next.
    pub fn next(&self) -> u64 {
        self.newest + 1 + u64::from(self.unkept().is_some())
    }

    /// The number of what is in force; 0 when nothing is.
    pub(crate) fn number(&self) -> u64 {
        let current = self.current().map_or(0, |current| current.number);
        self.kept().map_or(current, |kept| kept.number)
    }

    /// What is in force and is to be kept as a version of its own with this one.
    pub(crate) fn kept(&self) -> Option<PublishedFleet> {
        let number = self.newest + 1;
        self.unkept().map(|unkept| PublishedFleet { number, ..unkept.clone() })
    }

    /// What must hold for another one to be put in force.
    pub(crate) fn expect(&self) -> Expect {
        Expect::unchanged(self.doc.as_ref())
    }

    /// Which version the next one is published over; `None` where there is none, or it cannot be read.
    pub(crate) fn over(&self) -> Option<u64> {
        match self.unkept() {
            Some(_) => Some(self.newest + 1),
            None => self.current().map(|current| current.number),
        }
    }

    /// What is in force and not among the versions: it was published by a release that kept none.
    fn unkept(&self) -> Option<&PublishedFleet> {
        self.current.as_ref().filter(|current| current.number == 0)
    }
}

/// Looks up what the next version is made over.
///
/// # Errors
/// [`TableError`]
pub async fn base<T: Table>(table: &T) -> Result<Base, TableError> {
    let doc = table.get(&Keys::fleet()).await?;
    let current: Option<PublishedFleet> = doc.as_ref().and_then(|doc| doc.read().ok());
    let versions = table.query(Keys::VERSIONS).await?;
    let kept = versions.last().and_then(number_of).unwrap_or_default();
    let newest = current.as_ref().map_or(kept, |current| current.number.max(kept));
    Ok(Base { doc, current, newest })
}

/// The number that a version is stored under.
pub(crate) fn number_of(version: &Doc) -> Option<u64> {
    version.key.sort.parse().ok()
}

/// Why a version was not published.
#[derive(Debug, thiserror::Error)]
pub enum NotPublished {
    /// Another one was, since the base was looked up.
    #[error(
        "version {number} was published meanwhile by {by}: nothing was stored. Look at it \
         (`phonehome get {number}`), then publish again"
    )]
    Overtaken {
        /// Which.
        number: u64,
        /// By whom.
        by: String,
    },
    /// Another one is being rolled out.
    #[error(
        "version {version} is being rolled out: nothing was stored. `phonehome rollout` shows how far it is. Wait for \
         its end, take it back (`phonehome rollout rollback`), or publish with --supersede: accounts that have it then \
         go back to the version in force until their turn with the new one comes"
    )]
    UnderWay {
        /// Which.
        version: u64,
    },
    /// It is larger than the table takes.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl NotPublished {
    /// By what is published now.
    pub(crate) fn overtaken(now: &Base) -> Self {
        let (number, by) = match now.current() {
            Some(current) if current.number == now.newest => (current.number, current.published_by.clone()),
            Some(_) | None => (now.newest, "somebody else".to_owned()),
        };
        Self::Overtaken { number, by }
    }
}

/// A fleet file, with what was accepted, is larger than can be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct TooLarge {
    /// How large it is, in bytes after compression.
    pub bytes: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the fleet file, with its certificate authorities, takes {} bytes of at most {PUBLISHED_BYTES_MAX} after \
             compression: use patterns for accounts and connections instead of one entry each, leave comments out, \
             or leave out authorities that no check meets",
            self.bytes
        )
    }
}

/// Whether a document can be published.
///
/// # Errors
/// [`TooLarge`]
pub fn fits(published: &PublishedFleet) -> Result<(), TooLarge> {
    let bytes = phonehome_aws::stored_bytes(published);
    if bytes > PUBLISHED_BYTES_MAX { Err(TooLarge { bytes }) } else { Ok(()) }
}

/// Whether a text could be published with its certificate authorities (PEM), and nothing accepted.
///
/// # Errors
/// [`TooLarge`]
pub fn text_fits(text: &str, authorities: Option<&str>) -> Result<(), TooLarge> {
    let (text, authorities) = (text.to_owned(), authorities.map(str::to_owned));
    fits(&PublishedFleet { text, authorities, ..PublishedFleet::default() })
}

/// Every version that can be read, the oldest first; and the keys of those that cannot.
///
/// # Errors
/// [`TableError`]
pub async fn history<T: Table>(table: &T) -> Result<(Vec<PublishedFleet>, Vec<String>), TableError> {
    let docs = table.query(Keys::VERSIONS).await?;
    let mut unreadable = Vec::new();
    let mut versions: Vec<PublishedFleet> = Vec::new();
    for doc in docs {
        match doc.read() {
            Ok(version) => versions.push(version),
            Err(_) => unreadable.push(doc.key.sort),
        }
    }
    // One from before versions were kept is a version from the next `publish` on.
    let current = table.get(&Keys::fleet()).await?;
    let current = current.and_then(|doc| doc.read::<PublishedFleet>().ok());
    versions.extend(current.filter(|it| it.number == 0));
    Ok((versions, unreadable))
}

/// One version; `None`: the one in force.
///
/// # Errors
/// [`TableError`], also when it is unreadable.
pub async fn version<T: Table>(table: &T, number: Option<u64>) -> Result<Option<PublishedFleet>, TableError> {
    let key = number.map_or_else(Keys::fleet, Keys::version);
    table.get(&key).await?.map(|doc| doc.read()).transpose()
}

#[cfg(test)]
mod tests;
