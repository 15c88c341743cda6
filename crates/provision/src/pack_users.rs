//! The access keys of a starter pack's machine users: looked at once a day, and brought as far as they can be brought.

use phonehome_cloud::table::{Doc, NotKept, Table, TableError};
use phonehome_cloud::{Class, WallClock};
use phonehome_machine_users::Turn;
use phonehome_stacks::{PackPhase, PackRecord, pack_key};
use phonehome_starter_pack::{MachineUser, Pack};

use crate::Members;
use crate::keeping::{Keeping, KeepingUser, writes};
use crate::pack_told::{WRONG, about, left, with_user};
use crate::progress::StackProgress;
use crate::provision::{Job, Provision};

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// Brings the keys of the pack's machine users as far as they can be brought now, once the stack has made the users;
    /// each once a day, and sooner where one is being made. Whatever is wrong with one holds up no other.
    ///
    /// # Errors
    /// [`TableError`] when the state could not be read or written.
    pub async fn rotate_keys(&self, job: &Job<'_>) -> Result<Vec<StackProgress>, TableError> {
        let Some(pack) = Pack::of(job.fleet, job.member, job.region) else { return Ok(vec![]) };
        let users = pack.machine_users();
        self.end_left_users(job, &users).await?;
        let mut progress = vec![];
        for user in users {
            let Some(doc) = self.table.get(&pack_key(&job.stack())).await? else { break };
            let record = doc.read::<PackRecord>()?;
            // What the stack waits for holds up no user that is there.
            let is_made = matches!(record.phase, PackPhase::AsDeclared | PackPhase::Drifted);
            if !is_made && !record.users.contains_key(&user.name) {
                continue;
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

    /// What was told of those that are not declared any more is over.
    async fn end_left_users(&self, job: &Job<'_>, declared: &[MachineUser]) -> Result<(), TableError> {
        let key = pack_key(&job.stack());
        let Some(doc) = self.table.get(&key).await? else { return Ok(()) };
        let mut record = doc.read::<PackRecord>()?;
        let outgoing = left(job, &mut record, declared, self.clock.now_ms());
        if outgoing.is_empty() {
            return Ok(());
        }
        match self.table.write(writes(Some(&doc), key, &record, outgoing)).await {
            // Whoever wrote, or the next sweep, ends it.
            Ok(()) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
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
        let of_pack = Keeping { table: &self.table, doc: Some(doc) };
        let mut keeping = KeepingUser { of_pack, record, user: &user.name };
        let Turn { rotation, problem, later } =
            self.members.take_keys_turn(&job.stack(), user, &mut keeping, rotation, now_ms).await?;
        let KeepingUser { of_pack, mut record, .. } = keeping;
        let known = record.users.entry(user.name.clone()).or_default();
        known.rotation = rotation;
        let outgoing = with_user(&user.name, |subject| match (&problem, &later) {
            (Some(problem), _) => subject.is_told(job, &mut known.told, WRONG, about(problem), now_ms),
            (None, None) => subject.is_well(job, &mut known.told, now_ms),
            // Nothing was seen: what was told may still be so.
            (None, Some(_)) => None,
        });
        let writes = writes(of_pack.doc.as_ref(), pack_key(&job.stack()), &record, outgoing);
        self.table.write(writes).await?;
        Ok(later.map(|reason| StackProgress::later(reason, Class::Transient)))
    }
}
