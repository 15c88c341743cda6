//! Calls, which may go wrong.

use std::task::Poll;

use phonehome_cloud::table::NotKept;
use phonehome_cloud::{Cause, CloudError};
use phonehome_observability::{
    DataCenter, IngestKey, IngestKeyId, KeepSetup, Link, NewIngestKey, NewLink, Secrets, Setup, Vendor,
    VendorAccount, VendorAccountId, VendorError, VendorErrorKind, VendorText, Versions,
};
use phonehome_wire::{AccountId, Region};

use super::state::Listed;
use super::{BEHIND_MS, Fault, State, World, account};

/// Somebody who calls.
pub(crate) struct Actor<'a> {
    world: &'a World,
    /// The version of the record that it knows.
    pub(crate) version: u64,
}

/// Why a call came to nothing.
enum Lost {
    Unclear,
    Throttled,
    Refused,
}

impl<'a> Actor<'a> {
    pub(crate) fn new(world: &'a World, version: u64) -> Self {
        Self { world, version }
    }

    async fn call<R: Send + 'static>(
        &self,
        does: impl FnOnce(&mut State) -> R + Send + 'static,
    ) -> Result<R, Lost> {
        // Others may call in between.
        let mut waited = false;
        std::future::poll_fn(|_| {
            if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let fault = {
            let mut state = self.world.state();
            let at = state.calls;
            state.calls += 1;
            state.faults.remove(&at)
        };
        match fault {
            Some(Fault::DiesBefore) => self.dies().await,
            Some(Fault::NotHeard) => return Err(Lost::Unclear),
            Some(Fault::Throttled) => return Err(Lost::Throttled),
            Some(Fault::Refused) => return Err(Lost::Refused),
            Some(Fault::HeardLate) => {
                self.world.state().later(BEHIND_MS, Box::new(move |state| drop(does(state))));
                return Err(Lost::Unclear);
            }
            Some(Fault::DiesAfter | Fault::AnswerLost) | None => {}
        }
        let answer = {
            let mut state = self.world.state();
            let answer = does(&mut state);
            state.check();
            answer
        };
        match fault {
            Some(Fault::DiesAfter) => self.dies().await,
            Some(Fault::AnswerLost) => Err(Lost::Unclear),
            _ => Ok(answer),
        }
    }

    async fn dies<R>(&self) -> R {
        self.world.state().has_died = true;
        std::future::pending().await
    }
}

fn vendor(operation: &'static str, lost: Lost) -> VendorError {
    let kind = match lost {
        Lost::Unclear => VendorErrorKind::Unclear,
        Lost::Throttled => VendorErrorKind::Throttled,
        Lost::Refused => VendorErrorKind::Denied,
    };
    VendorError { operation, subject: "it".into(), kind, said: "no".into() }
}

fn aws(operation: &'static str, lost: Lost) -> CloudError {
    match lost {
        Lost::Unclear => CloudError::of_cause(operation, "it", Cause::Timeout),
        Lost::Throttled => CloudError::service(operation, "it", "ThrottlingException", "slow down"),
        Lost::Refused => CloudError::service(operation, "it", "AccessDeniedException", "no"),
    }
}

fn shown<T: Clone>(all: &[Listed<T>], state: &State) -> Vec<T> {
    let is_shown = |it: &&Listed<T>| it.since_ms + state.behind_ms <= state.now_ms;
    all.iter().filter(is_shown).map(|it| it.it.clone()).collect()
}

impl Vendor for Actor<'_> {
    const TEXT: VendorText = VendorText { name: "it", parameter: "none", right: "none" };

    async fn accounts(&self) -> Result<Vec<VendorAccount>, VendorError> {
        self.call(|state| shown(&state.accounts, state)).await.map_err(|lost| vendor("accounts", lost))
    }

    async fn create_account(
        &self,
        name: &str,
        data_center: DataCenter,
    ) -> Result<VendorAccountId, VendorError> {
        let name = name.to_owned();
        let makes = move |state: &mut State| {
            state.made += 1;
            let id = VendorAccountId::new(state.made);
            let it = VendorAccount { id, name, data_center: Some(data_center), is_canceled: false };
            state.accounts.push(Listed { it, since_ms: state.now_ms });
            id
        };
        self.call(makes).await.map_err(|lost| vendor("create_account", lost))
    }

    async fn keys(&self, account: VendorAccountId) -> Result<Vec<IngestKey>, VendorError> {
        let lists = move |state: &mut State| {
            let all = shown(&state.keys, state).into_iter();
            all.filter(|key| state.of_account.get(&key.id) == Some(&account)).collect()
        };
        self.call(lists).await.map_err(|lost| vendor("keys", lost))
    }

    async fn create_key(&self, account: VendorAccountId, name: &str) -> Result<NewIngestKey, VendorError> {
        let name = name.to_owned();
        let makes = move |state: &mut State| {
            assert!(!state.keys.iter().any(|key| key.it.name == name), "two keys are called {name}");
            let id = state.make_key(account, &name);
            state.keys.last_mut().unwrap().since_ms = state.now_ms;
            NewIngestKey { value: format!("value of {id}"), id }
        };
        self.call(makes).await.map_err(|lost| vendor("create_key", lost))
    }

    async fn delete_key(&self, key: &IngestKeyId) -> Result<(), VendorError> {
        let key = key.clone();
        let deletes = move |state: &mut State| state.keys.retain(|it| it.it.id != key);
        self.call(deletes).await.map_err(|lost| vendor("delete_key", lost))
    }

    async fn links(&self, _: VendorAccountId) -> Result<Vec<Link>, VendorError> {
        self.call(|state| state.links.clone()).await.map_err(|lost| vendor("links", lost))
    }

    async fn link(&self, _: VendorAccountId, link: &NewLink<'_>) -> Result<(), VendorError> {
        let (name, role_arn) = (link.name.to_owned(), link.role_arn.to_owned());
        let link = Link { name, role_arn, is_streamed: link.is_streamed };
        // The vendor takes a role once in each mode.
        let links = move |state: &mut State| {
            if !state.links.contains(&link) {
                state.links.push(link);
            }
        };
        self.call(links).await.map_err(|lost| vendor("link", lost))
    }
}

