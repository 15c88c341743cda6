//! One turn of a pack stack: looks until there is something to do, does that, and ends.

use std::future::Future;

use phonehome_cloud::table::NotKept;
use phonehome_cloud::{Class, CloudError};
use serde_json::Value;

use crate::api::{NewChangeSet, PackApi};
use crate::decide::decide;
use crate::expected::{Expected, Permits};
use crate::marked::{noted, sha256_of, without_mark};
use crate::problem::Problem;
use crate::record::PackRecord;
use crate::seen::{Deployed, Seen};
use crate::step::{Look, Step};
use crate::wanted::Wanted;

/// How often something is looked at in a turn, at most: each thing once, and the step.
const ROUNDS_MAX: usize = 8;

/// Keeps the record before a call that changes something.
pub trait Keep: Send {
    /// Stores it, unless somebody else wrote since it was read.
    fn keep(&mut self, record: &PackRecord) -> impl Future<Output = Result<(), NotKept>> + Send;
}

/// What a turn is about.
pub struct Case<'a> {
    /// What the stack is to be.
    pub wanted: &'a Wanted,
    /// What may be done.
    pub permits: Permits,
    /// What the wanted template changes in a deployed one; both without their mark.
    pub compare: &'a (dyn Fn(&Value) -> Expected + Send + Sync),
    /// What time it is; milliseconds since the Unix epoch.
    pub now_ms: u64,
}

/// What came of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// What is known now; to be stored together with what is told.
    pub record: PackRecord,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The stack is as declared.
    AsDeclared,
    /// It has the declared template, and what was told of changes by hand still holds.
    StillDrifted,
    /// Look again later.
    Later {
        /// For people: why.
        reason: String,
        /// How soon, and for how long.
        class: Class,
    },
    /// To be told, unless it was.
    Told(Problem),
}

impl Outcome {
    fn of(error: &CloudError) -> Self {
        let (operation, said) = (error.operation.to_owned(), error.cause.to_string());
        match error.class() {
            Class::Denied if error.operation.starts_with("cloudformation:") => {
                Self::Told(Problem::Denied { operation, said })
            }
            Class::Invalid => Self::Told(Problem::Rejected { operation, said }),
            class => Self::Later { reason: error.to_string(), class },
        }
    }

    fn soon(reason: &str) -> Self {
        Self::Later { reason: reason.to_owned(), class: Class::EventuallyConsistent }
    }
}

/// Brings a pack stack as far as it can be brought now. At most one call is made that changes something, after what is
/// about to be done was kept.
///
/// # Errors
/// [`NotKept`]: then nothing was changed.
pub async fn turn<A: PackApi, K: Keep>(
    case: &Case<'_>,
    api: &A,
    keep: &mut K,
    record: PackRecord,
) -> Result<Turn, NotKept> {
    let kept = record.clone();
    let mut record = record;
    let mut seen = match api.stack().await {
        Ok(stack) => Seen { stack, ..Seen::default() },
        Err(error) => return Ok(Turn { record, outcome: Outcome::of(&error) }),
    };
    for _ in 0..ROUNDS_MAX {
        let decision = decide(&seen, case.wanted, record, case.permits, case.now_ms);
        record = decision.record;
        let outcome = match decision.step {
            Step::Look(what) => match look(case, api, &record, what, &mut seen).await {
                Ok(()) => continue,
                Err(error) => Outcome::of(&error),
            },
            Step::Wait { reason, class } => Outcome::Later { reason, class },
            Step::Tell(problem) => Outcome::Told(problem),
            Step::Done => Outcome::AsDeclared,
            Step::StillDrifted => Outcome::StillDrifted,
            step => {
                if record != kept {
                    keep.keep(&record).await?;
                }
                act(case, api, &step, &mut record).await
            }
        };
        return Ok(Turn { record, outcome });
    }
    Ok(Turn {
        record,
        outcome: Outcome::soon("the starter pack's stack was looked at as often as a turn allows"),
    })
}

async fn look<A: PackApi>(
    case: &Case<'_>,
    api: &A,
    record: &PackRecord,
    what: Look,
    seen: &mut Seen,
) -> Result<(), CloudError> {
    match what {
        Look::ChangeSet => {
            seen.change_set = Some(match &record.attempt {
                Some(attempt) => api.change_set(&attempt.name()).await?,
                None => None,
            });
        }
        Look::Template => {
            let template = api.template().await?;
            let (sha256, body, expected) =
                (sha256_of(&template), noted(&template), (case.compare)(&without_mark(&template)));
            seen.deployed = Some(Deployed { sha256, body, expected });
        }
        Look::Remains => seen.remains = Some(api.remains().await?),
        Look::Failures => seen.failures = Some(api.failures().await?),
        Look::Drifts => seen.drifts = Some(api.drifts().await?),
    }
    Ok(())
}

/// Makes the call. What comes of it the next look shows.
async fn act<A: PackApi>(case: &Case<'_>, api: &A, step: &Step, record: &mut PackRecord) -> Outcome {
    let made = match step {
        Step::CreateChangeSet { kind, name } => {
            api.create_change_set(&NewChangeSet { kind: *kind, name, wanted: case.wanted }).await
        }
        Step::Execute { name } => api.execute(name).await,
        Step::Delete { id } => api.delete(id).await,
        Step::ContinueRollback { token } => api.continue_rollback(case.wanted, token).await,
        Step::DetectDrift => {
            // Drift that cannot be looked for today is looked for tomorrow: the stack is as declared all the same.
            return match api.detect_drift().await {
                Err(error) if error.class() == Class::Denied => Outcome::of(&error),
                _ if record.drift_told_ms.is_some() => Outcome::StillDrifted,
                _ => Outcome::AsDeclared,
            };
        }
        Step::Look(_) | Step::Wait { .. } | Step::Tell(_) | Step::Done | Step::StillDrifted => Ok(()),
    };
    match (step, made) {
        (_, Ok(())) => Outcome::soon("the starter pack's stack is changed"),
        // CloudFormation does not take the template: to ask again does not mend that.
        (Step::CreateChangeSet { .. }, Err(error)) if error.class() == Class::Invalid => {
            let failed = record.clone().failing(&case.wanted.sha256, &error.cause.to_string(), case.now_ms);
            *record = failed;
            let problem = record.held_back(&case.wanted.sha256, case.now_ms);
            problem.map_or_else(|| Outcome::of(&error), Outcome::Told)
        }
        // Something changed since it was looked at.
        (_, Err(error)) if error.class() == Class::Invalid => {
            Outcome::Later { reason: error.to_string(), class: Class::EventuallyConsistent }
        }
        (_, Err(error)) => Outcome::of(&error),
    }
}
