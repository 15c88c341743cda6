//! The JSON Schema and the parser say the same.

mod packs;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};
use support::{EVERY_KEY, EXAMPLE, SMALL};

fn validator() -> Validator {
    jsonschema::draft7::new(&phonehome_fleet::schema()).expect("the schema is a valid schema")
}

fn parser_accepts(value: &Value) -> bool {
    phonehome_fleet::parse(&value.to_string()).is_ok()
}

/// The JSON pointer of every map in a value.
fn maps(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            found.push(pointer.to_owned());
            for (key, value) in entries {
                maps(value, &format!("{pointer}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                maps(item, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// A file with every key, and where its maps are.
fn every_key() -> (Value, Vec<String>) {
    let value = support::json(EVERY_KEY);
    let mut found = vec![];
    maps(&value, "", &mut found);
    (value, found)
}

fn map_at<'v>(value: &'v mut Value, pointer: &str) -> &'v mut serde_json::Map<String, Value> {
    value.pointer_mut(pointer).and_then(Value::as_object_mut).expect("a map")
}

#[test]
fn the_committed_schema_is_the_one_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/fleet.schema.json");
    let schema = serde_json::to_string_pretty(&phonehome_fleet::schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == schema,
        "docs/fleet.schema.json is out of date. To write it anew:\n\n    \
         UPDATE_SCHEMA=1 cargo test -p phonehome-fleet\n"
    );
}

#[test]
fn the_valid_files_are_valid_by_the_schema() {
    let validator = validator();
    for (name, text) in [("example", EXAMPLE), ("every key", EVERY_KEY), ("small", SMALL)] {
        let value = support::json(text);
        let problems: Vec<_> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(problems.is_empty(), "{name}: {problems:#?}");
        support::fleet(text);
    }
}

#[test]
fn the_example_points_editors_at_the_schema() {
    assert!(EXAMPLE.starts_with("# yaml-language-server: $schema=docs/fleet.schema.json\n"));
}

#[test]
fn the_fixture_with_every_key_has_every_key_of_the_schema() {
    let schema = phonehome_fleet::schema();
    let (value, pointers) = every_key();
    let mut used: Vec<&String> = vec![];
    for pointer in &pointers {
        used.extend(value.pointer(pointer).and_then(Value::as_object).unwrap().keys());
    }
    let definitions = schema["definitions"].as_object().unwrap().values();
    for definition in definitions.chain([&schema]) {
        for key in definition["properties"].as_object().into_iter().flat_map(|p| p.keys()) {
            assert!(used.contains(&key), "no {key:?} in the fixture");
        }
    }
}

#[test]
fn every_key_of_the_schema_is_explained() {
    let schema = phonehome_fleet::schema();
    let definitions = schema["definitions"].as_object().unwrap();
    for (name, definition) in definitions {
        for (key, property) in definition["properties"].as_object().into_iter().flatten() {
            let explained = property.get("description").is_some() || key == "environments";
            assert!(explained, "{name}.{key} has no description");
        }
    }
}

#[test]
fn an_unknown_key_anywhere_is_refused_by_the_schema_and_by_the_parser() {
    let validator = validator();
    let (value, pointers) = every_key();
    assert!(pointers.len() > 20, "maps were found");
    for pointer in pointers {
        let mut spoilt = value.clone();
        map_at(&mut spoilt, &pointer).insert("colour".into(), json!("blue"));
        assert!(!validator.is_valid(&spoilt), "the schema accepts an unknown key in {pointer:?}");
        let problems = support::problems(&spoilt.to_string());
        let messages: Vec<_> = problems.into_iter().map(|p| p.message.as_str()).collect();
        assert_eq!(messages, ["unknown key `colour`"], "in {pointer:?}");
    }
}

/// What the parser says of an egress target without the key that says what it is.
const NO_FORM: &str = "an egress target has a `host` and a `port`, or `echo`, or `aws`";
/// And of a window without an end.
const NO_END: &str = "this never ends: it has neither `to` nor `duration_minutes`";

#[test]
fn the_schema_and_the_parser_require_the_same_keys() {
    let validator = validator();
    let (value, pointers) = every_key();
    for pointer in pointers {
        let keys: Vec<String> =
            value.pointer(&pointer).and_then(Value::as_object).unwrap().keys().cloned().collect();
        for key in keys {
            let mut spoilt = value.clone();
            map_at(&mut spoilt, &pointer).remove(&key);
            let missing = format!("the key `{key}` is missing");
            let parser_misses_it = match phonehome_fleet::parse(&spoilt.to_string()) {
                Ok(_) => false,
                // Without its type a check has keys that are for another one.
                Err(_) if key == "type" => true,
                Err(problems) => problems
                    .into_iter()
                    .any(|p| [missing.as_str(), NO_FORM, NO_END].contains(&p.message.as_str())),
            };
            assert_eq!(parser_misses_it, !validator.is_valid(&spoilt), "{key:?} in {pointer:?}");
        }
    }
}

fn assert_refused(cases: &[(&str, Value)]) {
    let validator = validator();
    for (pointer, bad) in cases {
        let mut spoilt = support::json(EVERY_KEY);
        *spoilt.pointer_mut(pointer).expect("the fixture has it") = bad.clone();
        assert!(!validator.is_valid(&spoilt), "the schema accepts {bad} at {pointer}");
        assert!(!parser_accepts(&spoilt), "the parser accepts {bad} at {pointer}");
    }
}

#[test]
fn the_schema_and_the_parser_refuse_the_same_values() {
    assert_refused(&[
        ("/version", json!(2)),
        ("/version", json!("1")),
        ("/organization/id", json!("a1b2c3d4e5")),
        ("/organization/hub_account", json!(222_222_222_222_u64)),
        ("/organization/hub_account", json!("2222")),
        ("/organization/member_role", json!("a/b")),
        ("/regions", json!([])),
        ("/regions", json!(null)),
        ("/regions/0/name", json!("us-east")),
        ("/regions/0/availability_zones", json!(["use1-az9"])),
        ("/regions/0/availability_zones", json!(["us-east-1a"])),
        ("/regions/0/availability_zones", json!(["use1-bos1-az1"])),
        ("/regions/0/availability_zones", json!(["use1-az1", "use1-az1"])),
        ("/address_pools/0/cidr", json!("10.0.0.0")),
        ("/address_pools/0/block", json!(24)),
        ("/address_pools/0/block", json!(15)),
        ("/address_pools/0/name", json!("Non Prod")),
        ("/environments/0/nat", json!("per_az")),
        ("/environments/0/paging", json!("yes")),
        ("/environments/0/default_vpcs", json!("delete")),
        ("/environments/0/default_vpcs", json!(false)),
        ("/environments/0/pools", json!([])),
        ("/domains/0/environments", json!([])),
        ("/domains/0/environments/1/account_id", json!(null)),
        ("/domains/0/environments/1/account_name", json!("x".repeat(51))),
        ("/domains/0/environments/1/email", json!("nobody")),
        ("/domains/0/environments/1/adopt", json!("vpc-0123456")),
        ("/domains/0/environments/1/adopt", json!("vpc-0123456789abcdef01")),
        ("/domains/0/environments/1/adopt", json!("vpc-0123456789ABCDEF0")),
        ("/domains/0/environments/1/adopt", json!("subnet-0123456789abcdef0")),
        ("/domains/0/environments/1/adopt_region", json!(1)),
        ("/domains/0/name", json!("x".repeat(41))),
        ("/connections/0/ports", json!([0])),
        ("/connections/0/ports", json!([65_536])),
        ("/connections/0/ports", json!(443)),
        ("/connections/0/check/type", json!("udp")),
        ("/connections/1/to_environment", json!(["prod"])),
        ("/forbidden_environments", json!({ "from": "prod", "to": "dev" })),
        ("/forbidden_environments/0", json!("prod")),
        ("/network", json!([])),
        ("/network/flow_logs_bucket", json!("xy")),
        ("/network/flow_logs_bucket", json!("x".repeat(64))),
        ("/network/flow_logs_bucket", json!("Example")),
        ("/network/flow_logs_bucket", json!("-example")),
        ("/network/flow_logs_bucket", json!("example.")),
        ("/network/flow_logs_bucket", json!("s3://example")),
        ("/network/gateway_endpoints", json!("s3")),
        ("/network/gateway_endpoints", json!(["sqs"])),
        ("/network/gateway_endpoints", json!(["s3", "s3"])),
        ("/network/quarantine_days", json!(366)),
        ("/network/quarantine_days", json!(-1)),
        ("/network/removals_per_hour", json!(10_001)),
        ("/network/removals_per_hour", json!("30")),
        ("/network/quarantine_days", json!("30")),
        ("/isolations/0/control", json!("egress")),
        ("/probing/timeout_ms", json!(99)),
        ("/probing/overdue_after_seconds", json!(60)),
        ("/alert_routes/0/slack_channel", json!("net")),
        ("/alert_routes/0/environments", json!([])),
        ("/alert_routes/1/severity", json!("loud")),
        ("/platform_route/slack_channel", json!("platform")),
        ("/rollout/waves", json!([])),
        ("/rollout/waves/2/percent", json!(0)),
        ("/rollout/waves/1/environments", json!([])),
        ("/rollout/bake_minutes", json!(0)),
        ("/rollout/converge_minutes", json!(4)),
        ("/rollout/at_once", json!("20")),
    ]);
}

#[test]
fn the_schema_and_the_parser_refuse_the_same_values_of_what_accounts_bear() {
    let tags: Vec<Value> = (0..50).map(|it| json!({ "key": format!("k{it}"), "value": "" })).collect();
    assert_refused(&[
        ("/environments/0/organizational_unit", json!("")),
        ("/environments/0/organizational_unit", json!("/Workloads")),
        ("/environments/0/organizational_unit", json!("Workloads//Dev")),
        ("/environments/0/organizational_unit", json!("a/b/c/d/e/f")),
        ("/environments/0/organizational_unit", json!(["Workloads"])),
        ("/domains/0/environments/1/organizational_unit", json!("Exceptions/")),
        ("/accounts", json!([])),
        ("/accounts/tags", json!({ "owner": "shop" })),
        ("/accounts/tags", Value::from(tags)),
        ("/accounts/tags/0/key", json!("")),
        ("/accounts/tags/0/key", json!("x".repeat(129))),
        ("/accounts/tags/0/value", json!(12)),
        ("/accounts/contacts/billing", json!(null)),
        ("/accounts/contacts/billing/name", json!("")),
        ("/accounts/contacts/billing/name", json!("x".repeat(65))),
        ("/accounts/contacts/billing/title", json!("x".repeat(51))),
        ("/accounts/contacts/billing/email", json!("finance")),
        ("/accounts/contacts/billing/email", json!("finance@example")),
        ("/accounts/contacts/billing/email", json!("fi nance@example.com")),
        ("/accounts/contacts/billing/phone", json!("555-CALL")),
        ("/accounts/contacts/billing/phone", json!("1".repeat(26))),
        ("/accounts/contacts/billing/phone", json!(5_550_100)),
        ("/accounts/support_plan", json!("Business")),
        ("/accounts/support_plan", json!("premium")),
    ]);
}

#[test]
fn the_schema_and_the_parser_refuse_the_same_values_of_windows() {
    let both = json!({
        "time_zone": "UTC", "from": "20:00", "to": "21:00", "duration_minutes": 60,
        "match": { "environment": "dev" }, "reason": "r",
    });
    assert_refused(&[
        ("/maintenance", json!({})),
        ("/maintenance/0", both),
        ("/maintenance/0/time_zone", json!("")),
        ("/maintenance/0/time_zone", json!("+01:00")),
        ("/maintenance/0/weekdays", json!([])),
        ("/maintenance/0/weekdays", json!(["sun"])),
        ("/maintenance/0/weekdays", json!(["sunday", "sunday"])),
        ("/maintenance/0/from", json!("24:00")),
        ("/maintenance/0/from", json!("2:00")),
        ("/maintenance/0/to", json!("02:60")),
        ("/maintenance/0/to", json!("+2:00")),
        ("/quiet_hours/0/duration_minutes", json!(0)),
        ("/quiet_hours/0/duration_minutes", json!(4321)),
        ("/maintenance/0/match", json!({})),
        ("/maintenance/0/match/availability_zone", json!("us-east-1a")),
        ("/maintenance/0/match/endpoint", json!("")),
        ("/maintenance/0/reason", json!("")),
        ("/maintenance/0/reason", json!("r".repeat(201))),
    ]);
}

#[test]
fn the_schema_and_the_parser_refuse_the_same_values_of_a_connections_check() {
    assert_refused(&[
        ("/connections/0/check/server_name", json!("x".repeat(254))),
        ("/connections/0/check/timeout_ms", json!(99)),
        ("/connections/0/check/timeout_ms", json!("1s")),
        ("/connections/0/check/tries", json!(0)),
        ("/connections/0/check/tries", json!(4)),
        ("/connections/0/check/every_minutes", json!(0)),
        ("/connections/0/check/every_minutes", json!(61)),
        ("/connections/0/check/type", json!("http")),
        ("/connections/0/check/type", json!("dns")),
        ("/connections/1/check/type", json!("tcp")),
        ("/connections/1/check/type", json!("tls")),
        ("/connections/1/check/path", json!("health")),
        ("/connections/1/check/path", json!("/a b")),
        ("/connections/1/check/path", json!("/a%2")),
        ("/connections/1/check/path", json!("/a#b")),
        ("/connections/1/check/path", json!("/{env}")),
        ("/connections/1/check/path", json!(format!("/{}", "x".repeat(200)))),
        ("/connections/1/check/method", json!("POST")),
        ("/connections/1/check/method", json!("get")),
        ("/connections/1/check/status", json!([])),
        ("/connections/1/check/status", json!(99)),
        ("/connections/1/check/status", json!(600)),
        ("/connections/1/check/status", json!("200")),
        ("/connections/1/check/status", json!("6xx")),
        ("/connections/1/check/status", json!(["20x"])),
        ("/connections/1/check/status", json!(["200..299"])),
        ("/connections/1/check/status", json!([200, 200])),
        ("/connections/1/check/status", json!((200..211).collect::<Vec<_>>())),
        ("/connections/1/check/header", json!("content-type")),
        ("/connections/1/check/header/name", json!("content-type:")),
        ("/connections/1/check/header/name", json!("x".repeat(65))),
        ("/connections/1/check/header/contains", json!("")),
        ("/connections/1/check/header/contains", json!("x".repeat(201))),
        ("/connections/1/check/body", json!("")),
        ("/connections/1/check/body", json!("x".repeat(201))),
    ]);
}

#[test]
fn the_schema_and_the_parser_refuse_the_same_values_of_own_checks_and_of_the_way_out() {
    assert_refused(&[
        ("/checks/0/name", json!("Main Frame")),
        ("/checks/0/environments", json!([])),
        ("/checks/0/type", json!("dns")),
        ("/checks/0/type", json!("icmp")),
        ("/checks/0/port", json!(0)),
        ("/checks/1/type", json!("tcp")),
        ("/checks/1/record", json!("SOA")),
        ("/checks/1/expected", json!([])),
        ("/checks/1/expected", json!(["x", "x"])),
        ("/checks/1/expected", json!(["x".repeat(256)])),
        ("/checks/1/expected", json!((0..11).map(|it| format!("a{it}.example")).collect::<Vec<_>>())),
        ("/checks/1/nameserver", json!("ns.example.com")),
        ("/authorities", json!("/etc/ssl/authorities.pem")),
        ("/authorities", json!("../authorities.pem")),
        ("/authorities", json!("a//b.pem")),
        ("/authorities", json!(["authorities.pem"])),
        ("/authorities", json!("")),
        ("/isolations/0/control", json!("egress/aws/STS")),
        ("/isolations/0/every_minutes", json!(61)),
        ("/probing/egress/0/port", json!("443")),
        ("/probing/egress/1/echo", json!("checkip.amazonaws.com")),
        ("/probing/egress/1/echo", json!("https://user@checkip.amazonaws.com/")),
        ("/probing/egress/1/echo", json!(format!("https://a.example/{}", "x".repeat(200)))),
        ("/probing/egress/1/expected", json!([])),
        ("/probing/egress/1/expected", json!(["203.0.113.0/24"])),
        ("/probing/egress/2/aws", json!("STS")),
        ("/probing/egress/2/aws", json!("sts.")),
        ("/probing/egress/2/tries", json!(4)),
    ]);
}

#[test]
fn a_fleet_written_as_json_is_the_same_fleet_again() {
    for text in [EXAMPLE, EVERY_KEY, SMALL] {
        let fleet = support::fleet(text);
        let written = serde_json::to_value(&fleet).unwrap();
        assert!(validator().is_valid(&written));
        assert_eq!(support::fleet(&written.to_string()), fleet);
    }
}
