//! What is done next.

use crate::key::KeyId;
use crate::problem::Problem;
use crate::rotation::{Intent, Rotation, Rules, SwitchedOff};
use crate::seen::{Key, Seen};
use crate::sorted::Sorted;
use crate::times::{KEPT_OFF_MS, SETTLES_MS, SKEW_MS, STILL_USED_MS, UNUSED_MS};

/// How many access keys IAM allows a user.
const KEYS_MAX: usize = 2;

/// What comes of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is known now. It is stored before the step is taken.
    pub rotation: Rotation,
    /// What is done, if anything.
    pub step: Option<Step>,
    /// What people are to know, unless they do.
    pub problem: Option<Problem>,
}

/// A change of a user's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A key is made, and stored in the secret.
    Make,
    /// AWS is to accept this one no longer.
    SwitchOff(KeyId),
    /// This one is deleted.
    Delete(KeyId),
}

impl Decision {
    fn of(rotation: Rotation) -> Self {
        Self { rotation, step: None, problem: None }
    }

    fn telling(self, problem: Problem) -> Self {
        Self { problem: Some(problem), ..self }
    }

    fn doing(mut self, step: Step, now_ms: u64) -> Self {
        self.rotation.acted_at_ms = now_ms;
        self.step = Some(step);
        self
    }
}

/// What is to be done now, and what of it was stored before. A key that phonehome did not make is never changed; the one
/// that the secret hands out never while AWS accepts it; and no old one while the new one is not accepted.
#[must_use]
pub fn decide(seen: &Seen, rotation: Rotation, rules: Rules, now_ms: u64) -> Decision {
    if now_ms < rotation.acted_at_ms.saturating_add(SETTLES_MS) {
        return Decision::of(rotation);
    }
    let mut rotation = Rotation { looked_at_ms: now_ms, ..rotation };
    let sorted = Sorted::of(seen);
    note_use(&mut rotation, seen, now_ms);
    if let Some(intent) = rotation.intent.take() {
        if let Some(lost) = lost(&intent, &sorted) {
            // It stays until the key is gone: the deletion may be heard, or not.
            rotation.intent = Some(intent);
            return Decision::of(rotation).doing(Step::Delete(lost.id.clone()), now_ms);
        }
        if let Some(made) = intent.made.filter(|key| seen.versions.current == Some(key.version())) {
            rotation.current = Some(made);
        }
    }
    match (sorted.current, &seen.versions.current) {
        (Some(key), _) => rotation.current = Some(key.id.clone()),
        (None, Some(version)) if rotation.current.as_ref().is_none_or(|it| it.version() != *version) => {
            return Decision::of(rotation).telling(Problem::ForeignSecret);
        }
        (None, _) => {}
    }
    if let Some(decision) = retire(&sorted, &rotation, rules, now_ms) {
        return decision;
    }
    if is_due(&sorted, rules, now_ms) {
        return renew(seen, &sorted, rotation, now_ms);
    }
    let problem = match sorted.unknown.first() {
        Some(key) => Some(Problem::ForeignKey { key: key.id.clone() }),
        None if now_ms >= rotation.used_at_ms.saturating_add(UNUSED_MS) => {
            Some(Problem::Unused { since_ms: rotation.used_at_ms })
        }
        None => None,
    };
    Decision { rotation, step: None, problem }
}

fn note_use(rotation: &mut Rotation, seen: &Seen, now_ms: u64) {
    let used = seen.keys.iter().filter_map(|key| key.used_at_ms).max().unwrap_or_default();
    rotation.used_at_ms = rotation.used_at_ms.max(used.min(now_ms));
    if rotation.used_at_ms == 0 && !seen.keys.is_empty() {
        rotation.used_at_ms = now_ms;
    }
}

/// The key that an interrupted making left, whose secret nobody ever had. Where its id was not noted any more, it is the
/// only one that was not there before, that the secret does not hold, that was made since, and never used.
fn lost<'a>(intent: &Intent, sorted: &Sorted<'a>) -> Option<&'a Key> {
    let mut new = sorted.unknown.iter().copied().filter(|key| !intent.known.contains(&key.id));
    if let Some(made) = &intent.made {
        return new.find(|key| key.id == *made);
    }
    let (key, second) = (new.next()?, new.next());
    let is_ours = key.used_at_ms.is_none() && key.created_at_ms.saturating_add(SKEW_MS) >= intent.at_ms;
    (second.is_none() && is_ours).then_some(key)
}

/// The end of the key that was handed out before, once the overlap is over.
fn retire(sorted: &Sorted<'_>, rotation: &Rotation, rules: Rules, now_ms: u64) -> Option<Decision> {
    let current = sorted.current.filter(|key| key.is_active)?;
    let old = sorted.previous?;
    let ends_ms = current.created_at_ms.saturating_add(rules.overlap_ms);
    if now_ms < ends_ms {
        return None;
    }
    let mut decision = Decision::of(rotation.clone());
    if !old.is_active {
        let known = rotation.switched_off.as_ref().filter(|it| it.key == old.id);
        let at_ms = known.map_or(now_ms, |it| it.at_ms);
        decision.rotation.switched_off = Some(SwitchedOff { key: old.id.clone(), at_ms });
        if now_ms < at_ms.saturating_add(KEPT_OFF_MS) {
            return Some(decision);
        }
        return Some(decision.doing(Step::Delete(old.id.clone()), now_ms));
    }
    let last_ms = ends_ms.saturating_add(rules.overlap_ms);
    let is_used = old.used_at_ms.is_some_and(|at_ms| at_ms.saturating_add(STILL_USED_MS) >= now_ms);
    if is_used && now_ms < last_ms {
        let problem = Problem::OldKeyUsed { key: old.id.clone(), until_ms: last_ms };
        return Some(decision.telling(problem));
    }
    decision.rotation.switched_off = Some(SwitchedOff { key: old.id.clone(), at_ms: now_ms });
    Some(decision.doing(Step::SwitchOff(old.id.clone()), now_ms))
}

/// Whether another key is needed.
fn is_due(sorted: &Sorted<'_>, rules: Rules, now_ms: u64) -> bool {
    sorted
        .current
        .is_none_or(|key| !key.is_active || now_ms >= key.created_at_ms.saturating_add(rules.rotate_after_ms))
}

/// Another key is made, if there is room or some can be made.
fn renew(seen: &Seen, sorted: &Sorted<'_>, rotation: Rotation, now_ms: u64) -> Decision {
    let problem = rotation.current.clone().and_then(|last| match sorted.current {
        Some(key) if !key.is_active => Some(Problem::SwitchedOffByHand { key: key.id.clone() }),
        Some(_) => None,
        None => Some(Problem::Gone { key: last }),
    });
    let mut decision = Decision { problem, ..Decision::of(rotation) };
    if seen.keys.len() < KEYS_MAX {
        let known = seen.keys.iter().map(|key| key.id.clone()).collect();
        decision.rotation.intent = Some(Intent { known, at_ms: now_ms, made: None });
        return decision.doing(Step::Make, now_ms);
    }
    // What AWS does not accept helps nobody.
    let dead = [sorted.previous, sorted.current].into_iter().flatten().find(|key| !key.is_active);
    match dead {
        Some(key) => decision.doing(Step::Delete(key.id.clone()), now_ms),
        None => {
            let keys = seen.keys.iter().map(|key| key.id.clone()).collect();
            decision.telling(Problem::NoRoom { keys })
        }
    }
}
