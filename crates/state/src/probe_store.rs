//! Stores the code that a provisioner came with, and notes it as the newest.

use phonehome_cloud::table::{ATTEMPTS, Doc, Expect, MayConflict, Table, TableError, Write, on_conflict};

use crate::Keys;
use crate::probe_code::{
    CHUNK_BYTES, Chunk, KeptCode, NewestProbes, PROBE_ZIP_BYTES_MAX, ProbeRelease, Stage, code_sha256,
};

/// For how long what is being removed is left to whoever began that, and what is no longer the newest is kept: an hour,
/// in milliseconds. No invocation that is at work on it lasts longer than a minute, and between a look at the newest
/// and a version that names it lies less.
pub(crate) const LEFT_ALONE_MS: u64 = 60 * 60_000;

/// For how long after its beginning others join in storing a code as it is: 30 minutes, in milliseconds. Long before it
/// could be removed.
const JOINED_MS: u64 = LEFT_ALONE_MS / 2;

/// Why code was not stored.
#[derive(Debug, thiserror::Error)]
pub enum NotStored {
    /// It is larger than what is kept.
    #[error("the probes' zip has {bytes} bytes, and at most {PROBE_ZIP_BYTES_MAX} are kept")]
    TooLarge {
        /// How many bytes it has.
        bytes: usize,
    },
    /// It is not what it is said to be.
    #[error("the probes' zip has the hash {found}, and was to have {}", .wanted.code_sha256)]
    OtherCode {
        /// What was to be stored.
        wanted: ProbeRelease,
        /// The hash of what was given.
        found: String,
    },
    /// It is being removed just now.
    #[error("the probes' code of {} is being removed from the table: it is stored again in an hour", .0.title())]
    BeingRemoved(ProbeRelease),
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl MayConflict for NotStored {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Table(error) if error.is_conflict())
    }
}

/// Keeps a code, and notes it as the newest. Whoever dies in between leaves nothing that could be taken for the whole,
/// and the next one goes on from there; several may do it at once.
///
/// # Errors
/// [`NotStored`]; it is not the newest then.
pub async fn store_probes<T: Table>(
    table: &T,
    probes: &ProbeRelease,
    zip: &[u8],
    now_ms: u64,
) -> Result<(), NotStored> {
    let storing = Storing { table, probes, zip, chunk_bytes: CHUNK_BYTES, now_ms };
    storing.store().await
}

struct Storing<'s, T> {
    table: &'s T,
    probes: &'s ProbeRelease,
    zip: &'s [u8],
    chunk_bytes: usize,
    now_ms: u64,
}

impl<T: Table> Storing<'_, T> {
    async fn store(&self) -> Result<(), NotStored> {
        let Self { probes, zip, .. } = self;
        let (bytes, found) = (zip.len(), code_sha256(zip));
        if bytes > PROBE_ZIP_BYTES_MAX {
            return Err(NotStored::TooLarge { bytes });
        }
        if found != probes.code_sha256 {
            return Err(NotStored::OtherCode { wanted: (*probes).clone(), found });
        }
        on_conflict(ATTEMPTS, async || self.try_to_store().await).await
    }

    async fn try_to_store(&self) -> Result<(), NotStored> {
        let before = self.table.get(&Keys::probe_code(&self.probes.code_sha256)).await?;
        // What cannot be read is written anew.
        let kept = before.as_ref().and_then(|doc| doc.read::<KeptCode>().ok());
        let begun = match kept.as_ref().map(|kept| (kept.stage, kept.at_ms)) {
            Some((Stage::Complete, _)) => return self.note(before.as_ref()).await,
            Some((Stage::Removing, at_ms)) if at_ms + LEFT_ALONE_MS > self.now_ms => {
                return Err(NotStored::BeingRemoved(self.probes.clone()));
            }
            // Whoever began it may have died. Both write the same.
            Some((Stage::Storing, at_ms)) if at_ms + JOINED_MS > self.now_ms => before,
            Some(_) | None => self.begin(before.as_ref()).await?,
        };
        for (number, bytes) in (0..).zip(self.zip.chunks(self.chunk_bytes)) {
            self.store_chunk(number, &Chunk::of(bytes)).await?;
        }
        self.note(begun.as_ref()).await
    }

    /// Says that it is being stored, so that nobody removes what is written from now on.
    async fn begin(&self, before: Option<&Doc>) -> Result<Option<Doc>, NotStored> {
        let begun = self.kept(before, Stage::Storing);
        let doc = begun.written();
        self.table.write(vec![begun]).await?;
        Ok(doc)
    }

    /// Writes a chunk, unless it is there already.
    async fn store_chunk(&self, number: u32, chunk: &Chunk) -> Result<(), NotStored> {
        let key = Keys::probe_chunk(&self.probes.code_sha256, self.chunk_bytes, number);
        match self.table.write(vec![Write::put(key.clone(), Expect::Absent, chunk)]).await {
            Err(TableError::Conflict { .. }) => {}
            written => return Ok(written?),
        }
        let there = self.table.get(&key).await?;
        if there.as_ref().is_some_and(|doc| doc.read::<Chunk>().is_ok_and(|there| there == *chunk)) {
            return Ok(());
        }
        Ok(self.table.write(vec![Write::put(key, Expect::unchanged(there.as_ref()), chunk)]).await?)
    }

    /// Notes the whole of it as the newest, unless it is. In one transaction, so that nobody removes it meanwhile.
    async fn note(&self, kept: Option<&Doc>) -> Result<(), NotStored> {
        let before = self.table.get(&Keys::newest_probes()).await?;
        let newest = before.as_ref().and_then(|doc| doc.read::<NewestProbes>().ok());
        let is_complete = kept.and_then(|doc| doc.read::<KeptCode>().ok());
        let is_complete = is_complete.is_some_and(|kept| kept.stage == Stage::Complete);
        let mut writes = vec![self.kept(kept, Stage::Complete)];
        if newest.is_none_or(|newest| newest.probes != *self.probes) {
            let newest = NewestProbes { probes: self.probes.clone(), at_ms: self.now_ms };
            writes.push(Write::over(before.as_ref(), Keys::newest_probes(), &newest));
        } else if is_complete {
            return Ok(());
        }
        Ok(self.table.write(writes).await?)
    }

    fn kept(&self, before: Option<&Doc>, stage: Stage) -> Write {
        let chunks = u32::try_from(self.zip.chunks(self.chunk_bytes).len()).unwrap_or(u32::MAX);
        let kept = KeptCode {
            probes: self.probes.clone(),
            chunk_bytes: self.chunk_bytes,
            chunks,
            stage,
            at_ms: self.now_ms,
        };
        Write::over(before, Keys::probe_code(&self.probes.code_sha256), &kept)
    }
}

#[cfg(test)]
mod tests;
