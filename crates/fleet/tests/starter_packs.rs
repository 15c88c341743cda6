//! What accounts get beside their network, as declared.

mod support;

use phonehome_fleet::{DeclaredPack, Fleet, Repository};
use support::{EVERY_KEY, SMALL, only_problem, with};

fn of(fleet: &Fleet, line: &str) -> Option<DeclaredPack> {
    let member = fleet.members().into_iter().find(|it| it.line().as_str() == line).unwrap();
    fleet.starter_pack_of(&member)
}

/// The small file with a starter pack.
fn pack(yaml: &str) -> String {
    format!("{SMALL}\nstarter_pack: {yaml}\n")
}

const DEPLOY: &str = "{ repositories: [{ name: acme/shop, id: 2, owner_id: 1 }], permissions_boundary: b, \
                      deploy_roles: [{ name: deploy, branches: [main] }] }";

#[test]
fn a_role_has_the_repositories_and_the_boundary_of_the_pack_unless_it_has_its_own() {
    let role = |text: &str| of(&support::fleet(text), "shop/prod").unwrap().deploy_roles.remove(0);
    let own = role(EVERY_KEY);
    assert_eq!(own.repositories[0].name, "acme/shop-infra");
    assert_eq!(own.permissions_boundary.as_deref(), Some("deploy-boundary"));
    assert_eq!(own.github_environments, ["shop-prod"]);
    let of_pack = role(&pack(DEPLOY));
    assert_eq!(of_pack.repositories[0].name, "acme/shop");
    assert_eq!(of_pack.permissions_boundary.as_deref(), Some("b"));
}

fn subjects(repository: &str, of: &str) -> Vec<String> {
    let text = pack(&format!(
        "{{ permissions_boundary: b, deploy_roles: [{{ name: deploy, repositories: [{repository}], {of} }}] }}"
    ));
    let role = of_first(&text);
    let repository: &Repository = &role.repositories[0];
    role.subjects_of(repository)
}

fn of_first(text: &str) -> phonehome_fleet::DeployRole {
    of(&support::fleet(text), "shop/dev").unwrap().deploy_roles.remove(0)
}

#[test]
fn a_subject_carries_an_environment_or_a_branch_in_the_form_that_is_declared() {
    let (ids, names) = (
        "{ name: acme/shop, id: 2, owner_id: 1 }",
        "{ name: acme/shop, id: 2, owner_id: 1, subject: names }",
    );
    let cases = [
        (ids, "branches: [main]", "repo:acme@1/shop@2:ref:refs/heads/main"),
        (ids, "branches: [release/2.x]", "repo:acme@1/shop@2:ref:refs/heads/release/2.x"),
        (names, "branches: [main]", "repo:acme/shop:ref:refs/heads/main"),
        (names, "github_environments: [prod]", "repo:acme/shop:environment:prod"),
        (ids, "github_environments: [\"{domain}-{environment}\"]", "repo:acme@1/shop@2:environment:shop-dev"),
        (names, "github_environments: [a/b]", "repo:acme/shop:environment:a/b"),
        (names, "github_environments: [pull_request]", "repo:acme/shop:environment:pull_request"),
        (names, "branches: [pull_request]", "repo:acme/shop:ref:refs/heads/pull_request"),
    ];
    for (repository, of, expected) in cases {
        assert_eq!(subjects(repository, of), [expected], "{of}");
    }
    let two = subjects(ids, "github_environments: [prod, stage]");
    assert_eq!(two, ["repo:acme@1/shop@2:environment:prod", "repo:acme@1/shop@2:environment:stage"]);
}

