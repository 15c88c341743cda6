//! What the organization's StackSets give to each new account.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use phonehome_localcloud::{Account, Deployment, LocalCloud, MANAGEMENT_ACCOUNT, Place, REGION};

/// The accounts that were made since, each with the platform team's boundary and then `infra/member-role.yaml`: a starter pack
/// that phonehome makes finds the boundary there.
///
/// # Errors
/// A stack fails.
pub(crate) async fn new_accounts(local_cloud: &LocalCloud) -> Result<Vec<Account>> {
    let new = local_cloud.new_accounts().await?;
    if new.is_empty() {
        return Ok(new);
    }
    let accounts: Vec<String> = new.iter().map(|account| account.id.clone()).collect();
    let boundary = Deployment {
        place: Place::new(MANAGEMENT_ACCOUNT, REGION),
        stack: "platform-boundary".to_owned(),
        template: Path::new(env!("CARGO_MANIFEST_DIR")).join("src/story/boundary.yaml"),
        parameters: BTreeMap::new(),
        artifacts: BTreeMap::new(),
    };
    local_cloud.control.deploy_to(&boundary, &accounts).await.context("deploying the boundary")?;
    local_cloud.deploy_member_role(&accounts).await?;
    Ok(new)
}
