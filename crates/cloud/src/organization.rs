//! The organization's accounts.

use std::collections::VecDeque;
use std::future::Future;
use std::num::ParseIntError;
use std::sync::{Arc, Mutex, PoisonError};

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

/// An account with what tells whether one has to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountWithEmail {
    /// The account.
    pub account: Account,
    /// The e-mail address of its root user, as AWS has it.
    pub email: String,
}

/// Some of the accounts: Organizations lists them in pages of 20 at most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountPage {
    /// Those of this page.
    pub accounts: Vec<Account>,
    /// With what the next page is asked for; `None`: this is the last one.
    pub next: Option<String>,
}

/// The accounts there are.
pub trait Organization: Send + Sync {
    /// One account; `None` when the organization has none with this id.
    fn account(&self, id: &AccountId) -> impl Future<Output = Result<Option<Account>, CloudError>> + Send;
    /// A page of all accounts: the first one, or the one that a page before names as its [`AccountPage::next`].
    fn page(&self, next: Option<&str>) -> impl Future<Output = Result<AccountPage, CloudError>> + Send;
    /// All accounts.
    fn accounts(&self) -> impl Future<Output = Result<Vec<Account>, CloudError>> + Send {
        async move {
            let (mut accounts, mut next) = (Vec::new(), None);
            loop {
                let page = self.page(next.as_deref()).await?;
                accounts.extend(page.accounts);
                let Some(more) = page.next else { return Ok(accounts) };
                next = Some(more);
            }
        }
    }
}

/// A fixed list of accounts, for tests.
#[derive(Debug, Clone, Default)]
pub struct FixedOrganization {
    /// The accounts there are.
    pub accounts: Vec<Account>,
    /// How many are in a page; 0: all in one.
    pub page_accounts: usize,
    /// What the next calls are refused with, one after the other.
    pub refusals: Arc<Mutex<VecDeque<CloudError>>>,
}

impl FixedOrganization {
    fn refuse(&self) -> Result<(), CloudError> {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.pop_front().map_or(Ok(()), Err)
    }
}

impl Organization for FixedOrganization {
    async fn account(&self, id: &AccountId) -> Result<Option<Account>, CloudError> {
        self.refuse()?;
        Ok(self.accounts.iter().find(|account| account.id == *id).cloned())
    }

    async fn page(&self, next: Option<&str>) -> Result<AccountPage, CloudError> {
        self.refuse()?;
        let from = next.map_or(Ok(0), str::parse).map_err(|error: ParseIntError| {
            CloudError::service(
                "organizations:ListAccounts",
                "all",
                "InvalidInputException",
                error.to_string(),
            )
        })?;
        let page_accounts = if self.page_accounts == 0 { self.accounts.len() } else { self.page_accounts };
        let accounts = self.accounts.iter().skip(from).take(page_accounts).cloned().collect();
        let to = from + page_accounts;
        Ok(AccountPage { accounts, next: (to < self.accounts.len()).then(|| to.to_string()) })
    }
}
