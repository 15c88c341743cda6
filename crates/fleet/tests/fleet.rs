//! What the rest of phonehome asks a fleet.

mod support;

use phonehome_fleet::{
    Bindings, CheckType, DefaultVpcs, Fleet, GatewayService, Member, Nat, Network, Probing, Roster,
};
use phonehome_wire::{AccountId, Check, CheckKind, Expect, Purpose};
use support::{EVERY_KEY, EXAMPLE, SMALL, fleet, with};

const REGION: &str = "us-east-1";

fn member(fleet: &Fleet, account_name: &str) -> Member {
    fleet.member(account_name).expect("a member")
}

fn checks(fleet: &Fleet, account_name: &str, region: &str) -> Vec<Check> {
    fleet.checks_for(&member(fleet, account_name), region)
}

fn ids(checks: &[Check]) -> Vec<&str> {
    checks.iter().map(|check| check.id.0.as_str()).collect()
}

#[test]
fn every_environment_of_every_domain_is_a_member() {
    let names: Vec<String> = fleet(EXAMPLE).members().into_iter().map(|m| m.account_name).collect();
    let expected =
        ["shop-dev", "shop-prod", "payments-dev", "payments-production", "ledger-dev", "ledger-prod"];
    assert_eq!(names, expected);
}

#[test]
fn a_member_says_who_owns_it_and_what_pins_it() {
    let expected = Member {
        domain: "payments".into(),
        environment: "prod".into(),
        account_name: "payments-production".into(),
        account_id: Some("333333333333".parse().unwrap()),
        owner: "team-payments".into(),
        owner_channel: Some("#payments".into()),
        adopt: None,
    };
    assert_eq!(member(&fleet(EXAMPLE), "payments-production"), expected);
}

#[test]
fn an_account_is_first_met_by_a_pinned_id_before_its_name() {
    let fleet = fleet(EXAMPLE);
    let cases = [
        ("333333333333", "payments-production", Some("payments-production")),
        ("333333333333", "renamed", Some("payments-production")),
        ("333333333333", "shop-dev", Some("payments-production")),
        ("444444444444", "shop-dev", Some("shop-dev")),
        ("444444444444", "payments-production", None),
        ("444444444444", "somebody-else", None),
        ("111111111111", "management", None),
    ];
    for (id, name, expected) in cases {
        let id: AccountId = id.parse().unwrap();
        let roster = Roster::from([(id.clone(), name.to_owned())]);
        let identify = fleet.identify(&Bindings::default(), &roster);
        let found = identify.of(&id).map(|it| it.member.account_name.clone());
        assert_eq!(found.as_deref(), expected, "{id} {name}");
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    let text = with(SMALL, "probing:\n  egress: [{ host: example.com, port: 443 }]\n", "");
    let text = with(&text, "egress/example.com/443", "connection/payments-to-shop/80");
    let text = with(
        &text,
        "connections:\n",
        "connections:\n  - { from: payments, to: shop, ports: [80], check: { host: a } }\n",
    );
    let text = text.split("rollout:").next().unwrap().to_owned();
    let fleet = fleet(&text);
    assert_eq!(fleet.organization.member_role, "phonehome-member");
    assert_eq!(fleet.environments[0].nat, Nat::PerAz);
    assert!(!fleet.environments[0].paging);
    assert_eq!(fleet.environments[0].default_vpcs, DefaultVpcs::Remove);
    assert_eq!(fleet.connections[0].to_environment, None);
    assert!(fleet.forbidden_environments.is_empty());
    assert_eq!(fleet.network, Network::default());
    assert_eq!(fleet.network.flow_logs_bucket, None);
    assert_eq!(fleet.network.gateway_endpoints, [GatewayService::S3, GatewayService::Dynamodb]);
    assert_eq!(fleet.network.quarantine_days, 30);
    assert!(fleet.members().iter().all(|member| member.adopt.is_none()));
    assert_eq!(fleet.connections[0].check.check_type, CheckType::Tcp);
    assert_eq!(fleet.probing, Probing::default());
    assert_eq!((fleet.probing.timeout_ms, fleet.probing.overdue_after_seconds), (3000, 180));
    assert_eq!(fleet.rollout, None);
}

#[test]
fn a_connection_is_tested_by_its_source_only() {
    let fleet = fleet(EXAMPLE);
    let egress = "egress/checkip.amazonaws.com/443";
    let cases: [(&str, &[&str]); 4] = [
        (
            "shop-prod",
            &[
                "connection/shop-to-payments/443",
                "isolation/shop-to-ledger/db.ledger.prod.example.internal/5432",
                egress,
            ],
        ),
        ("payments-dev", &["isolation/payments-to-ledger/db.ledger.prod.example.internal/5432", egress]),
        ("payments-production", &["connection/payments-to-ledger/5432", egress]),
        ("ledger-prod", &[egress]),
    ];
    for (account, expected) in cases {
        assert_eq!(ids(&checks(&fleet, account, REGION)), expected, "{account}");
    }
}

#[test]
fn a_connection_becomes_a_check_that_names_the_target_account() {
    let check = |text: &str| checks(&fleet(text), "shop-prod", REGION);
    let host = "api.payments.prod.example.internal";
    let tls = with(
        EXAMPLE,
        "payments.{environment}.example.internal\"",
        "payments.{environment}.example.internal\", type: tls",
    );
    assert_eq!(check(&tls)[0].kind, CheckKind::Tls { host: host.into(), port: 443, server_name: None });
    let checks = check(EXAMPLE);
    assert_eq!(checks[0].kind, CheckKind::Tcp { host: host.into(), port: 443 });
    assert_eq!((checks[0].expect, checks[0].purpose), (Expect::Connect, Purpose::Connection));
    assert_eq!(checks[0].target.endpoint, format!("{host}:443"));
    assert_eq!(checks[0].target.account.as_deref(), Some("payments-production"));
    assert_eq!((checks[0].timeout_ms, &checks[0].control), (3000, &None));
}

#[test]
fn an_isolation_is_denied_and_has_a_control_among_the_same_checks() {
    let fleet = fleet(EXAMPLE);
    for account in ["shop-prod", "payments-dev"] {
        let checks = checks(&fleet, account, REGION);
        let isolation = checks.iter().find(|check| check.purpose == Purpose::Isolation).unwrap();
        assert_eq!(isolation.expect, Expect::Deny);
        let control = isolation.control.as_ref().unwrap();
        let control = checks.iter().find(|check| check.id == *control).expect("the control is run as well");
        assert_eq!(control.expect, Expect::Connect, "{account}");
    }
}

#[test]
fn an_isolation_from_another_environment_aims_at_that_one() {
    let checks = checks(&fleet(EVERY_KEY), "shop-dev", REGION);
    let isolation = checks.last().unwrap();
    assert_eq!(isolation.target.endpoint, "db.prod.internal:5432");
    assert_eq!(isolation.target.account.as_deref(), Some("payments-prod"));
}

#[test]
fn the_host_follows_environment_and_region() {
    let fleet = fleet(EVERY_KEY);
    let endpoint = |account, region| checks(&fleet, account, region)[0].target.endpoint.clone();
    assert_eq!(endpoint("shop-dev", REGION), "api.dev.us-east-1.internal:443");
    assert_eq!(endpoint("Shop", "eu-west-1"), "api.prod.eu-west-1.internal:443");
}

#[test]
fn the_host_of_a_connection_to_another_environment_follows_that_one() {
    let checks = checks(&fleet(EVERY_KEY), "shop-dev", REGION);
    let shared = &checks[2];
    assert_eq!(shared.id.0, "connection/shop-to-payments-prod/9443");
    assert_eq!(shared.target.endpoint, "shared.prod.us-east-1.internal:9443");
    assert_eq!(shared.target.account.as_deref(), Some("payments-prod"));
}

#[test]
fn nothing_is_tested_where_there_is_no_network() {
    assert!(checks(&fleet(EVERY_KEY), "shop-dev", "eu-west-1").is_empty());
}

#[test]
fn egress_is_not_tested_where_there_is_no_way_out() {
    let fleet = fleet(EVERY_KEY);
    let has_egress =
        |account| checks(&fleet, account, REGION).iter().any(|check| check.purpose == Purpose::Egress);
    assert!(!has_egress("shop-dev"));
    assert!(has_egress("Shop"));
}

#[test]
fn ids_of_checks_are_unique_within_a_member() {
    for text in [EXAMPLE, EVERY_KEY, SMALL] {
        let fleet = fleet(text);
        for member in fleet.members() {
            let checks = fleet.checks_for(&member, REGION);
            let mut unique = ids(&checks);
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), checks.len(), "{}", member.account_name);
        }
    }
}

