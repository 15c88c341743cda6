//! One turn of a machine user's keys: looks, does one thing, and ends.

use std::future::Future;

use phonehome_cloud::table::NotKept;
use phonehome_cloud::{Class, CloudError};

use crate::api::{KeysApi, Outcome};
use crate::decide::{Step, decide};
use crate::problem::Problem;
use crate::rotation::{Rotation, Rules};

/// Keeps what is known before a call that changes something.
pub trait KeepRotation: Send {
    /// Stores it, unless somebody else wrote since it was read.
    fn keep(&mut self, rotation: &Rotation) -> impl Future<Output = Result<(), NotKept>> + Send;
}

/// What came of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// What is known now; to be stored together with what is told.
    pub rotation: Rotation,
    /// What people are to know; `None` where nothing is wrong.
    pub problem: Option<Problem>,
    /// For people: what AWS could not do just now. It is tried again by itself.
    pub later: Option<String>,
}

/// Brings a user's keys as far as they can be brought now. At most one step is taken, after what is about to be done was
/// kept.
///
/// # Errors
/// [`NotKept`]: then nothing was changed.
pub async fn turn<A: KeysApi, K: KeepRotation>(
    api: &A,
    keep: &mut K,
    rotation: Rotation,
    rules: Rules,
    now_ms: u64,
) -> Result<Turn, NotKept> {
    let seen = match api.look().await {
        Ok(Outcome::Seen(seen)) => seen,
        Ok(Outcome::Missing(what)) => {
            let rotation = Rotation { looked_at_ms: now_ms, ..rotation };
            return Ok(Turn { rotation, problem: Some(Problem::Missing { what }), later: None });
        }
        Err(error) => return Ok(failed(rotation, None, &error)),
    };
    let mut decision = decide(&seen, rotation, rules, now_ms);
    let Some(step) = decision.step else {
        return Ok(Turn { rotation: decision.rotation, problem: decision.problem, later: None });
    };
    keep.keep(&decision.rotation).await?;
    let done = match &step {
        Step::Make => make(api, keep, &mut decision.rotation).await?,
        Step::SwitchOff(key) => api.switch_off(key).await,
        Step::Delete(key) => api.delete(key).await,
    };
    match done {
        Ok(()) => Ok(Turn { rotation: decision.rotation, problem: decision.problem, later: None }),
        Err(error) => Ok(failed(decision.rotation, decision.problem, &error)),
    }
}

fn failed(rotation: Rotation, problem: Option<Problem>, error: &CloudError) -> Turn {
    let (operation, said) = (error.operation.to_owned(), error.cause.to_string());
    match error.class() {
        Class::Denied => Turn { rotation, problem: Some(Problem::Denied { operation, said }), later: None },
        Class::Invalid => {
            Turn { rotation, problem: Some(Problem::Rejected { operation, said }), later: None }
        }
        _ => Turn { rotation, problem, later: Some(error.to_string()) },
    }
}

/// Makes a key, notes its id, and stores it in the secret. One that surely was not stored is deleted at once; where nobody
/// knows, the next look shows it: a key that the secret hands out is never deleted on a guess.
async fn make<A: KeysApi, K: KeepRotation>(
    api: &A,
    keep: &mut K,
    rotation: &mut Rotation,
) -> Result<Result<(), CloudError>, NotKept> {
    let key = match api.make().await {
        Ok(key) => key,
        Err(error) => return Ok(Err(error)),
    };
    if let Some(intent) = &mut rotation.intent {
        intent.made = Some(key.id.clone());
    }
    if let Err(not_kept) = keep.keep(rotation).await {
        // Whatever comes of a deletion, the next look shows that too.
        let _ = api.delete(&key.id).await;
        return Err(not_kept);
    }
    let stored = api.store(&key).await;
    if stored.as_ref().is_err_and(CloudError::was_refused) {
        let _ = api.delete(&key.id).await;
    }
    Ok(stored)
}
