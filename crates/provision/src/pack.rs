//! The starter pack of one account in one Region: its stack is brought as far as it can be brought now.

use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Doc, NotKept, Table, TableError};
use phonehome_stacks::{Case, Outcome, PackPhase, PackRecord, Permits, Problem, Turn, Wanted, pack_key};
use phonehome_starter_pack::{Pack, STACK_NAME, compare};
use phonehome_wire::partition;
use serde_json::Value;

use crate::Members;
use crate::keeping::{Keeping, writes};
use crate::pack_expected::{agreed_pack, expected, lasting};
use crate::pack_told::{about, ended, left, provider_left, told};
use crate::progress::StackProgress;
use crate::provision::{Job, Provision, Published};

/// The role of infra/member-role.yaml with which CloudFormation makes starter packs.
pub const PACK_ROLE: &str = "phonehome-starter-pack";

/// How far a starter pack has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackProgress {
    /// Whether to look again soon. What people were told of waits for the next sweep: it holds up nothing.
    pub progress: StackProgress,
    /// Whether its stack was ever there as declared.
    pub is_there: bool,
}

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// Brings the starter pack's stack as far as it can be brought now; `None` where none is declared (any more, which is
    /// told). What is told is told once, in the same transaction as what is known.
    ///
    /// # Errors
    /// [`TableError`] when the state could not be read or written.
    pub async fn reconcile_pack(&self, job: &Job<'_>) -> Result<Option<PackProgress>, TableError> {
        let Some(pack) = Pack::of(job.fleet, job.member, job.region) else {
            self.end_undeclared(job).await?;
            return Ok(None);
        };
        let template = self.as_far_as_observed(job, pack).await?.template();
        let role_arn = format!("arn:{}:iam::{}:role/{PACK_ROLE}", partition(job.region), job.account);
        let stack = job.stack();
        let doc = self.table.get(&pack_key(&stack)).await?;
        let before = match &doc {
            Some(doc) => doc.read::<PackRecord>()?,
            None => PackRecord::new(&stack),
        };
        let agreed = agreed_pack(job, &before);
        let expected = |deployed: &Value| expected(&compare(deployed, &template), agreed);
        let wanted = match Wanted::of(STACK_NAME, &template, &role_arn, lasting(&template)) {
            Ok(wanted) => Wanted { creation: expected(&Value::Null), ..wanted },
            Err(too_large) => {
                let outcome = Outcome::Told(Problem::TooLarge(too_large));
                let turn = Turn { record: before.clone(), outcome };
                return self.end_pack(job, before, turn, doc).await.map(Some);
            }
        };
        let case =
            Case { wanted: &wanted, permits: permits(job), compare: &expected, now_ms: self.clock.now_ms() };
        let mut keeping = Keeping { table: &self.table, doc };
        let turn = self.members.take_pack_turn(&stack, &case, &mut keeping, before.clone()).await;
        match turn {
            Ok(turn) => self.end_pack(job, before, turn, keeping.doc).await.map(Some),
            Err(NotKept::Taken) => Ok(Some(busy(&before))),
            Err(NotKept::Table(error)) => Err(error),
        }
    }

    /// Of a pack that is no longer declared that is stored, and told, once.
    async fn end_undeclared(&self, job: &Job<'_>) -> Result<(), TableError> {
        let Some(doc) = self.table.get(&pack_key(&job.stack())).await? else { return Ok(()) };
        // One that cannot be read `phonehome status` shows: it holds up nothing.
        let Ok(mut record) = doc.read::<PackRecord>() else { return Ok(()) };
        if record.phase == PackPhase::Undeclared {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        let mut outgoing = left(job, &mut record, &[], now_ms);
        outgoing.extend(provider_left(job, &mut record, now_ms));
        outgoing.extend(ended(job, &mut record, now_ms));
        record.updated_at_ms = now_ms;
        match self.table.write(writes(Some(&doc), pack_key(&record.stack()), &record, outgoing)).await {
            // Whoever wrote is told of it by the next sweep.
            Ok(()) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Stores what is known now, with what is to be told.
    async fn end_pack(
        &self,
        job: &Job<'_>,
        before: PackRecord,
        turn: Turn,
        doc: Option<Doc>,
    ) -> Result<PackProgress, TableError> {
        let Turn { mut record, outcome } = turn;
        let now_ms = self.clock.now_ms();
        (record.phase, record.message) = match &outcome {
            Outcome::AsDeclared => (PackPhase::AsDeclared, String::new()),
            Outcome::StillDrifted => (record.phase, record.message),
            Outcome::Later { reason, .. } => (PackPhase::UnderWay, reason.clone()),
            Outcome::Told(problem) => (phase(problem), about(problem)),
        };
        if let Some(Published { number, .. }) = job.published {
            record.turn_version = number;
            if outcome == Outcome::AsDeclared {
                record.version = number;
            }
        }
        let outgoing = told(job, &mut record, &outcome, now_ms);
        let stored = doc.as_ref().map(Doc::read::<PackRecord>).transpose()?;
        if stored.as_ref() != Some(&record) {
            record.updated_at_ms = now_ms;
            match self.table.write(writes(doc.as_ref(), pack_key(&record.stack()), &record, outgoing)).await {
                Ok(()) => {}
                Err(TableError::Conflict { .. }) => return Ok(busy(&before)),
                Err(error) => return Err(error),
            }
        }
        let progress = match outcome {
            Outcome::Later { reason, class } => {
                StackProgress::later(format!("starter pack: {reason}"), class)
            }
            Outcome::AsDeclared | Outcome::StillDrifted | Outcome::Told(_) => StackProgress::Converged,
        };
        Ok(PackProgress { progress, is_there: record.verified.is_some() })
    }
}

/// A person's change is of no version, and for good.
fn permits(job: &Job<'_>) -> Permits {
    match job.published {
        Some(Published { in_force, number, .. }) => Permits { is_in_force: in_force, version: number },
        None => Permits { is_in_force: true, version: 0 },
    }
}

/// Somebody else works on it, and does what there is to do.
fn busy(record: &PackRecord) -> PackProgress {
    let class = phonehome_cloud::Class::EventuallyConsistent;
    let progress = StackProgress::later("another executor works on the starter pack", class);
    PackProgress { progress, is_there: record.verified.is_some() }
}

fn phase(problem: &Problem) -> PackPhase {
    match problem {
        Problem::Drifted(_) => PackPhase::Drifted,
        problem if problem.is_withheld() => PackPhase::Withheld,
        problem if problem.is_halted() => PackPhase::Halted,
        _ => PackPhase::Failed,
    }
}
