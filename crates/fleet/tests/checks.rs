//! What the keys of checks become for a probe.

mod support;

use phonehome_fleet::isolated;
use phonehome_wire::Check;
use serde_json::{Value, json};
use support::{EXAMPLE, SMALL, fleet, with, without_warnings};

const CONNECTION: &str = "check: { host: \"api.{environment}.internal\" }";
const EGRESS: &str = "egress: [{ host: example.com, port: 443 }]";

/// The checks of shop-dev in us-east-1.
fn checks(text: &str) -> Vec<Check> {
    let fleet = fleet(text);
    fleet.checks_for(&fleet.member("shop-dev").unwrap(), "us-east-1")
}

fn check(text: &str, id: &str) -> Value {
    let found = checks(text).into_iter().find(|check| check.id.0 == id);
    serde_json::to_value(found.unwrap_or_else(|| panic!("no {id}"))).unwrap()
}

/// The small file, whose shop has this check, of host, port and these keys.
fn with_check(keys: &str) -> String {
    with(SMALL, "isolations:\n", &format!("checks:\n  - {{ name: own, from: shop, {keys} }}\nisolations:\n"))
}

#[test]
fn the_type_and_keys_of_a_connection_become_a_kind_of_check() {
    let cases = [
        ("type: tcp", json!({"type": "tcp", "host": "api.dev.internal", "port": 443})),
        ("type: tls", json!({"type": "tls", "host": "api.dev.internal", "port": 443})),
        (
            "type: tls, server_name: \"{environment}.{region}.example.com\"",
            json!({"type": "tls", "host": "api.dev.internal", "port": 443, "server_name": "dev.us-east-1.example.com"}),
        ),
        ("type: http", json!({"type": "http", "url": "http://api.dev.internal:443/", "status": 200})),
        ("type: https", json!({"type": "http", "url": "https://api.dev.internal/", "status": 200})),
        (
            "type: https, path: \"/{environment}?in={region}\", method: HEAD, status: 204",
            json!({"type": "http", "url": "https://api.dev.internal/dev?in=us-east-1", "status": 204, "method": "HEAD"}),
        ),
        (
            "type: https, status: [2xx, 301, 303-307]",
            json!({"type": "http", "url": "https://api.dev.internal/", "status": 200, "statuses": [
                {"from": 200, "to": 299}, {"from": 301, "to": 301}, {"from": 303, "to": 307},
            ]}),
        ),
        (
            "type: https, status: 4xx",
            json!({"type": "http", "url": "https://api.dev.internal/", "status": 400, "statuses": [
                {"from": 400, "to": 499},
            ]}),
        ),
        // Braces of a header and a body are no placeholders.
        (
            "type: https, header: { name: x-of, contains: \"{region}\" }, body: '{\"region\"'",
            json!({"type": "http", "url": "https://api.dev.internal/", "status": 200,
                "header": {"name": "x-of", "contains": "{region}"}, "body": "{\"region\""}),
        ),
        (
            "type: https, header: { name: ETag }",
            json!({"type": "http", "url": "https://api.dev.internal/", "status": 200, "header": {"name": "ETag"}}),
        ),
    ];
    for (keys, expected) in cases {
        let new = format!("check: {{ host: \"api.{{environment}}.internal\", {keys} }}");
        let found = check(&with(SMALL, CONNECTION, &new), "connection/shop-to-payments/443");
        assert_eq!(found["kind"], expected, "{keys}");
        let target = json!({"endpoint": "api.dev.internal:443", "account": "payments-dev"});
        assert_eq!(found["target"], target, "{keys}");
    }
}

