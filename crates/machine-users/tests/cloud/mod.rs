//! An IAM user and its secret in memory, and who looks after its keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use phonehome_cloud::table::NotKept;
use phonehome_cloud::{Cause, CloudError};
use phonehome_machine_users::{
    KeepRotation, Key, KeyId, KeysApi, NewKey, Outcome, Problem, Rotation, Rules, SETTLES_MS, Seen, Versions,
    turn,
};

pub(crate) const HOUR_MS: u64 = 3_600_000;
pub(crate) const DAY_MS: u64 = 24 * HOUR_MS;
pub(crate) const OVERLAP_MS: u64 = 5 * DAY_MS;
pub(crate) const RULES: Rules = Rules { rotate_after_ms: 30 * DAY_MS, overlap_ms: OVERLAP_MS };
const BEGIN_MS: u64 = 1_790_000_000_000;

/// What goes wrong at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Whoever calls dies before it.
    DiesBefore,
    /// It is done, and whoever called dies.
    DiesAfter,
    /// It is done, and the answer is lost.
    AnswerLost,
    /// It is not done, and nobody knows.
    NotHeard,
    /// It is refused.
    Refused,
}

impl Fault {
    pub const ALL: [Self; 5] =
        [Self::DiesBefore, Self::DiesAfter, Self::AnswerLost, Self::NotHeard, Self::Refused];
}

#[derive(Default)]
struct State {
    now_ms: u64,
    keys: Vec<Key>,
    theirs: BTreeSet<KeyId>,
    /// Which key a version of the secret holds; a version of somebody's own holds none.
    versions: BTreeMap<String, Option<KeyId>>,
    current: Option<String>,
    previous: Option<String>,
    /// Until when a key that was handed out must work: nobody switched it off or deleted it by hand.
    promised: BTreeMap<KeyId, u64>,
    stored: Rotation,
    told: Vec<Problem>,
    standing: Option<Problem>,
    calls: usize,
    made: usize,
    makes_at: Vec<usize>,
    fault: Option<(usize, Fault)>,
}

impl State {
    /// Holds after each change.
    fn check(&self) {
        assert!(self.keys.len() <= 2, "IAM allows two");
        for (key, until_ms) in &self.promised {
            let works = self.keys.iter().any(|it| it.id == *key && it.is_active);
            assert!(works || self.now_ms >= *until_ms, "{key} was handed out and does not work");
        }
    }

    fn is_there(&mut self, id: &KeyId) -> Option<&mut Key> {
        self.keys.iter_mut().find(|key| key.id == *id)
    }

    /// What the secret handed out until now works for an overlap, and what it hands out now for as long as it does.
    fn hand_out(&mut self, key: &KeyId) {
        let now_ms = self.now_ms;
        for until_ms in self.promised.values_mut().filter(|it| **it == u64::MAX) {
            *until_ms = now_ms + OVERLAP_MS;
        }
        self.promised.insert(key.clone(), u64::MAX);
    }
}

#[derive(Default)]
pub struct Cloud(Mutex<State>);

impl Cloud {
    pub fn with_fault(at: usize, fault: Fault) -> Self {
        Self(Mutex::new(State { fault: Some((at, fault)), ..State::default() }))
    }

