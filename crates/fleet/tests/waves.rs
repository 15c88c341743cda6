//! Which accounts get a change together, and what the first of them do not prove.

mod support;

use phonehome_fleet::{Fleet, check};
use support::{EXAMPLE, SMALL, fleet, only_problem, with, without_warnings};

fn waves(fleet: &Fleet) -> Vec<(String, Vec<String>)> {
    let waves = fleet.waves().unwrap().into_iter();
    waves
        .map(|(wave, members)| (wave.name.clone(), members.into_iter().map(|it| it.account_name).collect()))
        .collect()
}

/// A file of 20 domains with two accounts each, and these waves before the last one.
fn many(first: &str) -> Fleet {
    let domains: String =
        (0..20).map(|it| format!("  - {{ name: d{it}, owner: o, environments: [dev, prod] }}\n")).collect();
    let text = with(&without_warnings(), "domains:\n", &format!("domains:\n{domains}"));
    fleet(&with(&text, "    - { name: first, accounts: [shop-dev, payments-dev] }\n", first))
}

#[test]
fn each_account_is_in_one_wave_and_the_last_one_takes_who_is_left() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let of_small = [
        ("first".to_owned(), names(&["shop-dev"])),
        ("rest".to_owned(), names(&["shop-prod", "payments-dev", "payments-prod"])),
    ];
    assert_eq!(waves(&fleet(SMALL)), of_small);
    let waves =
        waves(&many("    - { name: a, accounts: [d0-prod] }\n    - { name: b, environments: [dev] }\n"));
    let sizes: Vec<usize> = waves.iter().map(|(_, members)| members.len()).collect();
    assert_eq!(sizes, [1, 22, 21]);
    let mut all: Vec<String> = waves.into_iter().flat_map(|(_, members)| members).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 44);
}

#[test]
fn a_share_is_of_all_accounts_rounded_up_and_spread_over_the_file() {
    let waves = waves(&many(
        "    - { name: a, percent: 10 }\n    - { name: b, percent: 60 }\n    - { name: c, percent: 99 }\n",
    ));
    let sizes: Vec<usize> = waves.iter().map(|(_, members)| members.len()).collect();
    assert_eq!(sizes, [5, 27, 12, 0]);
    assert_eq!(waves[0].1, ["d0-dev", "d4-prod", "d9-dev", "d13-prod", "d18-dev"]);
}

#[test]
fn without_a_roll_out_there_is_no_wave() {
    let text = without_warnings();
    let text = text.split("rollout:").next().unwrap();
    assert_eq!((fleet(text).waves(), check(text).unwrap().warnings.as_slice()), (None, [].as_slice()));
}

#[test]
fn what_the_staging_set_does_not_have_is_named_with_an_account_that_has_it() {
    assert_eq!(check(EXAMPLE).unwrap().warnings.as_slice(), []);
    let warned = |text: &str| -> Vec<String> {
        let checked = check(text).unwrap();
        let shown = checked.warnings.as_slice().iter();
        shown.map(|it| format!("{}: {} ({})", it.path, it.message, it.hint.as_deref().unwrap())).collect()
    };
    let of = |what: &str, account: &str| {
        format!(
            "rollout.waves[0]: no account of the first wave has {what}: a change of that is not proven (add one that \
             has it, such as `{account}`)"
        )
    };
    let quiet = without_warnings();
    assert_eq!(warned(&quiet), Vec::<String>::new());
    let without_payments = with(&quiet, "[shop-dev, payments-dev]", "[shop-dev]");
    let expected =
        [of("a connection from another account", "payments-dev"), of("an isolation", "payments-dev")];
    assert_eq!(warned(&without_payments), expected);
    let single = with(&quiet, "pools: [prod], paging: true", "pools: [prod], paging: true, nat: single");
    assert_eq!(warned(&single), [of("`nat: single`", "shop-prod")]);
    let kept = with(&quiet, "pools: [prod], paging: true", "pools: [prod], paging: true, default_vpcs: keep");
    assert_eq!(warned(&kept), [of("`default_vpcs: keep`", "shop-prod")]);
    let adopted = with(&quiet, "email: payments@example.com", "adopt: vpc-0123456789abcdef0");
    assert_eq!(warned(&adopted), [of("an adopted VPC", "payments-prod")]);
    let tls = "  - { name: t, from: shop, environments: [prod], type: tls, host: example.org, port: 443 }\n";
    let tls = with(&quiet, "isolations:\n", &format!("checks:\n{tls}isolations:\n"));
    assert_eq!(warned(&tls), [of("a check by TLS", "shop-prod")]);
}

#[test]
fn a_wave_says_once_and_in_one_way_whom_it_takes() {
    for (old, new, problem) in [
        (
            "accounts: [shop-dev]",
            "environments: [dev], percent: 10",
            "rollout.waves[0].percent: a wave says in one way which accounts it takes (leave one of `accounts`, `environments` and `percent`, or make two waves of it)",
        ),
        (
            "accounts: [shop-dev]",
            "percent: 100",
            "rollout.waves[0].percent: `percent` must be a whole number from 1 to 99, not 100",
        ),
        (
            "    - { name: rest }",
            "    - { name: second, environments: [dev] }\n    - { name: third, environments: [dev] }\n    - { name: rest }",
            "rollout.waves[2]: the environment `dev` is in the wave `second` already",
        ),
        (
            "    - { name: rest }",
            "    - { name: rest, percent: 5 }",
            "rollout.waves[1].percent: the last wave takes all accounts that are left, so it has no list (add a wave with nothing but a `name` at the end)",
        ),
        (
            "rollout:\n",
            "rollout:\n  at_once: 0\n",
            "rollout.at_once: `at_once` must be a whole number from 1 to 1000, not 0",
        ),
    ] {
        assert_eq!(only_problem(&with(SMALL, old, new)), problem);
    }
}
