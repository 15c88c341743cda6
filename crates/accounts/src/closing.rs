//! AWS Organizations, as whoever closes accounts asks it: with a role in the management account.

use std::time::Duration;

use aws_sdk_organizations::Client;
use aws_sdk_organizations::config::Config;
use aws_sdk_organizations::config::retry::RetryConfig;
use aws_sdk_organizations::error::SdkError;
use aws_sdk_organizations::operation::close_account::CloseAccountError;
use phonehome_aws::{OfSdk as _, Session};
use phonehome_closing::{Cleared, ClosingApi, NotClosed, OrganizationAccount};
use phonehome_cloud::CloudError;
use phonehome_wire::AccountId;

use crate::organization::state_of;

/// How long is waited between two pages of a list: five a second, of the eight that all callers may ask for together.
const BETWEEN_PAGES: Duration = Duration::from_millis(200);

/// AWS Organizations, where accounts are closed.
#[derive(Debug, Clone)]
pub struct AwsClosing {
    client: Client,
}

impl AwsClosing {
    /// The organization that the caller's account owns.
    pub fn new(session: &Session) -> Self {
        Self { client: Client::new(session.config()) }
    }
}

impl ClosingApi for AwsClosing {
    async fn account(&self, id: &AccountId) -> Result<Option<OrganizationAccount>, CloudError> {
        match self.client.describe_account().account_id(id.as_str()).send().await {
            Ok(answer) => Ok(answer.account().and_then(account_of)),
            Err(error) => match CloudError::of("organizations:DescribeAccount", id.as_str(), &error) {
                missing if missing.says_missing() => Ok(None),
                other => Err(other),
            },
        }
    }

    async fn accounts(&self) -> Result<Vec<OrganizationAccount>, CloudError> {
        let (mut accounts, mut next) = (Vec::new(), None);
        loop {
            let answer = self.client.list_accounts().set_next_token(next).send().await;
            let page = answer.map_err(|error| CloudError::of("organizations:ListAccounts", "all", &error))?;
            accounts.extend(page.accounts().iter().filter_map(account_of));
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(accounts);
            }
            tokio::time::sleep(BETWEEN_PAGES).await;
        }
    }

    async fn close(&self, cleared: &Cleared) -> Result<(), NotClosed> {
        let id = cleared.account().as_str();
        // A call whose answer was lost may have been heard: the account is looked at before it is made again.
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let request = self.client.close_account().account_id(id);
        let answer = request.customize().config_override(once).send().await;
        answer.map(|_| ()).map_err(|error| {
            let reason = reason(&error);
            NotClosed::of(CloudError::of("organizations:CloseAccount", id, &error), reason.as_deref())
        })
    }
}

/// The reason that two of Organizations' errors have beside their code.
fn reason<R>(error: &SdkError<CloseAccountError, R>) -> Option<String> {
    let reason = match error.as_service_error()? {
        CloseAccountError::ConstraintViolationException(error) => error.reason()?.as_str().to_owned(),
        CloseAccountError::InvalidInputException(error) => error.reason()?.as_str().to_owned(),
        _ => return None,
    };
    Some(reason)
}

fn account_of(account: &aws_sdk_organizations::types::Account) -> Option<OrganizationAccount> {
    Some(OrganizationAccount {
        id: account.id()?.parse().ok()?,
        name: account.name().unwrap_or_default().to_owned(),
        state: state_of(account),
    })
}

#[cfg(test)]
mod tests;
