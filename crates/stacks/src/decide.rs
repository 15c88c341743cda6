//! What is done next with a pack stack.

use crate::change_set::{ChangeSet, ChangeSetState};
use crate::check::check;
use crate::drift::as_declared;
use crate::expected::{Expected, Permits, Planned};
use crate::failed::{failed_change, failed_creation, stuck_rollback};
use crate::now::{LATE_MS, Now, failing};
use crate::problem::{ByHand, Problem};
use crate::record::{PackRecord, Verified};
use crate::seen::Seen;
use crate::stack::PackStack;
use crate::status::PackStatus;
use crate::step::{Decision, Kind, Look, Step};
use crate::wanted::Wanted;

/// For how long a stack may be changing, in milliseconds. Keys, buckets and roles take minutes; CloudFormation itself gives
/// a resource up after hours.
pub const STUCK_MS: u64 = 2 * 60 * 60_000;

/// What a status comes to.
enum Situation {
    /// Nothing is made of it yet.
    Review,
    /// It changes by itself.
    Moving,
    /// It is there, and can be changed.
    Settled,
    /// Its creation failed and was undone.
    FailedCreation,
    /// A roll-back cannot go on by itself.
    StuckRollback,
    /// Only people lead out of it.
    ByHand(ByHand),
}

fn situation(status: &PackStatus) -> Situation {
    match status {
        PackStatus::ReviewInProgress => Situation::Review,
        PackStatus::CreateInProgress
        | PackStatus::RollbackInProgress
        | PackStatus::DeleteInProgress
        | PackStatus::UpdateInProgress
        | PackStatus::UpdateCompleteCleanupInProgress
        | PackStatus::UpdateRollbackInProgress
        | PackStatus::UpdateRollbackCompleteCleanupInProgress
        | PackStatus::ImportInProgress
        | PackStatus::ImportRollbackInProgress => Situation::Moving,
        PackStatus::CreateComplete
        | PackStatus::UpdateComplete
        | PackStatus::UpdateRollbackComplete
        | PackStatus::ImportComplete
        | PackStatus::ImportRollbackComplete => Situation::Settled,
        PackStatus::RollbackComplete => Situation::FailedCreation,
        PackStatus::UpdateRollbackFailed => Situation::StuckRollback,
        PackStatus::CreateFailed | PackStatus::RollbackFailed | PackStatus::DeleteFailed => {
            Situation::ByHand(ByHand::Delete)
        }
        PackStatus::UpdateFailed => Situation::ByHand(ByHand::Rollback),
        // One that is no more is not seen by its name.
        PackStatus::ImportRollbackFailed | PackStatus::DeleteComplete | PackStatus::Unknown(_) => {
            Situation::ByHand(ByHand::Ask)
        }
    }
}

/// What is done next: exactly one step, and what is stored before it. `seen` has what was looked at in this turn, the stack
/// first.
#[must_use]
pub fn decide(
    seen: &Seen,
    wanted: &Wanted,
    mut record: PackRecord,
    permits: Permits,
    now_ms: u64,
) -> Decision {
    let now = Now { seen, wanted, permits, now_ms };
    let there = seen.stack.as_ref().filter(|stack| stack.status != PackStatus::DeleteComplete);
    let Some(stack) = there else { return absent(&now, record) };
    if is_ours(seen, stack, wanted) {
        record.own = Some(stack.id.clone());
    } else if !may_be_ours(stack, &record) {
        return Decision::tell(record, Problem::Foreign { id: stack.id.clone() });
    }
    if let Some(has) = stack.role_arn.as_ref().filter(|role| **role != wanted.role_arn) {
        let problem = Problem::OtherRole { has: has.clone(), wanted: wanted.role_arn.clone() };
        return Decision::tell(record, problem);
    }
    match situation(&stack.status) {
        Situation::Review => review(&now, stack, record),
        Situation::Moving => moving(&now, stack, record),
        Situation::Settled => settled(&now, stack, record),
        Situation::FailedCreation => failed_creation(&now, stack, record),
        Situation::StuckRollback => stuck_rollback(&now, stack, record),
        Situation::ByHand(way) => {
            let (status, reason) = (stack.status.clone(), stack.reason.clone());
            Decision::tell(record, Problem::ByHand { status, reason, way })
        }
    }
}

