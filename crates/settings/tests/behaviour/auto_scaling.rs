//! Whether Auto Scaling may use a key.

use phonehome_settings::{Grant, NEEDED, auto_scaling_role, lacking};
use serde_json::{Value, json};

use crate::world::{arn, for_auto_scaling};

fn role() -> String {
    auto_scaling_role(&arn("1")).unwrap()
}

fn of(statements: Value, grants: &[Grant]) -> Vec<&'static str> {
    lacking(&arn("1"), &role(), &json!({ "Statement": statements }), grants)
}

fn allow(principal: &Value, actions: &Value, condition: &Value) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*", "Condition": condition})
}

#[test]
fn the_role_is_the_one_of_the_keys_account() {
    let role = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    assert_eq!(auto_scaling_role(&arn("1")).unwrap(), format!("arn:aws:iam::111111111111:{role}"));
    let cn = "arn:aws-cn:kms:cn-north-1:222222222222:key/1";
    assert_eq!(auto_scaling_role(cn).unwrap(), format!("arn:aws-cn:iam::222222222222:{role}"));
    assert_eq!(auto_scaling_role("alias/aws/ebs"), None);
}

#[test]
fn a_policy_lets_it_as_far_as_it_names_it_by_a_condition_that_is_known_to_hold() {
    let all = json!("kms:*");
    let it = json!({"AWS": role()});
    let nothing: Vec<&str> = vec![];
    let everything = NEEDED.to_vec();
    let here = json!({"StringEquals": {
        "kms:CallerAccount": "111111111111", "kms:ViaService": "ec2.eu-west-1.amazonaws.com"
    }});
    let elsewhere = json!({"StringEquals": {"kms:ViaService": "ec2.us-east-1.amazonaws.com"}});
    let other_account = json!({"StringEquals": {"kms:CallerAccount": "222222222222"}});
    let for_aws = json!({"Bool": {"kms:GrantIsForAWSResource": "true"}});
    let none = json!({});
    for (name, statement, lacks) in [
        ("itself", allow(&it, &all, &none), nothing.clone()),
        (
            "among others",
            allow(&json!({"AWS": ["111111111111", role()]}), &all, &Value::Null),
            nothing.clone(),
        ),
        ("everybody", allow(&json!("*"), &all, &none), nothing.clone()),
        ("everybody in AWS", allow(&json!({"AWS": "*"}), &all, &here), nothing.clone()),
        (
            "the account's IAM, where it has no right",
            allow(&json!({"AWS": "arn:aws:iam::111111111111:root"}), &all, &none),
            everything.clone(),
        ),
        ("another role", allow(&json!({"AWS": format!("{}_own", role())}), &all, &none), everything.clone()),
        ("by a service of another Region", allow(&it, &all, &elsewhere), everything.clone()),
        ("for another account", allow(&json!("*"), &all, &other_account), everything.clone()),
        (
            "under what nobody knows",
            allow(&it, &all, &json!({"StringLike": {"aws:PrincipalOrgID": "o-*"}})),
            everything.clone(),
        ),
        ("grants for AWS alone", allow(&it, &all, &for_aws), NEEDED[1..].to_vec()),
        (
            "data keys alone",
            allow(&it, &json!(["kms:GenerateDataKey*", "kms:decrypt"]), &none),
            vec!["CreateGrant", "DescribeKey", "ReEncryptFrom", "ReEncryptTo"],
        ),
        (
            "all but one",
            json!({"Effect": "Allow", "Principal": it, "NotAction": "kms:ReEncryptTo", "Resource": "*"}),
            vec!["ReEncryptTo"],
        ),
        (
            "another key",
            json!({"Effect": "Allow", "Principal": it, "Action": "*", "Resource": arn("2")}),
            everything.clone(),
        ),
        ("no principal", json!({"Effect": "Allow", "Action": "*", "Resource": "*"}), everything),
    ] {
        assert_eq!(of(json!([statement.clone()]), &[]), lacks, "{name}");
        assert_eq!(of(statement, &[]), lacks, "{name}, not in a list");
    }
    assert!(lacking(&arn("1"), &role(), &for_auto_scaling(), &[]).is_empty(), "as AWS's guide has it");
    for unreadable in
        [json!(null), json!("x"), json!({"Statement": "x"}), json!({"Statement": [[], 1, null]})]
    {
        assert_eq!(lacking(&arn("1"), &role(), &unreadable, &[]), NEEDED, "{unreadable}");
    }
}

