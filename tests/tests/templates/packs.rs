//! infra/member-role.yaml: what starter packs are made with, and what whoever gets hold of it cannot do.

use anyhow::Result;
use serde_json::{Value, json};

use crate::iam::{Request, allowed};
use crate::member::member;
use crate::template::{ACCOUNT, list};

const STACK: &str = "arn:aws:cloudformation:eu-west-1:333333333333:stack/phonehome-starter-pack/1";
const ROLE: &str = "arn:aws:iam::333333333333:role/phonehome-starter-pack";

fn statements(role: &str) -> Result<Vec<Value>> {
    member(&[("StarterPack", "true")])?.statements(role)
}

#[test]
fn without_the_parameter_there_is_no_role_for_starter_packs_and_no_right_to_make_one() -> Result<()> {
    assert_eq!(ACCOUNT, "333333333333");
    let template = member(&[])?;
    assert!(!template.of_type("AWS::IAM::Role")?.contains(&"StarterPackRole".to_owned()));
    let may =
        template.statements("MemberRole")?.iter().flat_map(|it| list(&it["Action"])).collect::<Vec<_>>();
    assert!(!may.iter().any(|action| action.starts_with("cloudformation:")), "{may:?}");
    let elsewhere = member(&[("StarterPack", "true"), ("HomeRegion", "eu-west-1")])?;
    assert_eq!(elsewhere.of_type("AWS::IAM::ManagedPolicy")?, [""; 0], "roles are global, and made once");
    Ok(())
}

#[test]
fn the_member_role_makes_the_one_stack_with_the_one_role_and_passes_it_to_cloudformation_alone() -> Result<()>
{
    let role = statements("MemberRole")?;
    let may = |action: &str, stack: &str| allowed(&role, &Request::new(action, stack));
    let with = |action: &str, stack: &str, with: &str| {
        allowed(&role, &Request::new(action, stack).with("cloudformation:RoleArn", &[with]))
    };
    let other = STACK.replace("phonehome-starter-pack", "phonehome-starter-pack-2");
    for action in ["DescribeStacks", "DeleteStack", "ExecuteChangeSet", "DetectStackDrift"] {
        let action = format!("cloudformation:{action}");
        assert!(may(&action, STACK) && !may(&action, &other), "{action}");
    }
    for action in ["cloudformation:CreateChangeSet", "cloudformation:ContinueUpdateRollback"] {
        assert!(with(action, STACK, ROLE), "{action}");
        assert!(!may(action, STACK), "{action} with the caller's own rights");
        assert!(!with(action, STACK, "arn:aws:iam::333333333333:role/admin"), "{action} with another role");
        assert!(!with(action, &other, ROLE), "{action} of another stack");
    }
    for action in ["CreateStack", "UpdateStack", "SetStackPolicy", "UpdateTerminationProtection"] {
        assert!(!with(&format!("cloudformation:{action}"), STACK, ROLE), "{action}");
    }
    let passes = |service: &str| {
        allowed(&role, &Request::new("iam:PassRole", ROLE).with("iam:PassedToService", &[service]))
    };
    assert!(passes("cloudformation.amazonaws.com") && !passes("lambda.amazonaws.com"));
    Ok(())
}

#[test]
fn access_keys_are_rotated_of_the_packs_users_alone_and_no_secret_is_read() -> Result<()> {
    let role = statements("MemberRole")?;
    let may = |action: &str, arn: &str| allowed(&role, &Request::new(action, arn));
    let user = "arn:aws:iam::333333333333:user/phonehome/ci";
    for action in
        ["CreateAccessKey", "DeleteAccessKey", "GetAccessKeyLastUsed", "ListAccessKeys", "UpdateAccessKey"]
    {
        let action = format!("iam:{action}");
        assert!(may(&action, user), "{action}");
        assert!(!may(&action, "arn:aws:iam::333333333333:user/admin"), "{action} of somebody else's");
    }
    for action in ["CreateUser", "AttachUserPolicy", "PutUserPolicy", "CreateLoginProfile", "DeleteUser"] {
        assert!(!may(&format!("iam:{action}"), user), "{action}");
    }
    let secret = "arn:aws:secretsmanager:us-east-1:333333333333:secret:phonehome/machine-users/ci-AbCdEf";
    assert!(may("secretsmanager:DescribeSecret", secret) && may("secretsmanager:PutSecretValue", secret));
    let ingest = secret.replace("machine-users/ci", "observability/new-relic");
    assert!(may("secretsmanager:DescribeSecret", &ingest) && may("secretsmanager:PutSecretValue", &ingest));
    assert!(!may("secretsmanager:GetSecretValue", &ingest));
    let theirs = "arn:aws:secretsmanager:us-east-1:333333333333:secret:phonehome/slack-AbCdEf";
    assert!(!may("secretsmanager:PutSecretValue", theirs));
    for action in ["GetSecretValue", "DeleteSecret", "UpdateSecretVersionStage", "PutResourcePolicy"] {
        assert!(!may(&format!("secretsmanager:{action}"), secret), "{action}");
    }
    Ok(())
}

