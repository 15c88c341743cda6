//! The access keys of a starter pack's machine users: looked at once a day, and brought as far as they can be brought.

use phonehome_cloud::table::{Doc, Table, TableError, Write};
use phonehome_cloud::{Class, WallClock};
use phonehome_machine_users::{KeepRotation, Rotation, Turn};
use phonehome_stacks::{NotKept, PackPhase, PackRecord, pack_key};
use phonehome_starter_pack::{MachineUser, Pack};

use crate::Members;
use crate::pack::writes;
use crate::pack_told::{Subject, WRONG, about};
use crate::progress::StackProgress;
use crate::provision::{Job, Provision};

/// Keeps what is known of one user's keys in the record of its pack, as long as nobody else writes that.
struct KeepingUser<'a, T> {
    table: &'a T,
    doc: Doc,
    record: PackRecord,
    user: &'a str,
}

impl<T: Table> KeepRotation for KeepingUser<'_, T> {
    type NotKept = NotKept;

    async fn keep(&mut self, rotation: &Rotation) -> Result<(), NotKept> {
        self.record.users.entry(self.user.to_owned()).or_default().rotation = rotation.clone();
        let write = Write::over(Some(&self.doc), pack_key(&self.record.stack()), &self.record);
        let doc = write.written();
        match self.table.write(vec![write]).await {
            Ok(()) => {
                self.doc = doc.unwrap_or_else(|| self.doc.clone());
                Ok(())
            }
            Err(TableError::Conflict { .. }) => Err(NotKept::Taken),
            Err(error) => Err(NotKept::Table(error)),
        }
    }
}

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// Brings the keys of the pack's machine users as far as they can be brought now, once the stack that makes the users is
    /// there; each once a day, and sooner where one is being made. Whatever is wrong with one holds up no other.
    ///
    /// # Errors
    /// [`TableError`] when the state could not be read or written.
    pub async fn rotate_keys(&self, job: &Job<'_>) -> Result<Vec<StackProgress>, TableError> {
        let Some(pack) = Pack::of(job.fleet, job.member, job.region) else { return Ok(vec![]) };
        let mut progress = vec![];
        for user in pack.machine_users() {
            let Some(doc) = self.table.get(&pack_key(&job.stack())).await? else { break };
            let record = doc.read::<PackRecord>()?;
            if !matches!(record.phase, PackPhase::AsDeclared | PackPhase::Drifted) {
                break;
            }
            match self.keys_of(job, &user, doc, record).await {
                Ok(found) => progress.extend(found),
                Err(NotKept::Taken) => {
                    let class = Class::EventuallyConsistent;
                    progress.push(StackProgress::later("another executor works on the starter pack", class));
                }
                Err(NotKept::Table(error)) => return Err(error),
            }
        }
        Ok(progress)
    }

    async fn keys_of(
        &self,
        job: &Job<'_>,
        user: &MachineUser,
        doc: Doc,
        record: PackRecord,
    ) -> Result<Option<StackProgress>, NotKept> {
        let now_ms = self.clock.now_ms();
        let rotation = record.users.get(&user.name).map(|known| known.rotation.clone()).unwrap_or_default();
        if !rotation.is_due(now_ms) {
            return Ok(None);
        }
        let mut keeping = KeepingUser { table: &self.table, doc, record, user: &user.name };
        let Turn { rotation, problem, later } =
            self.members.take_keys_turn(&job.stack(), user, &mut keeping, rotation, now_ms).await?;
        let KeepingUser { doc, mut record, .. } = keeping;
        let known = record.users.entry(user.name.clone()).or_default();
        known.rotation = rotation;
        let id = format!("machine-user/{}", user.name);
        let subject = Subject { id: &id, name: format!("its machine user {}", user.name) };
        let outgoing = match (&problem, &later) {
            (Some(problem), _) => subject.is_told(job, &mut known.told, WRONG, about(problem), now_ms),
            (None, None) => subject.is_well(job, &mut known.told, now_ms),
            // Nothing was seen: what was told may still be so.
            (None, Some(_)) => None,
        };
        match self.table.write(writes(Some(&doc), &record, outgoing)).await {
            Ok(()) => Ok(later.map(|reason| StackProgress::later(reason, Class::Transient))),
            Err(TableError::Conflict { .. }) => Err(NotKept::Taken),
            Err(error) => Err(NotKept::Table(error)),
        }
    }
}
