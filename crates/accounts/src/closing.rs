//! AWS Organizations, as whoever closes accounts asks it: with a role in the management account.

use aws_sdk_organizations::Client;
use aws_sdk_organizations::config::Config;
use aws_sdk_organizations::config::retry::RetryConfig;
use aws_sdk_organizations::error::SdkError;
use aws_sdk_organizations::operation::close_account::CloseAccountError;
use phonehome_aws::{OfSdk as _, Session};
use phonehome_closing::{Cleared, ClosingApi, NotClosed, OrganizationAccount};
use phonehome_cloud::CloudError;
use phonehome_wire::AccountId;

use crate::organization::{described, listed, state_of};

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
        Ok(described(&self.client, id).await?.as_ref().and_then(account_of))
    }

    async fn accounts(&self) -> Result<Vec<OrganizationAccount>, CloudError> {
        Ok(listed(&self.client).await?.iter().filter_map(account_of).collect())
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