#[test]
fn what_could_let_in_somebody_else_is_refused() {
    let role = |key: &str, value: &str| {
        let repository = "{ name: acme/shop, id: 2, owner_id: 1 }";
        pack(&format!(
            "{{ permissions_boundary: b, deploy_roles: [{{ name: d, repositories: [{repository}], {key}: [\"{value}\"] }}] }}"
        ))
    };
    let branches = [
        "*",
        "release/*",
        "ma?n",
        "refs/pull/1/merge",
        "refs/tags/v1",
        "refs/heads/main",
        "${aws:username}",
        "a b",
        "",
        "..",
        "a..b",
        "-x",
        "a.lock",
        "[ab]",
        "{branch}",
        "Refs/heads/main",
        "heads/main",
        "tags/v1",
        "pull/1/merge",
        "main ",
        "main\\n",
        "m\\u0430in",
        "main\\u200b",
        "x:y",
    ];
    let environments = [
        "*",
        "pro?",
        "${aws:username}",
        "{branch}",
        // GitHub writes the first like the second, and whoever may push makes an environment by naming it.
        "a:b",
        "a%3Ab",
        "x:ref:refs/heads/main",
        "",
        " prod",
        "prod ",
        "prod\\n",
        "pr\\u00f6d",
        "pr\\u043ed",
        "prod\\u200b",
    ];
    let refused = branches
        .map(|it| ("branches", it))
        .into_iter()
        .chain(environments.map(|it| ("github_environments", it)));
    for (key, value) in refused {
        let problem = only_problem(&role(key, value));
        assert!(
            problem.starts_with(&format!("starter_pack.deploy_roles[0].{key}[0]: ")),
            "{value:?}: {problem}"
        );
    }
    for name in [
        "*",
        "acme/*",
        "acme",
        "acme/",
        "/shop",
        "acme/shop:ref",
        "acme/shop/x",
        "https://github.com/acme/shop.git",
        "acme@1/shop@2",
        "ac--me/shop",
        "-acme/shop",
        "acme/..",
        "acme/sh op",
        "acme/shop ",
        "acme/shop.git",
        "acme/shop.Wiki",
        "acme/?hop",
        "acme/$shop",
        "acme/sh\\u043ep",
        "repo:acme/shop",
        "acme/shop:pull_request",
        "acme/shop/.github/workflows/deploy.yaml@refs/heads/main",
    ] {
        let problem = only_problem(&pack(DEPLOY).replace("name: acme/shop,", &format!("name: \"{name}\",")));
        assert!(problem.starts_with("starter_pack.repositories[0].name: "), "{name:?}: {problem}");
    }
}

#[test]
fn ids_are_whole_numbers_and_none_is_left_out() {
    let repository = "name: acme/shop, id: 2, owner_id: 1";
    for (given, place) in [
        ("name: acme/shop, id: 2", "starter_pack.repositories[0]: "),
        ("name: acme/shop, owner_id: 1", "starter_pack.repositories[0]: "),
        ("id: 2, owner_id: 1", "starter_pack.repositories[0]: "),
        ("name: acme/shop, id: , owner_id: 1", "starter_pack.repositories[0].id: "),
        ("name: acme/shop, id: \"2\", owner_id: 1", "starter_pack.repositories[0].id: "),
        ("name: acme/shop, id: \"*\", owner_id: 1", "starter_pack.repositories[0].id: "),
        ("name: acme/shop, id: 0x2, owner_id: 1", "starter_pack.repositories[0].id: "),
        ("name: acme/shop, id: 2e3, owner_id: 1", "starter_pack.repositories[0].id: "),
        ("name: acme/shop, id: 2.0, owner_id: 1", "starter_pack.repositories[0].id: "),
        ("name: acme/shop, id: 2_0, owner_id: 1", "starter_pack.repositories[0].id: "),
        ("name: acme/shop, id: -2, owner_id: 1", "starter_pack.repositories[0].id: "),
        ("name: acme/shop, id: 4294967296, owner_id: 1", "starter_pack.repositories[0].id: "),
        ("name: acme/shop, id: 2, owner_id: 1, subject: IDS", "starter_pack.repositories[0].subject: "),
        ("name: acme/shop, id: 2, owner_id: 1, subject: \"*\"", "starter_pack.repositories[0].subject: "),
        ("name: acme/shop, id: 2, owner_id: 1, ref: x", "starter_pack.repositories[0]"),
    ] {
        let problem = only_problem(&with(&pack(DEPLOY), repository, given));
        assert!(problem.starts_with(place), "{given}: {problem}");
    }
}

