//! Who may write access logs, and only those of this account.
//!
//! Load balancers write below `AWSLogs/` and the id of the account whose they are, wherever the team's prefix puts that; S3
//! writes below `s3/`, which is where the team's other buckets are to log to as well.

use phonehome_wire::Region;
use serde_json::{Value, json};

use crate::resource::filled_in;

/// Accounts by which application load balancers write in Regions from before August 2022. AWS still takes them beside the
/// service's principal, which newer Regions have alone
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html>, legacy bucket
/// policy).
const ELB_ACCOUNTS: [(&str, &str); 26] = [
    ("us-east-1", "127311923021"),
    ("us-east-2", "033677994240"),
    ("us-west-1", "027434742980"),
    ("us-west-2", "797873946194"),
    ("af-south-1", "098369216593"),
    ("ap-east-1", "754344448648"),
    ("ap-southeast-3", "589379963580"),
    ("ap-south-1", "718504428378"),
    ("ap-northeast-3", "383597477331"),
    ("ap-northeast-2", "600734575887"),
    ("ap-southeast-1", "114774131450"),
    ("ap-southeast-2", "783225319266"),
    ("ap-northeast-1", "582318560864"),
    ("ca-central-1", "985666609251"),
    ("eu-central-1", "054676820928"),
    ("eu-west-1", "156460612806"),
    ("eu-west-2", "652711504416"),
    ("eu-south-1", "635631232127"),
    ("eu-west-3", "009996457667"),
    ("eu-north-1", "897822967062"),
    ("me-south-1", "076674570225"),
    ("sa-east-1", "507241528517"),
    ("us-gov-west-1", "048591011584"),
    ("us-gov-east-1", "190560391635"),
    ("cn-north-1", "638102146993"),
    ("cn-northwest-1", "037604701340"),
];

pub(crate) fn statements(region: &Region) -> Vec<Value> {
    let mut statements = vec![application_load_balancers()];
    let account = ELB_ACCOUNTS.iter().find(|(name, _)| *name == region.as_str()).map(|(_, account)| *account);
    statements.extend(account.map(application_load_balancers_of_old_regions));
    statements.extend(network_load_balancers());
    statements.push(s3());
    statements
}

fn of_load_balancers() -> Value {
    json!([
        filled_in("${LogBucket.Arn}/AWSLogs/${AWS::AccountId}/*"),
        filled_in("${LogBucket.Arn}/*/AWSLogs/${AWS::AccountId}/*"),
    ])
}

fn application_load_balancers() -> Value {
    let arn = filled_in(
        "arn:${AWS::Partition}:elasticloadbalancing:${AWS::Region}:${AWS::AccountId}:loadbalancer/*",
    );
    json!({
        "Sid": "ApplicationLoadBalancers", "Effect": "Allow", "Action": "s3:PutObject",
        "Principal": { "Service": "logdelivery.elasticloadbalancing.amazonaws.com" },
        "Resource": of_load_balancers(),
        "Condition": { "ArnLike": { "aws:SourceArn": arn } },
    })
}

/// AWS documents no condition for it: what it may write is bounded by the account's id in the path alone.
fn application_load_balancers_of_old_regions(account: &str) -> Value {
    json!({
        "Sid": "ApplicationLoadBalancersOfOldRegions", "Effect": "Allow", "Action": "s3:PutObject",
        "Principal": { "AWS": filled_in(format!("arn:${{AWS::Partition}}:iam::{account}:root")) },
        "Resource": of_load_balancers(),
    })
}

/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/enable-access-logs.html>
fn network_load_balancers() -> [Value; 2] {
    let arn = filled_in("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:*");
    let account = json!({ "Ref": "AWS::AccountId" });
    let principal = json!({ "Service": "delivery.logs.amazonaws.com" });
    [
        json!({
            "Sid": "NetworkLoadBalancersLook", "Effect": "Allow", "Action": "s3:GetBucketAcl",
            "Principal": principal,
            "Resource": filled_in("${LogBucket.Arn}"),
            "Condition": {
                "StringEquals": { "aws:SourceAccount": account }, "ArnLike": { "aws:SourceArn": arn },
            },
        }),
        json!({
            "Sid": "NetworkLoadBalancersWrite", "Effect": "Allow", "Action": "s3:PutObject",
            "Principal": principal,
            "Resource": of_load_balancers(),
            "Condition": {
                "StringEquals": { "aws:SourceAccount": account, "s3:x-amz-acl": "bucket-owner-full-control" },
                "ArnLike": { "aws:SourceArn": arn },
            },
        }),
    ]
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html>
fn s3() -> Value {
    json!({
        "Sid": "S3", "Effect": "Allow", "Action": "s3:PutObject",
        "Principal": { "Service": "logging.s3.amazonaws.com" },
        "Resource": filled_in("${LogBucket.Arn}/s3/*"),
        "Condition": {
            "StringEquals": { "aws:SourceAccount": { "Ref": "AWS::AccountId" } },
            "ArnLike": { "aws:SourceArn": filled_in("arn:${AWS::Partition}:s3:::*") },
        },
    })
}
