//! Whatever is accepted becomes checks that a probe can be given.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::{Fleet, check};
use phonehome_wire::{Check, CheckKind, Expect};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use support::{EVERY_KEY, EXAMPLE, SMALL, fleet, with};

/// Bytes of one check as JSON, as the documents have it.
const CHECK_BYTES: usize = 1536;

fn assert_can_be_given(fleet: &Fleet) {
    for member in fleet.members() {
        for region in &fleet.regions {
            let checks = fleet.checks_for(&member, &region.name);
            let by_id: BTreeMap<&str, &Check> =
                checks.iter().map(|check| (check.id.0.as_str(), check)).collect();
            assert_eq!(by_id.len(), checks.len(), "ids are unique: {checks:#?}");
            for check in &checks {
                let json = serde_json::to_string(check).unwrap();
                assert_eq!(serde_json::from_str::<Check>(&json).unwrap(), *check, "{json}");
                assert!(json.len() <= CHECK_BYTES, "{json}");
                assert!(!json.contains("{environment}") && !json.contains("{region}"), "{json}");
                assert!((1..=3).contains(&check.tries) && (1..=60).contains(&check.every_minutes), "{json}");
                let Some(control) = &check.control else { continue };
                let control = by_id.get(control.0.as_str()).expect("the control is tested, too");
                assert_eq!(control.expect, Expect::Connect);
                assert!(!matches!(control.kind, CheckKind::Dns { .. }), "{control:?}");
                assert!(check.every_minutes.is_multiple_of(control.every_minutes), "{check:?} {control:?}");
            }
        }
    }
    let written = serde_json::to_string(fleet).unwrap();
    assert_eq!(support::fleet(&written), *fleet, "{written}");
}

#[test]
fn the_files_that_there_are_become_checks_that_can_be_given() {
    for text in [SMALL, EXAMPLE, EVERY_KEY] {
        assert_can_be_given(&fleet(text));
    }
}

/// Some of these keys, in their order.
fn some(keys: &'static [&'static str]) -> impl Strategy<Value = String> {
    subsequence(keys, 0..=keys.len()).prop_map(|keys| keys.iter().map(|key| format!(", {key}")).collect())
}

fn pace() -> impl Strategy<Value = String> {
    let minutes = select(vec!["", ", every_minutes: 1", ", every_minutes: 5", ", every_minutes: 7"]);
    (some(&["timeout_ms: 100", "tries: 2"]), minutes).prop_map(|(pace, minutes)| format!("{pace}{minutes}"))
}

/// The type of a check that connects, with keys for it.
fn connecting() -> impl Strategy<Value = String> {
    let tls = some(&["server_name: \"{environment}.{region}.example.com\""]);
    let http = some(&[
        "path: \"/{region}/{environment}?q=%20\"",
        "status: [2xx, 404, 500-503]",
        "header: { name: x-a, contains: \"\\\"{\" }",
        "body: \"{\\\"a\\\":\\t\\\"ü\\\"}\"",
    ]);
    let keys = prop_oneof![
        Just(String::new()),
        tls.prop_map(|keys| format!(", type: tls{keys}")),
        (select(vec!["http", "https"]), http).prop_map(|(word, keys)| format!(", type: {word}{keys}")),
    ];
    (keys, pace()).prop_map(|(keys, pace)| format!("{keys}{pace}"))
}

fn lookup() -> impl Strategy<Value = String> {
    let records = select(vec![
        "",
        ", expected: [10.0.0.1, \"::1\"]",
        ", record: TXT, expected: [\"{ region }\"]",
        ", record: SRV, expected: [\"0 1 2 {environment}.x.\"]",
        ", record: PTR, nameserver: 10.0.0.2",
    ]);
    (records, pace()).prop_map(|(keys, pace)| format!(", type: dns{keys}{pace}"))
}

const HOSTS: [&str; 4] = ["x.example", "{environment}.{region}.x", "10.0.0.1", "db.shop.internal"];