#[test]
fn of_a_list_one_is_enough_and_of_conditions_all_have_to_hold() {
    let (it, all, none) = (json!({"AWS": role()}), json!("kms:*"), json!({}));
    let (nothing, everything) = (&[][..], &NEEDED[..]);
    for (name, statement, lacks) in [
        (
            "this key among others",
            json!({"Effect": "Allow", "Principal": it, "Action": "*", "Resource": [arn("2"), arn("1")]}),
            nothing,
        ),
        ("no key", json!({"Effect": "Allow", "Principal": it, "Action": "*", "Resource": [1]}), everything),
        ("no action", allow(&it, &json!([1]), &none), everything),
        (
            "one of several accounts",
            allow(
                &it,
                &all,
                &json!({"StringEquals": {"kms:CallerAccount": ["222222222222", "111111111111"]}}),
            ),
            nothing,
        ),
        (
            "under two conditions, of which one does not hold",
            allow(
                &it,
                &all,
                &json!({"StringEquals": {"kms:CallerAccount": "111111111111", "kms:ViaService": "s3"}}),
            ),
            everything,
        ),
        ("under a condition on nothing", allow(&it, &all, &json!({"StringEquals": "x"})), everything),
    ] {
        assert_eq!(of(json!([statement]), &[]), lacks, "{name}");
    }
}

#[test]
fn what_the_policy_does_not_a_grant_may_and_a_denial_counts_whatever_its_condition() {
    let grant = |operations: &[&str], is_constrained| Grant {
        operations: operations.iter().map(|it| (*it).to_owned()).collect(),
        is_constrained,
    };
    assert_eq!(of(json!([]), &[grant(&NEEDED, false)]), [""; 0]);
    assert_eq!(of(json!([]), &[grant(&NEEDED, true)]), NEEDED, "for some data alone");
    let halves = [grant(&NEEDED[..3], false), grant(&NEEDED[3..], false)];
    assert_eq!(of(json!([]), &halves), [""; 0]);
    assert_eq!(of(json!([]), &halves[..1]), NEEDED[3..]);
    for principal in [
        json!({"Principal": "*"}),
        json!({"Principal": {"AWS": role()}}),
        json!({"Principal": {"AWS": "arn:aws:iam::111111111111:root"}}),
        json!({"Principal": {"AWS": ["111111111111"]}}),
        json!({"NotPrincipal": {"AWS": "arn:aws:iam::111111111111:role/admin"}}),
    ] {
        let mut deny = json!({"Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*", "Condition": {"Bool": {"x": "y"}}});
        deny.as_object_mut().unwrap().extend(principal.as_object().unwrap().clone());
        assert_eq!(of(json!([deny]), &[grant(&NEEDED, false)]), ["Decrypt"], "{principal}");
    }
    for spared in [
        json!({"NotPrincipal": {"AWS": role()}}),
        json!({"NotPrincipal": {"AWS": ["arn:aws:iam::111111111111:role/admin", role()]}}),
        json!({"Principal": {"AWS": "arn:aws:iam::111111111111:role/x"}}),
    ] {
        let mut deny = json!({"Effect": "Deny", "Action": "*", "Resource": "*"});
        deny.as_object_mut().unwrap().extend(spared.as_object().unwrap().clone());
        assert_eq!(of(json!([deny]), &[grant(&NEEDED, false)]), [""; 0], "{spared}");
    }
}

#[test]
fn a_star_stands_for_any_letters_and_for_none() {
    for (action, covers) in [
        ("kms:Decrypt", true),
        ("kms:Decrypt*", true),
        ("kms:*Decrypt", true),
        ("kms:D**t", true),
        ("kms:D?crypt", true),
        ("kms:Decrypt?", false),
        ("kms:DecryptX", false),
        ("kms:Decryp", false),
        ("kms:*zDecrypt", false),
        ("kms:*z", false),
    ] {
        let lacks = of(json!([allow(&json!({"AWS": role()}), &json!(action), &Value::Null)]), &[]);
        assert_eq!(!lacks.contains(&"Decrypt"), covers, "{action}");
    }
}

/// Whoever has a member account writes its policies.
#[test]
fn a_policy_made_to_take_long_takes_no_longer() {
    let stars = format!("kms:{}x", "*a".repeat(4_000));
    let many = vec![allow(&json!({"AWS": role()}), &json!([stars.clone(), stars]), &Value::Null); 2];
    let began = std::time::Instant::now();
    assert_eq!(of(json!(many), &[]), NEEDED);
    assert!(began.elapsed().as_secs() < 5);
}
