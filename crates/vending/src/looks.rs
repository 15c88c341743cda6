//! The look-ups of a round: each list once, however many accounts are looked for, and which were answered.

use std::collections::BTreeSet;

use phonehome_cloud::CloudError;
use phonehome_wire::AccountId;

use crate::api::VendingApi;
use crate::order::Order;
use crate::request::{OwnedAccount, Request, RequestId};
use crate::unseen::LookUp;

/// A look-up without an answer.
#[derive(Debug)]
pub(crate) struct NotAnswered {
    pub(crate) look_up: LookUp,
    pub(crate) error: CloudError,
}

/// What was looked up in a round.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    /// Before the lists were read; milliseconds since the Unix epoch.
    pub(crate) began_ms: Option<u64>,
    requests: Option<Vec<Request>>,
    accounts: Option<Vec<OwnedAccount>>,
    pub(crate) answered: BTreeSet<LookUp>,
}

impl Looks {
    /// What became of a request.
    pub(crate) async fn request(
        &mut self,
        api: &impl VendingApi,
        id: &RequestId,
    ) -> Result<Option<Request>, NotAnswered> {
        self.answer(LookUp::Request, api.request(id).await)
    }

    /// The requests that are under way or succeeded.
    pub(crate) async fn requests(&mut self, api: &impl VendingApi) -> Result<&[Request], NotAnswered> {
        if self.requests.is_none() {
            self.requests = Some(self.answer(LookUp::Requests, api.requests().await)?);
        }
        Ok(self.requests.as_deref().unwrap_or_default())
    }

    /// An account with its tags.
    pub(crate) async fn account(
        &mut self,
        api: &impl VendingApi,
        id: &AccountId,
    ) -> Result<Option<OwnedAccount>, NotAnswered> {
        self.answer(LookUp::Account, api.account(id).await)
    }

    /// The accounts that have an order's address.
    pub(crate) async fn with_email(
        &mut self,
        api: &impl VendingApi,
        order: &Order,
    ) -> Result<Vec<AccountId>, NotAnswered> {
        if self.accounts.is_none() {
            self.accounts = Some(self.answer(LookUp::Addresses, api.accounts().await)?);
        }
        let accounts = self.accounts.iter().flatten();
        Ok(accounts.filter(|it| order.has_email(&it.email)).map(|it| it.id.clone()).collect())
    }

    fn answer<R>(&mut self, look_up: LookUp, answer: Result<R, CloudError>) -> Result<R, NotAnswered> {
        let answer = answer.map_err(|error| NotAnswered { look_up, error })?;
        self.answered.insert(look_up);
        Ok(answer)
    }
}
