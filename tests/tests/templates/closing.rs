//! Who may close accounts, and which.

use anyhow::Result;
use serde_json::Value;

use crate::iam::{Request, allowed};
use crate::template::{ACCOUNT, Template, list, load};

const HUB: &str = "222222222222";
const LOG_ARCHIVE: &str = "999999999999";

fn management(allows: &str) -> Result<Template> {
    let bus = format!("arn:aws:events:us-east-1:{HUB}:event-bus/phonehome");
    let kept = format!("888888888888,{LOG_ARCHIVE}");
    load("management", &[("HubBusArn", &bus), ("AllowClosingAccounts", allows), ("KeptAccountIds", &kept)])
}

#[test]
fn the_role_that_closes_accounts_is_there_only_where_a_parameter_says_so() -> Result<()> {
    let roles = |template: &Template| template.of_type("AWS::IAM::Role");
    assert!(
        !roles(&load("management", &[("HubBusArn", "a:b:c:d:e:f")])?)?.contains(&"AccountCloser".to_owned())
    );
    assert!(!roles(&management("false")?)?.contains(&"AccountCloser".to_owned()));
    assert!(roles(&management("true")?)?.contains(&"AccountCloser".to_owned()));
    Ok(())
}

#[test]
fn it_closes_accounts_of_the_organization_but_the_hubs_the_management_account_and_those_that_are_kept()
-> Result<()> {
    let statements = management("true")?.statements("AccountCloser")?;
    let account = |id: &str| format!("arn:aws:organizations::{ACCOUNT}:account/o-a1b2c3d4e5/{id}");
    let may_close = |arn: &str| allowed(&statements, &Request::new("organizations:CloseAccount", arn));
    assert!(may_close(&account("444455556666")));
    for kept in [HUB, ACCOUNT, LOG_ARCHIVE, "888888888888"] {
        assert!(!may_close(&account(kept)), "{kept}");
    }
    assert!(!may_close("arn:aws:organizations::123456789012:account/o-another000/444455556666"));
    Ok(())
}

#[test]
fn it_can_do_nothing_else_and_the_operator_alone_becomes_it() -> Result<()> {
    let management = management("true")?;
    let role = management.properties("AccountCloser")?;
    for action in management.statements("AccountCloser")?.iter().flat_map(|it| list(&it["Action"])) {
        let known =
            ["organizations:CloseAccount", "organizations:DescribeAccount", "organizations:ListAccounts"];
        assert!(known.contains(&action.as_str()), "{action}");
    }
    let trust = role["AssumeRolePolicyDocument"]["Statement"].as_array().cloned().unwrap_or_default();
    assert_eq!(trust.len(), 1);
    assert_eq!(trust[0]["Principal"], serde_json::json!({"AWS": HUB}));
    let statements: Vec<Value> = trust
        .into_iter()
        .map(|mut statement| {
            statement["Resource"] = "*".into();
            statement
        })
        .collect();
    let may_become = |who: &str| {
        let who = format!("arn:aws:iam::{HUB}:role/{who}");
        allowed(&statements, &Request::new("sts:AssumeRole", "role").with("aws:PrincipalArn", &[&who]))
    };
    assert!(may_become("phonehome-operator"));
    for other in ["phonehome-viewer", "phonehome-provisioner", "phonehome-rollouts"] {
        assert!(!may_become(other), "{other}");
    }
    let people = load("operator", &[("OperatorPrincipals", "a"), ("ViewerPrincipals", "b")])?;
    let assume =
        Request::new("sts:AssumeRole", &format!("arn:aws:iam::{ACCOUNT}:role/phonehome-account-closer"));
    assert!(allowed(&people.statements("Operator")?, &assume));
    assert!(!allowed(&people.statements("Viewer")?, &assume));
    Ok(())
}

/// Whoever adds data that outlives a member's stack has to have it looked at (`Members::retained`) before an account is
/// closed.
#[test]
fn no_template_that_members_get_keeps_data_that_nobody_looks_for_before_an_account_is_closed() -> Result<()> {
    let template = load("member-role", &[])?;
    let mut resources = 0;
    for (name, resource) in template.section("Resources") {
        resources += 1;
        let kept = resource["DeletionPolicy"].as_str().is_some_and(|it| it.starts_with("Retain"));
        let holds =
            ["AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Backup::BackupVault", "AWS::RDS::DBInstance"];
        let kind = resource["Type"].as_str().unwrap_or_default();
        assert!(!kept && !holds.contains(&kind), "{name}: let Members::retained look for it");
    }
    assert!(resources > 5);
    Ok(())
}