#[test]
fn timeout_tries_and_interval_are_those_of_the_check_or_the_usual_ones() {
    let connection = "connection/shop-to-payments/443";
    let paced = "timeout_ms: 500, tries: 2, every_minutes: 5";
    let host = "host: \"api.{environment}.internal\"";
    let connections = with(SMALL, CONNECTION, &format!("check: {{ {host}, {paced} }}"));
    let own = with_check(&format!("host: a.example.com, port: 1, {paced}"));
    // The isolation of the small file is tested every five minutes.
    let targets = format!("{{ host: example.com, port: 443, {paced} }}, {{ aws: sts, {paced} }}");
    let egress =
        with(SMALL, EGRESS, &format!("egress: [{targets}, {{ echo: \"http://a.example.com\", {paced} }}]"));
    for (text, id) in [
        (&connections, connection),
        (&own, "check/own"),
        (&egress, "egress/example.com/443"),
        (&egress, "egress/aws/sts"),
        (&egress, "egress/echo/a.example.com/80"),
    ] {
        let found = check(text, id);
        assert_eq!(
            (&found["timeout_ms"], &found["tries"], &found["every_minutes"]),
            (&json!(500), &json!(2), &json!(5)),
            "{id}"
        );
    }
    // What is usual is not on the wire, except the timeout.
    let usual = check(SMALL, connection);
    assert_eq!(usual["timeout_ms"], 3000);
    assert!(usual.get("tries").is_none() && usual.get("every_minutes").is_none(), "{usual}");
    let once = with(SMALL, CONNECTION, &format!("check: {{ {host}, tries: 1 }}"));
    assert_eq!(check(&once, connection)["tries"], 1);
}

#[test]
fn an_isolation_has_its_own_interval_or_that_of_all() {
    let every = |text: &str| {
        let fleet = fleet(text);
        let checks = fleet.checks_for(&fleet.member("payments-dev").unwrap(), "us-east-1");
        let isolation = checks.into_iter().find(|check| check.control.is_some()).unwrap();
        (isolation.every_minutes, isolation.tries)
    };
    let own = with(SMALL, "    control: egress", "    every_minutes: 12\n    control: egress");
    let all = with(SMALL, "probing:\n", "probing:\n  isolations_every_minutes: 7\n");
    assert_eq!((every(SMALL), every(&own), every(&all)), ((5, 3), (12, 3), (7, 3)));
}

#[test]
fn the_way_out_is_a_host_an_echo_service_or_a_service_of_aws() {
    let cases = [
        (
            "{ host: example.com, port: 443 }",
            "egress/example.com/443",
            json!({"type": "tcp", "host": "example.com", "port": 443}),
            "example.com:443",
        ),
        (
            "{ echo: \"https://checkip.amazonaws.com\" }",
            "egress/echo/checkip.amazonaws.com/443",
            json!({"type": "egress", "url": "https://checkip.amazonaws.com/"}),
            "checkip.amazonaws.com:443",
        ),
        (
            "{ echo: \"http://ip.example.com:8080?format=text\", expected: [203.0.113.7, \"2001:db8::7\"] }",
            "egress/echo/ip.example.com/8080",
            json!({"type": "egress", "url": "http://ip.example.com:8080/?format=text",
                "expected": ["203.0.113.7", "2001:db8::7"]}),
            "ip.example.com:8080",
        ),
        (
            "{ aws: api.ecr }",
            "egress/aws/api.ecr",
            json!({"type": "http", "url": "https://api.ecr.us-east-1.amazonaws.com/", "status": 200,
                "statuses": [{"from": 200, "to": 499}]}),
            "api.ecr.us-east-1.amazonaws.com:443",
        ),
    ];
    for (target, id, kind, endpoint) in cases {
        let text = with(SMALL, EGRESS, &format!("egress: [{{ host: example.com, port: 443 }}, {target}]"));
        let text = if id.contains("example.com/443") { SMALL.to_owned() } else { text };
        let found = check(&text, id);
        assert_eq!((&found["kind"], &found["purpose"]), (&kind, &json!("egress")), "{target}");
        assert_eq!(found["target"]["endpoint"], endpoint, "{target}");
        // Each of them connects to something.
        fleet(&with(&text, "control: egress/example.com/443", &format!("control: {id}")));
    }
}

#[test]
fn a_teams_own_check_is_tested_from_its_domain_and_makes_no_link() {
    let text = with_check("host: \"x.{environment}.{region}.example.com\", port: 22");
    let found = check(&text, "check/own");
    assert_eq!(found["kind"], json!({"type": "tcp", "host": "x.dev.us-east-1.example.com", "port": 22}));
    assert_eq!(found["target"], json!({"endpoint": "x.dev.us-east-1.example.com:22"}));
    assert_eq!((&found["purpose"], &found["expect"]), (&json!("connection"), &json!("connect")));
    let (with_it, without) = (fleet(&text), fleet(SMALL));
    for member in with_it.members() {
        assert_eq!(with_it.links_of(&member), without.links_of(&member));
        let has = with_it.checks_for(&member, "us-east-1").iter().any(|check| check.id.0 == "check/own");
        assert_eq!(has, member.domain == "shop", "{}", member.account_name);
    }
    let prod_only = with_check("host: x.example.com, port: 22, environments: [prod]");
    assert!(checks(&prod_only).iter().all(|check| check.id.0 != "check/own"));
}

