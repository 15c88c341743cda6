//! Who may make accounts: the vendor, by a role in the management account, and nobody where that is not wished.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::calls::called;
use crate::iam::{Request, allowed};
use crate::template::{Template, list, load};

const HUB: &str = "222222222222";
const MANAGEMENT: &str = "111111111111";
const BUS: &str = "arn:aws:events:us-east-1:222222222222:event-bus/phonehome";
/// What the template tests take for the account of a stack.
const HERE: &str = "333333333333";
/// That AWS asks for beside `CreateAccount` where a request has tags: "Adding tags to a resource when you create it"
/// (<https://docs.aws.amazon.com/organizations/latest/userguide/add-tag.html>).
const ALONG: &str = "organizations:TagResource";

fn management(hub: &str) -> Result<Template> {
    load("management", &[("HubBusArn", BUS), ("HubAccountId", hub)])
}

fn role(hub: &str) -> Result<Vec<Value>> {
    management(hub)?.statements("VendingRole")
}

#[test]
fn who_makes_no_accounts_grants_nothing() -> Result<()> {
    let roles = load("management", &[("HubBusArn", BUS)])?.of_type("AWS::IAM::Role")?;
    assert_eq!(roles, ["ForwardRole"]);
    Ok(())
}

#[test]
fn what_the_vendor_calls_in_the_management_account_is_what_its_role_there_may_do() -> Result<()> {
    let granted: BTreeSet<String> = role(HUB)?.iter().flat_map(|it| list(&it["Action"])).collect();
    let expected = [
        "organizations:CreateAccount",
        "organizations:DescribeAccount",
        "organizations:DescribeCreateAccountStatus",
        "organizations:ListAccounts",
        "organizations:ListCreateAccountStatus",
        "organizations:ListTagsForResource",
        ALONG,
    ];
    assert_eq!(granted, expected.map(str::to_owned).into());
    let called = called()?;
    let unused: Vec<_> = granted.iter().filter(|it| !called.contains(*it) && *it != ALONG).collect();
    assert!(unused.is_empty(), "allowed, and called by nothing: {unused:?}");
    Ok(())
}

#[test]
fn the_vending_role_closes_moves_and_removes_nothing_and_tags_only_what_is_made_for_a_line() -> Result<()> {
    let statements = role(HUB)?;
    for action in [
        "organizations:CloseAccount",
        "organizations:RemoveAccountFromOrganization",
        "organizations:MoveAccount",
        "organizations:UntagResource",
        "organizations:AttachPolicy",
        "organizations:RegisterDelegatedAdministrator",
        "account:PutAlternateContact",
        "iam:CreateRole",
        "sts:AssumeRole",
    ] {
        assert!(!allowed(&statements, &Request::new(action, "*")), "{action}");
    }
    assert!(!allowed(&statements, &Request::new(ALONG, "*")));
    assert!(allowed(
        &statements,
        &Request::new(ALONG, "*").with("aws:RequestTag/phonehome:line", &["shop/dev"])
    ));
    Ok(())
}

#[test]
fn only_the_vendor_of_the_hub_comes_in_also_where_the_hub_is_the_management_account() -> Result<()> {
    for hub in [HUB, HERE] {
        let template = management(hub)?;
        let trust = template.properties("VendingRole")?["AssumeRolePolicyDocument"]["Statement"].clone();
        let [statement] = &trust.as_array().context("statements")?[..] else { anyhow::bail!("{trust}") };
        assert_eq!(statement["Principal"], json!({"AWS": format!("arn:aws:iam::{hub}:root")}));
        let vendor = format!("arn:aws:iam::{hub}:role/phonehome-vendor");
        assert_eq!(statement["Condition"], json!({"ArnEquals": {"aws:PrincipalArn": vendor}}));
    }
    Ok(())
}

#[test]
fn the_vendor_assumes_that_one_role_and_nobody_else_of_the_hub_does() -> Result<()> {
    let given = [("OrganizationId", "o-a1b2c3d4e5"), ("ManagementAccountId", MANAGEMENT)];
    let hub = load("hub", &given)?;
    assert_eq!(
        hub.properties("VendorRole")?["RoleName"],
        "phonehome-vendor",
        "the management account names it"
    );
    let name = hub.properties("Vendor")?["Environment"]["Variables"]["VENDING_ROLE_NAME"].clone();
    assert_eq!(management(HUB)?.properties("VendingRole")?["RoleName"], name, "both have the same default");
    let there = format!("arn:aws:iam::{MANAGEMENT}:role/{}", name.as_str().context("a name")?);
    let assumes = |role: &str, arn: &str| -> Result<bool> {
        Ok(allowed(&hub.statements(role)?, &Request::new("sts:AssumeRole", arn)))
    };
    assert!(assumes("VendorRole", &there)?);
    for other in ["role/admin", "role/OrganizationAccountAccessRole", "role/phonehome-member"] {
        assert!(!assumes("VendorRole", &format!("arn:aws:iam::{MANAGEMENT}:{other}"))?, "{other}");
        assert!(!assumes("VendorRole", &format!("arn:aws:iam::444455556666:{other}"))?, "{other}");
    }
    for role in hub.of_type("AWS::IAM::Role")?.iter().filter(|it| *it != "VendorRole") {
        assert!(!assumes(role, &there)?, "{role}");
    }
    Ok(())
}

#[test]
fn a_version_that_comes_into_force_wakes_the_vendor_and_nothing_else_that_is_stored_does() -> Result<()> {
    let given = [("OrganizationId", "o-a1b2c3d4e5"), ("ManagementAccountId", MANAGEMENT)];
    let vendor = load("hub", &given)?.properties("Vendor")?;
    let filters = vendor["Events"]["Published"]["Properties"]["FilterCriteria"]["Filters"].clone();
    let [filter] = &filters.as_array().context("filters")?[..] else { anyhow::bail!("{filters}") };
    let pattern: Value = serde_json::from_str(filter["Pattern"].as_str().context("a pattern")?)?;
    assert_eq!(
        pattern,
        json!({"dynamodb": {"Keys": {"pk": {"S": [phonehome_state::Keys::fleet().partition]}}}})
    );
    let timeout_s = vendor["Timeout"].as_u64().context("a time limit")?;
    let source =
        std::fs::read_to_string(crate::template::repository().join("functions/vendor/src/handler.rs"))?;
    let work =
        source.split("WORK_MS: u64 = ").nth(1).and_then(|rest| rest.split(';').next()).context("WORK_MS")?;
    let work_ms: u64 = work.replace('_', "").parse()?;
    assert!(work_ms + 40_000 <= timeout_s * 1000, "a call takes up to 40 s");
    Ok(())
}
