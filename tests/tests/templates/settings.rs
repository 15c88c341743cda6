//! infra/member-role.yaml: what settings of the account are tightened with, and what whoever gets hold of it cannot loosen.

use anyhow::Result;
use serde_json::Value;

use crate::iam::{Request, allowed};
use crate::member::member;
use crate::template::list;

fn statements() -> Result<Vec<Value>> {
    member(&[("AccountSettings", "true")])?.statements("MemberRole")
}

#[test]
fn without_the_parameter_no_setting_of_the_account_may_be_seen_or_set() -> Result<()> {
    let template = member(&[])?;
    let may: Vec<String> =
        template.statements("MemberRole")?.iter().flat_map(|it| list(&it["Action"])).collect();
    let is_setting =
        |it: &&String| ["Ebs", "MetadataDefaults", "PublicAccess"].iter().any(|name| it.contains(name));
    let found: Vec<_> = may.iter().filter(|it| is_setting(it) || it.starts_with("kms:")).collect();
    assert!(found.is_empty(), "{found:?}");
    let elsewhere = member(&[("AccountSettings", "true"), ("HomeRegion", "eu-west-1")])?;
    assert_eq!(elsewhere.of_type("AWS::IAM::ManagedPolicy")?, [""; 0], "roles are global, and made once");
    Ok(())
}

#[test]
fn who_may_tighten_settings_may_not_switch_them_off() -> Result<()> {
    let role = statements()?;
    let may = |request: &Request| allowed(&role, request);
    for action in ["ec2:EnableEbsEncryptionByDefault", "s3:PutAccountPublicAccessBlock"] {
        assert!(may(&Request::new(action, "*")), "{action}");
    }
    for action in [
        "ec2:DisableEbsEncryptionByDefault",
        "ec2:ResetEbsDefaultKmsKeyId",
        "ec2:ModifyInstanceMetadataOptions",
        "s3:DeleteAccountPublicAccessBlock",
        "s3:PutBucketPublicAccessBlock",
    ] {
        assert!(!may(&Request::new(action, "*")), "{action}");
    }
    let defaults = Request::new("ec2:ModifyInstanceMetadataDefaults", "*");
    for (tokens, is) in [("required", true), ("optional", false), ("no-preference", false)] {
        assert_eq!(may(&defaults.clone().with("ec2:Attribute/HttpTokens", &[tokens])), is, "{tokens}");
    }
    Ok(())
}

#[test]
fn of_keys_the_accounts_own_are_looked_at_and_none_is_used_or_lent() -> Result<()> {
    let role = statements()?;
    let may = |action: &str, account: &str| {
        allowed(&role, &Request::new(action, &format!("arn:aws:kms:eu-west-1:{account}:key/1")))
    };
    for action in ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants"] {
        assert!(may(action, "333333333333") && !may(action, "999999999999"), "{action}");
    }
    for action in
        ["kms:CreateGrant", "kms:Decrypt", "kms:PutKeyPolicy", "kms:GenerateDataKey", "kms:CreateAlias"]
    {
        assert!(!may(action, "333333333333"), "{action}");
    }
    Ok(())
}
