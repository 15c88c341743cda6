//! Machine users and the secrets that their access keys are stored in. No key is in a template: it would be seen by whoever
//! may read that.

use phonehome_fleet::MachineUser as Declared;
use phonehome_machine_users::Rules;
use serde_json::{Map, Value, json};

use crate::called::{IDENTITY_PATH, SECRET_PREFIX};
use crate::pack::Pack;
use crate::resource::kept;
use crate::roles::{logical_id, policy_arn};

const DAY_MS: u64 = 24 * 60 * 60_000;

/// A machine user whose access key is looked after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineUser {
    /// Its name.
    pub name: String,
    /// The secret with its key, by its name.
    pub secret: String,
    /// How often the key is rotated.
    pub rules: Rules,
}

impl Pack {
    /// The machine users: in the home Region alone.
    #[must_use]
    pub fn machine_users(&self) -> Vec<MachineUser> {
        let users = self.declared.machine_users.iter().filter(|_| self.is_home());
        let days = |days: u32| u64::from(days) * DAY_MS;
        let user = |user: &Declared| MachineUser {
            name: user.name.clone(),
            secret: format!("{SECRET_PREFIX}{}", user.name),
            rules: Rules { rotate_after_ms: days(user.rotate_days), overlap_ms: days(user.overlap_days) },
        };
        users.map(user).collect()
    }
}

pub(crate) fn resources(users: &[Declared]) -> Map<String, Value> {
    let mut resources = Map::new();
    for user in users {
        resources.insert(logical_id("MachineUser", &user.name), machine_user(user));
        // It is empty until the first key is made, and encrypted with Secrets Manager's own key of the account.
        let properties = json!({
            "Name": format!("{SECRET_PREFIX}{}", user.name),
            "Description": format!("Access key of the IAM user {IDENTITY_PATH}{}, rotated by phonehome", user.name),
        });
        let secret = kept("AWS::SecretsManager::Secret", properties);
        resources.insert(logical_id("AccessKey", &user.name), secret);
    }
    resources
}

fn machine_user(user: &Declared) -> Value {
    let policies: Vec<Value> = user.managed_policies.iter().map(|name| policy_arn(name)).collect();
    let mut properties =
        json!({ "UserName": user.name, "Path": IDENTITY_PATH, "ManagedPolicyArns": policies });
    if let Some(boundary) = &user.permissions_boundary {
        properties["PermissionsBoundary"] = policy_arn(boundary);
    }
    kept("AWS::IAM::User", properties)
}
