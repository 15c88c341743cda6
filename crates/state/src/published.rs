//! The fleet files that were published: every version is kept, the newest is in force.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use phonehome_cloud::table::{Doc, Expect, Table, TableError, Write};
use phonehome_fleet::{Fleet, Loopback};
use phonehome_network::{Ask, Permission};
use phonehome_wire::{AccountId, Region, StackId};
use serde::{Deserialize, Serialize};

use crate::{Keys, StateError};

/// For how long what was accepted with a version may be done: 7 days. Longer than a weekend and an
/// hourly limit need; what is left then was forgotten, and is shown again by the next `publish`.
pub const PERMISSION_MS: u64 = 7 * 24 * 60 * 60_000;

/// How large a published document may be, in bytes of JSON after compression: DynamoDB takes items of
/// 400 KB, keys and attributes' names included.
pub const PUBLISHED_BYTES_MAX: usize = 380 * 1024;

/// How many versions are tried, from the newest back, where the one in force is unreadable.
const BACK_MAX: usize = 20;

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
    /// What, account by account.
    #[serde(default)]
    pub stacks: Vec<AcceptedStack>,
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
    /// What may still be done in an account and Region at a moment.
    pub fn in_stack(&self, stack: &StackId, now_ms: u64) -> Permission {
        let stacks = self.stacks.iter().filter(|it| it.account == stack.account && it.region == stack.region);
        let stacks = stacks.filter(|_| now_ms < self.until_ms);
        stacks.flat_map(|it| it.permission.asks().cloned()).collect()
    }

    /// Everything that was accepted.
    pub fn asks(&self) -> impl Iterator<Item = &Ask> {
        self.stacks.iter().flat_map(|it| it.permission.asks())
    }
}

/// The fleet in force.
#[derive(Debug, Clone)]
pub struct InForce {
    /// What it declares.
    pub fleet: Fleet,
    /// Which version it is; 0 where that is not known.
    pub number: u64,
    /// When it was published; milliseconds since the Unix epoch.
    pub published_at_ms: u64,
    /// By whom: the caller's ARN, as STS says it.
    pub published_by: String,
    /// What was accepted with it.
    pub accepted: Accepted,
    /// The certificate authorities that its probes trust beside the public ones, as PEM.
    pub authorities: Option<String>,
    /// For people: why it is not the newest. Its permission does not count then.
    pub unreadable: Option<String>,
}

/// The fleet in force, or where that cannot be used the last version that can.
///
/// # Errors
/// [`StateError`] when none is published, or none of the last 20 is valid.
pub async fn in_force<T: Table>(table: &T) -> Result<InForce, StateError> {
    let doc = table.get(&Keys::fleet()).await?;
    match doc.as_ref().map(usable) {
        Some(Ok(in_force)) => Ok(in_force),
        Some(Err(problem)) => last_usable(table, problem).await,
        None => last_usable(table, StateError::NoFleet).await,
    }
}

/// The last version that can be used, where the one in force cannot for this problem.
async fn last_usable<T: Table>(table: &T, problem: StateError) -> Result<InForce, StateError> {
    let versions = table.query(Keys::VERSIONS).await?;
    let Some(found) = versions.iter().rev().take(BACK_MAX).find_map(|doc| usable(doc).ok()) else {
        return Err(problem);
    };
    tracing::error!(problem = %problem, version = found.number, "the fleet file in force cannot be used");
    Ok(InForce { accepted: Accepted::default(), unreadable: Some(problem.to_string()), ..found })
}

/// The fleet in force as it was read last: a file of a hundred accounts takes milliseconds to check, and functions
/// look at it every minute.
#[derive(Debug, Default)]
pub struct LastRead(Mutex<Option<(Doc, Arc<InForce>)>>);

impl LastRead {
    /// The fleet in force, as [`in_force`] has it. It is looked for in the table each time, and checked when it is
    /// another one than before.
    ///
    /// # Errors
    /// As [`in_force`].
    pub async fn in_force<T: Table>(&self, table: &T) -> Result<Arc<InForce>, StateError> {
        let Some(doc) = table.get(&Keys::fleet()).await? else {
            return last_usable(table, StateError::NoFleet).await.map(Arc::new);
        };
        let known = self.locked().as_ref().filter(|(known, _)| *known == doc).map(|(_, it)| Arc::clone(it));
        if let Some(known) = known {
            return Ok(known);
        }
        match usable(&doc) {
            Ok(in_force) => {
                let in_force = Arc::new(in_force);
                *self.locked() = Some((doc, Arc::clone(&in_force)));
                Ok(in_force)
            }
            // What is used instead may be another one the next time.
            Err(problem) => last_usable(table, problem).await.map(Arc::new),
        }
    }

    fn locked(&self) -> MutexGuard<'_, Option<(Doc, Arc<InForce>)>> {
        // Each change is one assignment, so that what a panic left is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the fleet in force declares, or the last version that can be read does.
///
/// # Errors
/// As [`in_force`].
pub async fn fleet<T: Table>(table: &T) -> Result<Fleet, StateError> {
    in_force(table).await.map(|in_force| in_force.fleet)
}

/// Whether a fleet file may name targets on this machine: those of the local cloud are.
#[must_use]
pub fn loopback_targets() -> Loopback {
    if phonehome_cloud::endpoint::is_local() { Loopback::Allowed } else { Loopback::Refused }
}

fn usable(doc: &Doc) -> Result<InForce, StateError> {
    let PublishedFleet { text, published_at_ms, published_by, number, accepted, authorities } = doc.read()?;
    // Rules that came after it was published bind the next one who publishes.
    let checked = phonehome_fleet::read(&text)
        .map_err(|diagnostics| StateError::BadFleet(diagnostics.render("fleet.yaml")))?;
    let fleet = checked.fleet;
    Ok(InForce { fleet, number, published_at_ms, published_by, accepted, authorities, unreadable: None })
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

    /// Which version comes next.
    pub fn next(&self) -> u64 {
        self.newest + 1 + u64::from(self.unkept().is_some())
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
    let kept = versions.last().and_then(|doc| doc.key.sort.parse().ok()).unwrap_or_default();
    let newest = current.as_ref().map_or(kept, |current| current.number.max(kept));
    Ok(Base { doc, current, newest })
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
    /// It is larger than the table takes.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
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

/// Puts a version in force, over the base that it was planned against: as that base's next number.
///
/// # Errors
/// [`NotPublished`]; nothing is stored then.
pub async fn publish<T: Table>(
    table: &T,
    base: &Base,
    published: PublishedFleet,
) -> Result<PublishedFleet, NotPublished> {
    let published = PublishedFleet { number: base.next(), ..published };
    fits(&published)?;
    let mut writes = Vec::new();
    if let Some(unkept) = base.unkept() {
        let number = base.newest + 1;
        let kept = PublishedFleet { number, ..unkept.clone() };
        writes.push(Write::put(Keys::version(number), Expect::Absent, &kept));
    }
    writes.push(Write::put(Keys::version(published.number), Expect::Absent, &published));
    writes.push(Write::put(Keys::fleet(), Expect::unchanged(base.doc.as_ref()), &published));
    match table.write(writes).await {
        Ok(()) => Ok(published),
        Err(TableError::Conflict { .. }) => {
            let now = self::base(table).await?;
            let (number, by) = match now.current() {
                Some(current) => (current.number, current.published_by.clone()),
                None => (now.newest, "somebody else".to_owned()),
            };
            Err(NotPublished::Overtaken { number, by })
        }
        Err(error) => Err(error.into()),
    }
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
