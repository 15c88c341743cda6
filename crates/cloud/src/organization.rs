//! The organization's accounts.

use std::future::Future;

use crate::CloudError;
use phonehome_wire::AccountId;

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its 12-digit id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Whether it can be worked in: not suspended, not being closed.
    pub active: bool,
    /// When the organization made it, in milliseconds since the Unix epoch; `None` for an account that
    /// was there before and was invited.
    pub created_at_ms: Option<u64>,
}

/// The accounts there are.
pub trait Organization: Send + Sync {
    /// One account; `None` when the organization has none with this id.
    fn account(&self, id: &AccountId) -> impl Future<Output = Result<Option<Account>, CloudError>> + Send;
    /// All accounts.
    fn accounts(&self) -> impl Future<Output = Result<Vec<Account>, CloudError>> + Send;
}

/// A fixed list of accounts, for tests.
#[derive(Debug, Clone, Default)]
pub struct FixedOrganization {
    /// The accounts there are.
    pub accounts: Vec<Account>,
}

impl Organization for FixedOrganization {
    async fn account(&self, id: &AccountId) -> Result<Option<Account>, CloudError> {
        Ok(self.accounts.iter().find(|account| account.id == *id).cloned())
    }

    async fn accounts(&self) -> Result<Vec<Account>, CloudError> {
        Ok(self.accounts.clone())
    }
}
