//! AWS Organizations, as whoever makes accounts asks it: with a role in the management account.

use aws_sdk_organizations::Client;
use aws_sdk_organizations::config::Config;
use aws_sdk_organizations::config::retry::RetryConfig;
use aws_sdk_organizations::error::SdkError;
use aws_sdk_organizations::operation::create_account::CreateAccountError;
use aws_sdk_organizations::types::{CreateAccountState, CreateAccountStatus, Tag};
use phonehome_aws::{OfSdk as _, Session};
use phonehome_cloud::CloudError;
use phonehome_fleet::Line;
use phonehome_vending::{
    FailureReason, NewAccount, NotAsked, Outcome, OwnedAccount, Request, RequestId, TAG_LINE, VendingApi,
};
use phonehome_wire::AccountId;

use crate::organization::{BETWEEN_PAGES, described, is_active, listed, unusable};

/// AWS Organizations, where accounts are made.
#[derive(Debug, Clone)]
pub struct AwsVending {
    client: Client,
}

impl AwsVending {
    /// The organization that the caller's account owns.
    pub fn new(session: &Session) -> Self {
        Self { client: Client::new(session.config()) }
    }

    async fn line_in_tags(&self, id: &AccountId) -> Result<Option<Line>, CloudError> {
        let mut next = None;
        loop {
            let request = self.client.list_tags_for_resource().resource_id(id.as_str()).set_next_token(next);
            let answer = request.send().await;
            let page = answer
                .map_err(|error| CloudError::of("organizations:ListTagsForResource", id.as_str(), &error))?;
            if let Some(tag) = page.tags().iter().find(|tag| tag.key() == TAG_LINE) {
                return Ok(tag
                    .value()
                    .split_once('/')
                    .map(|(domain, environment)| Line::new(domain, environment)));
            }
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(None);
            }
        }
    }
}

impl VendingApi for AwsVending {
    async fn create(&self, account: &NewAccount) -> Result<Request, NotAsked> {
        let line = account.line.as_str();
        let tags = [(TAG_LINE, line)].into_iter();
        let tags = tags.chain(account.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let tags: Result<Vec<Tag>, _> =
            tags.map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        let tags = tags.map_err(|error| NotAsked::Refused(error.to_string()))?;
        let request = self
            .client
            .create_account()
            .email(&account.email)
            .account_name(&account.account_name)
            .set_role_name(account.role_name.clone())
            .set_tags(Some(tags));
        // A call whose answer was lost may have been heard: it is looked for before it is made again.
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let answer = request.customize().config_override(once).send().await;
        let answer = answer.map_err(|error| {
            let reason = reason(&error);
            NotAsked::of(CloudError::of(CREATE, line, &error), reason.as_deref())
        })?;
        let unusable = || NotAsked::Unclear(unusable(CREATE, line, NO_REQUEST));
        answer.create_account_status().and_then(request_of).ok_or_else(unusable)
    }

    async fn request(&self, id: &RequestId) -> Result<Option<Request>, CloudError> {
        const OPERATION: &str = "organizations:DescribeCreateAccountStatus";
        let request = self.client.describe_create_account_status().create_account_request_id(id.as_str());
        match request.send().await {
            Ok(answer) => match answer.create_account_status().and_then(request_of) {
                Some(request) => Ok(Some(request)),
                None => Err(unusable(OPERATION, id.as_str(), NO_REQUEST)),
            },
            Err(error) if is_unknown(&error) => Ok(None),
            Err(error) => Err(CloudError::of(OPERATION, id.as_str(), &error)),
        }
    }

    async fn requests(&self) -> Result<Vec<Request>, CloudError> {
        const OPERATION: &str = "organizations:ListCreateAccountStatus";
        let (mut requests, mut next) = (Vec::new(), None);
        loop {
            let request = self.client.list_create_account_status().set_next_token(next);
            let request =
                request.states(CreateAccountState::InProgress).states(CreateAccountState::Succeeded);
            let answer = request.send().await;
            let page = answer.map_err(|error| CloudError::of(OPERATION, "all", &error))?;
            let statuses = page.create_account_statuses.as_ref().map(|all| all.iter().map(told_by_name));
            let statuses: Option<Vec<Request>> = statuses.and_then(Iterator::collect);
            requests.extend(statuses.ok_or_else(|| unusable(OPERATION, "all", NO_REQUEST))?);
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(requests);
            }
            tokio::time::sleep(BETWEEN_PAGES).await;
        }
    }

