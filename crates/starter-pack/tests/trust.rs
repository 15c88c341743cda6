//! Who is let in by a deploy role.

mod support;

use serde_json::{Value, json};
use support::{FULL, moved, template, texts};

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
    let (deploy, release) = ("DeployRoledeploy", "DeployRolerelease");
    for (role, other, sub, id) in [
        (deploy, release, format!("{ids}:ref:refs/heads/main"), SHOP),
        (release, deploy, format!("{ids}:environment:prod"), SHOP),
        (deploy, release, "repo:acme/shop-old:ref:refs/heads/main".to_owned(), OLD),
        (release, deploy, "repo:acme/shop-old:environment:prod".to_owned(), OLD),
    ] {
        assert!(lets_in(&template, role, &token(&sub, id)), "{sub}");
        assert!(!lets_in(&template, other, &token(&sub, id)), "{sub}: a branch is no environment");
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
        for role in [deploy, release] {
            assert!(!lets_in(&template, role, &token(&sub, id)), "{why}: {sub}");
        }
    }
    let mut other = token(&format!("{ids}:ref:refs/heads/main"), SHOP);
    other["aud"] = json!("https://github.com/acme");
    assert!(!lets_in(&template, deploy, &other), "another audience");
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