/// What bears the tag is phonehome's. A stack that nothing is made of yet may not show its tags: that is by its role, or by
/// a change set.
fn is_ours(seen: &Seen, stack: &PackStack, wanted: &Wanted) -> bool {
    let has_role = stack.role_arn.as_ref() == Some(&wanted.role_arn);
    let has_set = matches!(seen.change_set, Some(Some(_)));
    stack.is_tagged || (stack.status == PackStatus::ReviewInProgress && (has_role || has_set))
}

/// One that shows neither is by its id, if that is known, or has a change set that is to be looked at.
fn may_be_ours(stack: &PackStack, record: &PackRecord) -> bool {
    let is_known = record.own.as_ref() == Some(&stack.id);
    stack.status == PackStatus::ReviewInProgress && (is_known || record.attempt.is_some())
}

fn absent(now: &Now<'_>, mut record: PackRecord) -> Decision {
    record.verified = None;
    if let Some(deployed) = record.deployed.as_mut() {
        deployed.is_gone = true;
    }
    let sha256 = &now.wanted.sha256;
    if let Some(problem) = record.held_back(sha256, now.now_ms) {
        return Decision::tell(record, problem);
    }
    create(now, record, Kind::Create)
}

fn create(now: &Now<'_>, record: PackRecord, kind: Kind) -> Decision {
    let (record, name) = record.attempting(&now.wanted.sha256, now.now_ms);
    Decision::of(record, Step::CreateChangeSet { kind, name })
}

/// The same with another attempt than the one that is under way.
fn create_anew(now: &Now<'_>, mut record: PackRecord, kind: Kind) -> Decision {
    record.attempt = None;
    create(now, record, kind)
}

fn moving(now: &Now<'_>, stack: &PackStack, record: PackRecord) -> Decision {
    let since_ms = record.attempt.as_ref().and_then(|attempt| attempt.executed_at_ms);
    let since_ms = since_ms.unwrap_or(0).max(stack.changed_at_ms).max(record.continued_at_ms);
    if now.now_ms.saturating_sub(since_ms) > STUCK_MS {
        return Decision::tell(record, Problem::Stuck { status: stack.status.clone() });
    }
    Decision::wait(record, format!("the starter pack's stack is {}", stack.status))
}

/// A stack that nothing is made of yet.
fn review(now: &Now<'_>, stack: &PackStack, mut record: PackRecord) -> Decision {
    if record.own.as_ref() != Some(&stack.id) {
        return match now.seen.change_set {
            None => Decision::look(record, Look::ChangeSet),
            Some(_) => Decision::tell(record, Problem::Foreign { id: stack.id.clone() }),
        };
    }
    let Some(attempt) = record.attempt_at(&now.wanted.sha256) else {
        // Whoever was about to execute the one before may still do so.
        let executed_at_ms = record.attempt.as_ref().and_then(|attempt| attempt.executed_at_ms);
        if executed_at_ms.is_some_and(|at_ms| now.now_ms < at_ms.saturating_add(LATE_MS)) {
            return Decision::wait(record, "an older template of the starter pack may still be carried out");
        }
        record.attempt = None;
        return Decision::of(record, Step::Delete { id: stack.id.clone() });
    };
    let name = attempt.name();
    match &now.seen.change_set {
        None => Decision::look(record, Look::ChangeSet),
        Some(None) => match record.held_back(&now.wanted.sha256, now.now_ms) {
            Some(problem) => Decision::tell(record, problem),
            None => Decision::of(record, Step::CreateChangeSet { kind: Kind::Create, name }),
        },
        Some(Some(set)) => examine(now, stack, record, set, (&now.wanted.creation, Kind::Create)),
    }
}

