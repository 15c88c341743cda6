//! A stream of metrics to an observability vendor, with what it needs: CloudWatch streams to Firehose, which sends to the
//! vendor and puts into a bucket what it could not send. The ingest key is read by Firehose from its secret.

use phonehome_fleet::{MetricStream, ObservabilityDataCenter};
use serde_json::{Map, Value, json};

use crate::buckets::{bucket, by_tls_alone, policy_of};
use crate::called::{METRIC_DELIVERY_ROLE, METRIC_STREAM, METRIC_STREAM_ROLE, METRICS, OBSERVABILITY_KEY};
use crate::new_relic;
use crate::resource::{filled_in, kept};
use crate::roles::role;

const BUCKET: &str = "MetricBucket";
const DELIVERY: &str = "MetricDelivery";
/// After how many days what could not be sent is deleted.
const EXPIRE_DAYS: u32 = 14;

pub(crate) fn resources(
    stream: &MetricStream,
    data_center: ObservabilityDataCenter,
    boundary: Option<&str>,
) -> Map<String, Value> {
    let resources = [
        (BUCKET, undelivered()),
        ("MetricBucketPolicy", policy_of(BUCKET, vec![by_tls_alone(BUCKET)])),
        ("MetricDeliveryRole", delivery_role(boundary)),
        (DELIVERY, delivery(data_center)),
        ("MetricStreamRole", stream_role(boundary)),
        (METRIC_STREAM, metric_stream(stream)),
    ];
    resources.into_iter().map(|(id, resource)| (id.to_owned(), resource)).collect()
}

/// Encrypted by S3's own keys: nothing but metrics is in it, and the role needs no key.
fn undelivered() -> Value {
    let encryption = json!({ "ServerSideEncryptionByDefault": { "SSEAlgorithm": "AES256" } });
    let rules = json!([
        {
            "Id": "expire", "Status": "Enabled", "ExpirationInDays": EXPIRE_DAYS,
            "NoncurrentVersionExpiration": { "NoncurrentDays": 1 },
            "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 7 },
        },
        { "Id": "markers", "Status": "Enabled", "ExpiredObjectDeleteMarker": true },
    ]);
    kept("AWS::S3::Bucket", bucket(METRICS, &encryption, &rules))
}

/// What Firehose needs: the one secret and the one bucket
/// (<https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html>). It is this account's Firehose alone.
fn delivery_role(boundary: Option<&str>) -> Value {
    let trust = json!([{
        "Effect": "Allow", "Principal": { "Service": "firehose.amazonaws.com" }, "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "sts:ExternalId": { "Ref": "AWS::AccountId" } } },
    }]);
    let statements = json!([
        {
            "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": { "Ref": OBSERVABILITY_KEY },
        },
        {
            "Effect": "Allow",
            "Action": ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
            "Resource": { "Fn::GetAtt": [BUCKET, "Arn"] },
        },
        {
            "Effect": "Allow", "Action": ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
            "Resource": filled_in(format!("${{{BUCKET}.Arn}}/*")),
        },
    ]);
    role(METRIC_DELIVERY_ROLE, &trust, &[], boundary, Some(("delivery", statements)))
}

fn delivery(data_center: ObservabilityDataCenter) -> Value {
    let role = json!({ "Fn::GetAtt": ["MetricDeliveryRole", "Arn"] });
    let destination = json!({
        "EndpointConfiguration": { "Name": new_relic::NAME, "Url": new_relic::metrics_endpoint(data_center) },
        "SecretsManagerConfiguration": { "Enabled": true, "SecretARN": { "Ref": OBSERVABILITY_KEY }, "RoleARN": role },
        "RequestConfiguration": { "ContentEncoding": "GZIP" },
        "BufferingHints": { "IntervalInSeconds": 60, "SizeInMBs": 1 },
        "RetryOptions": { "DurationInSeconds": 60 },
        "RoleARN": role,
        "S3BackupMode": "FailedDataOnly",
        "S3Configuration": {
            "BucketARN": { "Fn::GetAtt": [BUCKET, "Arn"] }, "RoleARN": role, "CompressionFormat": "GZIP",
        },
    });
    let properties = json!({
        "DeliveryStreamName": METRICS,
        "DeliveryStreamType": "DirectPut",
        "DeliveryStreamEncryptionConfigurationInput": { "KeyType": "AWS_OWNED_CMK" },
        "HttpEndpointDestinationConfiguration": destination,
    });
    kept("AWS::KinesisFirehose::DeliveryStream", properties)
}

/// As in CloudWatch's documentation, which has no condition for it
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-metric-streams-trustpolicy.html>).
fn stream_role(boundary: Option<&str>) -> Value {
    let trust = json!([{
        "Effect": "Allow", "Principal": { "Service": "streams.metrics.cloudwatch.amazonaws.com" },
        "Action": "sts:AssumeRole",
    }]);
    let statements = json!([{
        "Effect": "Allow", "Action": ["firehose:PutRecord", "firehose:PutRecordBatch"],
        "Resource": { "Fn::GetAtt": [DELIVERY, "Arn"] },
    }]);
    role(METRIC_STREAM_ROLE, &trust, &[], boundary, Some(("stream", statements)))
}

fn metric_stream(stream: &MetricStream) -> Value {
    let filters: Vec<Value> = stream.namespaces.iter().map(|name| json!({ "Namespace": name })).collect();
    let properties = json!({
        "Name": METRICS,
        "FirehoseArn": { "Fn::GetAtt": [DELIVERY, "Arn"] },
        "RoleArn": { "Fn::GetAtt": ["MetricStreamRole", "Arn"] },
        "OutputFormat": "opentelemetry1.0",
        "IncludeFilters": filters,
    });
    kept("AWS::CloudWatch::MetricStream", properties)
}
