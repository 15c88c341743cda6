//! What holds data in a template: it stays in the account whatever becomes of the stack.

use serde::Serialize;
use serde_json::Value;

use crate::compare::{named_in, resources};
use crate::kinds::data;

/// Something of a template that holds data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Kept {
    /// What it is: `bucket`, `key`.
    pub what: &'static str,
    /// What it is called, with CloudFormation's `${AWS::AccountId}` and `${AWS::Region}` as they stand; of what has no name
    /// of its own the one in the template.
    pub name: String,
}

impl Kept {
    /// What it is called in an account and Region.
    #[must_use]
    pub fn name_in(&self, account: &str, region: &str) -> String {
        self.name.replace("${AWS::AccountId}", account).replace("${AWS::Region}", region)
    }
}

/// What of a template holds data, in the order of the names in it.
#[must_use]
pub fn kept_data(template: &Value) -> Vec<Kept> {
    let all = resources(template).unwrap_or_default();
    let kept = |(id, resource): (&String, &Value)| {
        let what = data(resource["Type"].as_str().unwrap_or_default())?;
        let properties = &resource["Properties"];
        let named = ["BucketName", "TableName", "Name"].into_iter().find_map(|name| text(&properties[name]));
        let alias = || {
            let mut aliases = all.values().filter(|it| it["Type"] == "AWS::KMS::Alias");
            let alias = aliases.find(|it| named_in(&it["Properties"]["TargetKeyId"]).contains(id))?;
            text(&alias["Properties"]["AliasName"])
        };
        Some(Kept { what, name: named.or_else(alias).unwrap_or_else(|| id.clone()) })
    };
    all.iter().filter_map(kept).collect()
}

/// A text, also where CloudFormation fills something in.
fn text(value: &Value) -> Option<String> {
    value.as_str().or_else(|| value["Fn::Sub"].as_str()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_holds_data_is_named_as_it_is_called_in_the_account() {
        let template = json!({"Resources": {
            "Alias": {"Type": "AWS::KMS::Alias", "Properties": {
                "AliasName": "alias/phonehome", "TargetKeyId": {"Ref": "Key"},
            }},
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {
                "BucketName": {"Fn::Sub": "state-${AWS::AccountId}-${AWS::Region}-an"},
            }},
            "Key": {"Type": "AWS::KMS::Key", "Properties": {}},
            "Other": {"Type": "AWS::KMS::Key"},
            "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Bucket"}}},
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "deploy"}},
            "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "lock"}},
        }});
        let named: Vec<(&str, String)> = kept_data(&template)
            .iter()
            .map(|it| (it.what, it.name_in("111122223333", "eu-west-1")))
            .collect();
        let expected = [
            ("bucket", "state-111122223333-eu-west-1-an"),
            ("key", "alias/phonehome"),
            ("key", "Other"),
            ("table", "lock"),
        ];
        assert_eq!(named, expected.map(|(what, name)| (what, name.to_owned())));
        assert_eq!(kept_data(&Value::String("no template".into())), []);
    }
}