#[test]
fn a_lookup_becomes_a_check_of_records() {
    let cases = [
        ("host: \"db.{environment}.x\"", json!({"type": "dns", "name": "db.dev.x"})),
        (
            "host: x, record: CNAME, expected: [\"{environment}.{region}.y.\"]",
            json!({"type": "dns", "name": "x", "record": "CNAME", "expected": ["dev.us-east-1.y."]}),
        ),
        // The braces of a text are what they are.
        (
            "host: x, record: TXT, expected: [\"{region}\"]",
            json!({"type": "dns", "name": "x", "record": "TXT", "expected": ["{region}"]}),
        ),
        (
            "host: x, record: AAAA, expected: [\"2001:db8::1\"], nameserver: \"[2001:db8::53]:5353\"",
            json!({"type": "dns", "name": "x", "record": "AAAA", "expected": ["2001:db8::1"],
                "nameserver": "[2001:db8::53]:5353"}),
        ),
    ];
    for (keys, kind) in cases {
        let found = check(&with_check(&format!("type: dns, {keys}")), "check/own");
        assert_eq!(found["kind"], kind, "{keys}");
        assert_eq!(found["target"]["endpoint"], kind["name"], "{keys}");
    }
}

#[test]
fn whoever_connects_to_an_endpoint_in_whatever_way_is_a_witness_for_its_isolation() {
    // payments must not reach api.prod.internal:443, and shop may.
    let witnesses = |text: &str| {
        let fleet = fleet(text);
        let isolated = isolated(fleet.members().into_iter().map(|member| (&fleet, member)));
        let ids = isolated["api.prod.internal:443"].iter().map(|source| source.check.0.clone());
        ids.collect::<Vec<_>>()
    };
    let connection = |keys: &str| {
        let new = format!("check: {{ host: \"api.{{environment}}.internal\", {keys} }}");
        witnesses(&with(&without_warnings(), CONNECTION, &new))
    };
    for keys in ["type: tcp", "type: tls", "type: http, status: 4xx", "type: https, path: /health"] {
        assert_eq!(connection(keys), ["connection/shop-to-payments/443"], "{keys}");
    }
    // When a path was last up is known of a probe's run, not of each check in it.
    assert_eq!(connection("every_minutes: 2"), [] as [&str; 0]);
    let own = |keys: &str| {
        let new =
            format!("checks:\n  - {{ name: own, from: shop, environments: [prod], {keys} }}\nisolations:\n");
        witnesses(&with(&without_warnings(), "isolations:\n", &new))
    };
    let both = ["connection/shop-to-payments/443", "check/own"];
    assert_eq!(own("host: \"api.{environment}.internal\", port: 443"), both);
    assert_eq!(own("type: dns, host: \"api.{environment}.internal\""), both[..1]);
}

#[test]
fn what_the_example_shows_in_comments_can_be_taken_in_as_it_is() {
    let mut text = EXAMPLE.to_owned();
    for (commented, active) in [
        ("# checks:", "checks:"),
        ("#   - { name: card", "  - { name: card"),
        ("#   - { name: delegation", "  - { name: delegation"),
        ("    # - { echo:", "    - { echo:"),
        ("    # - { aws:", "    - { aws:"),
        ("# authorities:", "authorities:"),
        ("    # check: {", "    check: {"),
        ("    check: { host: \"api.payments.{environment}.example.internal\" }", "   "),
    ] {
        text = with(&text, commented, active);
    }
    let fleet = fleet(&text);
    let checks = fleet.checks_for(&fleet.member("payments-production").unwrap(), "us-east-1");
    let ids: Vec<&str> = checks.iter().map(|check| check.id.0.as_str()).collect();
    assert!(ids.contains(&"check/card-network") && ids.contains(&"egress/aws/sts"), "{ids:?}");
}
