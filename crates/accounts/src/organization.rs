//! AWS Organizations, as the hub account sees it (by delegation from the management account).

use std::time::Duration;

use aws_sdk_organizations::Client;
use aws_sdk_organizations::operation::list_accounts::ListAccountsOutput;
use aws_sdk_organizations::types::{self, AccountJoinedMethod};
use phonehome_closing::AccountState;
use phonehome_cloud::{Account, AccountPage, AccountWithEmail, Cause, CloudError, Organization};
use phonehome_wire::AccountId;

use phonehome_aws::{OfSdk as _, Session};

/// How long is waited between two pages of a list: five a second, of the eight that all callers may ask for together.
pub(crate) const BETWEEN_PAGES: Duration = Duration::from_millis(200);

/// AWS Organizations.
#[derive(Debug, Clone)]
pub struct AwsOrganization {
    client: Client,
}

impl AwsOrganization {
    /// The organization that the caller's account belongs to.
    pub fn new(session: &Session) -> Self {
        Self { client: Client::new(session.config()) }
    }

    /// All accounts with their e-mail addresses, closed ones too.
    ///
    /// # Errors
    /// [`CloudError`]; half a list is none.
    pub async fn accounts_with_emails(&self) -> Result<Vec<AccountWithEmail>, CloudError> {
        let with_email = |it: types::Account| {
            let email = it.email().unwrap_or_default().to_owned();
            Some(AccountWithEmail { account: account(&it)?, email })
        };
        Ok(listed(&self.client).await?.into_iter().filter_map(with_email).collect())
    }
}

/// All accounts as Organizations has them.
///
/// # Errors
/// [`CloudError`]; half a list is none.
pub(crate) async fn listed(client: &Client) -> Result<Vec<types::Account>, CloudError> {
    let (mut accounts, mut next) = (Vec::new(), None);
    loop {
        let page = page(client, next).await?;
        next = page.next_token;
        accounts.extend(page.accounts.unwrap_or_default());
        if next.is_none() {
            return Ok(accounts);
        }
        tokio::time::sleep(BETWEEN_PAGES).await;
    }
}

/// An account as Organizations has it; `None` where it has none of this id.
///
/// # Errors
/// [`CloudError`]
pub(crate) async fn described(client: &Client, id: &AccountId) -> Result<Option<types::Account>, CloudError> {
    match client.describe_account().account_id(id.as_str()).send().await {
        Ok(answer) => match answer.account {
            Some(account) => Ok(Some(account)),
            None => Err(unusable("organizations:DescribeAccount", id.as_str(), "it has no account")),
        },
        Err(error) => match CloudError::of("organizations:DescribeAccount", id.as_str(), &error) {
            missing if missing.says_missing() => Ok(None),
            other => Err(other),
        },
    }
}

/// An answer that lacks what every one has: what it says of the others may lack something as well.
pub(crate) fn unusable(operation: &'static str, subject: &str, lacks: &str) -> CloudError {
    CloudError::of_cause(operation, subject, Cause::Response(lacks.to_owned()))
}

const LIST: &str = "organizations:ListAccounts";

async fn page(client: &Client, next: Option<String>) -> Result<ListAccountsOutput, CloudError> {
    let answer = client.list_accounts().set_next_token(next).send().await;
    let page = answer.map_err(|error| CloudError::of(LIST, "all", &error))?;
    match page.accounts.is_some() {
        true => Ok(page),
        false => Err(unusable(LIST, "all", "it has no accounts")),
    }
}

/// Where an account is in its life.
pub(crate) fn state_of(account: &types::Account) -> AccountState {
    #[allow(deprecated, reason = "`State` supersedes `Status` on AWS; older endpoints answer only `Status`")]
    let status = account.status();
    AccountState::of(account.state().map(|it| it.as_str()), status.map(|it| it.as_str()))
}

/// Whether an account can be worked in.
pub(crate) fn is_active(account: &types::Account) -> bool {
    state_of(account).is_active()
}

/// `None` for one without the id that every account has.
fn account(account: &types::Account) -> Option<Account> {
    Some(Account {
        id: account.id()?.parse().ok()?,
        name: account.name().unwrap_or_default().to_owned(),
        active: is_active(account),
        created_at_ms: (account.joined_method() == Some(&AccountJoinedMethod::Created))
            .then(|| account.joined_timestamp().and_then(|at| at.to_millis().ok()))
            .flatten()
            .and_then(|at| u64::try_from(at).ok()),
    })
}

impl Organization for AwsOrganization {
    async fn account(&self, id: &AccountId) -> Result<Option<Account>, CloudError> {
        Ok(described(&self.client, id).await?.as_ref().and_then(account))
    }

    async fn page(&self, next: Option<&str>) -> Result<AccountPage, CloudError> {
        let page = page(&self.client, next.map(str::to_owned)).await?;
        // Of an account that is left out nobody knows that its name is taken.
        let accounts: Option<_> = page.accounts().iter().map(account).collect();
        let accounts = accounts.ok_or_else(|| unusable(LIST, "all", "an account has no id"))?;
        Ok(AccountPage { accounts, next: page.next_token().map(str::to_owned) })
    }
}
