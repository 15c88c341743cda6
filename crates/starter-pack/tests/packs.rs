//! What a pack is, by its template.

mod support;

use std::collections::BTreeSet;

use phonehome_starter_pack::{Pack, Verdict, compare, verdict};
use serde_json::{Value, json};
use support::{FULL, filled, fleet, moved, pack, template, texts, with};

fn kinds(template: &Value) -> Vec<&str> {
    template["Resources"].as_object().unwrap().values().map(|it| it["Type"].as_str().unwrap()).collect()
}

/// Statements of every policy in a template, with the resource that has it.
fn statements(template: &Value) -> Vec<(String, Value)> {
    fn gather(of: &str, value: &Value, found: &mut Vec<(String, Value)>) {
        if let Some(statements) = value["Statement"].as_array() {
            found.extend(statements.iter().map(|it| (of.to_owned(), it.clone())));
        }
        match value {
            Value::Object(entries) => entries.values().for_each(|it| gather(of, it, found)),
            Value::Array(items) => items.iter().for_each(|it| gather(of, it, found)),
            _ => {}
        }
    }
    let mut found = vec![];
    for (id, resource) in template["Resources"].as_object().unwrap() {
        gather(id, &resource["Properties"], &mut found);
    }
    found
}

/// Of each resource its properties, each on a line; of a policy its statements.
fn shown(template: &Value) -> String {
    let mut lines = vec![];
    for (id, resource) in template["Resources"].as_object().unwrap() {
        lines.push(format!("{id}: {}", resource["Type"].as_str().unwrap()));
        for (name, value) in resource["Properties"].as_object().unwrap() {
            match value["Statement"].as_array() {
                Some(statements) => {
                    lines.push(format!("  {name}:"));
                    lines.extend(statements.iter().map(|statement| format!("    {statement}")));
                }
                None => lines.push(format!("  {name}: {value}")),
            }
        }
    }
    lines.join("\n")
}

#[test]
fn a_pack_with_everything() {
    insta::assert_snapshot!("everything", shown(&template(FULL, "shop-prod", "us-east-1")));
}

#[test]
fn a_pack_with_little() {
    let text = with(FULL, "log_bucket: true }", "log_bucket: false }");
    insta::assert_snapshot!("little", template(&text, "web-dev", "us-east-1").to_string());
}

