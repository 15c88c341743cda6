//! The kinds of resources that a pack is made of, and what is known of them.
//!
//! What replaces a resource is from CloudFormation's resource schemas (`createOnlyProperties`,
//! `conditionalCreateOnlyProperties`), as cfn-lint ships them; a test compares. What no schema says is from the page of the
//! type in the documentation.

use serde::Serialize;

use crate::plain::Rule;

/// A KMS key, in US cents a month (<https://aws.amazon.com/kms/pricing/>).
pub const KEY_CENTS: u64 = 100;
/// A secret, in US cents a month (<https://aws.amazon.com/secrets-manager/pricing/>).
pub const SECRET_CENTS: u64 = 40;

/// What would be lost with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Holds {
    /// Data, or what data can be read with: keys, buckets, tables, secrets.
    Data,
    /// Who may do what: roles, users, identity providers.
    Identity,
    /// Nothing of its own.
    Nothing,
}

/// What is paid for what is done with a resource: a list price of `us-east-1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Usage {
    /// In thousandths of a US dollar.
    pub thousandths: u64,
    /// For how much of what: `1,000 metric updates`.
    pub per: &'static str,
    /// By what: `CloudWatch metric streams`.
    pub of: &'static str,
}

/// What is known of a kind.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) holds: Holds,
    /// Properties a change of which makes another resource; or that cannot be changed at all.
    pub(crate) replacing: &'static [&'static str],
    /// Properties a change of which may make another one, by what it is changed to: they count as if it always did.
    pub(crate) perhaps_replacing: &'static [&'static str],
    /// Changes in place that touch no data. Of a kind that holds data every other one may.
    pub(crate) plain: &'static [(&'static str, Rule)],
    /// What one costs a month while nothing is done with it and nothing is in it, in US cents.
    pub(crate) monthly_cents: u64,
    /// What is paid beside, where what is done with one is the whole of its price, and nobody here can guess how much it is.
    pub(crate) usage: Option<Usage>,
}

pub(crate) const KINDS: [Kind; 11] = [
    Kind {
        name: "AWS::KMS::Key",
        holds: Holds::Data,
        // CloudFormation refuses to change them
        // (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html>).
        replacing: &["KeySpec", "KeyUsage", "MultiRegion", "Origin"],
        perhaps_replacing: &[],
        plain: &[
            ("Description", Rule::Any),
            ("EnableKeyRotation", Rule::OnlyOn),
            ("RotationPeriodInDays", Rule::Any),
            ("Tags", Rule::Any),
        ],
        monthly_cents: KEY_CENTS,
        usage: None,
    },
    Kind {
        name: "AWS::KMS::Alias",
        holds: Holds::Nothing,
        replacing: &["AliasName"],
        perhaps_replacing: &[],
        plain: &[],
        monthly_cents: 0,
        usage: None,
    },
    Kind {
        name: "AWS::S3::Bucket",
        holds: Holds::Data,
        replacing: &["BucketName", "BucketNamePrefix", "BucketNamespace"],
        perhaps_replacing: &[],
        plain: &[
            ("LifecycleConfiguration", Rule::NothingGoesSooner),
            ("LoggingConfiguration", Rule::Any),
            ("PublicAccessBlockConfiguration", Rule::OnlyOn),
            ("ReplicationConfiguration", Rule::Any),
            ("Tags", Rule::Any),
            ("VersioningConfiguration", Rule::OnlyOn),
        ],
        monthly_cents: 0,
        usage: None,
    },
    Kind {
        name: "AWS::S3::BucketPolicy",
        holds: Holds::Nothing,
        replacing: &["Bucket"],
        perhaps_replacing: &[],
        plain: &[],
        monthly_cents: 0,
        usage: None,
    },
    Kind {
        name: "AWS::DynamoDB::Table",
        holds: Holds::Data,
        replacing: &["ImportSourceSpecification", "TableName"],
        perhaps_replacing: &["KeySchema"],
        plain: &[
            ("DeletionProtectionEnabled", Rule::OnlyOn),
            ("PointInTimeRecoverySpecification", Rule::OnlyOn),
            ("Tags", Rule::Any),
        ],
        // On demand, as it is declared.
        monthly_cents: 0,
        usage: None,
    },
    Kind {
        name: "AWS::SecretsManager::Secret",
        holds: Holds::Data,
        replacing: &["Name"],
        perhaps_replacing: &[],
        plain: &[("Description", Rule::Any), ("Tags", Rule::Any)],
        monthly_cents: SECRET_CENTS,
        usage: None,
    },
    Kind {
        name: "AWS::IAM::Role",
        holds: Holds::Identity,
        replacing: &["Path", "RoleName"],
        perhaps_replacing: &[],
        plain: &[],
        monthly_cents: 0,
        usage: None,
    },
    Kind {
        name: "AWS::IAM::User",
        holds: Holds::Identity,
        replacing: &["UserName"],
        perhaps_replacing: &[],
        plain: &[],
        monthly_cents: 0,
        usage: None,
    },
    Kind {
        name: "AWS::IAM::OIDCProvider",
        holds: Holds::Identity,
        replacing: &["Url"],
        perhaps_replacing: &[],
        plain: &[],
        monthly_cents: 0,
        usage: None,
    },
    Kind {
        name: "AWS::KinesisFirehose::DeliveryStream",
        holds: Holds::Nothing,
        // Of most destinations one part alone; a pack has none of those.
        replacing: &[
            "AmazonOpenSearchServerlessDestinationConfiguration",
            "AmazonopensearchserviceDestinationConfiguration",
            "DatabaseSourceConfiguration",
            "DeliveryStreamName",
            "DeliveryStreamType",
            "DirectPutSourceConfiguration",
            "ElasticsearchDestinationConfiguration",
            "IcebergDestinationConfiguration",
            "KinesisStreamSourceConfiguration",
            "MSKSourceConfiguration",
            "SnowflakeDestinationConfiguration",
        ],
        perhaps_replacing: &[],
        plain: &[],
        monthly_cents: 0,
        // <https://aws.amazon.com/firehose/pricing/>
        usage: Some(Usage { thousandths: 29, per: "GB", of: "Firehose" }),
    },
    Kind {
        name: "AWS::CloudWatch::MetricStream",
        holds: Holds::Nothing,
        replacing: &["Name"],
        perhaps_replacing: &[],
        plain: &[],
        monthly_cents: 0,
        // <https://aws.amazon.com/cloudwatch/pricing/>
        usage: Some(Usage { thousandths: 3, per: "1,000 metric updates", of: "CloudWatch metric streams" }),
    },
];

/// `None` of a kind that no pack has.
pub(crate) fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// What would be lost with a resource of this kind: of one that is not known, data.
pub(crate) fn holds(name: &str) -> Holds {
    kind(name).map_or(Holds::Data, |kind| kind.holds)
}

/// What of this kind holds data, for people: `bucket`. `None` of a kind that holds none; one that is not known may.
#[must_use]
pub fn data(name: &str) -> Option<&'static str> {
    let called = match name {
        "AWS::KMS::Key" => "key",
        "AWS::S3::Bucket" => "bucket",
        "AWS::DynamoDB::Table" => "table",
        "AWS::SecretsManager::Secret" => "secret",
        _ => "resource",
    };
    (holds(name) == Holds::Data).then_some(called)
}

#[cfg(test)]
mod tests;
