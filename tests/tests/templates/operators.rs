//! infra/operator.yaml: what people and pipelines run the command with.

use anyhow::Result;
use serde_json::Value;

use crate::hub::{partitions_of, written_by};
use crate::iam::{Request, allowed};
use crate::template::{Template, list, load};

const TEAM: &str =
    "arn:aws:iam::333333333333:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Platform_*";
const PIPELINE: &str = "arn:aws:iam::333333333333:role/pull-requests";

fn people() -> Result<Template> {
    load("operator", &[("OperatorPrincipals", TEAM), ("ViewerPrincipals", PIPELINE)])
}

fn may_become(role: &Value, who: &str) -> bool {
    let statements = role["AssumeRolePolicyDocument"]["Statement"].as_array().cloned().unwrap_or_default();
    // A trust policy has no resource: it is the role.
    let statements: Vec<Value> = statements
        .into_iter()
        .map(|mut statement| {
            statement["Resource"] = "*".into();
            statement
        })
        .collect();
    allowed(&statements, &Request::new("sts:AssumeRole", "role").with("aws:PrincipalArn", &[who]))
}

#[test]
fn each_role_is_for_those_whom_its_parameter_names() -> Result<()> {
    let people = people()?;
    let (viewer, operator) = (people.properties("Viewer")?, people.properties("Operator")?);
    let member =
        "arn:aws:iam::333333333333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Platform_0a";
    assert!(may_become(&operator, member) && may_become(&viewer, PIPELINE));
    assert!(!may_become(&operator, PIPELINE), "a pull request's pipeline must not be able to write");
    assert!(!may_become(&viewer, "arn:aws:iam::333333333333:role/somebody"));
    Ok(())
}

#[test]
fn the_viewer_writes_nothing_and_reaches_only_the_role_that_looks() -> Result<()> {
    let statements = people()?.statements("Viewer")?;
    assert!(written_by(&statements).is_empty());
    for action in statements.iter().flat_map(|it| list(&it["Action"])) {
        let reads = [
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "organizations:DescribeAccount",
            "organizations:ListAccounts",
        ];
        assert!(reads.contains(&action.as_str()) || action == "sts:AssumeRole", "{action}");
    }
    let assume =
        |role: &str| Request::new("sts:AssumeRole", &format!("arn:aws:iam::444455556666:role/{role}"));
    assert!(allowed(&statements, &assume("phonehome-member-viewer")));
    assert!(!allowed(&statements, &assume("phonehome-member")));
    assert!(!allowed(&statements, &assume("OrganizationAccountAccessRole")));
    Ok(())
}

#[test]
fn the_operator_alone_reads_kept_reports_and_nothing_else_in_s3() -> Result<()> {
    let people = people()?;
    let bucket = "arn:aws:s3:::phonehome-reports-333333333333-us-east-1";
    let may = |role: &str, action: &str, resource: &str| -> Result<bool> {
        Ok(allowed(&people.statements(role)?, &Request::new(action, resource)))
    };
    let report = format!("{bucket}/reports/2026/11/25/02/x.gz");
    assert!(may("Operator", "s3:GetObject", &report)? && may("Operator", "s3:ListBucket", bucket)?);
    for (action, resource) in [
        ("s3:PutObject", report.as_str()),
        ("s3:DeleteObject", report.as_str()),
        ("s3:GetObject", "arn:aws:s3:::phonehome-flow-logs-333333333333-us-east-1/x"),
        ("s3:ListBucket", "arn:aws:s3:::another"),
    ] {
        assert!(!may("Operator", action, resource)?, "{action} {resource}");
    }
    assert!(!may("Viewer", "s3:GetObject", &report)? && !may("Viewer", "s3:ListBucket", bucket)?);
    Ok(())
}

#[test]
fn the_operator_writes_what_people_decide_and_what_apply_writes() -> Result<()> {
    let statements = people()?.statements("Operator")?;
    let written = written_by(&statements);
    assert_eq!(written, partitions_of("operator"));
    for of_probes in ["heartbeats", "paths", "incidents"] {
        assert!(!written.contains(of_probes), "{of_probes}");
    }
    Ok(())
}

#[test]
fn the_operator_alone_reads_which_units_accounts_are_in_and_changes_none() -> Result<()> {
    let people = people()?;
    let may = |role: &str, action: &str| -> Result<bool> {
        Ok(allowed(&people.statements(role)?, &Request::new(action, "ou-abcd-12345678")))
    };
    for action in ["ListRoots", "ListOrganizationalUnitsForParent", "ListAccountsForParent"] {
        let action = format!("organizations:{action}");
        assert!(may("Operator", &action)? && !may("Viewer", &action)?, "{action}");
    }
    for statement in people.statements("Operator")? {
        for action in list(&statement["Action"]).iter().filter(|it| it.starts_with("organizations:")) {
            let reads = ["List", "Describe"].iter().any(|verb| action.contains(&format!(":{verb}")));
            assert!(reads, "{action}");
        }
    }
    Ok(())
}
