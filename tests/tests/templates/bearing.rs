//! What the vendor's role in the management account may do with what accounts bear.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Result;
use serde_json::Value;

use crate::iam::{Request, allowed};
use crate::template::{list, load, repository};

const MEMBER: &str = "arn:aws:organizations::333333333333:account/o-a1b2c3d4e5/444444444444";
const MANAGEMENT: &str = "arn:aws:organizations::333333333333:account/o-a1b2c3d4e5/333333333333";
const UNIT: &str = "arn:aws:organizations::333333333333:ou/o-a1b2c3d4e5/ou-abcd-12345678";
const ROOT: &str = "arn:aws:organizations::333333333333:root/o-a1b2c3d4e5/r-abcd";
const POLICY: &str =
    "arn:aws:organizations::333333333333:policy/o-a1b2c3d4e5/service_control_policy/p-12345678";
const MEMBERS_CONTACTS: &str = "arn:aws:account::333333333333:account/o-a1b2c3d4e5/444444444444";
const OWN_CONTACTS: [&str; 2] = [
    "arn:aws:account::333333333333:account/o-a1b2c3d4e5/333333333333",
    "arn:aws:account::333333333333:account",
];

fn statements(keeps: &str) -> Result<Vec<Value>> {
    let bus = "arn:aws:events:us-east-1:222222222222:event-bus/phonehome";
    let given = [("HubBusArn", bus), ("HubAccountId", "222222222222"), ("KeepProperties", keeps)];
    load("management", &given)?.statements("VendingRole")
}

fn may(statements: &[Value], action: &str, resource: &str) -> bool {
    allowed(statements, &Request::new(action, resource))
}

#[test]
fn what_accounts_bear_is_changed_only_where_that_is_allowed_and_never_of_the_management_account() -> Result<()>
{
    let (none, all) = (statements("false")?, statements("true")?);
    for (action, resource) in [
        ("organizations:MoveAccount", MEMBER),
        ("organizations:MoveAccount", UNIT),
        ("organizations:MoveAccount", ROOT),
        ("organizations:CreateOrganizationalUnit", ROOT),
        ("organizations:CreateOrganizationalUnit", UNIT),
        ("organizations:TagResource", MEMBER),
        ("organizations:UntagResource", MEMBER),
        ("account:PutAlternateContact", MEMBERS_CONTACTS),
        ("account:GetAlternateContact", MEMBERS_CONTACTS),
        ("support:CreateCase", "*"),
    ] {
        assert!(may(&all, action, resource), "{action} of {resource}");
        assert!(!may(&none, action, resource), "{action} of {resource} without KeepProperties");
    }
    for action in ["organizations:MoveAccount", "organizations:TagResource", "organizations:UntagResource"] {
        assert!(!may(&all, action, MANAGEMENT), "{action} of the management account");
    }
    for own in OWN_CONTACTS {
        assert!(!may(&all, "account:PutAlternateContact", own), "{own}");
    }
    for resource in [UNIT, ROOT, POLICY] {
        assert!(!may(&all, "organizations:TagResource", resource), "{resource} keeps its tags");
        assert!(!may(&all, "organizations:UntagResource", resource), "{resource} keeps its tags");
    }
    for action in [
        "organizations:CloseAccount",
        "organizations:RemoveAccountFromOrganization",
        "organizations:DeleteOrganizationalUnit",
        "organizations:UpdateOrganizationalUnit",
        "organizations:AttachPolicy",
        "account:DeleteAlternateContact",
        "account:PutContactInformation",
        "support:ResolveCase",
    ] {
        let resources = [MEMBER, UNIT, ROOT, POLICY, MEMBERS_CONTACTS, "*"];
        assert!(!resources.iter().any(|resource| may(&all, action, resource)), "{action}");
    }
    Ok(())
}

/// The operations that stand as text in a file of `crates/accounts/src`.
fn called(file: &str) -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(repository().join("crates/accounts/src").join(file))?;
    let text = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    let is_operation =
        |it: &&str| ["organizations:", "account:", "support:"].iter().any(|service| it.starts_with(service));
    Ok(text.split('"').filter(is_operation).map(str::to_owned).collect())
}

#[test]
fn what_keeps_accounts_as_declared_may_do_what_is_called_and_nothing_else() -> Result<()> {
    let actions = |keeps: &str| -> Result<BTreeSet<String>> {
        let statements = statements(keeps)?.into_iter().filter(|it| it["Effect"] == "Allow");
        Ok(statements.flat_map(|it| list(&it["Action"])).collect())
    };
    let called: BTreeSet<String> =
        called("properties.rs")?.into_iter().chain(called("support.rs")?).collect();
    let (before, after) = (actions("false")?, actions("true")?);
    assert!(called.len() >= 12, "{called:?}");
    assert_eq!(
        called.difference(&after).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "called and not allowed"
    );
    let more: BTreeSet<String> = after.difference(&before).cloned().collect();
    assert_eq!(more.difference(&called).collect::<Vec<_>>(), Vec::<&String>::new(), "allowed and not called");
    Ok(())
}
