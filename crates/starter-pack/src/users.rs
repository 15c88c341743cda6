//! Machine users and the secrets that their access keys are stored in. No key is in a template: it would be seen by whoever
//! may read that.

use phonehome_fleet::MachineUser;
use serde_json::{Map, Value, json};

use crate::called::{IDENTITY_PATH, SECRET_PREFIX};
use crate::resource::kept;
use crate::roles::{logical_id, policy_arn};

pub(crate) fn resources(users: &[MachineUser]) -> Map<String, Value> {
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

fn machine_user(user: &MachineUser) -> Value {
    let policies: Vec<Value> = user.managed_policies.iter().map(|name| policy_arn(name)).collect();
    let mut properties =
        json!({ "UserName": user.name, "Path": IDENTITY_PATH, "ManagedPolicyArns": policies });
    if let Some(boundary) = &user.permissions_boundary {
        properties["PermissionsBoundary"] = policy_arn(boundary);
    }
    kept("AWS::IAM::User", properties)
}
