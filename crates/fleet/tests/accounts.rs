//! Which networks accounts get, and which they bring along.

mod support;

use phonehome_fleet::{Adoption, DefaultVpcs, GatewayService, Nat};
use phonehome_wire::Purpose;
use support::{EVERY_KEY, SMALL, fleet, only_problem, with};

const ADOPTED: &str = "vpc-0123456789abcdef0";

/// The small file, whose payments-prod has these keys as well.
fn payments_prod_with(keys: &str) -> String {
    with(SMALL, "{ name: prod, account_id", &format!("{{ name: prod, {keys}, account_id"))
}

/// And a second Region before the first, in which only dev has a network.
fn in_two_regions(text: &str) -> String {
    let text =
        with(text, "regions:\n", "regions:\n  - { name: eu-west-1, availability_zones: [euw1-az1] }\n");
    let text = with(
        &text,
        "address_pools:\n",
        "address_pools:\n  - { name: eu, region: eu-west-1, cidr: 10.64.0.0/12, block: 18 }\n",
    );
    with(&text, "pools: [nonprod]", "pools: [nonprod, eu]")
}

#[test]
fn a_member_is_found_by_its_account_name_alone() {
    let fleet = fleet(EVERY_KEY);
    assert_eq!(fleet.member("Shop").unwrap().environment, "prod");
    assert_eq!(fleet.member("shop-dev").unwrap().domain, "shop");
    assert_eq!(fleet.member("shop-prod"), None, "its account has another name");
}

#[test]
fn a_network_is_adopted_in_the_first_region_where_its_environment_has_one() {
    let adoption = |text: &str, account: &str| fleet(text).member(account).unwrap().adopt;
    let expected = |region: &str| Some(Adoption { vpc_id: ADOPTED.into(), region: region.parse().unwrap() });
    let prod = payments_prod_with(&format!("adopt: {ADOPTED}"));
    assert_eq!(adoption(&prod, "payments-prod"), expected("us-east-1"));
    // The file's first Region is eu-west-1, but prod has no pool there.
    assert_eq!(adoption(&in_two_regions(&prod), "payments-prod"), expected("us-east-1"));
    let dev = |keys: &str| {
        let entry = format!("environments: [{{ name: dev, {keys} }}, {{");
        in_two_regions(&with(SMALL, "environments: [dev, {", &entry))
    };
    let first = dev(&format!("adopt: {ADOPTED}"));
    assert_eq!(adoption(&first, "payments-dev"), expected("eu-west-1"));
    let named = dev(&format!("adopt: {ADOPTED}, adopt_region: us-east-1"));
    assert_eq!(adoption(&named, "payments-dev"), expected("us-east-1"));
    assert_eq!(adoption(&named, "payments-prod"), None);
    assert_eq!(adoption(EVERY_KEY, "Shop"), expected("eu-west-1"));
}

#[test]
fn networks_that_cannot_be_adopted_are_reported() {
    let shape =
        "it begins with vpc- and goes on with 8 to 17 digits and letters a to f: vpc-0123456789abcdef0";
    let place = "domains[1].environments[1]";
    let cases = [
        (
            "adopt: vpc-12345".to_owned(),
            format!("{place}.adopt: `vpc-12345` is not the id of a VPC ({shape})"),
        ),
        (
            format!("adopt: {ADOPTED}, adopt_region: us-east-2"),
            format!("{place}.adopt_region: unknown Region `us-east-2` (did you mean `us-east-1`?)"),
        ),
        (
            format!("adopt: {ADOPTED}, adopt_region: eu-west-1"),
            format!(
                "{place}.adopt_region: the environment `prod` has no address pool in eu-west-1 (its accounts have no \
                 network there: add a pool to it, or name another Region)"
            ),
        ),
        (
            "adopt_region: us-east-1".to_owned(),
            format!(
                "{place}.adopt_region: `adopt_region` without `adopt` (name the VPC that is taken over with `adopt`)"
            ),
        ),
    ];
    for (keys, expected) in cases {
        let text = in_two_regions(&payments_prod_with(&keys));
        assert_eq!(only_problem(&text), expected, "{keys}");
    }
}

#[test]
fn an_adoption_is_not_blamed_for_a_misspelt_pool() {
    let text = payments_prod_with(&format!("adopt: {ADOPTED}, adopt_region: us-east-1"));
    assert_eq!(
        only_problem(&with(&text, "pools: [prod]", "pools: [prdo]")),
        "environments[1].pools[0]: unknown address pool `prdo` (did you mean `prod`?)"
    );
}

#[test]
fn two_accounts_cannot_adopt_one_network() {
    let text = payments_prod_with(&format!("adopt: {ADOPTED}"));
    let first = format!("environments: [dev, {{ name: prod, adopt: {ADOPTED} }}]\n");
    let text = with(&text, "environments: [dev, prod]\n", &first);
    assert_eq!(
        only_problem(&text),
        format!(
            "domains[1].environments[1].adopt: the VPC `{ADOPTED}` is used twice (the first is on line 18)"
        )
    );
}

#[test]
fn a_regional_gateway_is_a_way_out() {
    let fleet = fleet(&with(SMALL, "pools: [nonprod]", "pools: [nonprod], nat: regional"));
    assert_eq!(fleet.environment("dev").unwrap().nat, Nat::Regional);
    let checks = fleet.checks_for(&fleet.member("shop-dev").unwrap(), "us-east-1");
    assert!(checks.iter().any(|check| check.purpose == Purpose::Egress));
}

