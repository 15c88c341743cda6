//! Nothing is allowed that no code calls, and nothing called that is not allowed. Each call carries the
//! name of its operation as text, for its errors and AWS's limits: those names are read here.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Result;

use crate::member::member;
use crate::template::{list, load, repository};

/// What AWS demands beside the call that the code makes.
const ALONG_WITH: [(&str, &str); 5] = [
    ("iam:CreateServiceLinkedRole", "the first regional NAT gateway of an account"),
    ("iam:PassRole", "a function and a schedule get a role"),
    ("lambda:TagResource", "CreateFunction with tags"),
    ("logs:CreateLogDelivery", "CreateFlowLogs to a bucket"),
    ("logs:DeleteLogDelivery", "DeleteFlowLogs from a bucket"),
];

/// What shows the data of a starter pack, which keeps its account from being closed: whoever is about to decide that looks
/// first, as the viewer.
const LOOKED_FOR_IN_PACKS: [&str; 2] = ["cloudformation:DescribeStacks", "cloudformation:ListStackResources"];

/// What is looked at of an account's settings: whoever sets them looks first, and no plan shows what they are.
const OF_SETTINGS: [&str; 6] = [
    "ec2:GetEbsDefaultKmsKeyId",
    "ec2:GetEbsEncryptionByDefault",
    "ec2:GetInstanceMetadataDefaults",
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
    "s3:GetAccountPublicAccessBlock",
];

/// What the hub's functions read their own secrets with.
const OF_THE_HUBS_FUNCTIONS: &str = "secretsmanager:GetSecretValue";

/// The operations that the code calls.
pub(crate) fn called() -> Result<BTreeSet<String>> {
    let mut called = BTreeSet::new();
    let mut folders =
        ["aws", "accounts", "planner"].map(|it| repository().join("crates").join(it).join("src")).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") && !name.starts_with("test_") {
                let text = fs::read_to_string(&path)?;
                called.extend(text.split('"').filter(|it| is_operation(it)).map(str::to_owned));
            }
        }
    }
    Ok(called)
}

/// `service:Operation`, as in `ec2:CreateVpc`.
fn is_operation(text: &str) -> bool {
    text.split_once(':').is_some_and(|(service, operation)| {
        !service.is_empty()
            && service.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            && operation.starts_with(|c: char| c.is_ascii_uppercase())
            && operation.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

/// What is called with the member role.
pub(crate) fn called_in_members() -> Result<BTreeSet<String>> {
    let in_members = |it: &String| {
        ["ec2:", "kms:", "lambda:", "s3:", "scheduler:"].iter().any(|service| it.starts_with(service))
    };
    Ok(called()?.into_iter().filter(in_members).collect())
}

fn allowed_to(role: &str) -> Result<BTreeSet<String>> {
    let all = [
        ("AllowRemoval", "true"),
        ("AllowAdoption", "true"),
        ("RemoveDefaultVpcs", "true"),
        ("StarterPack", "true"),
        ("AccountSettings", "true"),
    ];
    let statements = member(&all)?.statements(role)?;
    Ok(statements.iter().filter(|it| it["Effect"] == "Allow").flat_map(|it| list(&it["Action"])).collect())
}

#[test]
fn what_the_code_calls_in_a_member_account_is_what_its_role_may_do() -> Result<()> {
    let is_of_packs = |it: &String| {
        let services = ["cloudformation:", "iam:", "secretsmanager:"];
        services.iter().any(|service| it.starts_with(service)) && it != OF_THE_HUBS_FUNCTIONS
    };
    let in_packs = called()?.into_iter().filter(is_of_packs);
    let called: BTreeSet<String> = called_in_members()?.into_iter().chain(in_packs).collect();
    let allowed = allowed_to("MemberRole")?;
    assert!(called.len() > 60, "the calls were not found: {called:?}");
    let along = |action: &&String| ALONG_WITH.iter().any(|(it, _)| it == action);
    let unused: Vec<_> = allowed.difference(&called).filter(|it| !along(it)).collect();
    assert!(unused.is_empty(), "allowed, and called by nothing: {unused:?}");
    let missing: Vec<_> = called.difference(&allowed).collect();
    assert!(missing.is_empty(), "called, and not allowed: {missing:?}");
    Ok(())
}

#[test]
fn the_viewer_may_look_at_all_that_the_code_looks_at_and_do_nothing_else() -> Result<()> {
    let observations = |it: &&String| {
        ["Describe", "Get"].iter().any(|verb| it.split_once(':').is_some_and(|(_, op)| op.starts_with(verb)))
    };
    let mut observed: BTreeSet<String> = called_in_members()?.iter().filter(observations).cloned().collect();
    observed.retain(|it| !OF_SETTINGS.contains(&it.as_str()));
    observed.extend(LOOKED_FOR_IN_PACKS.map(str::to_owned));
    assert_eq!(allowed_to("ViewerRole")?, observed);
    Ok(())
}

/// What Lambda does with a function's role, and what a transaction is made of.
const OF_THE_HUB: [(&str, &str); 16] = [
    ("dynamodb:DeleteItem", "in TransactWriteItems"),
    ("dynamodb:DescribeStream", "Lambda reads the stream"),
    ("dynamodb:GetRecords", "Lambda reads the stream"),
    ("dynamodb:GetShardIterator", "Lambda reads the stream"),
    ("dynamodb:ListStreams", "Lambda reads the stream"),
    ("firehose:PutRecord", "the bus hands a report on, to be kept"),
    ("firehose:PutRecordBatch", "the bus hands a report on, to be kept"),
    ("s3:AbortMultipartUpload", "Firehose writes the kept reports"),
    ("s3:GetBucketLocation", "Firehose writes the kept reports"),
    ("s3:ListBucketMultipartUploads", "Firehose writes the kept reports"),
    ("s3:PutObject", "Firehose writes the kept reports"),
    ("logs:CreateLogStream", "Lambda writes the log"),
    ("logs:PutLogEvents", "Lambda writes the log"),
    ("sqs:ReceiveMessage", "Lambda polls the queue"),
    ("sqs:DeleteMessage", "Lambda polls the queue"),
    ("sqs:GetQueueAttributes", "Lambda polls the queue"),
];

#[test]
fn nothing_is_allowed_in_the_hub_that_nobody_does() -> Result<()> {
    let called = called()?;
    let hub = load("hub", &[("OrganizationId", "o-a1b2c3d4e5"), ("ManagementAccountId", "111111111111")])?;
    for role in hub.of_type("AWS::IAM::Role")? {
        for action in hub.statements(&role)?.iter().flat_map(|it| list(&it["Action"])) {
            let used = called.contains(&action) || OF_THE_HUB.iter().any(|(it, _)| *it == action);
            assert!(used, "{role}: {action}");
        }
    }
    Ok(())
}
