//! What concerns several checks, or is allowed and hardly meant.

mod support;

use phonehome_fleet::{check, read};
use support::{EXAMPLE, SMALL, only_problem, problems, with, without_warnings};

const CONNECTION: &str = "check: { host: \"api.{environment}.internal\" }";
const EGRESS: &str = "egress: [{ host: example.com, port: 443 }]";

fn with_checks(checks: &[&str]) -> String {
    let items: String = checks.iter().map(|keys| format!("  - {{ {keys} }}\n")).collect();
    with(SMALL, "isolations:\n", &format!("checks:\n{items}isolations:\n"))
}

#[test]
fn a_control_connects_to_something_in_every_turn_of_the_isolation() {
    let controlled = |text: &str, control: &str| {
        with(text, "control: egress/example.com/443", &format!("control: {control}"))
    };
    let own =
        |keys: &str| controlled(&with_checks(&[&format!("name: own, from: payments, {keys}")]), "check/own");
    support::fleet(&own("host: x, port: 1"));
    assert_eq!(
        only_problem(&own("type: dns, host: x")),
        "isolations[0].control: the control `check/own` only looks up a name (name a check that connects to something)"
    );
    assert_eq!(
        only_problem(&controlled(
            &own("host: x, port: 1").replace("check/own", "egress/example.com/443"),
            "check/ovn"
        )),
        "isolations[0].control: the control `check/ovn` is not a check of `payments` in dev (did you mean `check/own`?)"
    );
    assert!(
        only_problem(&own("host: x, port: 1, environments: [dev]"))
            .contains("is not a check of `payments` in prod")
    );
    // The isolation of the small file is tested every five minutes.
    support::fleet(&own("host: x, port: 1, every_minutes: 5"));
    assert_eq!(
        only_problem(&own("host: x, port: 1, every_minutes: 2")),
        "isolations[0].control: the control `check/own` is tested every 2 minutes, and the isolation every 5: some of its turns would have no control (test the control each minute, or the isolation every 2 minutes)"
    );
    support::fleet(&with(
        &own("host: x, port: 1, every_minutes: 2"),
        "    port: 5432\n",
        "    port: 5432\n    every_minutes: 4\n",
    ));
}

#[test]
fn what_must_be_reached_cannot_be_closed_as_well() {
    assert_eq!(
        only_problem(&with_checks(&[
            "name: own, from: payments, type: https, host: db.shop.internal, port: 5432"
        ])),
        "isolations[0]: `payments` must reach db.shop.internal:5432 and must not (it is declared as a check on line 25)"
    );
    support::fleet(&with_checks(&["name: own, from: payments, type: dns, host: db.shop.internal"]));
}

/// The warnings of a file, with their paths.
fn warnings(text: &str) -> Vec<(String, String)> {
    let checked = check(text).unwrap_or_else(|problems| panic!("{problems}"));
    checked.warnings.as_slice().iter().map(|it| (it.path.clone(), it.message.clone())).collect()
}

