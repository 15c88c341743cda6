//! AWS Organizations, as the hub account sees it (by delegation from the management account).

use std::future::Future;

use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::{AccountJoinedMethod, AccountStatus};

use crate::AwsError;
use crate::error::OfSdk as _;

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its 12-digit id.
    pub id: String,
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
    fn account(&self, id: &str) -> impl Future<Output = Result<Option<Account>, AwsError>> + Send;
    /// All accounts.
    fn accounts(&self) -> impl Future<Output = Result<Vec<Account>, AwsError>> + Send;
}

/// AWS Organizations.
#[derive(Debug, Clone)]
pub struct AwsOrganization {
    client: Client,
}

impl AwsOrganization {
    /// The organization that the caller's account belongs to.
    pub fn new(config: &aws_config::SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }
}

fn account(account: &aws_sdk_organizations::types::Account) -> Account {
    #[allow(deprecated, reason = "`State` supersedes `Status` on AWS; older endpoints answer only `Status`")]
    let status = account.status();
    let active = match account.state() {
        Some(state) => state.as_str() == "ACTIVE",
        None => status == Some(&AccountStatus::Active),
    };
    Account {
        id: account.id().unwrap_or_default().to_owned(),
        name: account.name().unwrap_or_default().to_owned(),
        active,
        created_at_ms: (account.joined_method() == Some(&AccountJoinedMethod::Created))
            .then(|| account.joined_timestamp().and_then(|at| at.to_millis().ok()))
            .flatten()
            .and_then(|at| u64::try_from(at).ok()),
    }
}

impl Organization for AwsOrganization {
    async fn account(&self, id: &str) -> Result<Option<Account>, AwsError> {
        match self.client.describe_account().account_id(id).send().await {
            Ok(answer) => Ok(answer.account().map(account)),
            Err(error) => match AwsError::of("organizations:DescribeAccount", id, &error) {
                missing if missing.says_missing() => Ok(None),
                other => Err(other),
            },
        }
    }

    async fn accounts(&self) -> Result<Vec<Account>, AwsError> {
        let mut pages = self.client.list_accounts().into_paginator().send();
        let mut accounts = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| AwsError::of("organizations:ListAccounts", "all", &error))?;
            accounts.extend(page.accounts().iter().map(account));
        }
        Ok(accounts)
    }
}

/// A fixed list of accounts, for tests.
#[derive(Debug, Clone, Default)]
pub struct FixedOrganization {
    /// The accounts there are.
    pub accounts: Vec<Account>,
}

impl Organization for FixedOrganization {
    async fn account(&self, id: &str) -> Result<Option<Account>, AwsError> {
        Ok(self.accounts.iter().find(|account| account.id == id).cloned())
    }

    async fn accounts(&self) -> Result<Vec<Account>, AwsError> {
        Ok(self.accounts.clone())
    }
}