/// An item of `checks`, as flow YAML.
fn team_check() -> impl Strategy<Value = String> {
    let test = prop_oneof![
        (connecting(), select(vec![443_u16, 5432])).prop_map(|(keys, port)| format!(", port: {port}{keys}")),
        lookup(),
    ];
    let environments = select(vec!["", ", environments: [prod]"]);
    let names = vec!["a", "b", "c", "d", "e", "f"];
    let of = (select(names), select(vec!["shop", "payments"]), select(HOSTS.to_vec()));
    (of, environments, test).prop_map(|((name, from, host), environments, test)| {
        format!("  - {{ name: {name}, from: {from}, host: \"{host}\"{environments}{test} }}\n")
    })
}

fn egress() -> impl Strategy<Value = String> {
    let target = select(vec![
        "host: a.example.com, port: 443",
        "host: aws, port: 443",
        "host: echo, port: 80",
        "echo: \"https://a.example.com\"",
        "echo: \"http://aws:443/?a\", expected: [203.0.113.7]",
        "aws: sts",
        "aws: api.ecr",
    ]);
    (target, pace()).prop_map(|(target, pace)| format!(", {{ {target}{pace} }}"))
}

fn text() -> impl Strategy<Value = String> {
    let others = select(vec!["check/a", "egress/aws/sts", "egress/echo/aws/443"]);
    let controls = prop_oneof![3 => Just("egress/example.com/443"), 1 => others];
    (
        connecting(),
        proptest::collection::vec(team_check(), 0..4),
        proptest::collection::vec(egress(), 0..3),
        controls,
        select(vec![1, 5, 35]),
    )
        .prop_map(|(connection, checks, egress, control, every)| {
            let host = "check: { host: \"api.{environment}.internal\"";
            let text = with(SMALL, host, &format!("{host}{connection}"));
            let list =
                if checks.is_empty() { String::new() } else { format!("checks:\n{}", checks.concat()) };
            let text = with(&text, "isolations:\n", &format!("{list}isolations:\n"));
            let target = "egress: [{ host: example.com, port: 443 }";
            let text = with(&text, target, &format!("{target}{}", egress.concat()));
            let isolation = format!("    every_minutes: {every}\n    control: {control}\n");
            with(&text, "    control: egress/example.com/443\n", &isolation)
        })
}

/// What a file of these may be refused for: what no single item shows.
const TOGETHER: [&str; 5] =
    ["is declared twice", "stands here twice", "is not a check of", "some of its turns", "must reach"];
const ALONE: [&str; 2] = ["only looks up a name", "is an address, not a name"];

proptest! {
    #[test]
    fn what_is_accepted_becomes_checks_that_can_be_given(text in text()) {
        match check(&text) {
            Ok(checked) => assert_can_be_given(&checked.fleet),
            Err(problems) => for problem in &problems {
                let known = TOGETHER.iter().chain(&ALONE).any(|known| problem.message.contains(known));
                prop_assert!(known, "{problems}\n{text}");
            },
        }
    }

    /// Texts of any length and any characters that a file can hold.
    #[test]
    fn no_text_that_is_accepted_makes_a_check_too_large(
        path in "[a-z%{}/ ]{0,210}", contains in "\\PC{1,210}", body in "\\PC{1,210}", host in "[a-z.]{1,260}",
    ) {
        let json = |text: &str| serde_json::to_string(text).unwrap();
        let new = format!(
            "check: {{ host: {}, type: http, path: {}, header: {{ name: a, contains: {} }}, body: {} }}",
            json(&host), json(&format!("/{path}")), json(&contains), json(&body),
        );
        let text = with(SMALL, "check: { host: \"api.{environment}.internal\" }", &new);
        if let Ok(checked) = check(&text) {
            assert_can_be_given(&checked.fleet);
        }
    }
}

/// So that the property above says something.
#[test]
fn most_of_what_is_tried_is_accepted_or_refused_for_one_reason() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut accepted = 0;
    let mut reasons = BTreeSet::new();
    for _ in 0..200 {
        let text = text().new_tree(&mut runner).unwrap().current();
        match check(&text) {
            Ok(_) => accepted += 1,
            Err(problems) => reasons.extend(problems.into_iter().map(|it| it.path.clone())),
        }
    }
    assert!(accepted > 60, "{} of 200 accepted; refused at {reasons:?}", accepted);
}
