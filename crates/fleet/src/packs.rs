//! What one account gets beside its network, when all layers of the file are put together.

use phonehome_wire::Region;
use serde::Serialize;

use crate::members::Member;
use crate::model::{
    AccessRole, DeployRole, Domain, Environment, Fleet, LogBucket, MachineUser, Observability, OidcProvider,
    Repository, StarterPack, StateBucket, Toggle,
};

/// What an account gets beside its network, as declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeclaredPack {
    /// The Region in which its roles and its identity provider are kept.
    pub home_region: Region,
    /// Whether it gets a KMS key.
    pub key: bool,
    /// Its bucket for Terraform's state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_bucket: Option<StateBucket>,
    /// Its bucket for access logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bucket: Option<LogBucket>,
    /// Whose its identity provider is.
    pub oidc_provider: OidcProvider,
    /// Roles for GitHub's workflows, each with its repositories, its boundary and the names of its environments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deploy_roles: Vec<DeployRole>,
    /// Roles for people of other accounts, each with its boundary.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_roles: Vec<AccessRole>,
    /// Users for pipelines that cannot have a role, each with its boundary.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub machine_users: Vec<MachineUser>,
    /// The boundary of the role that forwards logs, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarding_boundary: Option<String>,
    /// Where it is observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<Observability>,
    /// The boundary of the role by which the vendor sees it, and of those of the metric stream, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability_boundary: Option<String>,
}

impl DeclaredPack {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.key && self.state_bucket.is_none() && self.log_bucket.is_none() && !self.has_identities()
    }

    /// Whether any role or user is declared, which is kept in the home Region alone.
    #[must_use]
    pub fn has_identities(&self) -> bool {
        !self.deploy_roles.is_empty()
            || !self.access_roles.is_empty()
            || !self.machine_users.is_empty()
            || self.observability.is_some()
    }
}

impl DeployRole {
    /// The subjects of a repository's tokens that may assume it: each compared as it stands. A token's subject carries an
    /// environment or a branch, never both, and one for a pull request neither
    /// (<https://docs.github.com/en/actions/reference/security/oidc>).
    #[must_use]
    pub fn subjects_of(&self, repository: &Repository) -> Vec<String> {
        let prefix = repository.subject_prefix();
        let environments = self.github_environments.iter();
        let environments = environments.map(|name| format!("{prefix}:environment:{name}"));
        let branches = self.branches.iter().map(|name| format!("{prefix}:ref:refs/heads/{name}"));
        environments.chain(branches).collect()
    }
}

/// One layer over a wider one: what it says goes before.
pub(crate) fn over(own: Option<&StarterPack>, wider: StarterPack) -> StarterPack {
    let Some(own) = own.cloned() else { return wider };
    StarterPack {
        enabled: own.enabled.or(wider.enabled),
        home_region: own.home_region.or(wider.home_region),
        key: own.key.or(wider.key),
        state_bucket: own.state_bucket.or(wider.state_bucket),
        log_bucket: own.log_bucket.or(wider.log_bucket),
        oidc_provider: own.oidc_provider.or(wider.oidc_provider),
        repositories: own.repositories.or(wider.repositories),
        permissions_boundary: own.permissions_boundary.or(wider.permissions_boundary),
        deploy_roles: own.deploy_roles.or(wider.deploy_roles),
        access_roles: own.access_roles.or(wider.access_roles),
        machine_users: own.machine_users.or(wider.machine_users),
        observability: own.observability.or(wider.observability),
    }
}

fn on<T>(toggle: Option<Toggle<T>>) -> Option<T> {
    match toggle? {
        Toggle::On(it) => Some(it),
        Toggle::Off => None,
    }
}

/// What the layers come to for one line; `None` where it gets nothing.
pub(crate) fn declared(
    file: Option<&StarterPack>,
    environment: &Environment,
    domain: &Domain,
    first_region: &Region,
) -> Option<DeclaredPack> {
    let whole = over(file, StarterPack::default());
    let whole = over(environment.starter_pack.as_ref(), whole);
    let whole = over(domain.starter_pack.as_ref(), whole);
    if whole.enabled == Some(false) {
        return None;
    }
    let filled =
        |text: &String| text.replace("{domain}", &domain.name).replace("{environment}", &environment.name);
    let repositories = whole.repositories.unwrap_or_default();
    let boundary = whole.permissions_boundary;
    let deploy_roles = whole.deploy_roles.unwrap_or_default().into_iter().map(|role| DeployRole {
        repositories: if role.repositories.is_empty() { repositories.clone() } else { role.repositories },
        github_environments: role.github_environments.iter().map(filled).collect(),
        permissions_boundary: role.permissions_boundary.or_else(|| boundary.clone()),
        ..role
    });
    let access_roles = whole.access_roles.unwrap_or_default().into_iter().map(|role| AccessRole {
        permissions_boundary: role.permissions_boundary.or_else(|| boundary.clone()),
        ..role
    });
    let machine_users = whole.machine_users.unwrap_or_default().into_iter().map(|user| MachineUser {
        permissions_boundary: user.permissions_boundary.or_else(|| boundary.clone()),
        ..user
    });
    let log_bucket = on(whole.log_bucket);
    let observability = on(whole.observability);
    let forwards = log_bucket.as_ref().is_some_and(|log| log.forward_to.is_some());
    let pack = DeclaredPack {
        home_region: whole.home_region.unwrap_or_else(|| first_region.clone()),
        key: whole.key.unwrap_or_default(),
        state_bucket: on(whole.state_bucket),
        log_bucket,
        oidc_provider: whole.oidc_provider.unwrap_or_default(),
        deploy_roles: deploy_roles.collect(),
        access_roles: access_roles.collect(),
        machine_users: machine_users.collect(),
        forwarding_boundary: boundary.clone().filter(|_| forwards),
        observability_boundary: boundary.filter(|_| observability.is_some()),
        observability,
    };
    (!pack.is_empty()).then_some(pack)
}

impl Fleet {
    /// What an account of the file gets beside its network; `None` where nothing is declared for it.
    #[must_use]
    pub fn starter_pack_of(&self, member: &Member) -> Option<DeclaredPack> {
        let (domain, environment) = (self.domain(&member.domain)?, self.environment(&member.environment)?);
        let first = &self.regions.first()?.name;
        declared(self.starter_pack.as_ref(), environment, domain, first)
    }

    /// The account at the observability vendor that the file names for an account.
    #[must_use]
    pub fn observability_account_of(&self, member: &Member) -> Option<u32> {
        let entries = &self.domain(&member.domain)?.environments;
        entries.iter().find(|entry| entry.name == member.environment)?.observability_account
    }
}