#[test]
fn a_certificate_that_no_public_authority_gives_is_warned_of_wherever_one_is_needed() {
    let quiet = without_warnings();
    let connection = |keys: &str| {
        with(&quiet, CONNECTION, &format!("check: {{ host: \"api.{{environment}}.internal\", {keys} }}"))
    };
    let own = |keys: &str| {
        with(
            &quiet,
            "isolations:\n",
            &format!("checks:\n  - {{ name: own, from: shop, port: 1, {keys} }}\nisolations:\n"),
        )
    };
    let egress = |url: &str| {
        with(&quiet, EGRESS, &format!("egress: [{{ host: example.com, port: 443 }}, {{ echo: \"{url}\" }}]"))
    };
    let warned = [
        (connection("type: tls"), "connections[0].check.type"),
        (connection("type: https"), "connections[0].check.type"),
        (connection("type: tls, server_name: api.corp"), "connections[0].check.type"),
        (own("type: https, host: api.lan"), "checks[0].type"),
        (own("type: tls, host: vault"), "checks[0].type"),
        (own("type: tls, host: 100.64.1.2"), "checks[0].type"),
        (egress("https://ip.example.internal/"), "probing.egress[1].echo"),
    ];
    for (text, path) in &warned {
        let found = warnings(text);
        assert_eq!(found.len(), 1, "{found:?}\n{text}");
        assert_eq!(found[0].0, *path);
        assert!(found[0].1.contains("no public authority certifies it"), "{found:?}");
        let shown = check(text).unwrap().warnings.to_string();
        assert!(shown.contains("name your own authorities under `authorities`"), "{shown}");
        // With authorities of one's own there is nothing to warn of.
        let trusting = with(text, "version: 1\n", "version: 1\nauthorities: own.pem\n");
        assert_eq!(warnings(&trusting), []);
        assert_eq!(support::fleet(&trusting).authorities.as_deref(), Some("own.pem"));
    }
    for text in [
        connection("type: tls, server_name: \"api.{environment}.example.com\""),
        connection("type: http"),
        own("type: https, host: api.example.com"),
        egress("http://ip.example.internal/"),
        egress("https://checkip.amazonaws.com/"),
        with(&quiet, EGRESS, "egress: [{ host: example.com, port: 443 }, { aws: sts }]"),
        EXAMPLE.to_owned(),
    ] {
        assert_eq!(warnings(&text), [], "{text}");
    }
}

#[test]
fn authorities_are_a_file_beside_this_one() {
    let cases = [
        ("/etc/own.pem", "`/etc/own.pem` is not the path of a file beside the fleet file"),
        ("../own.pem", "`../own.pem` is not the path of a file beside the fleet file"),
        ("a/../own.pem", "`a/../own.pem` is not the path of a file beside the fleet file"),
        (".hidden", "`.hidden` is not the path of a file beside the fleet file"),
        ("https://a/own.pem", "`https://a/own.pem` is not the path of a file beside the fleet file"),
        ("-----BEGIN CERTIFICATE-----", "a certificate stands here, and not the path of a file"),
    ];
    for (path, expected) in cases {
        let found =
            only_problem(&with(SMALL, "version: 1\n", &format!("version: 1\nauthorities: \"{path}\"\n")));
        assert!(found.starts_with(&format!("authorities: {expected} (")), "{found}");
    }
}

#[test]
fn what_is_reached_too_seldom_to_prove_an_isolation_is_warned_of() {
    let seldom = with(
        &without_warnings(),
        CONNECTION,
        "check: { host: \"api.{environment}.internal\", every_minutes: 2 }",
    );
    let found = warnings(&seldom);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "isolations[0].host");
    assert!(
        found[0].1.starts_with("what may connect to api.prod.internal:443 is not tested each minute"),
        "{found:?}"
    );
}

#[test]
fn checks_that_fill_an_event_or_all_inputs_are_refused_when_published_and_read_by_functions() {
    let expected: String = (0..10).map(|it| format!("\"{it}{}\",", "x".repeat(150))).collect();
    let large = with_checks(&[&format!(
        "name: own, from: shop, type: dns, host: x, record: TXT, expected: [{expected}]"
    )]);
    let found = only_problem(&large);
    assert!(found.starts_with("checks[0]: `check/own` takes 1"), "{found}");
    assert!(found.contains(" bytes; a check has at most 1400"), "{found}");
    assert!(read(&large).is_ok());

    let body = "x".repeat(199);
    let check = |it: usize| {
        let host = "y".repeat(60);
        format!(
            "name: c{it}, from: shop, type: http, host: {host}.example, port: 1, path: /{body}, body: {body}"
        )
    };
    let with = |count: usize| {
        let many: Vec<String> = (0..count).map(check).collect();
        with_checks(&many.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert!(phonehome_fleet::check(&with(190)).is_ok(), "two inputs");
    let shown = problems(&with(1_200)).to_string();
    assert!(shown.contains("the 1202 checks of `shop-dev` do not fit into 6 inputs"), "{shown}");
    assert!(read(&with(1_200)).is_ok());
}