#[test]
fn repositories_that_contradict_each_other_are_refused() {
    let pair =
        |second: &str| with(&pack(DEPLOY), "owner_id: 1 }]", &format!("owner_id: 1 }}, {{ {second} }}]"));
    for fine in ["name: acme/web, id: 3, owner_id: 1", "name: acme/shop, id: 2, owner_id: 1, subject: names"]
    {
        support::fleet(&pair(fine));
    }
    for (second, said) in [
        ("name: acme/shop, id: 2, owner_id: 1", "`acme/shop` is listed twice"),
        ("name: Acme/Shop, id: 2, owner_id: 1", "`Acme/Shop` is listed twice"),
        ("name: acme/shop, id: 3, owner_id: 1", "`acme/shop` has the id 3, and `acme/shop` has the id 2"),
        ("name: Acme/shop, id: 3, owner_id: 1, subject: names", "`Acme/shop` has the id 3"),
        ("name: acme/web, id: 2, owner_id: 1", "`acme/web` has the id 2, and `acme/shop` has the id 2"),
        (
            "name: acme/web, id: 3, owner_id: 9",
            "the owner of `acme/web` has the id 9, and that of `acme/shop` 1",
        ),
        ("name: evil/web, id: 3, owner_id: 1", "the owner of `evil/web` has the id 1"),
    ] {
        let problem = only_problem(&pair(second));
        assert!(
            problem.starts_with("starter_pack.repositories[1]: ") && problem.contains(said),
            "{second}: {problem}"
        );
    }
}