    async fn account(&self, id: &AccountId) -> Result<Option<OwnedAccount>, CloudError> {
        let Some(account) = described(&self.client, id).await? else { return Ok(None) };
        let account = account_of(&account)
            .ok_or_else(|| unusable("organizations:DescribeAccount", id.as_str(), NO_ADDRESS))?;
        Ok(Some(OwnedAccount { made_for: self.line_in_tags(id).await?, ..account }))
    }

    async fn accounts(&self) -> Result<Vec<OwnedAccount>, CloudError> {
        let accounts: Option<_> = listed(&self.client).await?.iter().map(account_of).collect();
        accounts.ok_or_else(|| unusable("organizations:ListAccounts", "all", NO_ADDRESS))
    }
}

const CREATE: &str = "organizations:CreateAccount";
/// What an answer lacks that has no request, or not all of one.
const NO_REQUEST: &str = "it names no request";
/// An account that is not compared with an order is one that is asked for a second time.
const NO_ADDRESS: &str = "an account has no id or no e-mail address";

/// The reason that two of Organizations' errors have beside their code.
fn reason<R>(error: &SdkError<CreateAccountError, R>) -> Option<String> {
    let reason = match error.as_service_error()? {
        CreateAccountError::ConstraintViolationException(error) => error.reason()?.as_str().to_owned(),
        CreateAccountError::InvalidInputException(error) => error.reason()?.as_str().to_owned(),
        _ => return None,
    };
    Some(reason)
}

fn is_unknown<R>(
    error: &SdkError<
        aws_sdk_organizations::operation::describe_create_account_status::DescribeCreateAccountStatusError,
        R,
    >,
) -> bool {
    error.as_service_error().is_some_and(|error| error.is_create_account_status_not_found_exception())
}

/// `None` for one without what every request has.
fn request_of(status: &CreateAccountStatus) -> Option<Request> {
    let outcome = match status.state()? {
        CreateAccountState::InProgress => Outcome::InProgress,
        CreateAccountState::Succeeded => Outcome::Succeeded(status.account_id()?.parse().ok()?),
        CreateAccountState::Failed => {
            let reason = status.failure_reason().map_or("no reason given", |reason| reason.as_str());
            Outcome::Failed(FailureReason::from(reason.to_owned()))
        }
        _ => return None,
    };
    let requested_at_ms = status.requested_timestamp().and_then(|at| at.to_millis().ok());
    Some(Request {
        id: RequestId::new(status.id()?),
        account_name: status.account_name().unwrap_or_default().to_owned(),
        requested_at_ms: requested_at_ms.and_then(|at| u64::try_from(at).ok()).unwrap_or_default(),
        outcome,
    })
}

/// A request of a list, where requests are told by their names and times: `None` for one that lacks either.
fn told_by_name(status: &CreateAccountStatus) -> Option<Request> {
    status.requested_timestamp()?;
    request_of(status).filter(|request| !request.account_name.is_empty())
}

/// `None` for one without its id or address.
fn account_of(account: &aws_sdk_organizations::types::Account) -> Option<OwnedAccount> {
    Some(OwnedAccount {
        id: account.id()?.parse().ok()?,
        email: account.email()?.to_owned(),
        active: is_active(account),
        made_for: None,
    })
}

#[cfg(test)]
mod tests;
