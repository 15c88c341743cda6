//! The settings of one account in one Region that scans ask for: looked at once a day, and tightened where they are declared.

use phonehome_alerting::Outgoing;
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Doc, Expect, Table, TableError, Write};
use phonehome_settings::{Keep, NotKept, SettingsRecord, Wanted, is_due, settings_key};
use phonehome_state::{Keys, Outboxed};

use crate::Members;
use crate::provision::{Job, Provision};
use crate::settings_told::{ended, told};

/// Keeps the record in the table, as long as nobody else writes it.
struct Keeping<'a, T> {
    table: &'a T,
    doc: Option<Doc>,
}

impl<T: Table> Keep for Keeping<'_, T> {
    async fn keep(&mut self, record: &SettingsRecord) -> Result<(), NotKept> {
        let write = Write::over(self.doc.as_ref(), settings_key(&record.stack()), record);
        let doc = write.written();
        match self.table.write(vec![write]).await {
            Ok(()) => self.doc = doc,
            Err(TableError::Conflict { .. }) => return Err(NotKept::Taken),
            Err(error) => return Err(NotKept::Table(error)),
        }
        Ok(())
    }
}

/// What is declared of an account in a Region. S3's block of public access is the whole account's, and looked at from the
/// first Region in which it has a network.
fn wanted(job: &Job<'_>) -> Wanted {
    let Some(declared) = job.fleet.account_settings_of(job.member) else { return Wanted::default() };
    let is_first = job.fleet.regions_of(job.member).next() == Some(job.region);
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
        match self.table.write(writes(keeping.doc.as_ref(), &record, outgoing)).await {
            Ok(()) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What is known and what is told of it.
fn writes(doc: Option<&Doc>, record: &SettingsRecord, outgoing: Option<Outgoing>) -> Vec<Write> {
    let record = Write::over(doc, settings_key(&record.stack()), record);
    let told = outgoing.map(|outgoing| {
        let key = Keys::outbox(outgoing.at_ms, &outgoing.id);
        Write::put(key, Expect::Absent, &Outboxed::new(outgoing))
    });
    [record].into_iter().chain(told).collect()
}