#[test]
fn githubs_identity_provider_is_looked_at_and_nothing_is_done_to_it() -> Result<()> {
    let role = statements("MemberRole")?;
    let may = |action: &str, provider: &str| {
        let arn = format!("arn:aws:iam::333333333333:oidc-provider/{provider}");
        allowed(&role, &Request::new(&format!("iam:{action}OpenIDConnectProvider"), &arn))
    };
    assert!(may("Get", "token.actions.githubusercontent.com"));
    assert!(!may("Get", "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE"));
    for action in ["Create", "Delete", "Tag"] {
        assert!(!may(action, "token.actions.githubusercontent.com"), "{action}");
    }
    Ok(())
}

#[test]
fn whoever_gets_hold_of_the_packs_role_makes_users_within_the_boundary_without_keys_and_reads_no_secret()
-> Result<()> {
    let role = statements("StarterPackRole")?;
    let boundary = "arn:aws:iam::333333333333:policy/phonehome-boundary";
    let may = |action: &str, name: &str, boundary: Option<&str>| {
        let request =
            Request::new(&format!("iam:{action}"), &format!("arn:aws:iam::333333333333:user/{name}"));
        let bound = boundary.map(|boundary| request.clone().with("iam:PermissionsBoundary", &[boundary]));
        allowed(&role, &bound.unwrap_or(request))
    };
    for action in ["CreateUser", "AttachUserPolicy", "DetachUserPolicy", "PutUserPermissionsBoundary"] {
        assert!(may(action, "phonehome/ci", Some(boundary)), "{action}");
        assert!(!may(action, "phonehome/ci", None), "{action} without a boundary");
        assert!(!may(action, "admin", Some(boundary)), "{action} of somebody else's");
    }
    for action in [
        "CreateAccessKey",
        "UpdateAccessKey",
        "CreateLoginProfile",
        "UpdateLoginProfile",
        "AddUserToGroup",
        "DeleteUserPermissionsBoundary",
        "PutUserPolicy",
    ] {
        assert!(!may(action, "phonehome/ci", Some(boundary)), "{action}");
    }
    let may = |action: &str, arn: &str| allowed(&role, &Request::new(action, arn));
    let secret = "arn:aws:secretsmanager:us-east-1:333333333333:secret:phonehome/machine-users/ci-AbCdEf";
    assert!(may("secretsmanager:CreateSecret", secret));
    assert!(!may("secretsmanager:CreateSecret", &secret.replace("/machine-users", "")));
    let ingest = secret.replace("machine-users/ci", "observability/new-relic");
    assert!(may("secretsmanager:CreateSecret", &ingest) && !may("secretsmanager:GetSecretValue", &ingest));
    for action in ["GetSecretValue", "PutSecretValue", "PutResourcePolicy"] {
        assert!(!may(&format!("secretsmanager:{action}"), secret), "{action}");
    }
    Ok(())
}

#[test]
fn whoever_only_looks_sees_what_is_in_the_one_stack_and_changes_nothing_of_it() -> Result<()> {
    let role = statements("ViewerRole")?;
    let may =
        |action: &str, stack: &str| allowed(&role, &Request::new(&format!("cloudformation:{action}"), stack));
    for action in ["DescribeStacks", "ListStackResources"] {
        assert!(may(action, STACK) && !may(action, &STACK.replace("-pack", "-pack-2")), "{action}");
    }
    for action in ["GetTemplate", "DetectStackDrift", "CreateChangeSet", "ExecuteChangeSet", "DeleteStack"] {
        assert!(!may(action, STACK), "{action}");
    }
    Ok(())
}

#[test]
fn the_role_of_starter_packs_is_assumed_by_cloudformation_alone_and_has_no_wildcard_action() -> Result<()> {
    let properties = member(&[("StarterPack", "true")])?.properties("StarterPackRole")?;
    let trust = &properties["AssumeRolePolicyDocument"]["Statement"];
    let alone = json!([{
        "Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"
    }]);
    assert_eq!(*trust, alone);
    for statement in statements("StarterPackRole")? {
        assert_eq!(statement["Effect"], "Allow");
        for action in list(&statement["Action"]) {
            assert!(!action.contains('*'), "{action}");
        }
        let everywhere = list(&statement["Resource"]).iter().any(|it| it == "*");
        let is_bound =
            statement.get("Condition").is_some() || list(&statement["Action"]) == ["kms:ListAliases"];
        assert!(!everywhere || is_bound, "{statement}");
    }
    Ok(())
}

