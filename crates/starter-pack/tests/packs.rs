//! What a pack is, by its template.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use phonehome_starter_pack::{Pack, TEMPLATE_BYTES_MAX, Verdict, compare, oversized, verdict};
use serde_json::{Value, json};
use support::{FULL, filled, fleet, moved, pack, template, with};

/// IAM's limit of all inline policies of a role, without spaces
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
const INLINE_POLICIES_MAX: usize = 10_240;

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

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        other => vec![other.as_str().unwrap_or_default().to_owned()],
    }
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
    assert_eq!(kinds(&home).iter().filter(|kind| kind.starts_with("AWS::IAM::")).count(), 4);
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

/// What STS compares a token with: every condition key of the trust policy is in the token, with one of its values.
fn lets_in(template: &Value, role: &str, token: &Value) -> bool {
    let trust = &template["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"];
    trust.as_array().unwrap().iter().any(|statement| {
        assert_eq!(
            statement["Condition"].as_object().unwrap().len(),
            1,
            "what else is compared is not known here"
        );
        statement["Condition"]["StringEquals"].as_object().unwrap().iter().all(|(key, values)| {
            let claim = key.rsplit(':').next().unwrap();
            texts(values).iter().any(|value| token[claim] == **value)
        })
    })
}

fn token(sub: &str, repository_id: &str) -> Value {
    json!({ "aud": "sts.amazonaws.com", "sub": sub, "repository_id": repository_id })
}

const SHOP: &str = "1317716765";
const OLD: &str = "1145608538";

#[test]
fn the_declared_workflows_are_let_in_and_no_other() {
    let template = template(FULL, "shop-prod", "us-east-1");
    let ids = "repo:acme@252500266/shop@1317716765";
    for (sub, id) in [
        (format!("{ids}:ref:refs/heads/main"), SHOP),
        (format!("{ids}:environment:prod"), SHOP),
        ("repo:acme/shop-old:ref:refs/heads/main".to_owned(), OLD),
        ("repo:acme/shop-old:environment:prod".to_owned(), OLD),
    ] {
        assert!(lets_in(&template, "DeployRoledeploy", &token(&sub, id)), "{sub}");
    }
    for (why, sub, id) in [
        ("another owner", "repo:evil/shop:ref:refs/heads/main".to_owned(), "666"),
        ("another owner with its ids", "repo:evil@6/shop@666:ref:refs/heads/main".to_owned(), "666"),
        ("a name that goes on", "repo:acme/shop-old-evil:ref:refs/heads/main".to_owned(), "666"),
        (
            "a name that goes on, with ids",
            "repo:acme@252500266/shop-evil@7:ref:refs/heads/main".to_owned(),
            "7",
        ),
        ("a name that became free and was taken", "repo:acme/shop-old:ref:refs/heads/main".to_owned(), "666"),
        ("the old form of a repository with ids", "repo:acme/shop:ref:refs/heads/main".to_owned(), SHOP),
        (
            "an owner that was renamed",
            "repo:acme2@252500266/shop@1317716765:ref:refs/heads/main".to_owned(),
            SHOP,
        ),
        (
            "one repository's name with the other's id",
            "repo:acme/shop-old:ref:refs/heads/main".to_owned(),
            SHOP,
        ),
        ("a pull request", format!("{ids}:pull_request"), SHOP),
        ("a pull request of the old form", "repo:acme/shop-old:pull_request".to_owned(), OLD),
        ("the branch of a pull request", format!("{ids}:ref:refs/pull/1/merge"), SHOP),
        ("another branch", format!("{ids}:ref:refs/heads/mainline"), SHOP),
        ("a tag of a branch's name", format!("{ids}:ref:refs/tags/main"), SHOP),
        ("another environment", format!("{ids}:environment:prod-evil"), SHOP),
        ("an environment called like a branch", format!("{ids}:environment:x%3Aref%3Arefs/heads/main"), SHOP),
        ("a wildcard", "repo:*".to_owned(), SHOP),
    ] {
        assert!(!lets_in(&template, "DeployRoledeploy", &token(&sub, id)), "{why}: {sub}");
    }
    let mut other = token(&format!("{ids}:ref:refs/heads/main"), SHOP);
    other["aud"] = json!("https://github.com/acme");
    assert!(!lets_in(&template, "DeployRoledeploy", &other), "another audience");
}

