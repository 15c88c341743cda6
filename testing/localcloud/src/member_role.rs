//! The service-managed StackSet with automatic deployment: `infra/member-role.yaml` in every account.

use std::sync::PoisonError;

use anyhow::{Context, Result};

use crate::local_cloud::{HUB_ACCOUNT, LocalCloud, MANAGEMENT_ACCOUNT, REGION};
use crate::{Account, Place};

impl LocalCloud {
    /// Deploys the member role to these accounts. As with a StackSet's own role, what the account has for
    /// its administrators does not matter.
    ///
    /// # Errors
    /// When a stack fails.
    pub async fn deploy_member_role(&self, accounts: &[String]) -> Result<()> {
        let member = self.deployment(
            Place::new(MANAGEMENT_ACCOUNT, REGION),
            "phonehome-member",
            "member-role.yaml",
            &[
                ("HubAccountId", HUB_ACCOUNT),
                ("HubBusArn", self.output("BusArn")?),
                ("StarterPack", "true"),
                ("AccountSettings", "true"),
            ],
        );
        self.control.deploy_to(&member, accounts).await.context("deploying infra/member-role.yaml")?;
        let mut with_it = self.with_member_role.lock().unwrap_or_else(PoisonError::into_inner);
        with_it.extend(accounts.iter().cloned());
        Ok(())
    }

    /// The same for the accounts of the organization that do not have it, whoever created them; answers with
    /// those. Management and hub are not among the accounts that the StackSet is for.
    ///
    /// # Errors
    /// When a stack fails.
    pub async fn deploy_to_new_accounts(&self) -> Result<Vec<Account>> {
        let accounts = self.new_accounts().await?;
        if !accounts.is_empty() {
            let ids: Vec<String> = accounts.iter().map(|account| account.id.clone()).collect();
            self.deploy_member_role(&ids).await?;
        }
        Ok(accounts)
    }

    /// The accounts of the organization that do not have the member role.
    ///
    /// # Errors
    /// The emulator does not answer.
    pub async fn new_accounts(&self) -> Result<Vec<Account>> {
        let mut accounts = self.control.accounts().await?;
        accounts.retain(|account| self.lacks_member_role(&account.id));
        Ok(accounts)
    }

    fn lacks_member_role(&self, account: &str) -> bool {
        let with_it = self.with_member_role.lock().unwrap_or_else(PoisonError::into_inner);
        ![MANAGEMENT_ACCOUNT, HUB_ACCOUNT].contains(&account) && !with_it.contains(account)
    }
}
