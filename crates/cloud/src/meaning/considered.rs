//! What was thought of for each operation that is called.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What each operation may answer a first time, a second time and in haste, beside what all may: throttles,
/// denials, an account that is too young. Where it says *again*, a second attempt does no harm because of it.
const CONSIDERED: &[(&str, &str)] = &[
    ("account:GetAlternateContact", "not there: counts as seen; no trusted access: told; 10 calls a second"),
    ("account:PutAlternateContact", "no trusted access, or not taken: told; again: no error"),
    ("cloudformation:ContinueUpdateRollback", "it goes on already: looked at again; again: its token"),
    (
        "cloudformation:CreateChangeSet",
        "the stack changes; a template that is not taken: told; again: exists",
    ),
    ("cloudformation:DeleteStack", "again, or gone: no error"),
    ("cloudformation:DescribeChangeSet", "there is none of that name: made anew"),
    ("cloudformation:DescribeStackEvents", "only throttles"),
    ("cloudformation:DescribeStackResourceDrifts", "only throttles"),
    ("cloudformation:DescribeStacks", "there is none of that name"),
    ("cloudformation:DetectStackDrift", "the stack changes, or it is looked for already: tomorrow again"),
    (
        "cloudformation:ExecuteChangeSet",
        "it is executed already, or obsolete: looked at again; again: its token",
    ),
    ("cloudformation:GetTemplate", "only throttles"),
    ("cloudformation:ListStackResources", "only throttles"),
    ("cloudtrail:DescribeTrails", "for people: a command asks"),
    ("cloudtrail:GetEventSelectors", "for people: a command asks"),
    ("cloudtrail:GetTrailStatus", "for people: a command asks"),
    ("cloudwatch:PutMetricData", "only throttles; a lost figure is not sent again"),
    ("dynamodb:BatchGetItem", "only throttles; what it left out is asked for again"),
    ("dynamodb:GetItem", "only throttles"),
    ("dynamodb:PutItem", "the condition; a transaction on the same item (not tried again by the SDK)"),
    ("dynamodb:Query", "only throttles"),
    (
        "dynamodb:TransactWriteItems",
        "the reasons of a cancelled transaction; in progress: its token is the SDK's",
    ),
    ("ec2:AcceptVpcPeeringConnection", "not visible; still being set up; again: active already; quota"),
    ("ec2:AllocateAddress", "quota; AWS has no address left"),
    ("ec2:AssociateRouteTable", "either is not visible; again: associated already"),
    ("ec2:AttachInternetGateway", "either is not visible; again: attached already, in two wordings"),
    ("ec2:AuthorizeSecurityGroupEgress", "not visible; again: duplicate; quota"),
    ("ec2:AuthorizeSecurityGroupIngress", "not visible; again: duplicate; quota"),
    ("ec2:CreateFlowLogs", "the bucket's policy does not know the account; again: exists; quota"),
    ("ec2:CreateInternetGateway", "quota"),
    ("ec2:CreateNatGateway", "subnet, address or attachment not visible; the address is another's; quota"),
    ("ec2:CreateNetworkAclEntry", "not visible; again: exists; quota"),
    ("ec2:CreateRoute", "table or target not visible; again: exists; quota"),
    ("ec2:CreateRouteTable", "the VPC is not visible; quota"),
    ("ec2:CreateSecurityGroup", "the VPC is not visible; a group of that name; quota"),
    ("ec2:CreateSubnet", "the VPC is not visible; addresses of another subnet; quota"),
    ("ec2:CreateTags", "not visible; somebody tags it at the same moment; 50 tags"),
    ("ec2:CreateVpc", "a new account's verification; quota"),
    ("ec2:CreateVpcEndpoint", "VPC or tables not visible; another endpoint's route; quota"),
    ("ec2:CreateVpcPeeringConnection", "the VPC is not visible; again: exists; quotas"),
    ("ec2:DeleteFlowLogs", "again: not there, in a list of what was not done"),
    ("ec2:DeleteInternetGateway", "still attached; again: not there"),
    ("ec2:DeleteNatGateway", "again: not there, by two codes"),
    ("ec2:DeleteNetworkAcl", "still in use; again: not there"),
    ("ec2:DeleteNetworkAclEntry", "again: not there"),
    ("ec2:DeleteRoute", "again: not there"),
    ("ec2:DeleteRouteTable", "still associated; again: not there"),
    ("ec2:DeleteSecurityGroup", "still in use, by two codes; again: not there"),
    ("ec2:DeleteSubnet", "network interfaces go slowly; again: not there"),
    ("ec2:DeleteTags", "again: no error; the resource is not there"),
    ("ec2:DeleteVpc", "what is in it goes slowly; again: not there"),
    ("ec2:DeleteVpcEndpoints", "being changed; again: not there, in a list of what was not done"),
    ("ec2:DeleteVpcPeeringConnection", "again: from deleted; it had failed"),
    ("ec2:DescribeAddresses", "only throttles"),
    ("ec2:DescribeFlowLogs", "only throttles"),
    ("ec2:DescribeInternetGateways", "only throttles"),
    ("ec2:DescribeNatGateways", "only throttles"),
    ("ec2:DescribeNetworkAcls", "only throttles; not visible: an empty list"),
    ("ec2:DescribeNetworkInterfaces", "only throttles"),
    ("ec2:DescribeRegions", "only throttles"),
    ("ec2:DescribeRouteTables", "only throttles; not visible: an empty list"),
    ("ec2:DescribeSecurityGroups", "only throttles; not visible: an empty list"),
    ("ec2:DescribeSubnets", "only throttles"),
    ("ec2:DescribeVpcAttribute", "the VPC is not there: counts as seen"),
    ("ec2:DescribeVpcEndpoints", "only throttles"),
    ("ec2:DescribeVpcPeeringConnections", "only throttles"),
    ("ec2:DescribeVpcs", "only throttles"),
    ("ec2:DetachInternetGateway", "addresses are still mapped; again: not attached"),
    ("ec2:EnableEbsEncryptionByDefault", "a policy above the account: told, a month's rest; again: no error"),
    ("ec2:GetEbsDefaultKmsKeyId", "only throttles; shown late: looked at again"),
    ("ec2:GetEbsEncryptionByDefault", "only throttles; shown late: looked at again"),
    ("ec2:GetInstanceMetadataDefaults", "only throttles; nothing was ever preferred: an empty answer"),
    ("ec2:ModifyEbsDefaultKmsKeyId", "the key is no longer fit: told, a month's rest; again: no error"),
    (
        "ec2:ModifyInstanceMetadataDefaults",
        "a declarative policy sets them: told, a month's rest; again: no error",
    ),
    ("ec2:ModifySubnetAttribute", "not visible; again: no error"),
    ("ec2:ModifyVpcAttribute", "not visible; again: no error"),
    ("ec2:ModifyVpcEndpoint", "not visible; being changed; the route is there already"),
    ("ec2:ReleaseAddress", "its NAT gateway is still going, in three wordings; again: not there"),
    ("ec2:ReplaceNetworkAclEntry", "not visible; again: no error"),
    ("ec2:ReplaceRoute", "table, route or target not visible; again: no error"),
    ("ec2:ReplaceRouteTableAssociation", "not visible; again: the old association is not there"),
    ("ec2:RevokeSecurityGroupEgress", "again: not there"),
    ("ec2:RevokeSecurityGroupIngress", "again: not there"),
    (
        "iam:CreateAccessKey",
        "no such user; two keys: looked at again; again: another key, so never tried by itself",
    ),
    ("iam:DeleteAccessKey", "again: gone"),
    ("iam:GetAccessKeyLastUsed", "the key has gone: looked at again"),
    ("iam:GetOpenIDConnectProvider", "no such provider: told"),
    ("iam:ListAccessKeys", "no such user: told"),
    ("iam:UpdateAccessKey", "gone: no error; again: no error"),
    ("kms:DescribeKey", "there is none of that name; the key's policy shuts the account out: told"),
    ("kms:GetKeyPolicy", "the key's policy shuts the account out: told"),
    ("kms:ListGrants", "the key's policy shuts the account out: told"),
    ("lambda:CreateFunction", "role, subnet or group on its way; EC2 throttles Lambda; again: exists; quota"),
    ("lambda:DeleteFunction", "an update is under way; again: not there"),
    ("lambda:GetFunctionConfiguration", "not there: counts as seen"),
    ("lambda:GetFunctionEventInvokeConfig", "not there: counts as seen"),
    (
        "lambda:InvokeFunction",
        "denied by an older template, not there, or busy: the run that is due comes anyway",
    ),
    ("lambda:ListFunctions", "denied by an older template: functions are asked for one by one"),
    ("lambda:PutFunctionEventInvokeConfig", "role or function on its way; an update is under way"),
    ("lambda:UpdateFunctionCode", "an update is under way"),
    ("lambda:UpdateFunctionConfiguration", "as CreateFunction; an update is under way"),
    (
        "organizations:CloseAccount",
        "what AWS refuses is told in crates/closing; again: closed already; once every 20 seconds",
    ),
    (
        "organizations:CreateAccount",
        "what was surely not begun is told in crates/vending; again: the address exists",
    ),
    (
        "organizations:CreateOrganizationalUnit",
        "the parent is not there, again: exists: looked at again; a limit: told; 4 codes in crates/properties",
    ),
    ("organizations:DescribeAccount", "not there: counts as seen; 20 calls a second"),
    (
        "organizations:DescribeCreateAccountStatus",
        "no such request: the account is looked for; 2 calls a second",
    ),
    ("organizations:DescribeOrganization", "no organization: for people"),
    ("organizations:ListAccounts", "8 calls a second"),
    (
        "organizations:ListAccountsForParent",
        "the unit is not there any more, denied: a fleet file is drafted without units",
    ),
    ("organizations:ListOrganizationalUnitsForParent", "the parent is not there any more: looked at again"),
    ("organizations:ListParents", "the account has left: left alone; 5 calls a second"),
    ("organizations:ListRoots", "1 call a second: once for each account that is looked at"),
    ("organizations:ListCreateAccountStatus", "only throttles; an empty page that is not the last"),
    ("organizations:ListTagsForResource", "only throttles; the account has left"),
    (
        "organizations:MoveAccount",
        "either parent is not there, again: it is there already: looked at again; somebody changes something: later",
    ),
    ("organizations:TagResource", "50 tags, a tag policy: told; again: no error"),
    ("organizations:UntagResource", "again: no error"),
    ("s3:GetAccountPublicAccessBlock", "there is none: nothing is blocked"),
    ("s3:PutAccountPublicAccessBlock", "a policy of the organization: told, a month's rest; again: no error"),
    ("scheduler:CreateSchedule", "role on its way; again: exists; quota"),
    ("scheduler:DeleteSchedule", "being changed; again: not there"),
    ("scheduler:GetSchedule", "not there: counts as seen"),
    ("scheduler:ListSchedules", "denied by an older template: schedules are asked for one by one"),
    ("scheduler:UpdateSchedule", "role on its way; being changed"),
    ("secretsmanager:DescribeSecret", "not there: told"),
    ("secretsmanager:GetSecretValue", "not there, or it cannot be decrypted: for people"),
    ("secretsmanager:PutSecretValue", "not there, about to be deleted: told; again: its token"),
    ("sns:Publish", "a topic that is not there, or whose key fails: for people; again: a page twice"),
    ("sqs:GetQueueAttributes", "a queue that is not there: for people"),
    ("sqs:SendMessage", "a queue that is not there: for people; again: a message twice"),
    ("sqs:SendMessageBatch", "as SendMessage; what it did not take is listed, and sent again"),
    (
        "support:CreateCase",
        "no paid plan, or not taken: a person is told; so many a day: later; a lost answer: looked for by its subject",
    ),
    ("support:DescribeCases", "a case that is not there any more: over"),
    ("sts:GetCallerIdentity", "only throttles"),
    ("sts:AssumeRole", "the account, its role or its Region is on its way"),
];