#[test]
fn each_mistake_is_named_with_what_to_do() {
    let cases = [
        (
            pack("{ state_bucket: true }"),
            "starter_pack: shop/dev: a `state_bucket` without a `key` (add `key: true`: a state holds secrets, and the \
             bucket is encrypted with the account's key)",
        ),
        (
            pack("{ log_bucket: yes }"),
            "starter_pack.log_bucket: `log_bucket` must be true or false, but \"yes\" is text (write `true` or `false`, \
             without quotes)",
        ),
        (
            pack("{ log_bucket: { name: sthree-logs } }"),
            "starter_pack.log_bucket.name: `sthree-logs` is not what the name of a bucket can begin with (S3 keeps names that \
             begin with `sthree-` for itself)",
        ),
        (
            pack(
                "{ deploy_roles: [{ name: d }], permissions_boundary: b, repositories: [{ name: a/b, id: 1, owner_id: 1 }] }",
            ),
            "starter_pack.deploy_roles[0]: `d` says neither `branches` nor `github_environments` (name what may deploy: with \
             neither, nothing could, and a pull request never may)",
        ),
        (
            with(&pack(DEPLOY), "branches: [main]", "branches: []"),
            "starter_pack.deploy_roles[0]: `deploy` says neither `branches` nor `github_environments` (name what may deploy: \
             with neither, nothing could, and a pull request never may)",
        ),
        (
            with(&pack(DEPLOY), "branches: [main]", "branches: [main], github_environments: [prod]"),
            "starter_pack.deploy_roles[0]: `deploy` says `branches` and `github_environments` (a token carries one of the \
             two, so that either would do, and the branch would need nobody's approval: name the environment, and say in \
             GitHub which branches may use it, or make two roles)",
        ),
        (
            with(&pack(DEPLOY), "branches: [main]", "branches: [main], repositories: []"),
            "starter_pack.deploy_roles[0].repositories: at least one repository is needed here (without the key those of the \
             starter pack may assume the role; a role is shut by a branch that does not exist)",
        ),
        (
            pack("{ permissions_boundary: b, deploy_roles: [{ name: d, branches: [main] }] }"),
            "starter_pack: shop/dev: no repository may assume `d` (name them at the role, or with `repositories` in the \
             starter pack of the file, the environment or the domain)",
        ),
        (
            with(
                &pack(DEPLOY),
                "permissions_boundary: b",
                "permissions_boundary: \"arn:aws:iam::111111111111:policy/b\"",
            ),
            "starter_pack.permissions_boundary: `arn:aws:iam::111111111111:policy/b` is not a managed policy (a role takes \
             policies of its own account: give the name alone, `b`, which each account has to have)",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(only_problem(&text), expected);
    }
}

#[test]
fn each_mistake_of_names_and_places_is_named_with_what_to_do() {
    let cases = [
        (
            pack("{ access_roles: [{ name: x, trusted: [{ account: \"222222222222\", role: \"*\" }] }] }"),
            "starter_pack.access_roles[0].trusted[0].role: `*` is not the name of an IAM role (it is compared as it stands: a \
             wildcard would let in what nobody named, such as pull requests)",
        ),
        (
            with(&pack(DEPLOY), "branches: [main] }", "branches: [main] }, { name: Deploy, branches: [x] }"),
            "starter_pack: shop/dev: two roles called `Deploy` (a role's name is its account's once)",
        ),
        (
            with(&pack(DEPLOY), "name: deploy,", "name: phonehome-log-forwarding,"),
            "starter_pack: shop/dev: two roles called `phonehome-log-forwarding` (a role's name is its account's once)",
        ),
        (
            pack("{ key: true, home_region: eu-west-9 }"),
            "starter_pack.home_region: unknown Region `eu-west-9` (declared: `us-east-1`)",
        ),
        (
            with(EVERY_KEY, "home_region: us-east-1", "home_region: eu-west-1"),
            "environments[0].starter_pack: shop/dev: its roles and users would be kept in eu-west-1, where it has no network \
             (name a Region in which its environment has an address pool with `home_region`)",
        ),
        (
            with(EVERY_KEY, "name: acme-state,", "name: acme-logs,"),
            "starter_pack: shop/prod: both buckets are called `acme-logs` (give one another `name`)",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(only_problem(&text), expected);
    }
}

#[test]
fn a_buckets_name_fits_in_every_region_in_which_it_would_be() {
    // 63 characters without `-`, twelve digits, `-us-east-1` and `-an`: 37, of which no prefix has more than 36.
    support::fleet(&pack(&format!("{{ log_bucket: {{ name: {} }} }}", "a".repeat(36))));
    let longer = |name: usize| {
        let text = SMALL.replace("us-east-1", "ap-southeast-2").replace("use1", "apse2");
        format!("{text}\nstarter_pack: {{ log_bucket: {{ name: {} }} }}\n", "a".repeat(name))
    };
    support::fleet(&longer(32));
    let problem = only_problem(&longer(33));
    assert!(
        problem.ends_with("would have 64 characters (S3 allows 63: give it a shorter `name`)"),
        "{problem}"
    );
}

#[test]
fn a_trust_policy_that_iam_would_not_take_is_refused() {
    let branches = |count: usize| {
        let names: Vec<String> = (0..count).map(|it| format!("{it}{}", "x".repeat(150))).collect();
        with(&pack(DEPLOY), "branches: [main]", &format!("branches: [{}]", names.join(", ")))
    };
    support::fleet(&branches(8));
    let problem = only_problem(&branches(9));
    assert!(problem.contains("the trust policy of `deploy` would have up to 2"), "{problem}");
}

#[test]
fn a_mistake_of_the_file_is_told_once_and_not_for_each_account() {
    let lines: String =
        (0..130).map(|it| format!("  - {{ name: d{it}, owner: t, environments: [dev] }}\n")).collect();
    let text =
        with(&pack("{ state_bucket: true }"), "cidr: 10.0.0.0/12, block: 18", "cidr: 10.0.0.0/12, block: 22");
    let text = with(&text, "domains:\n", &format!("domains:\n{lines}"));
    assert!(only_problem(&text).starts_with("starter_pack: d0/dev: a `state_bucket` without a `key`"));
}

#[test]
fn forwarding_of_logs_without_the_boundary_that_its_role_needs_is_warned_of_once() {
    let warnings = |keys: &str| {
        let forward = "log_bucket: { forward_to: { bucket: central, account: \"999999999999\" } }";
        let text = pack(&format!("{{ {forward}{keys} }}"));
        phonehome_fleet::check(&text).unwrap().warnings.render("fleet.yaml")
    };
    let said = "`forward_to` makes the role `phonehome-log-forwarding`, and it has no boundary";
    assert_eq!(warnings("").matches(said).count(), 1, "{}", warnings(""));
    assert!(!warnings(", permissions_boundary: b").contains(said));
    let text = pack("{ log_bucket: true }");
    assert!(!phonehome_fleet::check(&text).unwrap().warnings.render("fleet.yaml").contains(said));
}

#[test]
fn a_deploy_role_without_a_boundary_is_warned_of() {
    let warnings = |text: &str| phonehome_fleet::check(text).unwrap().warnings.render("fleet.yaml");
    let text = with(&pack(DEPLOY), "permissions_boundary: b, ", "");
    assert!(warnings(&text).contains("the deploy role `deploy` has no `permissions_boundary`"));
    assert!(!warnings(&pack(DEPLOY)).contains("permissions_boundary"));
}