#[test]
fn whoever_gets_hold_of_it_makes_no_role_beyond_the_boundary_and_touches_nobody_elses() -> Result<()> {
    let role = statements("StarterPackRole")?;
    let boundary = "arn:aws:iam::333333333333:policy/phonehome-boundary";
    let may = |action: &str, name: &str, boundary: Option<&str>| {
        let request =
            Request::new(&format!("iam:{action}"), &format!("arn:aws:iam::333333333333:role/{name}"));
        let bound = boundary.map(|boundary| request.clone().with("iam:PermissionsBoundary", &[boundary]));
        allowed(&role, &bound.unwrap_or(request))
    };
    for action in
        ["CreateRole", "AttachRolePolicy", "PutRolePolicy", "DetachRolePolicy", "PutRolePermissionsBoundary"]
    {
        assert!(may(action, "phonehome/ci", Some(boundary)), "{action}");
        assert!(!may(action, "phonehome/ci", None), "{action} without a boundary");
        assert!(
            !may(action, "phonehome/ci", Some("arn:aws:iam::aws:policy/AdministratorAccess")),
            "{action}"
        );
        assert!(!may(action, "admin", Some(boundary)), "{action} of somebody else's");
    }
    for action in ["DeleteRolePermissionsBoundary", "CreateUser", "CreateAccessKey", "CreatePolicyVersion"] {
        assert!(!may(action, "phonehome/ci", Some(boundary)), "{action}");
    }
    for name in ["phonehome-member", "phonehome-starter-pack", "phonehome-probe"] {
        assert!(!may("UpdateAssumeRolePolicy", name, Some(boundary)), "{name}");
        assert!(!may("PassRole", name, None), "{name}");
    }
    Ok(())
}

#[test]
fn one_metric_stream_is_made_and_nothing_is_put_into_it_and_its_roles_go_to_its_services_alone() -> Result<()>
{
    let role = statements("StarterPackRole")?;
    let may = |action: &str, arn: &str| allowed(&role, &Request::new(action, arn));
    let stream = "arn:aws:cloudwatch:eu-west-1:333333333333:metric-stream/phonehome-metrics";
    let delivery = "arn:aws:firehose:eu-west-1:333333333333:deliverystream/phonehome-metrics";
    let made = [
        ("cloudwatch:PutMetricStream", stream),
        ("cloudwatch:DeleteMetricStream", stream),
        ("firehose:CreateDeliveryStream", delivery),
        ("firehose:UpdateDestination", delivery),
        ("firehose:DeleteDeliveryStream", delivery),
    ];
    for (action, arn) in made {
        assert!(may(action, arn), "{action}");
        assert!(!may(action, &arn.replace("phonehome-", "team-")), "{action} of somebody else's");
        assert!(!may(action, &format!("{arn}-2")), "{action} of another one");
    }
    for action in ["firehose:PutRecord", "firehose:PutRecordBatch"] {
        assert!(!may(action, delivery), "{action}");
    }
    for action in ["cloudwatch:GetMetricData", "cloudwatch:PutMetricData", "cloudwatch:StopMetricStreams"] {
        assert!(!may(action, stream) && !may(action, "*"), "{action}");
    }
    let passes = |name: &str, service: &str| {
        let arn = format!("arn:aws:iam::333333333333:role/phonehome/{name}");
        allowed(&role, &Request::new("iam:PassRole", &arn).with("iam:PassedToService", &[service]))
    };
    let services =
        ["firehose.amazonaws.com", "streams.metrics.cloudwatch.amazonaws.com", "lambda.amazonaws.com"];
    for (name, own) in [("phonehome-metric-delivery", services[0]), ("phonehome-metric-stream", services[1])]
    {
        for service in services {
            assert_eq!(passes(name, service), service == own, "{name} to {service}");
        }
    }
    Ok(())
}

#[test]
fn data_is_made_under_its_names_alone_and_no_object_or_item_is_read() -> Result<()> {
    let role = statements("StarterPackRole")?;
    let may = |action: &str, arn: &str| allowed(&role, &Request::new(action, arn));
    let bucket = "arn:aws:s3:::shop-state-333333333333-eu-west-1-an";
    assert!(may("s3:CreateBucket", bucket));
    assert!(
        !may("s3:CreateBucket", "arn:aws:s3:::somebodys")
            && !may("s3:PutBucketPolicy", "arn:aws:s3:::somebodys")
    );
    for action in ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"] {
        assert!(!may(action, bucket) && !may(action, &format!("{bucket}/terraform.tfstate")), "{action}");
    }
    let table = "arn:aws:dynamodb:eu-west-1:333333333333:table/phonehome-state-lock";
    assert!(may("dynamodb:CreateTable", table) && !may("dynamodb:GetItem", table));
    let key = Request::new("kms:ScheduleKeyDeletion", "arn:aws:kms:eu-west-1:333333333333:key/1");
    let ours = key.clone().tagged(&[("phonehome:managed-by", "phonehome")]);
    let within = |days: &str| ours.clone().with("kms:ScheduleKeyDeletionPendingWindowInDays", &[days]);
    assert!(allowed(&role, &within("30")), "of a creation that failed");
    assert!(!allowed(&role, &within("7")), "a key can be brought back for a month");
    assert!(
        !allowed(&role, &key.with("kms:ScheduleKeyDeletionPendingWindowInDays", &["30"])),
        "somebody else's"
    );
    for action in ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:DisableKey"] {
        let ours = Request::new(action, "arn:aws:kms:eu-west-1:333333333333:key/1");
        assert!(!allowed(&role, &ours.tagged(&[("phonehome:managed-by", "phonehome")])), "{action}");
    }
    Ok(())
}
