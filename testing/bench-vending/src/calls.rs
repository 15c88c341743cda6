//! The calls of Organizations: each takes time, may be refused as too much, and may be the last of whoever makes it.

use phonehome_cloud::{Cause, CloudError, WallClock};
use phonehome_vending::{NewAccount, NotAsked, OwnedAccount, Request, RequestId, VendingApi};
use phonehome_wire::AccountId;

use crate::clock::stop;
use crate::organization::{FakeOrganizations, State};

/// How long a call takes, in milliseconds: this, and up to as much again.
const CALL_MS: u32 = 80;
/// After how long a caller gives up.
const PATIENCE_MS: u64 = 15_000;
/// How many are in a page of any list.
const PAGE: usize = 20;

fn throttled(operation: &'static str) -> CloudError {
    let code = "TooManyRequestsException";
    CloudError::service(operation, "the organization", code, "AWS Organizations can't complete your request")
}

impl FakeOrganizations {
    /// One call, which takes its time and is counted. `Err`: it is too much.
    async fn call(&self, operation: &'static str, name: &'static str) -> Result<(), CloudError> {
        stop().await;
        let way_ms = u64::from(CALL_MS + self.now().random.below(CALL_MS));
        self.clock.pass(way_ms);
        let now_ms = self.clock.now_ms();
        let mut state = self.now();
        if let Some(code) = state.refused.get(name) {
            let said =
                format!("User: arn:aws:sts::111111111111:assumed-role/phonehome-vending/x: {operation}");
            return Err(CloudError::service(operation, "the organization", *code, said));
        }
        let busy = state.is_busy();
        let allowed = state.buckets.get_mut(name).is_none_or(|bucket| bucket.take(now_ms)) && !busy;
        let count = state.calls.entry(name).or_default();
        count.0 += 1;
        if !allowed {
            count.1 += 1;
            return Err(throttled(operation));
        }
        Ok(())
    }

    /// As many calls as a list has pages, each once the limit allows it: so whoever lists has to.
    async fn list<T>(
        &self,
        operation: &'static str,
        name: &'static str,
        all: impl Fn(&State, u64) -> Vec<T>,
    ) -> Result<Vec<T>, CloudError> {
        let items = all(&self.now(), self.clock.now_ms());
        for _ in 0..items.len().div_ceil(PAGE).max(1) {
            let wait_ms = self.now().buckets.get(name).map_or(0, crate::bucket::Bucket::wait_ms);
            self.clock.pass(wait_ms);
            self.call(operation, name).await?;
        }
        stop().await;
        Ok(items)
    }
}

impl VendingApi for FakeOrganizations {
    async fn create(&self, account: &NewAccount) -> Result<Request, NotAsked> {
        const OPERATION: &str = "organizations:CreateAccount";
        let unheard = || CloudError::of_cause(OPERATION, account.line.as_str(), Cause::Timeout);
        self.call(OPERATION, "CreateAccount").await.map_err(|error| NotAsked::of(error, None))?;
        let now_ms = self.clock.now_ms();
        let heard = {
            let mut state = self.now();
            // On its way to AWS, or late, or on its way back.
            if state.lost() || state.delays(account, now_ms) {
                None
            } else {
                let answer = state.request(account, now_ms);
                (!state.lost()).then_some(answer)
            }
        };
        stop().await;
        match heard {
            None => {
                self.clock.pass(PATIENCE_MS);
                Err(NotAsked::of(unheard(), None))
            }
            Some(Ok(request)) => Ok(request),
            Some(Err((code, reason))) => {
                let error =
                    CloudError::service(OPERATION, account.line.as_str(), code, reason.unwrap_or_default());
                Err(NotAsked::of(error, reason))
            }
        }
    }

    async fn request(&self, id: &RequestId) -> Result<Option<Request>, CloudError> {
        self.call("organizations:DescribeCreateAccountStatus", "DescribeCreateAccountStatus").await?;
        let request = self.now().one_request(id);
        stop().await;
        Ok(request)
    }

    async fn requests(&self) -> Result<Vec<Request>, CloudError> {
        let listed = State::listed_requests;
        self.list("organizations:ListCreateAccountStatus", "ListCreateAccountStatus", listed).await
    }

    async fn account(&self, id: &AccountId) -> Result<Option<OwnedAccount>, CloudError> {
        self.call("organizations:DescribeAccount", "DescribeAccount").await?;
        self.call("organizations:ListTagsForResource", "ListTagsForResource").await?;
        let account = self.now().accounts.iter().find(|it| it.account.id == *id).map(|it| it.account.clone());
        stop().await;
        Ok(account)
    }

    async fn accounts(&self) -> Result<Vec<OwnedAccount>, CloudError> {
        let listed = |state: &State, now_ms: u64| {
            let listed = state.accounts.iter().filter(|it| it.listed_at_ms <= now_ms);
            listed.map(|it| OwnedAccount { made_for: None, ..it.account.clone() }).collect()
        };
        self.list("organizations:ListAccounts", "ListAccounts", listed).await
    }
}