/// A stack that is there, and can be changed.
fn settled(now: &Now<'_>, stack: &PackStack, mut record: PackRecord) -> Decision {
    record.continues = 0;
    let sha256 = &now.wanted.sha256;
    let verified = Verified { sha256: sha256.clone(), changed_at_ms: stack.changed_at_ms };
    if record.verified.as_ref() == Some(&verified) {
        record.has(&now.wanted.noted);
        return as_declared(now, stack, record);
    }
    if stack.mark.as_ref() != Some(sha256) && has_run(stack, &record, sha256) {
        return failed_change(now, record);
    }
    let Some(deployed) = &now.seen.deployed else { return Decision::look(record, Look::Template) };
    record.has(&deployed.body);
    if deployed.sha256 == *sha256 {
        record.verified = Some(verified);
        return as_declared(now, stack, record);
    }
    if let Some(problem) = withheld(now, &deployed.expected) {
        return Decision::tell(record, problem);
    }
    if let Some(problem) = record.held_back(sha256, now.now_ms) {
        return Decision::tell(record, problem);
    }
    if record.attempt_at(sha256).is_none() {
        return create_anew(now, record, Kind::Update);
    }
    match &now.seen.change_set {
        None => Decision::look(record, Look::ChangeSet),
        Some(None) => create(now, record, Kind::Update),
        // Nothing is in it that CloudFormation carries out: a description, say.
        Some(Some(set)) if set.state == ChangeSetState::Failed && deployed.expected.changes.is_empty() => {
            record.verified = Some(verified);
            as_declared(now, stack, record)
        }
        Some(Some(set)) => examine(now, stack, record, set, (&deployed.expected, Kind::Update)),
    }
}

/// Whether the attempt at a template was carried out: the stack was changed since.
fn has_run(stack: &PackStack, record: &PackRecord, sha256: &str) -> bool {
    let executed = record.attempt_at(sha256).filter(|attempt| attempt.executed_at_ms.is_some());
    executed.is_some_and(|attempt| attempt.stack_changed_at_ms != stack.changed_at_ms)
}

fn withheld(now: &Now<'_>, expected: &Expected) -> Option<Problem> {
    if !expected.refused.is_empty() {
        return Some(Problem::Refused(expected.refused.clone()));
    }
    if now.permits.is_in_force || !expected.is_irrevocable() {
        return None;
    }
    let given_up = |planned: &Planned| matches!(planned, Planned::Remove | Planned::Replace);
    let ids = expected.changes.iter().filter(|(_, planned)| given_up(planned)).map(|(id, _)| id.clone());
    Some(Problem::UntilInForce(ids.collect()))
}

/// What becomes of a change set. It is executed when it does what was worked out beforehand, and nothing else.
fn examine(
    now: &Now<'_>,
    stack: &PackStack,
    mut record: PackRecord,
    set: &ChangeSet,
    (expected, kind): (&Expected, Kind),
) -> Decision {
    let Some(attempt) = record.attempt.as_mut() else { return create_anew(now, record, kind) };
    let waited_ms = now.now_ms.saturating_sub(attempt.executed_at_ms.unwrap_or(attempt.began_at_ms));
    let said = |what: &str| set.reason.clone().unwrap_or_else(|| what.to_owned());
    match &set.state {
        ChangeSetState::Available => {
            let differences = check(&set.changes, expected, &now.wanted.lasting);
            let set = attempt.name();
            if !differences.is_empty() {
                return Decision::tell(record, Problem::Moved { set, differences });
            }
            if !expected.unplanned.is_empty() {
                let (version, unplanned) = (now.permits.version, expected.unplanned.clone());
                return Decision::tell(record, Problem::Unplanned { version, set, unplanned });
            }
            attempt.executed_at_ms = Some(now.now_ms);
            attempt.stack_changed_at_ms = stack.changed_at_ms;
            let name = attempt.name();
            Decision::of(record, Step::Execute { name })
        }
        ChangeSetState::Failed => failing(now, record, &said("its change set could not be worked out")),
        ChangeSetState::ExecutionFailed => {
            failing(now, record, &said("its change set could not be executed"))
        }
        ChangeSetState::Obsolete => create_anew(now, record, kind),
        // What was executed and is not seen yet, what is worked out, and what nobody here knows: all of it ends.
        _ if waited_ms > LATE_MS => {
            failing(now, record, &said("its change set came to nothing in 15 minutes"))
        }
        _ => Decision::wait(record, "the starter pack's change set is worked out or carried out"),
    }
}
