//! Connections to another environment, and the links between accounts that follow.

mod support;

use phonehome_fleet::{Fleet, Link};
use support::{EVERY_KEY, EXAMPLE, SMALL, fleet, only_problem, with};

/// The small file with one more connection, on line 24, of these keys.
fn with_connection(keys: &str) -> String {
    with(
        SMALL,
        "isolations:\n",
        &format!("  - {{ {keys}, check: {{ host: \"{{environment}}.x\" }} }}\nisolations:\n"),
    )
}

/// The connection checks of an account: id, endpoint, target account.
fn connections(fleet: &Fleet, account: &str) -> Vec<String> {
    let checks = fleet.checks_for(&fleet.member(account).unwrap(), "us-east-1").into_iter();
    checks
        .filter(|check| check.id.0.starts_with("connection/"))
        .map(|check| format!("{} {} {}", check.id.0, check.target.endpoint, check.target.account.unwrap()))
        .collect()
}

/// The links of an account as `peer [outbound] [inbound]`.
fn links(fleet: &Fleet, account: &str) -> Vec<String> {
    let links = fleet.links_of(&fleet.member(account).unwrap()).into_iter();
    links
        .map(|Link { peer, outbound, inbound }| format!("{} {outbound:?} {inbound:?}", peer.account_name))
        .collect()
}

#[test]
fn a_connection_to_another_environment_is_tested_from_every_environment_of_the_source() {
    let fleet = fleet(&with_connection("from: payments, to: shop, to_environment: prod, ports: [80]"));
    let expected = ["connection/payments-to-shop-prod/80 prod.x:80 shop-prod"];
    assert_eq!(connections(&fleet, "payments-dev"), expected);
    assert_eq!(connections(&fleet, "payments-prod"), expected);
}

#[test]
fn a_connection_to_another_environment_is_tested_from_the_listed_ones_only() {
    let keys = "from: payments, to: shop, to_environment: prod, environments: [dev], ports: [80]";
    let fleet = fleet(&with_connection(keys));
    assert_eq!(connections(&fleet, "payments-dev").len(), 1);
    assert!(connections(&fleet, "payments-prod").is_empty());
}

#[test]
fn the_environments_of_one_domain_can_connect_and_none_to_itself() {
    let fleet = fleet(&with_connection("from: shop, to: shop, to_environment: prod, ports: [80]"));
    let to_prod = "connection/shop-to-shop-prod/80 prod.x:80 shop-prod";
    assert!(connections(&fleet, "shop-dev").contains(&to_prod.to_owned()));
    assert_eq!(connections(&fleet, "shop-prod").len(), 1, "only the one to payments");
    assert_eq!(links(&fleet, "shop-prod"), ["payments-prod [443] []", "shop-dev [] [80]"]);
}

#[test]
fn connections_to_environments_that_do_not_exist_are_reported() {
    let text = with(SMALL, "environments: [dev, prod]\n", "environments: [prod]\n");
    let text = with(&text, "accounts: [shop-dev]", "accounts: [shop-prod]");
    let text = with(&text, "    control: egress", "    environments: [prod]\n    control: egress");
    let cases = [
        (
            "from: payments, to: shop, to_environment: prd, ports: [80]",
            "connections[1].to_environment: unknown environment `prd` (did you mean `prod`?)",
        ),
        (
            "from: payments, to: shop, to_environment: dev, ports: [80]",
            "connections[1].to_environment: the domain `shop` has no environment `dev` (it has `prod`)",
        ),
        (
            "from: shop, to: payments, to_environment: prod, environments: [dev], ports: [80]",
            "connections[1].environments[0]: the domain `shop` has no environment `dev` (it has `prod`)",
        ),
        (
            "from: shop, to: shop, to_environment: prod, ports: [80]",
            "connections[1].to_environment: `shop` has no environment but `prod` (nothing would be tested)",
        ),
        (
            "from: payments, to: payments, to_environment: prod, environments: [dev, prod], ports: [80]",
            "connections[1].environments[1]: a connection of `payments`'s prod to itself",
        ),
        (
            "from: payments, to: payments, ports: [80]",
            "connections[1].to: a connection of a domain to itself",
        ),
    ];
    for (keys, expected) in cases {
        let connection = format!("  - {{ {keys}, check: {{ host: x }} }}\nisolations:\n");
        assert_eq!(only_problem(&with(&text, "isolations:\n", &connection)), expected, "{keys}");
    }
}

