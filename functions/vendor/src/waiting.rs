//! The lines that are to get an account, by the names of all accounts that there are.

use std::collections::BTreeSet;

use phonehome_cloud::table::{Table, TableError};
use phonehome_cloud::{Account, Cause, CloudError, Organization, Queue, WallClock};
use phonehome_fleet::Bindings;
use phonehome_vending::{AccountFactory, LookUp, Unseen, VendingFinding, Wanted, looked, wanted};

use crate::handler::Vending;
use crate::lazily::OpenVending;
use crate::look::Look;

/// All accounts of the organization: listed once in an invocation, for each page is a call of those that all callers share.
#[derive(Debug, Default)]
pub(crate) enum Names {
    #[default]
    NotListed,
    Listed(Vec<Account>),
    /// Organizations did not answer: it is asked again in the next invocation.
    Unseen,
}

/// What there is to make.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) wanted: Vec<Wanted>,
    /// What is to be told of other lines.
    pub(crate) findings: Vec<VendingFinding>,
    /// Whether all lines were looked at: else nothing that was told of one is over because it is not found.
    pub(crate) is_whole: bool,
}

impl<T: Table + Clone, Q: Queue, O: Organization, W: OpenVending, C: WallClock> Vending<T, Q, O, W, C> {
    /// Without the names of all accounts no line is to get one: somebody else's may have the name of a line's. What is under
    /// way goes on.
    pub(crate) async fn waiting(
        &self,
        look: &Look,
        bindings: &Bindings,
        names: &mut Names,
    ) -> Result<Waiting, TableError> {
        if look.waiting(bindings).is_empty() {
            return Ok(Waiting { is_whole: !bindings.is_partial(), ..Waiting::default() });
        }
        let all = match look.factory() {
            AccountFactory::Phonehome => {
                if matches!(names, Names::NotListed) {
                    *names = self.list().await?;
                }
                match names {
                    Names::Listed(accounts) => accounts.as_slice(),
                    Names::Unseen | Names::NotListed => return Ok(Waiting::default()),
                }
            }
            AccountFactory::ControlTower => &[],
        };
        let (wanted, findings) = wanted(look.fleet(), bindings, all, &look.emails(), &look.permitted);
        Ok(Waiting { wanted, findings, is_whole: !bindings.is_partial() })
    }

    /// Lists the organization, and stores whether it answered: while it does not, nothing is asked for, and people hear why.
    async fn list(&self) -> Result<Names, TableError> {
        let listed = self.organization.accounts().await.and_then(with_names);
        let unseen = listed.as_ref().err().map(|error| Unseen::of(LookUp::Names, error));
        let answered: BTreeSet<LookUp> = listed.is_ok().then_some(LookUp::Names).into_iter().collect();
        looked(&self.table, &answered, unseen.as_ref(), self.clock.now_ms()).await?;
        Ok(match listed {
            Ok(accounts) => Names::Listed(accounts),
            Err(error) => {
                tracing::warn!(%error, "the organization could not be listed: no line is to get an account");
                Names::Unseen
            }
        })
    }
}

/// A list in which an account has no name does not say which names there are.
fn with_names(accounts: Vec<Account>) -> Result<Vec<Account>, CloudError> {
    match accounts.iter().find(|account| account.name.is_empty()) {
        None => Ok(accounts),
        Some(account) => {
            let cause = Cause::Response("it has no name".to_owned());
            Err(CloudError::of_cause("organizations:ListAccounts", account.id.as_str(), cause))
        }
    }
}