    /// The number of the call that makes the first key.
    pub fn first_make() -> usize {
        let cloud = Self::default();
        cloud.hour();
        cloud.state().makes_at[0]
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// An hour passes; the user is looked at where it is due.
    pub fn hour(&self) {
        let (now_ms, rotation) = {
            let mut state = self.state();
            state.now_ms = state.now_ms.max(BEGIN_MS) + HOUR_MS;
            state.check();
            (state.now_ms, state.stored.clone())
        };
        if !rotation.is_due(now_ms) {
            return;
        }
        let mut keep = self;
        let looked = poll_once(turn(&self, &mut keep, rotation, RULES, now_ms));
        let Some(Ok(done)) = looked else { return };
        let mut state = self.state();
        state.stored = done.rotation;
        if done.later.is_none() && done.problem != state.standing {
            state.standing.clone_from(&done.problem);
            state.told.extend(done.problem);
        }
    }

    pub fn fails_next(&self, fault: Fault) {
        let mut state = self.state();
        state.fault = Some((state.calls, fault));
    }

    pub fn fails_no_more(&self) {
        self.state().fault = None;
    }

    fn begins(&self) -> Option<Fault> {
        let mut state = self.state();
        let at = state.calls;
        state.calls += 1;
        state.fault.take_if(|(when, _)| *when == at).map(|(_, fault)| fault)
    }

    /// Makes a call, which may go wrong.
    async fn call<R>(
        &self,
        operation: &'static str,
        does: impl FnOnce(&mut State) -> R,
    ) -> Result<R, CloudError> {
        let lost = || CloudError::of_cause(operation, "user", Cause::Timeout);
        let fault = self.begins();
        match fault {
            Some(Fault::DiesBefore) => std::future::pending().await,
            Some(Fault::NotHeard) => return Err(lost()),
            Some(Fault::Refused) => {
                return Err(CloudError::service(operation, "user", "AccessDenied", "not authorized"));
            }
            Some(Fault::DiesAfter | Fault::AnswerLost) | None => {}
        }
        let answer = {
            let mut state = self.state();
            let answer = does(&mut state);
            state.check();
            answer
        };
        match fault {
            Some(Fault::DiesAfter) => std::future::pending().await,
            Some(Fault::AnswerLost) => Err(lost()),
            _ => Ok(answer),
        }
    }

    pub fn make_by_hand(&self) -> KeyId {
        let mut state = self.state();
        let id = new_key(&mut state);
        state.theirs.insert(id.clone());
        id
    }

    pub fn delete_by_hand(&self, id: &KeyId) {
        let mut state = self.state();
        state.keys.retain(|key| key.id != *id);
        state.promised.remove(id);
    }

    pub fn switch_off_by_hand(&self, id: &KeyId) {
        let mut state = self.state();
        state.promised.remove(id);
        state.is_there(id).unwrap().is_active = false;
    }

    pub fn write_secret_by_hand(&self) {
        let mut state = self.state();
        state.versions.insert("theirs".to_owned(), None);
        state.previous = state.current.replace("theirs".to_owned());
    }

    pub fn uses(&self, id: &KeyId) {
        let mut state = self.state();
        let now_ms = state.now_ms;
        if let Some(key) = state.is_there(id).filter(|key| key.is_active) {
            key.used_at_ms = Some(now_ms);
        }
    }

    pub fn remove_theirs(&self) {
        let theirs = self.state().theirs.clone();
        theirs.iter().for_each(|key| self.delete_by_hand(key));
    }

    /// One of the keys that phonehome made, or of those that it did not.
    pub fn pick(&self, is_ours: bool) -> Option<KeyId> {
        let state = self.state();
        state.keys.iter().map(|key| key.id.clone()).find(|id| state.theirs.contains(id) != is_ours)
    }

    pub fn handed_out(&self) -> Option<KeyId> {
        let state = self.state();
        state.versions.get(state.current.as_ref()?).cloned().flatten()
    }

    pub fn age_of_current(&self) -> u64 {
        let id = self.handed_out().unwrap();
        let mut state = self.state();
        let now_ms = state.now_ms;
        now_ms - state.is_there(&id).unwrap().created_at_ms
    }

    pub fn all(&self) -> BTreeSet<KeyId> {
        self.state().keys.iter().map(|key| key.id.clone()).collect()
    }

    pub fn exists(&self, id: &KeyId) -> bool {
        self.all().contains(id)
    }

    pub fn is_active(&self, id: &KeyId) -> bool {
        self.state().is_there(id).is_some_and(|key| key.is_active)
    }

    pub fn active(&self) -> usize {
        self.state().keys.iter().filter(|key| key.is_active).count()
    }

    pub fn made(&self) -> usize {
        self.state().made
    }

    pub fn calls(&self) -> usize {
        self.state().calls
    }

    pub fn told(&self) -> Vec<Problem> {
        self.state().told.clone()
    }

    pub fn stored(&self) -> Rotation {
        self.state().stored.clone()
    }
}

/// The answer of what waits for nothing; `None` where whoever asked has died.
fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(answer) => Some(answer),
        std::task::Poll::Pending => None,
    }
}

fn new_key(state: &mut State) -> KeyId {
    state.made += 1;
    let id: KeyId = format!("AKIA{:016}", state.made).parse().unwrap();
    let key = Key { id: id.clone(), created_at_ms: state.now_ms, is_active: true, used_at_ms: None };
    state.keys.push(key);
    id
}

impl KeysApi for &Cloud {
    async fn look(&self) -> Result<Outcome, CloudError> {
        let seen = |state: &mut State| Seen {
            keys: state.keys.clone(),
            versions: Versions {
                current: state.current.clone(),
                others: state.previous.iter().cloned().collect(),
            },
        };
        self.call("iam:ListAccessKeys", seen).await.map(Outcome::Seen)
    }

    async fn make(&self) -> Result<NewKey, CloudError> {
        {
            let mut state = self.state();
            let at = state.calls;
            state.makes_at.push(at);
        }
        let id = self.call("iam:CreateAccessKey", new_key).await?;
        Ok(NewKey { secret: format!("secret of {id}"), id })
    }

    async fn store(&self, key: &NewKey) -> Result<(), CloudError> {
        let stores = |state: &mut State| {
            let version = key.id.version();
            if state.versions.insert(version.clone(), Some(key.id.clone())).is_none() {
                state.previous = state.current.replace(version);
            }
            state.hand_out(&key.id);
        };
        self.call("secretsmanager:PutSecretValue", stores).await
    }

    async fn switch_off(&self, key: &KeyId) -> Result<(), CloudError> {
        let switches = |state: &mut State| {
            assert!(!state.theirs.contains(key), "{key} is somebody's own");
            if let Some(key) = state.is_there(key) {
                key.is_active = false;
            }
        };
        self.call("iam:UpdateAccessKey", switches).await
    }

    async fn delete(&self, key: &KeyId) -> Result<(), CloudError> {
        let deletes = |state: &mut State| {
            assert!(!state.theirs.contains(key), "{key} is somebody's own");
            state.keys.retain(|it| it.id != *key);
        };
        self.call("iam:DeleteAccessKey", deletes).await
    }
}

impl KeepRotation for &Cloud {
    async fn keep(&mut self, rotation: &Rotation) -> Result<(), NotKept> {
        // Whoever dies here has done nothing, or has begun.
        let _ = self.call("dynamodb:TransactWriteItems", |state| state.stored = rotation.clone()).await;
        Ok(())
    }
}

const _: () = assert!(SETTLES_MS < HOUR_MS, "an hour later something may be decided");
