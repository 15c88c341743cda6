//! What is in each Region of an account: the key, the buckets, the table of locks.

use phonehome_fleet::{DeclaredPack, ForwardTo, LogBucket, StateBucket};
use phonehome_wire::Region;
use serde_json::{Map, Value, json};

use crate::called::{BUCKET_SUFFIX, FORWARDING_ROLE, IDENTITY_PATH, KEY_ALIAS, LOCK_TABLE};
use crate::log_policy;
use crate::resource::{filled_in, kept};

pub(crate) fn resources(declared: &DeclaredPack, region: &Region) -> Map<String, Value> {
    let mut resources = Map::new();
    let mut add = |id: &str, resource: Value| drop(resources.insert(id.to_owned(), resource));
    if declared.key {
        add("Key", key());
        let alias = json!({ "AliasName": KEY_ALIAS, "TargetKeyId": { "Ref": "Key" } });
        add("KeyAlias", kept("AWS::KMS::Alias", alias));
    }
    if let Some(state) = &declared.state_bucket {
        add("StateBucket", state_bucket(state, declared.log_bucket.is_some()));
        add("StateBucketPolicy", policy_of("StateBucket", vec![by_tls_alone("StateBucket")]));
        if state.lock_table {
            add("StateLockTable", lock_table());
        }
    }
    if let Some(log) = &declared.log_bucket {
        add("LogBucket", log_bucket(log, declared.home_region == *region));
        let mut statements = vec![by_tls_alone("LogBucket")];
        statements.extend(log_policy::statements(region));
        add("LogBucketPolicy", policy_of("LogBucket", statements));
    }
    resources
}

/// Its policy names the account itself, which is always there: whoever may is said by IAM, and nobody can lock the
/// account out of it.
fn key() -> Value {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "IamOfThisAccountDecides",
            "Effect": "Allow",
            "Principal": { "AWS": { "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root" } },
            "Action": "kms:*",
            "Resource": "*",
        }],
    });
    let description = "The account's own key, by phonehome";
    kept(
        "AWS::KMS::Key",
        json!({
            "Description": description, "EnableKeyRotation": true, "PendingWindowInDays": 30, "KeyPolicy": policy,
        }),
    )
}

/// In the account's own part of S3's names in the Region: nobody else can have it
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html>).
pub(crate) fn bucket(prefix: &str, encryption: &Value, rules: &Value) -> Value {
    json!({
        "BucketName": filled_in(format!("{prefix}{BUCKET_SUFFIX}")),
        "BucketNamespace": "account-regional",
        "BucketEncryption": { "ServerSideEncryptionConfiguration": [encryption] },
        "OwnershipControls": { "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] },
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
        },
        "VersioningConfiguration": { "Status": "Enabled" },
        "LifecycleConfiguration": { "Rules": rules },
    })
}

fn state_bucket(state: &StateBucket, has_log_bucket: bool) -> Value {
    let key = json!({ "Fn::GetAtt": ["Key", "Arn"] });
    let encryption = json!({
        "BucketKeyEnabled": true,
        "ServerSideEncryptionByDefault": { "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key },
    });
    // However old they are, the newest ten versions stay.
    let expiration = json!({ "NoncurrentDays": state.noncurrent_days, "NewerNoncurrentVersions": 10 });
    let rules = json!([{
        "Id": "older-versions", "Status": "Enabled", "NoncurrentVersionExpiration": expiration,
        "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 7 },
    }]);
    let mut properties = bucket(&state.name, &encryption, &rules);
    if !has_log_bucket {
        return kept("AWS::S3::Bucket", properties);
    }
    properties["LoggingConfiguration"] =
        json!({ "DestinationBucketName": { "Ref": "LogBucket" }, "LogFilePrefix": "s3/state/" });
    let mut resource = kept("AWS::S3::Bucket", properties);
    resource["DependsOn"] = json!("LogBucketPolicy");
    resource
}

/// As Terraform's documentation has it (<https://developer.hashicorp.com/terraform/language/backend/s3>).
fn lock_table() -> Value {
    let key = json!({ "Fn::GetAtt": ["Key", "Arn"] });
    kept(
        "AWS::DynamoDB::Table",
        json!({
            "TableName": LOCK_TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": "LockID", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "LockID", "KeyType": "HASH" }],
            "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": true },
            "SSESpecification": { "SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": key },
            "DeletionProtectionEnabled": true,
        }),
    )
}

/// Encrypted by S3's own keys, for load balancers write to no other bucket
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html>). Versioned, for
/// nothing else is replicated; a version that was written over stays for a day.
fn log_bucket(log: &LogBucket, is_home: bool) -> Value {
    let encryption = json!({ "ServerSideEncryptionByDefault": { "SSEAlgorithm": "AES256" } });
    let rules = json!([
        {
            "Id": "expire", "Status": "Enabled", "ExpirationInDays": log.expire_days,
            "NoncurrentVersionExpiration": { "NoncurrentDays": 1 },
            "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 7 },
        },
        { "Id": "markers", "Status": "Enabled", "ExpiredObjectDeleteMarker": true },
    ]);
    let mut properties = bucket(&log.name, &encryption, &rules);
    let Some(forward_to) = &log.forward_to else { return kept("AWS::S3::Bucket", properties) };
    properties["ReplicationConfiguration"] = replication(forward_to);
    let mut resource = kept("AWS::S3::Bucket", properties);
    if is_home {
        resource["DependsOn"] = json!("LogForwardingRole");
    }
    resource
}

/// The copies belong to the central account. That a log expires here is not copied.
fn replication(forward_to: &ForwardTo) -> Value {
    json!({
        "Role": filled_in(format!("arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role{IDENTITY_PATH}{FORWARDING_ROLE}")),
        "Rules": [{
            "Id": "forward", "Status": "Enabled", "Priority": 1, "Filter": { "Prefix": "" },
            "DeleteMarkerReplication": { "Status": "Disabled" },
            "Destination": {
                "Bucket": filled_in(format!("arn:${{AWS::Partition}}:s3:::{}", forward_to.bucket)),
                "Account": forward_to.account.as_str(),
                "AccessControlTranslation": { "Owner": "Destination" },
            },
        }],
    })
}

pub(crate) fn policy_of(bucket: &str, statements: Vec<Value>) -> Value {
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    kept("AWS::S3::BucketPolicy", json!({ "Bucket": { "Ref": bucket }, "PolicyDocument": policy }))
}

pub(crate) fn by_tls_alone(bucket: &str) -> Value {
    json!({
        "Sid": "ByTlsAlone", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": [filled_in(format!("${{{bucket}.Arn}}")), filled_in(format!("${{{bucket}.Arn}}/*"))],
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    })
}
