//! What is in the home Region alone: the identity provider and the roles.

use std::collections::BTreeMap;

use phonehome_fleet::{AccessRole, DeclaredPack, DeployRole, OidcProvider, Repository, SubjectForm};
use phonehome_wire::partition;
use serde_json::{Map, Value, json};

use crate::called::{FORWARDING_ROLE, IDENTITY_PATH, PROVIDER};
use crate::policies;
use crate::resource::{filled_in, kept};

/// The audience of the tokens that GitHub's own action asks for
/// (<https://github.com/aws-actions/configure-aws-credentials>).
pub const AUDIENCE: &str = "sts.amazonaws.com";

pub(crate) fn resources(declared: &DeclaredPack) -> Map<String, Value> {
    let mut resources = Map::new();
    if has_provider(declared) {
        let properties = json!({ "Url": format!("https://{PROVIDER}"), "ClientIdList": [AUDIENCE] });
        resources.insert("GitHubProvider".to_owned(), kept("AWS::IAM::OIDCProvider", properties));
    }
    for role in &declared.deploy_roles {
        resources.insert(logical_id("DeployRole", &role.name), deploy_role(declared, role));
    }
    for role in &declared.access_roles {
        resources.insert(logical_id("AccessRole", &role.name), access_role(role));
    }
    if let Some((log, forward_to)) =
        declared.log_bucket.as_ref().and_then(|it| Some((it, it.forward_to.as_ref()?)))
    {
        let policy = policies::forwarding(log, forward_to);
        let trust = json!([{
            "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" }, "Action": "sts:AssumeRole",
        }]);
        let boundary = declared.forwarding_boundary.as_deref();
        let role = role(FORWARDING_ROLE, &trust, &[], boundary, Some(("forward", policy)));
        resources.insert("LogForwardingRole".to_owned(), role);
    }
    resources
}

/// Whether roles refer to an identity provider that is the team's own.
pub(crate) fn refers_to_provider(declared: &DeclaredPack) -> bool {
    !declared.deploy_roles.is_empty() && declared.oidc_provider == OidcProvider::Theirs
}

/// Whether GitHub's identity provider is in the stack.
fn has_provider(declared: &DeclaredPack) -> bool {
    !declared.deploy_roles.is_empty() && declared.oidc_provider == OidcProvider::Ours
}

/// A role's or a user's own, whatever else is declared: letters and digits as they are, everything else as `Z` and its code.
pub(crate) fn logical_id(kind: &str, name: &str) -> String {
    let written = |c: char| match c {
        'Z' => "Z5a".to_owned(),
        c if c.is_ascii_alphanumeric() => c.to_string(),
        c => format!("Z{:02x}", u32::from(c)),
    };
    kind.chars().map(String::from).chain(name.chars().map(written)).collect()
}

pub(crate) fn role(
    name: &str,
    trust: &Value,
    managed: &[String],
    boundary: Option<&str>,
    own: Option<(&str, Value)>,
) -> Value {
    let mut properties = json!({
        "RoleName": name,
        "Path": IDENTITY_PATH,
        "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": trust },
    });
    if !managed.is_empty() {
        properties["ManagedPolicyArns"] = managed.iter().map(|name| policy_arn(name)).collect();
    }
    if let Some(boundary) = boundary {
        properties["PermissionsBoundary"] = policy_arn(boundary);
    }
    if let Some((name, statements)) = own {
        let document = json!({ "Version": "2012-10-17", "Statement": statements });
        properties["Policies"] = json!([{ "PolicyName": name, "PolicyDocument": document }]);
    }
    kept("AWS::IAM::Role", properties)
}

/// One of AWS's, in the partition of the account; or one of the account's own.
pub(crate) fn policy_arn(policy: &str) -> Value {
    match policy.split_once(":iam::aws:policy/") {
        Some((_, name)) => filled_in(format!("arn:${{AWS::Partition}}:iam::aws:policy/{name}")),
        None => filled_in(format!("arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:policy/{policy}")),
    }
}

fn deploy_role(declared: &DeclaredPack, it: &DeployRole) -> Value {
    let provider = match has_provider(declared) {
        true => json!({ "Ref": "GitHubProvider" }),
        false => {
            filled_in(format!("arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:oidc-provider/{PROVIDER}"))
        }
    };
    let trust: Vec<Value> =
        it.repositories.iter().map(|repository| trust(declared, it, repository, &provider)).collect();
    let state = declared.state_bucket.as_ref().map(|state| ("state", policies::state(state)));
    let boundary = it.permissions_boundary.as_deref();
    role(&it.name, &trust.into(), &it.managed_policies, boundary, state)
}

/// Each value is compared as it stands: audience, subject, and the repository's id, which nobody gets again when a name
/// becomes free. AWS compares the id in its commercial partition
/// (<https://aws.amazon.com/about-aws/whats-new/2026/01/aws-sts-supports-validation-identity-provider-claims/>). In others
/// it is compared where the subject does not carry it, so that a role is out of use there rather than open.
fn trust(declared: &DeclaredPack, role: &DeployRole, repository: &Repository, provider: &Value) -> Value {
    let mut equal = Map::new();
    equal.insert(format!("{PROVIDER}:aud"), AUDIENCE.into());
    equal.insert(format!("{PROVIDER}:sub"), role.subjects_of(repository).into());
    if partition(&declared.home_region) == "aws" || repository.subject == SubjectForm::Names {
        equal.insert(format!("{PROVIDER}:repository_id"), repository.id.to_string().into());
    }
    json!({
        "Effect": "Allow", "Principal": { "Federated": provider }, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": { "StringEquals": equal },
    })
}

/// The other account is named, which is always there, and by a condition its roles: one that is not there yet stops no
/// stack, and one that is made anew is let in again.
fn access_role(it: &AccessRole) -> Value {
    let mut accounts: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for trusted in &it.trusted {
        let arn =
            filled_in(format!("arn:${{AWS::Partition}}:iam::{}:role/{}", trusted.account, trusted.role));
        accounts.entry(&trusted.account).or_default().push(arn);
    }
    let statement = |(account, roles): (&str, Vec<Value>)| {
        let mut condition = json!({ "ArnEquals": { "aws:PrincipalArn": roles } });
        if let Some(id) = &it.external_id {
            condition["StringEquals"] = json!({ "sts:ExternalId": id });
        }
        json!({
            "Effect": "Allow", "Action": "sts:AssumeRole", "Condition": condition,
            "Principal": { "AWS": filled_in(format!("arn:${{AWS::Partition}}:iam::{account}:root")) },
        })
    };
    let trust: Vec<Value> = accounts.into_iter().map(statement).collect();
    role(&it.name, &trust.into(), &it.managed_policies, it.permissions_boundary.as_deref(), None)
}
