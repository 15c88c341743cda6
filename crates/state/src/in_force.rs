//! The fleet file in force; where it cannot be used, the last one that was and can.

use std::collections::BTreeMap;
use std::sync::Arc;

use phonehome_cloud::table::{Doc, Table, TableError};
use phonehome_fleet::Fleet;
use phonehome_rollout::Versions;
use serde::Deserialize;

use crate::probe_code::ProbeRelease;
use crate::published::{Accepted, PublishedFleet, number_of};
use crate::{Keys, StateError};

/// How many versions are tried, from the newest back, where the one in force is unreadable.
const BACK_MAX: usize = 20;

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
    /// The code that its probes have; `None` for the one that the running provisioner came with.
    pub probes: Option<ProbeRelease>,
    /// For people: why it is not the newest. Its permission does not count then.
    pub unreadable: Option<String>,
}

/// What is stored of a roll-out, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(crate) struct RollingOut {
    pub(crate) versions: Versions,
}

/// The fleet in force, or where that cannot be used the last version that can.
///
/// # Errors
/// [`StateError`] when none is published, or none of the last 20 that were in force is valid.
pub async fn in_force<T: Table>(table: &T) -> Result<InForce, StateError> {
    read(table, |doc| usable(doc).map(Arc::new)).await.map(|(in_force, _)| Arc::unwrap_or_clone(in_force))
}

/// The fleet in force, as `usable` makes it of its document, or where that cannot be used the last version that can;
/// and the number of the version that should be in force, as far as that is known.
pub(crate) async fn read<T: Table>(
    table: &T,
    usable: impl Fn(&Doc) -> Result<Arc<InForce>, StateError>,
) -> Result<(Arc<InForce>, Option<u64>), StateError> {
    let doc = table.get(&Keys::fleet()).await?;
    let problem = match doc.as_ref().map(usable) {
        Some(Ok(in_force)) => {
            let number = in_force.number;
            return Ok((in_force, Some(number)));
        }
        Some(Err(problem)) => problem,
        None => StateError::NoFleet,
    };
    let (found, came) = last_usable(table, doc.as_ref(), problem).await?;
    Ok((Arc::new(found), came.first().copied()))
}

/// What the fleet in force declares, or the last version that can be read does.
///
/// # Errors
/// As [`in_force`].
pub async fn fleet<T: Table>(table: &T) -> Result<Fleet, StateError> {
    in_force(table).await.map(|in_force| in_force.fleet)
}

/// What is in force instead of what cannot be used for this problem, and the numbers of the versions that came into
/// force, the newest first.
async fn last_usable<T: Table>(
    table: &T,
    current: Option<&Doc>,
    problem: StateError,
) -> Result<(InForce, Vec<u64>), StateError> {
    let versions = table.query(Keys::VERSIONS).await?;
    let current = current.and_then(|doc| doc.read().ok());
    let rolling = table.get(&Keys::rollout()).await?;
    let came = in_force_of(&versions, current.as_ref(), rolling.as_ref());
    let doc = |number: &u64| versions.iter().find(|doc| number_of(doc) == Some(*number));
    let Some(found) = came.iter().filter_map(doc).take(BACK_MAX).find_map(|doc| usable(doc).ok()) else {
        return Err(problem);
    };
    tracing::error!(problem = %problem, version = found.number, "the fleet file in force cannot be used");
    let found = InForce { accepted: Accepted::default(), unreadable: Some(problem.to_string()), ..found };
    Ok((found, came))
}

/// The numbers of the versions that came into force, the newest first: what was rolled out in part and taken back did
/// not, nor what is still rolled out.
///
/// # Errors
/// [`TableError`]
pub async fn came_into_force<T: Table>(table: &T) -> Result<Vec<u64>, TableError> {
    let rolling = table.get(&Keys::rollout()).await?;
    let current = table.get(&Keys::fleet()).await?.and_then(|doc| doc.read().ok());
    Ok(in_force_of(&table.query(Keys::VERSIONS).await?, current.as_ref(), rolling.as_ref()))
}

/// The same of the documents of all versions, as far as they tell. `current`: what is in force; `rolling`: what is
/// stored of the newest roll-out.
fn in_force_of(versions: &[Doc], current: Option<&PublishedFleet>, rolling: Option<&Doc>) -> Vec<u64> {
    let numbers: BTreeMap<u64, &Doc> =
        versions.iter().filter_map(|doc| Some((number_of(doc)?, doc))).collect();
    let newest = || {
        let newest = *numbers.keys().next_back()?;
        // Whether it came into force is in what cannot be read: what was before it surely did.
        let rolling = rolling.and_then(|doc| doc.read::<RollingOut>().ok()).map(|it| it.versions);
        Some(rolling.filter(|it| it.target == newest).map_or(newest, |it| it.base))
    };
    let first = current.map(|it| it.number).filter(|number| *number > 0).or_else(newest);
    let before = |number: &u64| {
        let over = numbers.get(number).and_then(|doc| doc.read::<Over>().ok()?.over);
        over.filter(|over| over < number).or_else(|| number.checked_sub(1)).filter(|before| *before > 0)
    };
    std::iter::successors(first, before).collect()
}

/// Of a version's document this alone, also where the rest of it cannot be read.
#[derive(Deserialize)]
struct Over {
    #[serde(default)]
    over: Option<u64>,
}

/// What a published document declares.
pub(crate) fn usable(doc: &Doc) -> Result<InForce, StateError> {
    let PublishedFleet { text, number, published_at_ms, published_by, accepted, authorities, probes, .. } =
        doc.read()?;
    // Rules that came after it was published bind the next one who publishes.
    let checked = phonehome_fleet::read(&text)
        .map_err(|diagnostics| StateError::BadFleet(diagnostics.render("fleet.yaml")))?;
    let fleet = checked.fleet;
    Ok(InForce {
        fleet,
        number,
        published_at_ms,
        published_by,
        accepted,
        authorities,
        probes,
        unreadable: None,
    })
}
