//! What the pack's own roles may do.

use phonehome_fleet::{ForwardTo, LogBucket, StateBucket};
use serde_json::{Value, json};

use crate::called::{KEY_ALIAS, LOCK_TABLE};
use crate::resource::filled_in;

/// The account's bucket of this prefix in every Region: names that end so are its own.
fn in_each_region(prefix: &str, below: &str) -> Value {
    filled_in(format!("arn:${{AWS::Partition}}:s3:::{prefix}-${{AWS::AccountId}}-*-an{below}"))
}

/// What Terraform needs of its state (<https://developer.hashicorp.com/terraform/language/backend/s3>). It may take away its
/// lock, and no state.
pub(crate) fn state(state: &StateBucket) -> Value {
    let mut statements = vec![
        json!({ "Effect": "Allow", "Action": "s3:ListBucket", "Resource": in_each_region(&state.name, "") }),
        json!({
            "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": in_each_region(&state.name, "/*"),
        }),
        json!({
            "Effect": "Allow", "Action": "s3:DeleteObject", "Resource": in_each_region(&state.name, "/*.tflock"),
        }),
        // The account's own key is known by its alias; of other keys this says nothing.
        json!({
            "Effect": "Allow", "Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
            "Resource": filled_in("arn:${AWS::Partition}:kms:*:${AWS::AccountId}:key/*"),
            "Condition": { "ForAnyValue:StringEquals": { "kms:ResourceAliases": KEY_ALIAS } },
        }),
    ];
    if state.lock_table {
        let table = format!("arn:${{AWS::Partition}}:dynamodb:*:${{AWS::AccountId}}:table/{LOCK_TABLE}");
        statements.push(json!({
            "Effect": "Allow",
            "Action": ["dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"],
            "Resource": filled_in(table),
        }));
    }
    statements.into()
}

/// What S3 needs to copy logs
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html>).
pub(crate) fn forwarding(log: &LogBucket, forward_to: &ForwardTo) -> Value {
    json!([
        {
            "Effect": "Allow", "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"],
            "Resource": in_each_region(&log.name, ""),
        },
        {
            "Effect": "Allow",
            "Action": [
                "s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging",
            ],
            "Resource": in_each_region(&log.name, "/*"),
        },
        {
            "Effect": "Allow",
            "Action": ["s3:ReplicateObject", "s3:ReplicateTags", "s3:ObjectOwnerOverrideToBucketOwner"],
            "Resource": filled_in(format!("arn:${{AWS::Partition}}:s3:::{}/*", forward_to.bucket)),
        },
    ])
}