#[test]
fn every_operation_that_is_called_was_thought_of() {
    let considered: BTreeSet<String> = CONSIDERED.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut called = BTreeSet::new();
    for folder in ["aws/src", "accounts/src", "network/src", "planner/src", "provision/src"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder), &mut |text| {
            called.extend(operations(text));
        });
    }
    assert!(called.len() > 60, "only {} operations were found", called.len());
    let not_considered: Vec<_> = called.difference(&considered).collect();
    assert!(not_considered.is_empty(), "say in CONSIDERED what these may answer: {not_considered:?}");
    let not_called: Vec<_> = considered.difference(&called).collect();
    assert!(not_called.is_empty(), "nothing calls these any more: {not_called:?}");
}

/// The texts of all sources below a folder but for tests.
fn sources(folder: &Path, visit: &mut impl FnMut(&str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            sources(&path, visit);
        } else if name.ends_with(".rs") && !name.contains("test") {
            let text = std::fs::read_to_string(&path).unwrap();
            visit(text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default());
        }
    }
}

/// Texts like `"ec2:CreateVpc"`.
fn operations(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split('"').filter(|part| is_operation(part)).map(str::to_owned)
}

fn is_operation(text: &str) -> bool {
    let Some((service, verb)) = text.split_once(':') else { return false };
    !service.is_empty()
        && service.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
        && verb.starts_with(|letter: char| letter.is_ascii_uppercase())
        && verb.chars().all(|letter| letter.is_ascii_alphanumeric())
}
