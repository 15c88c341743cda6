//! What is asked of Organizations.

use std::future::Future;

use phonehome_cloud::CloudError;
use phonehome_wire::AccountId;

use crate::clear::Cleared;
use crate::refusal::NotClosed;
use crate::state::AccountState;

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationAccount {
    /// Its 12-digit id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub state: AccountState,
}

/// The calls of Organizations that close accounts, by a role in the management account. Whoever implements it keeps
/// `ListAccounts` within its 8 a second, and tries no `CloseAccount` again.
pub trait ClosingApi: Send + Sync {
    /// `DescribeAccount`; `None`: it is not of the organization.
    ///
    /// # Errors
    /// [`CloudError`]
    fn account(
        &self,
        id: &AccountId,
    ) -> impl Future<Output = Result<Option<OrganizationAccount>, CloudError>> + Send;
    /// `ListAccounts`, all pages: the management account is among them.
    ///
    /// # Errors
    /// [`CloudError`]; half a list is none.
    fn accounts(&self) -> impl Future<Output = Result<Vec<OrganizationAccount>, CloudError>> + Send;
    /// `CloseAccount`. It answers before the account is closed.
    ///
    /// # Errors
    /// [`NotClosed`]
    fn close(&self, cleared: &Cleared) -> impl Future<Output = Result<(), NotClosed>> + Send;
}