#[test]
fn pools_are_those_of_the_environment_in_the_region_in_order() {
    let fleet = fleet(EVERY_KEY);
    let names = |environment, region| -> Vec<&str> {
        fleet.pools_for(environment, region).map(|pool| pool.name.as_str()).collect()
    };
    assert_eq!(names("dev", REGION), ["nonprod", "nonprod-more"]);
    assert_eq!(names("prod", "eu-west-1"), ["prod-eu"]);
    assert!(names("dev", "eu-west-1").is_empty());
    assert!(names("nowhere", REGION).is_empty());
    assert_eq!(fleet.pool_for("dev", REGION).unwrap().name, "nonprod");
    assert_eq!(fleet.pool_for("dev", REGION).unwrap().blocks(), 64);
}

#[test]
fn the_first_alert_route_that_matches_is_taken() {
    let fleet = fleet(EVERY_KEY);
    let channel = |environment, domain| fleet.route_for(environment, domain).slack_channel.as_str();
    assert_eq!(channel("prod", "shop"), "#shop");
    assert_eq!(channel("prod", "payments"), "C0123456789");
    assert_eq!(channel("dev", "shop"), "C0123456789");
    assert_eq!(channel("unheard-of", "unheard-of"), "C0123456789");
}

#[test]
fn anchors_and_aliases_are_followed() {
    let text = with(SMALL, "ports: [443]", "ports: &ports [443, 8443]");
    let text = with(
        &text,
        "connections:\n",
        "connections:\n  - { from: payments, to: shop, ports: *ports, check: { host: a } }\n",
    );
    // An alias may only follow its anchor, so the entries change places.
    let (first, second) = ("ports: *ports", "ports: &ports [443, 8443]");
    let text = text.replace(first, "ports: @").replace(second, first).replace("ports: @", second);
    assert_eq!(fleet(&text).connections[1].ports, [443, 8443]);
}

#[test]
fn lines_may_end_as_on_windows_and_a_byte_order_mark_is_no_error() {
    let text = format!("\u{feff}{}", EXAMPLE.replace('\n', "\r\n"));
    assert_eq!(fleet(&text), fleet(EXAMPLE));
}

#[test]
fn trouble_of_phonehome_itself_goes_to_its_own_route_or_the_last_one() {
    assert_eq!(fleet(EXAMPLE).platform_channel(), "#net-dev");
    let every_key = fleet(EVERY_KEY);
    assert_eq!(every_key.platform_channel(), "#platform");
    assert_eq!(every_key.platform_route.map(|route| route.page), Some(true));
}
