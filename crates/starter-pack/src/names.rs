//! What everything is called in an account: known before anything is there.

use phonehome_wire::{AccountId, partition};
use serde::Serialize;

use crate::called::{IDENTITY_PATH, KEY_ALIAS, LOCK_TABLE, provider_arn};
use crate::machine_users::MachineUser;
use crate::observed::ObservabilityNames;
use crate::pack::Pack;

/// What an account's starter pack is called in a Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Names {
    /// The key's alias, `alias/phonehome`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_alias: Option<String>,
    /// The ARN of that alias, which takes a key's place wherever AWS takes an alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_alias_arn: Option<String>,
    /// The bucket for Terraform's state, with its lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
    /// The bucket for access logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bucket: Option<String>,
    /// The ARN of GitHub's identity provider, in the home Region of an account with deploy roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_provider_arn: Option<String>,
    /// Deploy roles, in the home Region alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deploy_roles: Vec<RoleName>,
    /// Roles for people of other accounts, in the home Region alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_roles: Vec<RoleName>,
    /// Machine users, in the home Region alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub machine_users: Vec<MachineUserName>,
    /// What it is observed with, in the home Region alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<ObservabilityNames>,
}

/// A machine user and where its access key is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MachineUserName {
    /// As declared.
    pub name: String,
    /// With its path.
    pub arn: String,
    /// The secret with its access key, by its name.
    pub secret: String,
}

/// Where Terraform keeps its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backend {
    /// The bucket.
    pub bucket: String,
    /// Its Region.
    pub region: String,
    /// The table of locks, where one is declared; otherwise S3 keeps the lock itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_table: Option<String>,
}

/// A role by its name and its ARN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleName {
    /// As declared.
    pub name: String,
    /// With its path.
    pub arn: String,
}

impl Pack {
    /// What it is called in an account.
    #[must_use]
    pub fn names(&self, account: &AccountId) -> Names {
        let (declared, region) = (&self.declared, self.region.as_str());
        let partition = partition(region);
        let bucket = |prefix: &str| format!("{prefix}-{account}-{region}-an");
        let role = |name: &str| RoleName {
            name: name.to_owned(),
            arn: format!("arn:{partition}:iam::{account}:role{IDENTITY_PATH}{name}"),
        };
        let backend = declared.state_bucket.as_ref().map(|state| Backend {
            bucket: bucket(&state.name),
            region: region.to_owned(),
            lock_table: state.lock_table.then(|| LOCK_TABLE.to_owned()),
        });
        let deploy_roles = declared.deploy_roles.iter().filter(|_| self.is_home());
        let deploy_roles: Vec<RoleName> = deploy_roles.map(|it| role(&it.name)).collect();
        let user = |user: MachineUser| MachineUserName {
            arn: format!("arn:{partition}:iam::{account}:user{IDENTITY_PATH}{}", user.name),
            name: user.name,
            secret: user.secret,
        };
        let access_roles = declared.access_roles.iter().filter(|_| self.is_home());
        Names {
            key_alias: declared.key.then(|| KEY_ALIAS.to_owned()),
            key_alias_arn: declared
                .key
                .then(|| format!("arn:{partition}:kms:{region}:{account}:{KEY_ALIAS}")),
            backend,
            log_bucket: declared.log_bucket.as_ref().map(|log| bucket(&log.name)),
            oidc_provider_arn: (!deploy_roles.is_empty()).then(|| provider_arn(partition, account)),
            deploy_roles,
            access_roles: access_roles.map(|it| role(&it.name)).collect(),
            machine_users: self.machine_users().into_iter().map(user).collect(),
            observability: self.observability_names(account),
        }
    }
}
