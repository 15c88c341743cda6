//! One look at all settings that are declared: each is read, tightened by one call where it has to be, and read again.

use std::future::Future;

use phonehome_cloud::table::NotKept;
use phonehome_cloud::{Class, CloudError};

use crate::api::SettingsApi;
use crate::decide::{Decision, decide};
use crate::due::{SETTLED_MS, TRIES_MAX};
use crate::look::look;
use crate::problem::{Problem, said};
use crate::record::{HELD_MS, Held, Known, SettingsRecord, State, WRITES_A_WEEK};
use crate::seen::Seen;
use crate::setting::{Setting, Wanted};

/// Keeps the record before a call that changes something.
pub trait Keep: Send {
    /// Stores it, unless somebody else wrote since it was read.
    fn keep(&mut self, record: &SettingsRecord) -> impl Future<Output = Result<(), NotKept>> + Send;
}

/// Looks at all that is wanted of an account in a Region and tightens what has to be. Answers what is known then, to be
/// stored together with what is told. At most 32 requests; three where EBS has AWS's key and all is as
/// declared.
///
/// # Errors
/// [`NotKept`]: then the last call that would change something was not made.
pub async fn look_and_set(
    api: Result<&impl SettingsApi, &CloudError>,
    wanted: &Wanted,
    keep: &mut impl Keep,
    mut record: SettingsRecord,
    now_ms: u64,
) -> Result<SettingsRecord, NotKept> {
    record.begin(wanted, now_ms);
    for setting in wanted.settings() {
        let looked = match api {
            Ok(api) => Turn { api, keep, record: &mut record, now_ms }.take(setting).await?,
            Err(error) => Err(error.clone()),
        };
        if let Err(error) = looked {
            record.settings.entry(setting).or_default().is(State::Open, &error);
            // Whoever is asked too often is not asked for more.
            if error.class() == Class::Throttled {
                break;
            }
        }
    }
    end(&mut record, api.is_ok());
    Ok(record)
}

/// What is still open is looked at again soon, and told once that was often enough: not of an account that cannot be entered,
/// which is told of its network.
fn end(record: &mut SettingsRecord, is_entered: bool) {
    if record.is_closed() {
        record.tries = 0;
        return;
    }
    if record.tries < TRIES_MAX || !is_entered {
        return;
    }
    for known in record.settings.values_mut().filter(|known| known.state == State::Open) {
        let problem = Problem::Failing { times: TRIES_MAX, said: std::mem::take(&mut known.message) };
        known.is(State::Otherwise, problem);
    }
}

/// One setting's turn.
struct Turn<'a, A, K> {
    api: &'a A,
    keep: &'a mut K,
    record: &'a mut SettingsRecord,
    now_ms: u64,
}

/// An error of AWS's that says nothing of the setting: it is looked at again.
type Looked<T> = Result<T, CloudError>;

impl<A: SettingsApi, K: Keep> Turn<'_, A, K> {
    async fn take(&mut self, setting: Setting) -> Result<Looked<()>, NotKept> {
        let seen = match self.look(setting).await {
            Ok(Some(seen)) => seen,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        };
        let Decision::Set(step) = decide(&seen) else {
            self.note(&seen);
            return Ok(Ok(()));
        };
        if !self.may_set(&seen) {
            return Ok(Ok(()));
        }
        let now_ms = self.now_ms;
        let known = self.known(setting);
        known.writes(&seen.to_string(), &step, now_ms);
        known.is(State::Open, "about to be set");
        self.keep.keep(self.record).await?;
        match self.api.set(&step).await {
            Ok(()) => Ok(self.look_again(setting).await),
            Err(error) => Ok(self.not_set(&seen, error)),
        }
    }

    fn known(&mut self, setting: Setting) -> &mut Known {
        self.record.settings.entry(setting).or_default()
    }

    /// What the setting is; `None` where that is not to be had until somebody does something, which is noted.
    async fn look(&mut self, setting: Setting) -> Looked<Option<Seen>> {
        let (alias, ours) = (self.record.wanted.key.clone(), self.known(setting).ours.clone());
        let error = match look(self.api, setting, alias.as_deref(), &ours).await {
            Ok(seen) => return Ok(Some(seen)),
            Err(error) => error,
        };
        let (operation, said) = (error.operation, said(&error));
        let problem = match error.class() {
            Class::Denied => Problem::Denied { operation, said },
            Class::Invalid => Problem::Rejected { operation, said },
            _ => return Err(error),
        };
        self.known(setting).is(State::Otherwise, problem);
        Ok(None)
    }

    /// What needs no call.
    fn note(&mut self, seen: &Seen) {
        let known = self.known(seen.setting());
        known.denials = 0;
        match decide(seen) {
            Decision::AsDeclared { by_policy: false } => {
                known.held = None;
                known.is(State::AsDeclared, "");
            }
            Decision::AsDeclared { by_policy: true } => {
                known.held = None;
                known.is(State::ByPolicy, "a declarative policy of the organization sets it");
            }
            Decision::Stays { value } => {
                known.is(State::Stays, format!("{value}, which the account has chosen itself"));
            }
            Decision::Told(problem) => known.is(State::Otherwise, problem),
            Decision::Set(_) => known.is(State::Open, format!("set, and still shown as {seen}")),
        }
    }

    /// Whether it is set now: not what a policy refused, nor what does not last, nor what was set a moment ago.
    fn may_set(&mut self, seen: &Seen) -> bool {
        let now_ms = self.now_ms;
        let known = self.known(seen.setting());
        let shown = seen.to_string();
        if let Some(held) = known.held.clone().filter(|held| held.until_ms > now_ms && held.shown == shown) {
            known.is(State::Otherwise, held.why);
            return false;
        }
        known.held = None;
        if known.writes_ms.last().is_some_and(|at_ms| at_ms.saturating_add(SETTLED_MS) > now_ms) {
            known.is(State::Open, format!("set, and still shown as {shown}"));
            return false;
        }
        let times = known.writes_lately(now_ms);
        if times >= WRITES_A_WEEK {
            known.is(State::Otherwise, Problem::NotLasting { times, shown });
            return false;
        }
        true
    }

    async fn look_again(&mut self, setting: Setting) -> Looked<()> {
        if let Some(seen) = self.look(setting).await? {
            self.note(&seen);
        }
        Ok(())
    }

    /// The call failed. What is looked at and may not be set is tried once more, for a policy that is on its way comes to
    /// one of AWS's machines before the other; then it is a policy above the account.
    fn not_set(&mut self, seen: &Seen, error: CloudError) -> Looked<()> {
        let now_ms = self.now_ms;
        let known = self.known(seen.setting());
        // It counts only what was done, as far as that is known.
        known.writes_ms.pop();
        let (operation, said) = (error.operation, said(&error));
        let problem = match error.class() {
            Class::Denied if known.denials == 0 => {
                known.denials = 1;
                return Err(error);
            }
            Class::Denied => Problem::Above { operation, said },
            Class::Invalid => Problem::Rejected { operation, said },
            _ => return Err(error),
        };
        let why = problem.to_string();
        known.is(State::Otherwise, &why);
        known.held = Some(Held { until_ms: now_ms.saturating_add(HELD_MS), shown: seen.to_string(), why });
        Ok(())
    }
}
