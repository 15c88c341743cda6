//! Removes the probes' code that nobody needs any more.

use std::collections::BTreeSet;

use phonehome_cloud::table::{Doc, Expect, Table, TableError, Write};
use serde::Deserialize;

use crate::Keys;
use crate::in_force::RollingOut;
use crate::probe_code::{KeptCode, NewestProbes, ProbeRelease, Stage};
use crate::probe_store::LEFT_ALONE_MS;

/// Of a version's document this alone, also where the rest of it cannot be read.
#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    probes: Option<ProbeRelease>,
    #[serde(default)]
    over: Option<u64>,
}

/// Removes every code but the newest, and those of the version in force, of the one before it, and of the two of the
/// newest roll-out: a roll-out that is taken back finds what it needs. Nothing is removed within an hour of the newest
/// one's coming, for somebody may be about to publish the one before. Returns what was removed.
///
/// # Errors
/// [`TableError`]; also where what is in force or rolled out cannot be read: nothing is removed then.
pub async fn remove_unused_probes<T: Table>(table: &T, now_ms: u64) -> Result<Vec<ProbeRelease>, TableError> {
    let docs = table.query(Keys::PROBE_CODE).await?;
    let newest = docs.iter().find(|doc| doc.key == Keys::newest_probes());
    let Some(newest) = newest.map(Doc::read::<NewestProbes>).transpose()? else { return Ok(vec![]) };
    if newest.at_ms + LEFT_ALONE_MS > now_ms {
        return Ok(vec![]);
    }
    let is_old = |(_, kept): &(&Doc, KeptCode)| {
        kept.probes.code_sha256 != newest.probes.code_sha256 && kept.at_ms + LEFT_ALONE_MS <= now_ms
    };
    let kept = docs.iter().filter_map(|doc| Some((doc, doc.read::<KeptCode>().ok()?)));
    let old: Vec<(&Doc, KeptCode)> = kept.filter(is_old).collect();
    if old.is_empty() {
        return Ok(vec![]);
    }
    let needed = needed(table).await?;
    let mut removed = Vec::new();
    for (doc, kept) in old.into_iter().filter(|(_, kept)| !needed.contains(&kept.probes.code_sha256)) {
        match remove(table, doc, &kept, now_ms).await {
            Ok(()) => removed.push(kept.probes),
            // Somebody stores it again.
            Err(TableError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}

/// The hashes of the code that a version in use names, or one that an account may go back to.
async fn needed<T: Table>(table: &T) -> Result<BTreeSet<String>, TableError> {
    let current = named(table.get(&Keys::fleet()).await?)?;
    let rolling = table.get(&Keys::rollout()).await?.map(|doc| doc.read::<RollingOut>()).transpose()?;
    let rolled = rolling.map(|rolling| [rolling.versions.base, rolling.versions.target]);
    let over = current.as_ref().and_then(|current| current.over);
    let mut probes: Vec<_> = current.into_iter().filter_map(|current| current.probes).collect();
    for number in rolled.into_iter().flatten().chain(over) {
        let version = named(table.get(&Keys::version(number)).await?)?;
        probes.extend(version.and_then(|version| version.probes));
    }
    Ok(probes.into_iter().map(|probes| probes.code_sha256).collect())
}

fn named(doc: Option<Doc>) -> Result<Option<Named>, TableError> {
    doc.map(|doc| doc.read()).transpose()
}

/// Removes one code. From the first write on nobody takes it for whole; whoever dies leaves it so, and the next one goes
/// on an hour later.
async fn remove<T: Table>(table: &T, doc: &Doc, kept: &KeptCode, now_ms: u64) -> Result<(), TableError> {
    let removing = KeptCode { stage: Stage::Removing, at_ms: now_ms, ..kept.clone() };
    let marked = Write::over(Some(doc), doc.key.clone(), &removing);
    let marked_doc = marked.written();
    table.write(vec![marked]).await?;
    for number in 0..kept.chunks {
        let key = Keys::probe_chunk(&kept.probes.code_sha256, kept.chunk_bytes, number);
        if let Some(chunk) = table.get(&key).await? {
            table.write(vec![Write::delete(key, Expect::unchanged(Some(&chunk)))]).await?;
        }
    }
    table.write(vec![Write::delete(doc.key.clone(), Expect::unchanged(marked_doc.as_ref()))]).await
}

#[cfg(test)]
mod tests;
