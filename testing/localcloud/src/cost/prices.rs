//! AWS's list prices: us-east-1, arm64, on demand, read in November 2026, in US dollars. No free tier is in them.

/// Lambda, a GB-second on arm64.
pub(super) const LAMBDA_GB_S: f64 = 0.000_013_333_4;
/// Lambda, a request.
pub(super) const LAMBDA_REQUEST: f64 = 0.20 / 1e6;
/// EventBridge, one custom event that is published, and again one that is delivered to another account's bus,
/// for each 64 KB begun. The receiving bus pays nothing, nor does a rule's delivery to a queue of its own account.
pub(super) const EVENT: f64 = 1.00 / 1e6;
/// EventBridge Scheduler, one invocation.
pub(super) const SCHEDULE: f64 = 1.00 / 1e6;
/// SQS, one request on a standard queue, for each 64 KB begun.
pub(super) const QUEUE_REQUEST: f64 = 0.40 / 1e6;
/// DynamoDB on demand, one write of up to 1 KB; in a transaction twice that.
pub(super) const WRITE: f64 = 0.625 / 1e6;
/// DynamoDB on demand, one consistent read of up to 4 KB; an eventually consistent one is half of it.
pub(super) const READ: f64 = 0.125 / 1e6;
/// CloudWatch, one custom metric for a month.
pub(super) const METRIC: f64 = 0.30;
/// CloudWatch, one call that sends metrics.
pub(super) const PUT_METRIC: f64 = 0.01 / 1_000.0;
/// CloudWatch, one alarm for a month.
pub(super) const ALARM: f64 = 0.10;
/// CloudWatch, one metric update of a metric stream: each time that a metric is written.
pub(super) const METRIC_UPDATE: f64 = 0.003 / 1_000.0;
/// CloudWatch Logs, one GB taken in.
pub(super) const LOG_GB: f64 = 0.50;
/// CloudWatch, one dashboard for a month.
pub(super) const DASHBOARD: f64 = 3.00;
/// Firehose, one GB of what is put into it directly, up to 500 TB; each record counts as the next 5 KB.
pub(super) const FIREHOSE_GB: f64 = 0.029;
/// S3 Standard, one GB for a month, up to 50 TB.
pub(super) const S3_GB: f64 = 0.023;
/// S3 Standard, one object that is put.
pub(super) const S3_PUT: f64 = 0.005 / 1_000.0;
/// Secrets Manager, one secret for a month.
pub(super) const SECRET: f64 = 0.40;
/// KMS, one key for a month; and as much again for each of its first two rotations.
pub(super) const KEY: f64 = 1.00;
/// KMS, one request.
pub(super) const KEY_REQUEST: f64 = 0.03 / 10_000.0;
/// A NAT gateway, an hour, without data.
pub(super) const NAT_HOUR: f64 = 0.045;
/// A public IPv4 address, an hour.
pub(super) const ADDRESS_HOUR: f64 = 0.005;

/// What AWS gives for nothing each month, for good: with consolidated billing once for all accounts together.
/// EventBridge Scheduler, invocations.
pub(super) const FREE_SCHEDULES: f64 = 14e6;
/// Lambda, GB-seconds.
pub(super) const FREE_GB_S: f64 = 400_000.0;
/// Lambda, requests.
pub(super) const FREE_REQUESTS: f64 = 1e6;
/// SQS, requests.
pub(super) const FREE_QUEUE_REQUESTS: f64 = 1e6;
/// CloudWatch, custom metrics, and alarms: as many of each.
pub(super) const FREE_METRICS: f64 = 10.0;
/// CloudWatch, requests.
pub(super) const FREE_METRIC_CALLS: f64 = 1e6;
/// CloudWatch, dashboards of at most 50 metrics.
pub(super) const FREE_DASHBOARDS: f64 = 3.0;
/// CloudWatch Logs, GB taken in.
pub(super) const FREE_LOG_GB: f64 = 5.0;

/// What is bought, in the unit that AWS names a price for, and where it does.
pub(super) const LIST: [(&str, f64, &str); 21] = [
    ("EventBridge Scheduler, a million invocations", SCHEDULE * 1e6, "eventbridge"),
    ("EventBridge, a million custom events, each 64 KB begun", EVENT * 1e6, "eventbridge"),
    ("Lambda, a million requests", LAMBDA_REQUEST * 1e6, "lambda"),
    ("Lambda on arm64, a million GB-seconds", LAMBDA_GB_S * 1e6, "lambda"),
    ("SQS, a million requests to standard queues, each 64 KB begun", QUEUE_REQUEST * 1e6, "sqs"),
    ("DynamoDB on demand, a million writes of 1 KB", WRITE * 1e6, "dynamodb/pricing/on-demand"),
    ("DynamoDB on demand, a million consistent reads of 4 KB", READ * 1e6, "dynamodb/pricing/on-demand"),
    ("CloudWatch, a custom metric", METRIC, "cloudwatch"),
    ("CloudWatch, a thousand calls of `PutMetricData`", PUT_METRIC * 1e3, "cloudwatch"),
    ("CloudWatch, a thousand metric updates of a metric stream", METRIC_UPDATE * 1e3, "cloudwatch"),
    ("CloudWatch, an alarm on a metric, at 60 s or more", ALARM, "cloudwatch"),
    ("CloudWatch, a dashboard", DASHBOARD, "cloudwatch"),
    ("CloudWatch Logs, a GB taken in", LOG_GB, "cloudwatch"),
    ("Firehose, a GB put in directly, each record up to the next 5 KB", FIREHOSE_GB, "firehose"),
    ("S3 Standard, a GB", S3_GB, "s3"),
    ("S3 Standard, a thousand objects put", S3_PUT * 1e3, "s3"),
    ("Secrets Manager, a secret", SECRET, "secrets-manager"),
    ("KMS, a key, and again for each of its first two rotations", KEY, "kms"),
    ("KMS, ten thousand requests", KEY_REQUEST * 1e4, "kms"),
    ("a NAT gateway, an hour, without data", NAT_HOUR, "vpc"),
    ("a public IPv4 address, an hour", ADDRESS_HOUR, "vpc"),
];
