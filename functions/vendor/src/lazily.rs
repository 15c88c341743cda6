//! Organizations, opened when the first call is made: most minutes make none.

use std::sync::Arc;

use phonehome_cloud::CloudError;
use phonehome_vending::{
    Hold, LookUp, NewAccount, NotAsked, OwnedAccount, Request, RequestId, Unanswered, Unseen, VendingApi,
};
use phonehome_wire::AccountId;
use tokio::sync::OnceCell;

use crate::way::OpenProperties;

/// The way to the calls that make accounts, and to those that keep them as declared.
pub trait OpenVending: OpenProperties {
    /// Those calls.
    type Api: VendingApi;

    /// Opens it: assumes the role that may make them.
    ///
    /// # Errors
    /// [`CloudError`]: the role is not there, or may not be assumed.
    fn open(&self) -> impl Future<Output = Result<Self::Api, CloudError>> + Send;
}

/// Opened by the first call, for all of one invocation.
#[derive(Debug)]
pub(crate) struct Lazily<'o, O: OpenVending> {
    way: &'o O,
    api: Arc<OnceCell<O::Api>>,
}

impl<O: OpenVending> Clone for Lazily<'_, O> {
    fn clone(&self) -> Self {
        Self { way: self.way, api: Arc::clone(&self.api) }
    }
}

impl<'o, O: OpenVending> Lazily<'o, O> {
    pub(crate) fn by(way: &'o O) -> Self {
        Self { way, api: Arc::default() }
    }

    /// Opens it now, where it is not open.
    ///
    /// # Errors
    /// As [`OpenVending::open`].
    pub(crate) async fn open(&self) -> Result<(), CloudError> {
        self.api().await.map(|_| ())
    }

    async fn api(&self) -> Result<&O::Api, CloudError> {
        self.api.get_or_try_init(|| self.way.open()).await
    }
}

impl<O: OpenVending> VendingApi for Lazily<'_, O> {
    async fn create(&self, account: &NewAccount) -> Result<Request, NotAsked> {
        self.api().await.map_err(|error| NotAsked::Held(not_let_in(&error)))?.create(account).await
    }

    async fn request(&self, id: &RequestId) -> Result<Option<Request>, CloudError> {
        self.api().await?.request(id).await
    }

    async fn requests(&self) -> Result<Vec<Request>, CloudError> {
        self.api().await?.requests().await
    }

    async fn account(&self, id: &AccountId) -> Result<Option<OwnedAccount>, CloudError> {
        self.api().await?.account(id).await
    }

    async fn accounts(&self) -> Result<Vec<OwnedAccount>, CloudError> {
        self.api().await?.accounts().await
    }
}

/// Whoever is not let in has asked for nothing.
fn not_let_in(error: &CloudError) -> Hold {
    let unseen = Unseen::of(LookUp::Role, error);
    match unseen.why {
        Unanswered::Denied => Hold::Denied(error.to_string()),
        Unanswered::Refused | Unanswered::Later => Hold::Unseen(unseen),
    }
}
