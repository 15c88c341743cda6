//! That AWS takes the largest that is accepted.

mod support;

use phonehome_starter_pack::{Pack, TEMPLATE_BYTES_MAX, oversized};
use support::{FULL, filled, fleet, pack, with};

/// IAM's limit of all inline policies of a role, without spaces
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
const INLINE_POLICIES_MAX: usize = 10_240;

/// The largest that a fleet file can declare.
fn largest() -> String {
    let repositories: Vec<String> = (1..=2)
        .map(|it| {
            format!(
                "{{ name: {}/{}, id: {}, owner_id: 4294967295 }}",
                "o".repeat(39),
                format!("{it}").repeat(100),
                4_294_967_293_u32 + it
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
                "{{ name: {}, branches: [{}, {}], managed_policies: [{}] }}",
                role(it),
                "b".repeat(120),
                "c".repeat(110),
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
    let users: Vec<String> = (0..10)
        .map(|it| format!("{{ name: u{}, managed_policies: [{}] }}", role(it), policies(10)))
        .collect();
    let start = FULL.find("  repositories:\n").unwrap();
    format!(
        "{}  repositories: [{}]\n  permissions_boundary: {}\n  deploy_roles: [{}]\n  access_roles: [{}]\n  machine_users: [{}]\n",
        &FULL[..start],
        repositories.join(", "),
        "b".repeat(120),
        deploy.join(", "),
        access.join(", "),
        users.join(", ")
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
    let more = |count: usize, name: &str, of: &str| -> String {
        (0..count).map(|it| format!("    - {{ name: {name}{it}, {of} }}\n")).collect()
    };
    let trusted = "trusted: [{ account: \"999999999999\", role: support/Engineers }]";
    let text = with(
        FULL,
        "  deploy_roles:\n",
        &format!("  deploy_roles:\n{}", more(8, "deploy", "branches: [main]")),
    );
    let text = with(&text, "  access_roles:\n", &format!("  access_roles:\n{}", more(9, "access", trusted)));
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