#[test]
fn default_vpcs_are_removed_unless_they_are_to_stay() {
    let fleet = fleet(EVERY_KEY);
    assert_eq!(fleet.environment("dev").unwrap().default_vpcs, DefaultVpcs::Keep);
    assert_eq!(fleet.environment("prod").unwrap().default_vpcs, DefaultVpcs::Remove);
}

#[test]
fn words_for_a_network_that_mean_nothing_are_reported() {
    let cases = [
        (
            "nat: region",
            "environments[0].nat: `region` is none of `per-az`, `single`, `regional`, `none` (did you mean \
             `regional`?)",
        ),
        ("default_vpcs: delete", "environments[0].default_vpcs: `delete` is none of `remove`, `keep`"),
        (
            "default_vpcs: true",
            "environments[0].default_vpcs: `default_vpcs` must be text, but \"true\" is a truth value (put it in \
             quotes: \"true\")",
        ),
    ];
    for (key, expected) in cases {
        let text = with(SMALL, "pools: [nonprod]", &format!("pools: [nonprod], {key}"));
        assert_eq!(only_problem(&text), expected, "{key}");
    }
}

#[test]
fn what_all_networks_have_in_common_can_be_set() {
    let network = fleet(EVERY_KEY).network;
    assert_eq!(network.flow_logs_bucket.as_deref(), Some("example-flow-logs"));
    assert_eq!(network.gateway_endpoints, [GatewayService::S3]);
    assert_eq!((network.quarantine_days, network.removals_per_hour), (90, 12));
    let network = |keys: &str| fleet(&format!("{SMALL}\nnetwork: {{ {keys} }}\n")).network;
    assert!(network("gateway_endpoints: []").gateway_endpoints.is_empty());
    assert_eq!(network("gateway_endpoints: []").quarantine_days, 30);
    assert_eq!(network("quarantine_days: 0").quarantine_days, 0);
    assert_eq!(network("quarantine_days: 0").removals_per_hour, 30);
    assert_eq!(network("removals_per_hour: 0").removals_per_hour, 0);
    assert_eq!(network("quarantine_days: 0").gateway_endpoints.len(), 2);
}

#[test]
fn what_no_network_can_have_is_reported() {
    let letters =
        "it has 3 to 63 small letters, digits, dots and hyphens, and begins and ends with a letter or digit";
    let form = "S3 allows neither two dots in a row nor the form of an IP address";
    let not_a_bucket = |name: &str, hint: &str| {
        format!("flow_logs_bucket: `{name}` is not the name of an S3 bucket ({hint})")
    };
    let cases = [
        ("flow_logs_bucket: ab", not_a_bucket("ab", letters)),
        ("flow_logs_bucket: Flow-Logs", not_a_bucket("Flow-Logs", letters)),
        ("flow_logs_bucket: flow_logs", not_a_bucket("flow_logs", letters)),
        ("flow_logs_bucket: flow-logs-", not_a_bucket("flow-logs-", letters)),
        ("flow_logs_bucket: flow..logs", not_a_bucket("flow..logs", form)),
        ("flow_logs_bucket: 10.0.0.1", not_a_bucket("10.0.0.1", form)),
        (
            "flow_logs_bucket: \"arn:aws:s3:::flow-logs/vpc\"",
            not_a_bucket("arn:aws:s3:::flow-logs/vpc", "the name alone: `flow-logs`"),
        ),
        (
            "gateway_endpoints: [s3, dynamo-db]",
            "gateway_endpoints[1]: `dynamo-db` is none of `s3`, `dynamodb` (did you mean `dynamodb`?)"
                .to_owned(),
        ),
        ("gateway_endpoints: [s3, s3]", "gateway_endpoints[1]: `s3` stands here twice".to_owned()),
        (
            "quarantine_days: 366",
            "quarantine_days: `quarantine_days` must be a whole number from 0 to 365, not 366".to_owned(),
        ),
        (
            "quarantene_days: 3",
            "quarantene_days: unknown key `quarantene_days` (did you mean `quarantine_days`?)".to_owned(),
        ),
    ];
    for (keys, expected) in cases {
        let found = only_problem(&format!("{SMALL}\nnetwork: {{ {keys} }}\n"));
        assert_eq!(found, format!("network.{expected}"), "{keys}");
    }
}

#[test]
fn times_are_told_in_a_named_time_zone_and_messages_link_to_a_page() {
    let text = support::with(
        support::SMALL,
        "regions:\n",
        "  time_zone: Europe/Berlin\n  runbook: https://wiki.example.com/net/runbook?v=2\nregions:\n",
    );
    let organization = support::fleet(&text).organization;
    assert_eq!(organization.time_zone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(organization.runbook.as_deref(), Some("https://wiki.example.com/net/runbook?v=2"));
    for (old, new, expected) in [
        (
            "Europe/Berlin",
            "Europe/Berln",
            "`Europe/Berln` is not the name of a time zone (did you mean `Europe/Berlin`?)",
        ),
        ("https://", "http://", "is not the URL of a page (it begins with https://)"),
        (
            "runbook?v=2",
            "runbook#drift",
            "is not the URL of a page (leave out `#` and what follows: messages name the section)",
        ),
        ("runbook?v=2", "run|book", "is not the URL of a page (write '|' as its %-escape)"),
    ] {
        let problem = support::only_problem(&text.replacen(old, new, 1));
        assert!(problem.contains(expected), "{problem}");
    }
}
