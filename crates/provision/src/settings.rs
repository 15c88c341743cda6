//! The settings of one account in one Region that scans ask for: looked at once a day, and tightened where they are declared.

use phonehome_cloud::WallClock;
use phonehome_cloud::table::{NotKept, Table, TableError};
use phonehome_settings::{SettingsRecord, Wanted, is_due, settings_key};

use crate::Members;
use crate::keeping::{Keeping, writes};
use crate::provision::{Job, Provision};
use crate::settings_told::{ended, told};

/// What is declared of an account in a Region, which is nothing where it has no network. S3's block of public access is the whole account's, and looked at from the
/// first Region in which it has a network.
fn wanted(job: &Job<'_>) -> Wanted {
    let Some(declared) = job.fleet.account_settings_of(job.member) else { return Wanted::default() };
    let mut regions = job.fleet.regions_of(job.member).enumerate();
    let Some((nth, _)) = regions.find(|(_, it)| *it == job.region) else { return Wanted::default() };
    let is_first = nth == 0;
    Wanted {
        public_access_blocked: declared.s3_block_public_access && is_first,
        encrypted: declared.ebs_encryption.is_some(),
        key: declared.ebs_encryption.and_then(|encryption| encryption.key),
        tokens_required: declared.imdsv2,
    }
}

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// Looks at the account's settings in a Region where they are due, and tightens what is declared. What does not come to
    /// an end is looked at again by a later sweep: it holds up nothing. What is told is told once, in the same transaction
    /// as what is known.
    ///
    /// # Errors
    /// [`TableError`] when the state could not be read or written.
    pub async fn reconcile_settings(&self, job: &Job<'_>) -> Result<(), TableError> {
        let wanted = wanted(job);
        let stack = job.stack();
        let now_ms = self.clock.now_ms();
        let doc = self.table.get(&settings_key(&stack)).await?;
        let before = match &doc {
            Some(doc) => doc.read::<SettingsRecord>()?,
            None if wanted.is_empty() => return Ok(()),
            None => SettingsRecord::new(&stack),
        };
        if !is_due(&before, &wanted, now_ms) || (wanted.is_empty() && before.wanted.is_empty()) {
            return Ok(());
        }
        let mut keeping = Keeping { table: &self.table, doc };
        let looked = match wanted.is_empty() {
            true => Ok(before.undeclared(now_ms)),
            false => self.members.look_at_settings(&stack, &wanted, &mut keeping, before, now_ms).await,
        };
        let mut record = match looked {
            Ok(record) => record,
            // Whoever wrote does what there is to do.
            Err(NotKept::Taken) => return Ok(()),
            Err(NotKept::Table(error)) => return Err(error),
        };
        let outgoing =
            if wanted.is_empty() { ended(job, &mut record, now_ms) } else { told(job, &mut record, now_ms) };
        match self
            .table
            .write(writes(keeping.doc.as_ref(), settings_key(&record.stack()), &record, outgoing))
            .await
        {
            Ok(()) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
