//! How large a file may be, and that a large one is refused before anything is made of it.

mod support;

use phonehome_fleet::limits::{FILE_BYTES_MAX, SHOWN_MAX};
use phonehome_fleet::{check, decode};
use support::{SMALL, only_problem, problems, with, without_warnings};

#[test]
fn a_file_that_is_too_large_is_refused_by_its_size() {
    let text = format!("{SMALL}#{}", "x".repeat(FILE_BYTES_MAX));
    let expected = format!(": the file has {} bytes; a fleet file has at most 1048576", text.len());
    assert_eq!(only_problem(&text), expected);
    assert!(decode(text.as_bytes()).unwrap_err().to_string().contains(&expected[2..]));
    let padding = "#".repeat(FILE_BYTES_MAX - SMALL.len());
    assert!(check(&format!("{SMALL}{padding}")).is_ok(), "at the limit");
}

#[test]
fn each_list_has_its_limit_and_no_more_is_said_of_one_that_is_too_long() {
    let many = |count: usize, item: &str| vec![item; count].join(", ");
    let cases = [
        ("zones: [use1-az1, use1-az2]", "zones: ", "use1-az1", 1_000),
        ("pools: [nonprod]", "pools: ", "nonprod", 200),
        ("environments: [dev, prod]", "environments: ", "dev", 50),
        ("ports: [443]", "ports: ", "443", 200),
        ("accounts: [shop-dev]", "accounts: ", "shop-dev", 5_000),
        ("egress: [{ host: example.com, port: 443 }]", "egress: ", "{ host: example.com, port: 443 }", 100),
    ];
    for (old, key, item, max) in cases {
        let text = with(SMALL, old, &format!("{key}[{}]", many(max + 1, item)));
        let found = problems(&text);
        let [problem] = found.as_slice() else { panic!("{key}: {found}") };
        assert!(
            problem.message.ends_with(&format!(" has {} items; it can have {max}", max + 1)),
            "{key}: {}",
            problem.message
        );
    }
}

#[test]
fn a_map_of_twenty_thousand_keys_is_one_problem() {
    let unknown: String = (0..20_000).map(|index| format!("key_{index}: 1\n")).collect();
    let found = problems(&format!("{SMALL}{unknown}"));
    assert_eq!(found.as_slice().len(), 1);
    assert_eq!(found.as_slice()[0].message, "a map of 20011 keys; one has at most 100");
}

#[test]
fn of_many_problems_the_first_are_shown_and_the_rest_is_counted() {
    let routes: String =
        (0..150).map(|index| format!("  - {{ domains: [d{index}], slack_channel: \"#a\" }}\n")).collect();
    let found = problems(&with(SMALL, "alert_routes:\n", &format!("alert_routes:\n{routes}")));
    assert_eq!((found.as_slice().len(), found.more()), (SHOWN_MAX, 50));
    let shown = found.render("fleet.yaml");
    assert!(
        shown.ends_with("150 errors in fleet.yaml, of which the first 100 are shown\n"),
        "{}",
        &shown[shown.len() - 99..]
    );
}

#[test]
fn what_is_said_of_an_enormous_line_is_short() {
    let long = "x".repeat(200_000);
    let text = with(SMALL, "owner: team-shop", &format!("ownr: \"{long}\", {long}: {long}"));
    assert!(problems(&text).render("fleet.yaml").len() < 10_000);
    let text = with(SMALL, "  - name: shop", &format!("  - name: {long}"));
    assert!(problems(&text).render("fleet.yaml").len() < 10_000);
}

#[test]
fn the_checks_of_a_file_are_counted_before_they_are_made() {
    let domains: String =
        (0..600).map(|index| format!("  - {{ name: d{index}, owner: x, environments: [dev] }}\n")).collect();
    let ports: Vec<String> = (1..=190).map(|port| port.to_string()).collect();
    let connections: String = (0..600)
        .map(|index| {
            let ports = ports.join(",");
            format!(
                "  - {{ from: d{index}, to: shop, ports: [{ports}], check: {{ host: x.example.com }} }}\n"
            )
        })
        .collect();
    let text = with(SMALL, "connections:\n", &format!("{domains}connections:\n{connections}"));
    let text = text.replace("block: 18", "block: 23");
    assert_eq!(
        only_problem(&text),
        "connections[526]: up to here the file makes more than 100000 checks (each port of each connection, \
         each isolation and each item of `checks` is one for each account it is from)"
    );
}

#[test]
fn an_alias_of_a_long_text_cannot_fill_the_memory() {
    let text = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(300_000), vec!["*a"; 90_000].join(", "));
    assert!(problems(&text).to_string().contains("aliases add more than 100000 values"));
}

#[test]
fn tls_where_no_public_certificate_can_be_is_a_warning() {
    let tls = |host: &str| {
        let check = format!("check: {{ host: \"{host}\", type: tls }}");
        with(&without_warnings(), "check: { host: \"api.{environment}.internal\" }", &check)
    };
    let checked = check(&tls("api.{environment}.internal")).unwrap();
    let shown = checked.warnings.render("fleet.yaml");
    assert_eq!(
        shown,
        "warning: `api.{environment}.internal` is a name for private use: no public authority certifies it, so \
         `type: tls` would always fail
  --> fleet.yaml:23:98 (connections[0].check.type)
   |
23 |   - { from: shop, to: payments, ports: [443], check: { host: \"api.{environment}.internal\", type: tls } }
   |                                                                                                  ^^^
   = help: take `type: tcp`, or a name in a domain that you own, or name your own authorities under `authorities`

1 warning in fleet.yaml
"
    );
    let public =
        tls("api.{environment}.example.com").replace("host: api.prod.internal", "host: api.prod.example.com");
    assert!(check(&public).unwrap().warnings.as_slice().is_empty());
    assert!(check(&without_warnings()).unwrap().warnings.as_slice().is_empty(), "tcp is fine");
    assert!(check(support::EXAMPLE).unwrap().warnings.as_slice().is_empty(), "the example sets one");
}

#[test]
fn an_isolation_from_what_nobody_may_reach_is_warned_of() {
    let warned = |text: &str| {
        let checked = check(text).unwrap();
        checked.warnings.as_slice().iter().map(|it| (it.path.clone(), it.message.clone())).collect::<Vec<_>>()
    };
    let nobody = "nobody may connect to db.shop.internal:5432 that `payments` must not reach from dev: its silence \
                  will prove nothing";
    let small = with(SMALL, "accounts: [shop-dev]", "accounts: [shop-dev, payments-dev]");
    assert_eq!(warned(&small), [("isolations[0].host".to_owned(), nobody.to_owned())]);
    let egress = "egress: [{ host: example.com, port: 443 }";
    let reached = with(&small, egress, &format!("{egress}, {{ host: db.shop.internal, port: 5432 }}"));
    assert_eq!(warned(&reached), []);
    let other_port = with(&small, egress, &format!("{egress}, {{ host: db.shop.internal, port: 5433 }}"));
    assert_eq!(warned(&other_port).len(), 1);
    assert_eq!(warned(&without_warnings()), []);
}