#[test]
fn what_is_declared_twice_is_found_whichever_way_it_is_written() {
    let cases = [
        // The same account, once by default and once by name.
        (
            "from: shop, to: payments, to_environment: prod, environments: [prod], ports: [443]",
            "connections[1]: port 443 from `shop` in prod to `payments` in prod is declared twice (the first is on \
             line 23)",
        ),
        (
            "from: shop, to: payments, to_environment: dev, ports: [80, 443]",
            "connections[1]: port 443 from `shop` in dev to `payments` in dev is declared twice (the first is on \
             line 23)",
        ),
    ];
    for (keys, expected) in cases {
        assert_eq!(only_problem(&with_connection(keys)), expected, "{keys}");
    }
    fleet(&with_connection(
        "from: shop, to: payments, to_environment: prod, environments: [dev], ports: [443]",
    ));
}

#[test]
fn a_domain_with_a_hyphen_cannot_take_the_id_of_another_connection() {
    let domain = "  - { name: payments-prod, owner: x, environments: [{ name: dev, account_name: other }] }\nconnections:\n";
    let text =
        with_connection("from: shop, to: payments, to_environment: prod, environments: [dev], ports: [80]");
    let text = with(&text, "connections:\n", domain);
    let other = "  - { from: shop, to: payments-prod, ports: [80], check: { host: x } }\nisolations:\n";
    assert_eq!(
        only_problem(&with(&text, "isolations:\n", other)),
        "connections[2]: `connection/shop-to-payments-prod/80` is declared twice for dev (the first is on line 25)"
    );
}

#[test]
fn an_isolation_contradicts_a_connection_to_the_environment_it_closes() {
    let text =
        with_connection("from: payments, to: shop, to_environment: prod, environments: [dev], ports: [5432]");
    let closed = |host: &str| {
        with(&text, "host: db.shop.internal", &format!("to_environment: prod\n    host: {host}"))
    };
    assert_eq!(
        only_problem(&closed("prod.x")),
        "isolations[0]: `payments` must reach prod.x:5432 and must not (it is declared as a connection on line 24)"
    );
    fleet(&closed("dev.x"));
}

#[test]
fn a_connection_to_another_environment_is_a_control_for_an_isolation() {
    let text = with_connection("from: payments, to: shop, to_environment: prod, ports: [80]");
    fleet(&with(&text, "control: egress/example.com/443", "control: connection/payments-to-shop-prod/80"));
}

#[test]
fn links_join_what_the_connections_say_in_both_directions() {
    let example = fleet(EXAMPLE);
    assert_eq!(links(&example, "payments-production"), ["ledger-prod [5432] []", "shop-prod [] [443]"]);
    assert_eq!(links(&example, "payments-dev"), ["shop-dev [] [443]"]);
    assert!(links(&example, "ledger-dev").is_empty());
    let every_key = fleet(EVERY_KEY);
    assert_eq!(links(&every_key, "shop-dev"), ["payments-dev [443, 8443] []", "payments-prod [9443] []"]);
    assert_eq!(links(&every_key, "payments-prod"), ["Shop [] [443, 8443]", "shop-dev [] [9443]"]);
}

#[test]
fn all_connections_between_two_accounts_are_one_link() {
    let text = with_connection("from: payments, to: shop, ports: [80, 22]");
    let more = "  - { from: shop, to: payments, ports: [8443, 80], check: { host: y } }\nisolations:\n";
    let fleet = fleet(&with(&text, "isolations:\n", more));
    assert_eq!(links(&fleet, "shop-dev"), ["payments-dev [80, 443, 8443] [22, 80]"]);
    assert_eq!(links(&fleet, "payments-dev"), ["shop-dev [22, 80] [80, 443, 8443]"]);
}
