//! Who publishes a file keeps every rule there is. Functions read what was published, also by an older
//! release: rules that are newer than a file change nothing of what is in force.

mod support;

use phonehome_fleet::{Checked, Diagnostic, check, read};
use phonehome_releases::{Release, keep_text};
use support::{EVERY_KEY, EXAMPLE, SMALL, only_problem, with};

const HOST: &str = "check: { host: \"api.{environment}.internal\" }";

fn small(old: &str, new: &str) -> String {
    with(SMALL, old, new)
}

/// Files that break one rule for publishing each, with the place at which `publish` refuses them.
fn unpublishable() -> Vec<(String, &'static str)> {
    let ports = |count: usize| (1..=count).map(|port| port.to_string()).collect::<Vec<_>>().join(", ");
    let connection = format!("  - {{ from: shop, to: payments, ports: [443], {HOST} }}\n");
    let further = |from: usize| {
        let ports: Vec<String> = (from..from + 200).map(|port| port.to_string()).collect();
        connection.replace("[443]", &format!("[{}]", ports.join(", ")))
    };
    let many: String = (0..7).map(|it| further(1 + it * 200)).collect();
    let host = |host: &str| small(HOST, &format!("check: {{ host: \"{host}\" }}"));
    let eu = "  - name: eu-west-1\n    availability_zones: [euw1-az1]\naddress_pools:";
    let last = "  - { slack_channel: \"#net-dev\" }\n";
    vec![
        (host("169.254.169.254"), "connections[0].check.host"),
        (host("127.0.0.1"), "connections[0].check.host"),
        (small("port: 443 }]", "port: 443 }, { host: localhost, port: 443 }]"), "probing.egress[1].host"),
        (small("host: db.shop.internal", "host: metadata.google.internal"), "isolations[0].host"),
        (small("ports: [443]", &format!("ports: [{}]", ports(201))), "connections[0].ports"),
        (small(&connection, &many), "domains[0].environments[0]"),
        (small("address_pools:", eu), "regions[1].name"),
        (small("cidr: 10.0.0.0/12", "cidr: 10.0.0.0/18"), "address_pools[0].block"),
        (
            small("slack_channel: \"#net-prod\", page: true", "slack_channel: \"#net-prod\""),
            "environments[1].paging",
        ),
        (small("environments: [prod], slack", "environments: [dev], slack"), "alert_routes[0].page"),
        (
            small(last, &format!("{last}  - {{ environments: [dev], slack_channel: \"#late\" }}\n")),
            "alert_routes[2]",
        ),
        (
            small(
                "version: 1\n",
                "version: 1\nvending: { email: \"a,{domain}-{environment}@example.com\" }\n",
            ),
            "domains[0].environments[0]",
        ),
        (with(EVERY_KEY, "{ from: prod, to: lab }", "{ from: dev, to: prod }"), "connections[1]"),
        (format!("{SMALL}#{}", "x".repeat(phonehome_fleet::limits::FILE_BYTES_MAX)), ""),
    ]
}

#[test]
fn what_breaks_a_rule_for_publishing_is_refused_with_its_place_and_read_by_functions_all_the_same() {
    for (text, path) in unpublishable() {
        let shown = &text[..text.len().min(2000)];
        let refused = check(&text).expect_err(shown);
        let at = |all: &[Diagnostic]| all.iter().map(|it| it.path.clone()).collect::<Vec<_>>();
        assert!(at(refused.as_slice()).iter().any(|it| it == path), "{refused}");
        let Checked { fleet, warnings } =
            read(&text).unwrap_or_else(|problems| panic!("{problems}\n{shown}"));
        assert!(!fleet.members().is_empty());
        // The file's size is nothing that it says, and in the local cloud every target is on this machine.
        if !path.is_empty() && !text.contains("127.0.0.1") {
            let warned = |it: &Diagnostic| warnings.as_slice().contains(it);
            assert!(refused.as_slice().iter().all(warned), "{warnings}");
        }
    }
}