#[test]
fn where_sts_does_not_compare_the_repositorys_id_the_subject_carries_it_or_nobody_is_let_in() {
    for (region, zone) in [("cn-north-1", "cnn1-az1"), ("us-gov-west-1", "usgw1-az1")] {
        let template = template(&moved(FULL, region, zone), "shop-dev", region);
        let without = |sub: &str| json!({ "aud": "sts.amazonaws.com", "sub": sub });
        let by_id = without("repo:acme@252500266/shop@1317716765:ref:refs/heads/main");
        assert!(lets_in(&template, "DeployRoledeploy", &by_id), "{region}");
        assert!(
            !lets_in(&template, "DeployRoledeploy", &without("repo:acme/shop-old:ref:refs/heads/main")),
            "{region}"
        );
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
            "arn:aws:iam::444444444444:role/phonehome/contractor",
        ];
        assert_eq!(arns, if pack.is_home() { &of_home[..] } else { &[] });
        assert_eq!(names.oidc_provider_arn.is_some(), pack.is_home());
    }
}

/// The largest that a fleet file can declare.
fn largest() -> String {
    let repositories: Vec<String> = (1..=2)
        .map(|it| {
            format!(
                "{{ name: {}/{}, id: 4294967295, owner_id: 4294967295 }}",
                "o".repeat(39),
                format!("{it}").repeat(100)
            )
        })
        .collect();
    let policies = |count: usize| {
        let names: Vec<String> = (0..count).map(|it| format!("p{it}{}", "x".repeat(120))).collect();
        names.join(", ")
    };
    let role = |it: usize| format!("{}{it}", "r".repeat(60));
    let deploy: Vec<String> = (0..10)
        .map(|it| {
            format!(
                "{{ name: {}, branches: [{}], github_environments: [{}], managed_policies: [{}] }}",
                role(it),
                "b".repeat(120),
                "e".repeat(110),
                policies(10)
            )
        })
        .collect();
    let trusted = format!("{{ account: \"999999999999\", role: {} }}", "t".repeat(120));
    let access: Vec<String> = (0..10)
        .map(|it| {
            format!(
                "{{ name: a{}, trusted: [{}], managed_policies: [{}] }}",
                role(it),
                [trusted.as_str(); 10].join(", "),
                policies(10)
            )
        })
        .collect();
    let start = FULL.find("  repositories:\n").unwrap();
    format!(
        "{}  repositories: [{}]\n  permissions_boundary: {}\n  deploy_roles: [{}]\n  access_roles: [{}]\n",
        &FULL[..start],
        repositories.join(", "),
        "b".repeat(120),
        deploy.join(", "),
        access.join(", ")
    )
}

#[test]
fn the_policies_of_the_largest_pack_fit_into_its_roles() {
    let pack = pack(&largest(), "shop-dev", "us-east-1").unwrap();
    // With the longest account, Region and partition there are.
    let template = filled(&pack.template(), "444444444444", "us-isob-east-1", "aws-iso-b");
    for (id, resource) in template["Resources"].as_object().unwrap() {
        let policies = resource["Properties"]["Policies"].to_string();
        assert!(policies.len() <= INLINE_POLICIES_MAX, "{id}: {}", policies.len());
    }
}