#[test]
fn load_balancers_and_s3_write_below_this_accounts_id_or_for_this_account_and_nobody_else_writes() {
    let template = filled(&template(FULL, "web-dev", "us-east-1"), "444444444444", "us-east-1", "aws");
    for statement in template["Resources"]["LogBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        .as_array()
        .unwrap()
    {
        let is_write = statement["Action"] == "s3:PutObject";
        let is_below = texts(&statement["Resource"]).iter().all(|it| it.contains("/AWSLogs/444444444444/"));
        let is_for = statement["Condition"]["StringEquals"]["aws:SourceAccount"] == "444444444444";
        assert!(statement["Effect"] == "Deny" || is_for || (is_write && is_below), "{statement}");
    }
}

#[test]
fn roles_and_the_provider_are_in_the_home_region_alone() {
    let (home, other) =
        (template(FULL, "shop-prod", "us-east-1"), template(FULL, "shop-prod", "eu-central-2"));
    assert_eq!(kinds(&home).iter().filter(|kind| kind.starts_with("AWS::IAM::")).count(), 6);
    assert!(kinds(&other).iter().all(|kind| !kind.starts_with("AWS::IAM::")), "{other}");
    assert!(kinds(&other).contains(&"AWS::S3::Bucket"));
    // The other Region's bucket names the home Region's role, and waits for nothing that is not in its stack.
    let waits = |template: &Value| template["Resources"]["LogBucket"]["DependsOn"].clone();
    assert_eq!((waits(&home), waits(&other)), (json!("LogForwardingRole"), Value::Null));
    let moved_home = with(FULL, "starter_pack:\n  key", "starter_pack:\n  home_region: eu-central-2\n  key");
    let moved_home = with(&moved_home, "pools: [all] }", "pools: [all, all-eu] }");
    assert!(pack(&moved_home, "shop-prod", "eu-central-2").unwrap().is_home());
    assert!(!kinds(&template(&moved_home, "shop-prod", "us-east-1")).contains(&"AWS::IAM::Role"));
}

#[test]
fn an_account_has_a_pack_where_it_has_a_network_and_something_to_put_there() {
    assert!(pack(FULL, "shop-dev", "us-east-1").is_some());
    assert!(pack(FULL, "shop-dev", "eu-central-2").is_none(), "dev has no network there");
    let roles_alone = with(FULL, "  key: true\n  state_bucket: { lock_table: true }\n", "");
    let start = roles_alone.find("  log_bucket:\n").unwrap();
    let end = roles_alone.find("  repositories:\n").unwrap();
    let roles_alone = format!("{}{}", &roles_alone[..start], &roles_alone[end..]);
    let home = pack(&roles_alone, "shop-prod", "us-east-1").unwrap();
    assert!(home.is_home() && home.needs_named_iam());
    assert!(pack(&roles_alone, "shop-prod", "eu-central-2").is_none());
    assert!(!pack(FULL, "shop-prod", "eu-central-2").unwrap().needs_named_iam());
}

#[test]
fn everything_stays_whatever_becomes_of_the_stack_but_for_a_creation_that_failed() {
    for region in ["us-east-1", "eu-central-2"] {
        let template = template(FULL, "shop-prod", region);
        for (id, resource) in template["Resources"].as_object().unwrap() {
            assert_eq!(resource["DeletionPolicy"], "RetainExceptOnCreate", "{id}");
            assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{id}");
        }
    }
}

#[test]
fn a_hundred_and_thirty_accounts_that_are_declared_alike_have_one_template() {
    let names: String =
        (0..130).map(|it| format!("  - {{ name: d{it}, owner: t{it}, environments: [prod] }}\n")).collect();
    let fleet = fleet(&with(FULL, "domains:\n", &format!("domains:\n{names}")));
    let members = fleet.members().into_iter().filter(|it| it.domain.starts_with('d'));
    let bodies = members.map(|it| Pack::of(&fleet, &it, &"us-east-1".parse().unwrap()).unwrap().body());
    let bodies: Vec<String> = bodies.collect();
    assert_eq!((bodies.len(), bodies.iter().collect::<BTreeSet<_>>().len()), (130, 1));
}

#[test]
fn no_role_may_do_what_a_wildcard_lets_it_and_none_is_open() {
    for region in ["us-east-1", "eu-central-2"] {
        for (of, statement) in statements(&template(FULL, "shop-prod", region)) {
            let is_allowed = statement["Effect"] == "Allow";
            // That of a key says that IAM decides: without it nobody could.
            if is_allowed && of != "Key" {
                assert!(
                    texts(&statement["Action"]).iter().all(|action| !action.contains('*')),
                    "{of}: {statement}"
                );
                assert_ne!(statement["Principal"], "*", "{of}");
                assert_ne!(statement["Resource"], "*", "{of}");
            }
        }
    }
}

#[test]
fn a_provider_that_is_the_teams_is_referred_to_and_not_in_the_stack() {
    let theirs = with(FULL, "starter_pack:\n  key", "starter_pack:\n  oidc_provider: theirs\n  key");
    let theirs = template(&theirs, "shop-dev", "us-east-1");
    assert!(!kinds(&theirs).contains(&"AWS::IAM::OIDCProvider"));
    let trust = |template: &Value| {
        let trust = &template["Resources"]["DeployRoledeploy"]["Properties"]["AssumeRolePolicyDocument"];
        filled(trust, "444444444444", "us-east-1", "aws")["Statement"][0]["Principal"]["Federated"].clone()
    };
    let expected = "arn:aws:iam::444444444444:oidc-provider/token.actions.githubusercontent.com";
    assert_eq!(
        (trust(&theirs), trust(&template(FULL, "shop-dev", "us-east-1"))),
        (json!(expected), json!(expected))
    );
}

#[test]
fn no_text_of_a_template_names_a_partition() {
    for region in ["us-east-1", "eu-central-2"] {
        let body = pack(FULL, "shop-prod", region).unwrap().body();
        assert!(!body.contains("arn:aws"), "{body}");
    }
}

#[test]
fn regions_from_before_august_2022_take_the_load_balancers_account_as_well() {
    let sids = |region: &str, zone: &str| -> Vec<String> {
        let template = template(&moved(FULL, region, zone), "shop-dev", region);
        let policy = &template["Resources"]["LogBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"];
        policy.as_array().unwrap().iter().map(|it| it["Sid"].as_str().unwrap().to_owned()).collect()
    };
    let old = "ApplicationLoadBalancersOfOldRegions".to_owned();
    for (region, zone, is_old) in [
        ("us-east-1", "use1-az1", true),
        ("us-gov-west-1", "usgw1-az1", true),
        ("cn-northwest-1", "cnnw1-az1", true),
        ("ap-southeast-3", "apse3-az1", true),
        ("eu-south-2", "eus2-az1", false),
        ("il-central-1", "ilc1-az1", false),
    ] {
        let sids = sids(region, zone);
        assert_eq!(sids.contains(&old), is_old, "{region}");
        assert!(sids.contains(&"ApplicationLoadBalancers".to_owned()), "{region}");
    }
}

#[test]
fn names_are_those_of_the_template() {
    for (region, partition) in [("us-east-1", "aws"), ("eu-central-2", "aws")] {
        let pack = pack(FULL, "shop-prod", region).unwrap();
        let names = pack.names(&"444444444444".parse().unwrap());
        let template = filled(&pack.template(), "444444444444", region, partition);
        let resources = &template["Resources"];
        let backend = names.backend.unwrap();
        assert_eq!(resources["StateBucket"]["Properties"]["BucketName"], *backend.bucket);
        assert_eq!(resources["StateLockTable"]["Properties"]["TableName"], *backend.lock_table.unwrap());
        assert_eq!(resources["LogBucket"]["Properties"]["BucketName"], *names.log_bucket.unwrap());
        assert_eq!(resources["KeyAlias"]["Properties"]["AliasName"], *names.key_alias.unwrap());
        let arns: Vec<&str> =
            names.deploy_roles.iter().chain(&names.access_roles).map(|it| it.arn.as_str()).collect();
        let of_home = [
            "arn:aws:iam::444444444444:role/phonehome/deploy",
            "arn:aws:iam::444444444444:role/phonehome/release",
            "arn:aws:iam::444444444444:role/phonehome/contractor",
        ];
        assert_eq!(arns, if pack.is_home() { &of_home[..] } else { &[] });
        let users: Vec<(&str, &str)> =
            names.machine_users.iter().map(|it| (it.arn.as_str(), it.secret.as_str())).collect();
        let of_home = [("arn:aws:iam::444444444444:user/phonehome/ci", "phonehome/machine-users/ci")];
        assert_eq!(users, if pack.is_home() { &of_home[..] } else { &[] });
        if let [user] = &pack.machine_users()[..] {
            assert_eq!(resources["MachineUserci"]["Properties"]["UserName"], *user.name);
            assert_eq!(resources["AccessKeyci"]["Properties"]["Name"], *user.secret);
            let days = |ms: u64| ms / (24 * 60 * 60_000);
            assert_eq!((days(user.rules.rotate_after_ms), days(user.rules.overlap_ms)), (90, 7));
        }
        assert_eq!(names.oidc_provider_arn.is_some(), pack.is_home());
    }
}

#[test]
fn a_users_secret_has_no_text_in_the_template_and_whatever_users_are_called_each_resource_is_its_own() {
    let more =
        "    - { name: Keyci, managed_policies: [a] }\n    - { name: AccessKeyci, managed_policies: [a] }\n";
    let text = with(FULL, "  machine_users:\n", &format!("  machine_users:\n{more}"));
    let template = template(&text, "shop-prod", "us-east-1");
    let of_kind = |kind: &str| kinds(&template).iter().filter(|it| **it == kind).count();
    assert_eq!((of_kind("AWS::IAM::User"), of_kind("AWS::SecretsManager::Secret")), (3, 3));
    assert_eq!(of_kind("AWS::IAM::AccessKey"), 0);
    for resource in template["Resources"].as_object().unwrap().values() {
        if resource["Type"] == "AWS::SecretsManager::Secret" {
            let names: Vec<&String> = resource["Properties"].as_object().unwrap().keys().collect();
            assert_eq!(names, ["Description", "Name"]);
        }
    }
}

#[test]
fn what_a_fleet_file_changes_is_allowed_or_withheld() {
    let deployed = template(FULL, "shop-prod", "us-east-1");
    let cases = [
        ("a longer expiry", with(FULL, "expire_days: 400", "expire_days: 500"), true),
        ("a shorter one", with(FULL, "expire_days: 400", "expire_days: 30"), false),
        ("another branch", with(FULL, "branches: [main]", "branches: [main, hotfix]"), true),
        ("another boundary", with(FULL, "team/boundary", "team/wider"), true),
        (
            "another role",
            with(
                FULL,
                "  access_roles:\n",
                "  access_roles:\n    - { name: x, trusted: [{ account: \"999999999999\", role: y }] }\n",
            ),
            true,
        ),
        (
            "another user",
            with(FULL, "  machine_users:\n", "  machine_users:\n    - { name: x, managed_policies: [y] }\n"),
            true,
        ),
        ("a user by another name", with(FULL, "name: ci", "name: cd"), false),
        ("a role by another name", with(FULL, "name: contractor", "name: contractors"), false),
        ("no lock table", with(FULL, "{ lock_table: true }", "true"), false),
        (
            "another bucket",
            with(FULL, "{ lock_table: true }", "{ lock_table: true, name: acme-state }"),
            false,
        ),
        ("another central bucket", with(FULL, "central-logs", "central-logs-2"), true),
        (
            "a provider that is theirs now",
            with(FULL, "starter_pack:\n  key", "starter_pack:\n  oidc_provider: theirs\n  key"),
            false,
        ),
        (
            "a shorter history",
            with(FULL, "{ lock_table: true }", "{ lock_table: true, noncurrent_days: 1 }"),
            false,
        ),
        (
            "a longer history",
            with(FULL, "{ lock_table: true }", "{ lock_table: true, noncurrent_days: 365 }"),
            true,
        ),
        ("no change", FULL.to_owned(), true),
    ];
    for (what, text, is_allowed) in cases {
        let changes = compare(&deployed, &template(&text, "shop-prod", "us-east-1"));
        assert_eq!(changes.is_empty(), text == FULL, "{what}");
        assert_eq!(verdict(&changes) == Verdict::Allowed, is_allowed, "{what}: {changes:?}");
    }
}