#[test]
fn a_published_file_is_read_as_it_says_whatever_rule_came_later() {
    let text = small(HOST, "check: { host: \"169.254.169.254\" }");
    let fleet = read(&text).unwrap().fleet;
    assert_eq!(fleet.connections[0].check.host, "169.254.169.254");
    let usual = read(SMALL).unwrap().fleet;
    assert_eq!((&fleet.domains, &fleet.address_pools), (&usual.domains, &usual.address_pools));
    let member = fleet.member("shop-dev").unwrap();
    assert!(
        fleet.checks_for(&member, "us-east-1").iter().any(|it| it.target.endpoint == "169.254.169.254:443")
    );
    let ports: Vec<String> = (1..=300).map(|port| port.to_string()).collect();
    let many = read(&small("ports: [443]", &format!("ports: [{}]", ports.join(", ")))).unwrap().fleet;
    assert_eq!(many.connections[0].ports.len(), 300, "nothing is cut off");
}

#[test]
fn what_has_no_clear_meaning_is_refused_by_functions_too() {
    for (old, new) in [
        ("version: 1", "version: 2"),
        ("version: 1", "version: 1\nnew_in_the_next_release: true"),
        ("ports: [443]", "ports: [https]"),
        ("ports: [443]", "ports: []"),
        ("ports: [443]", "ports: [443, 443]"),
        ("pools: [nonprod] }", "pools: [elsewhere] }"),
        ("cidr: 10.16.0.0/12", "cidr: 10.0.0.0/12"),
        ("name: payments", "name: shop"),
        ("api.{environment}.internal", "api.{env}.internal"),
        ("api.{environment}.internal", "https://api"),
        ("  - { slack_channel: \"#net-dev\" }\n", ""),
        ("control: egress/example.com/443", "control: egress/example.com/80"),
    ] {
        let text = small(old, new);
        let refused = read(&text).expect_err(&text);
        assert_eq!(refused.as_slice(), check(&text).unwrap_err().as_slice(), "{new}");
    }
    assert!(only_problem(&small("ports: [443]", "ports: [443, 443]")).contains("stands here twice"));
}

/// Values at the edge of what this release accepts.
fn boundaries() -> String {
    let name = "a".repeat(40);
    let text = SMALL.replace("name: shop\n", &format!("name: {name}\n"));
    let text =
        text.replace("from: shop", &format!("from: {name}")).replace("to: shop", &format!("to: {name}"));
    let text = text.replace("accounts: [shop-dev]", &format!("accounts: [{name}-dev]"));
    let text = text.replace("api.{environment}.internal", "_x--y.{environment}.0x.A-b_c");
    let text = text.replace("#net-dev", "#ü_.-").replace("\"#net-prod\"", "C0123ABCD");
    let text = text.replace("port: 5432", "port: 65535").replace("ports: [443]", "ports: [1, 443, 65535]");
    let text = text.replace("owner: team-payments", "owner: \"<!channel> & 'team' of R&D\"");
    text.replace("cidr: 10.16.0.0/12, block: 18", "cidr: 100.64.0.0/10, block: 23")
}

#[test]
fn files_that_this_release_accepts_are_kept_by_the_release_before() {
    let provisioners = include_str!("../../../functions/provisioner/src/tests/fleet.yaml");
    for (name, text) in [
        ("example", EXAMPLE),
        ("every-key", EVERY_KEY),
        ("small", SMALL),
        ("several-regions", provisioners),
        ("boundaries", &boundaries()),
    ] {
        assert!(check(text).is_ok(), "{name}: {}", check(text).unwrap_err());
        keep_text(&format!("fleet/{name}.yaml"), text);
    }
}

#[test]
fn every_file_that_an_older_release_accepted_is_read_whatever_rules_came_since() {
    for release in Release::all() {
        let names = release.names("fleet");
        assert!(names.len() >= 5, "{names:?}");
        for name in names {
            let read = read(&release.text(&format!("fleet/{name}")));
            let fleet = read.unwrap_or_else(|problems| {
                panic!(
                    "{} accepted {name}, and functions would go back to an older file: make the new rule one \
                     for publishing (`Flaw::for_publishing`).\n{problems}",
                    release.version
                )
            });
            assert!(!fleet.fleet.members().is_empty(), "{name}");
        }
    }
}
