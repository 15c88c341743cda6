//! AWS Organizations, as the hub account sees it (by delegation from the management account).

use aws_sdk_organizations::Client;
use aws_sdk_organizations::operation::list_accounts::ListAccountsOutput;
use aws_sdk_organizations::types::{AccountJoinedMethod, AccountStatus};
use phonehome_cloud::{Account, AccountPage, AccountWithEmail, CloudError, Organization};
use phonehome_wire::AccountId;

use phonehome_aws::{OfSdk as _, Session};

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
        let (mut accounts, mut next) = (Vec::new(), None);
        loop {
            let page = self.list(next).await?;
            let known = page.accounts().iter().filter_map(|it| {
                let email = it.email().unwrap_or_default().to_owned();
                Some(AccountWithEmail { account: account(it)?, email })
            });
            accounts.extend(known);
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(accounts);
            }
        }
    }

    async fn list(&self, next: Option<String>) -> Result<ListAccountsOutput, CloudError> {
        let answer = self.client.list_accounts().set_next_token(next).send().await;
        answer.map_err(|error| CloudError::of("organizations:ListAccounts", "all", &error))
    }
}

/// Whether an account can be worked in: not suspended, not being closed.
pub(crate) fn is_active(account: &aws_sdk_organizations::types::Account) -> bool {
    #[allow(deprecated, reason = "`State` supersedes `Status` on AWS; older endpoints answer only `Status`")]
    let status = account.status();
    match account.state() {
        Some(state) => state.as_str() == "ACTIVE",
        None => status == Some(&AccountStatus::Active),
    }
}

/// `None` for one without the id that every account has.
fn account(account: &aws_sdk_organizations::types::Account) -> Option<Account> {
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
        match self.client.describe_account().account_id(id.as_str()).send().await {
            Ok(answer) => Ok(answer.account().and_then(account)),
            Err(error) => match CloudError::of("organizations:DescribeAccount", id.as_str(), &error) {
                missing if missing.says_missing() => Ok(None),
                other => Err(other),
            },
        }
    }

    async fn page(&self, next: Option<&str>) -> Result<AccountPage, CloudError> {
        let page = self.list(next.map(str::to_owned)).await?;
        let accounts = page.accounts().iter().filter_map(account).collect();
        Ok(AccountPage { accounts, next: page.next_token().map(str::to_owned) })
    }
}