impl Secrets for Actor<'_> {
    async fn versions(&self, region: &Region, _: &str) -> Result<Option<Versions>, CloudError> {
        let region = region.clone();
        let describes = move |state: &mut State| state.secrets.get(&region).cloned().flatten();
        self.call(describes).await.map_err(|lost| aws("secretsmanager:DescribeSecret", lost))
    }

    async fn store(&self, region: &Region, _: &str, key: &NewIngestKey) -> Result<(), CloudError> {
        let (region, id) = (region.clone(), key.id.clone());
        let stores = move |state: &mut State| {
            state.values.insert(id.version(), id.clone());
            state.secrets.insert(region, Some(Versions { current: Some(id.version()) }));
        };
        self.call(stores).await.map_err(|lost| aws("secretsmanager:PutSecretValue", lost))
    }
}

/// A conditional write, of which nobody can tell a lost answer from a lost race.
impl KeepSetup for Actor<'_> {
    async fn keep(&mut self, setup: &Setup) -> Result<(), NotKept> {
        let (setup, known) = (setup.clone(), self.version);
        let writes = move |state: &mut State| {
            let is_ours = state.version == known;
            if is_ours {
                (state.stored, state.version) = (setup, known + 1);
            }
            is_ours
        };
        match self.call(writes).await {
            Ok(true) => self.version += 1,
            Ok(false) | Err(_) => return Err(NotKept::Taken),
        }
        Ok(())
    }

    async fn keep_bound(&mut self, setup: &Setup, bound: VendorAccountId) -> Result<(), NotKept> {
        let (setup, known) = (setup.clone(), self.version);
        let writes = move |state: &mut State| {
            let holder = state.bound.get(&bound);
            let is_ours = state.version == known && holder.is_none_or(|it| *it == account());
            if is_ours {
                (state.stored, state.version) = (setup, known + 1);
                state.bound.retain(|_, holder| *holder != account());
                state.bound.insert(bound, account());
            }
            is_ours
        };
        match self.call(writes).await {
            Ok(true) => self.version += 1,
            Ok(false) | Err(_) => return Err(NotKept::Taken),
        }
        Ok(())
    }

    async fn holder(&mut self, id: VendorAccountId) -> Result<Option<AccountId>, NotKept> {
        self.call(move |state| state.bound.get(&id).cloned()).await.map_err(|_| NotKept::Taken)
    }
}