#[test]
fn a_template_that_cloudformation_would_not_take_is_found_before() {
    let (member, region, bytes) = oversized(&fleet(&largest())).unwrap();
    assert_eq!((member.account_name.as_str(), region.as_str()), ("shop-dev", "us-east-1"));
    assert!(bytes > TEMPLATE_BYTES_MAX);
    assert_eq!(oversized(&fleet(FULL)), None);
    // Ten roles of each kind, as people call them.
    let more = |name: &str, of: &str| -> String {
        (0..9).map(|it| format!("    - {{ name: {name}{it}, {of} }}\n")).collect()
    };
    let trusted = "trusted: [{ account: \"999999999999\", role: support/Engineers }]";
    let text =
        with(FULL, "  deploy_roles:\n", &format!("  deploy_roles:\n{}", more("deploy", "branches: [main]")));
    let text = with(&text, "  access_roles:\n", &format!("  access_roles:\n{}", more("access", trusted)));
    assert_eq!(oversized(&fleet(&text)), None);
}

/// The longest trust policy of a role in a file that `validate` accepts, and whether it refused a longer one.
fn longest(of: &str, file: impl Fn(usize) -> String) -> usize {
    let (mut longest, mut refused) = (0, false);
    for count in 1..=10 {
        let Ok(fleet) = phonehome_fleet::parse(&file(count)) else {
            refused = true;
            continue;
        };
        let pack =
            Pack::of(&fleet, &fleet.member("shop-dev").unwrap(), &"us-east-1".parse().unwrap()).unwrap();
        let template = filled(&pack.template(), "444444444444", "us-isob-east-1", "aws-us-gov");
        let trust = &template["Resources"][of]["Properties"]["AssumeRolePolicyDocument"];
        longest = longest.max(trust.to_string().len());
    }
    assert!(refused, "nothing was too long");
    longest
}

/// It refuses none that would fit easily either.
#[test]
fn no_trust_policy_that_is_accepted_is_longer_than_iam_takes() {
    let branches = longest("DeployRoledeploy", |count| {
        let branches: Vec<String> = (0..count).map(|it| format!("{it}{}", "x".repeat(130))).collect();
        with(FULL, "branches: [main]", &format!("branches: [{}]", branches.join(", ")))
    });
    let same_account = longest("AccessRolecontractor", |count| {
        let roles: Vec<String> = (0..count)
            .map(|it| format!("{{ account: \"999999999999\", role: {it}{} }}", "x".repeat(200)))
            .collect();
        with(FULL, "{ account: \"999999999999\", role: support/Engineers }", &roles.join(", "))
    });
    let accounts = longest("AccessRolecontractor", |count| {
        let roles: Vec<String> =
            (0..count).map(|it| format!("{{ account: \"99999999999{it}\", role: x }}")).collect();
        let text = with(FULL, "{ account: \"999999999999\", role: support/Engineers }", &roles.join(", "));
        with(&text, "acme-2026", &"x".repeat(128))
    });
    for length in [branches, same_account, accounts] {
        assert!((1200..=2048).contains(&length), "{length}");
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

/// By cfn-lint, as the repository's own templates are.
#[test]
fn cfn_lint_finds_nothing_in_templates() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let linter = root.join(".venv/tools/bin/cfn-lint");
    if !linter.exists() {
        eprintln!("left out: there is no cfn-lint, which `cargo xtask ci` installs into .venv/tools");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let full = [("shop-prod", "us-east-1"), ("shop-prod", "eu-central-2"), ("web-dev", "us-east-1")];
    let others = [("cn-north-1", "cnn1-az1"), ("us-gov-west-1", "usgw1-az1")];
    let full = full.map(|(account, region)| (FULL.to_owned(), account, region));
    let others = others.map(|(region, zone)| (moved(FULL, region, zone), "shop-dev", region));
    let files = full.into_iter().chain(others).map(|(text, account, region)| {
        let file = directory.path().join(format!("{account}-{region}.json"));
        fs::write(&file, pack(&text, account, region).unwrap().body()).unwrap();
        file
    });
    let files: Vec<_> = files.collect();
    let regions = ["us-east-1", "eu-central-2", "cn-north-1", "us-gov-west-1"];
    let output = Command::new(&linter).arg("--regions").args(regions).arg("--").args(files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
