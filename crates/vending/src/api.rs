//! What is asked of Organizations.

use std::future::Future;

use phonehome_cloud::CloudError;
use phonehome_wire::AccountId;

use crate::refusal::NotAsked;
use crate::request::{NewAccount, OwnedAccount, Request, RequestId};

/// The calls of Organizations that make accounts and find them. Whoever implements it keeps the lists within their
/// limits (`ListAccounts` 8 a second), and tries no `CreateAccount` again.
pub trait VendingApi: Send + Sync {
    /// `CreateAccount`.
    ///
    /// # Errors
    /// [`NotAsked`]
    fn create(&self, account: &NewAccount) -> impl Future<Output = Result<Request, NotAsked>> + Send;
    /// `DescribeCreateAccountStatus`; `None`: it knows no such request.
    ///
    /// # Errors
    /// [`CloudError`]
    fn request(&self, id: &RequestId) -> impl Future<Output = Result<Option<Request>, CloudError>> + Send;
    /// `ListCreateAccountStatus`, all pages: the requests that are in progress or succeeded.
    ///
    /// # Errors
    /// [`CloudError`]; half a list is none.
    fn requests(&self) -> impl Future<Output = Result<Vec<Request>, CloudError>> + Send;
    /// `DescribeAccount` with `ListTagsForResource`; `None`: it is not of the organization.
    ///
    /// # Errors
    /// [`CloudError`]
    fn account(
        &self,
        id: &AccountId,
    ) -> impl Future<Output = Result<Option<OwnedAccount>, CloudError>> + Send;
    /// `ListAccounts`, all pages, without tags.
    ///
    /// # Errors
    /// [`CloudError`]; half a list is none.
    fn accounts(&self) -> impl Future<Output = Result<Vec<OwnedAccount>, CloudError>> + Send;
}
