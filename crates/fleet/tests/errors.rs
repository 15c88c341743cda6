//! Every error of a bad file is reported, where it is, with what to do.

mod support;

use std::collections::BTreeMap;

use phonehome_fleet::parse;
use support::{SMALL, only_problem, problems, with};

/// Spoils the small file in one place after another and compares the one problem each time.
fn assert_problems(cases: &[(&str, &str, &str)]) {
    for (old, new, expected) in cases {
        let found = only_problem(&with(SMALL, old, new));
        assert_eq!(&found, expected, "{old:?} became {new:?}");
    }
}

/// One snapshot for each section of the file, so that each can be read at once.
#[test]
fn all_errors_of_a_bad_file_are_shown_in_one_go() {
    let shown = problems(include_str!("fixtures/all-wrong.yaml")).render("fleet.yaml");
    let (found, sum) = shown.trim_end().rsplit_once("\n\n").expect("several problems and their number");
    assert_eq!(sum, "60 errors in fleet.yaml");
    let mut sections: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for problem in found.split("\n\n") {
        let path = problem.lines().nth(1).and_then(|place| place.split(['(', ')']).nth(1)).expect("a place");
        sections.entry(path.split(['.', '[']).next().unwrap_or(path)).or_default().push(problem);
    }
    for (section, problems) in sections {
        insta::assert_snapshot!(section, problems.join("\n\n"));
    }
}

#[test]
fn wrong_addresses_are_explained() {
    assert_problems(&[
        (
            "10.16.0.0/12",
            "10.8.0.0/13",
            "address_pools[1].cidr: 10.8.0.0/13 overlaps 10.0.0.0/12 of the address pool `nonprod` (that pool is on line 10)",
        ),
        (
            "10.16.0.0/12",
            "10.16.0.0",
            "address_pools[1].cidr: `10.16.0.0` is not an IPv4 network (a network has a prefix length: 10.16.0.0/16)",
        ),
        (
            "10.16.0.0/12",
            "fd00::/64",
            "address_pools[1].cidr: `fd00::/64` is not an IPv4 network (write it as in 10.0.0.0/12)",
        ),
        (
            "10.16.0.0/12",
            "172.0.0.0/8",
            "address_pools[1].cidr: `172.0.0.0/8` is not private address space (use a part of one of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10)",
        ),
        (
            "cidr: 10.16.0.0/12, block: 18",
            "cidr: 10.16.0.0/18, block: 18.5",
            "address_pools[1].block: a prefix length must be a whole number from 0 to 32, not 18.5",
        ),
        (
            "cidr: 10.16.0.0/12, block: 18",
            "cidr: 10.16.0.0/18, block: 18",
            "address_pools[1].block: 2 accounts need a block of the address pool `prod`, which has 1 (make the blocks smaller, or give the environment a further pool in the Region)",
        ),
    ]);
}

#[test]
fn a_region_without_a_pool_is_reported() {
    assert_problems(&[(
        "address_pools:",
        "  - { name: eu-west-1, availability_zones: [euw1-az1] }\naddress_pools:",
        "regions[1].name: the Region eu-west-1 has no address pool (no account could get a network there: add a pool, or remove the Region)",
    )]);
}

#[test]
fn accounts_that_cannot_be_distinguished_are_reported() {
    assert_problems(&[
        (
            "account_id: \"333333333333\"",
            "account_id: \"222222222222\"",
            "domains[1].environments[1].account_id: the account id `222222222222` is used twice (the first is on line 5)",
        ),
        (
            "account_id: \"333333333333\"",
            "account_name: shop-dev",
            "domains[1].environments[1]: the account name `shop-dev` is used twice (the first is on line 18)",
        ),
        (
            "account_id: \"333333333333\"",
            "account_id: 012345678901",
            "domains[1].environments[1].account_id: `account_id` must be text, but \"012345678901\" is a number (put it in quotes: \"012345678901\")",
        ),
        (
            "account_id: \"333333333333\"",
            "account_id: 3333-3333-3333",
            "domains[1].environments[1].account_id: `3333-3333-3333` is not an account id, which has 12 digits (write \"333333333333\")",
        ),
        (
            "environments: [dev, prod]\n  - name: payments",
            "environments: [dev, { name: prod, email: Payments@example.com }]\n  - name: payments",
            "domains[1].environments[1].email: the e-mail address `payments@example.com` is used twice (the first is on line 18)",
        ),
        (
            "environments: [dev, prod]\n",
            "environments: [dev, prod, dev]\n",
            "domains[0].environments[2]: `dev` stands here twice",
        ),
    ]);
}

#[test]
fn the_hub_may_be_the_management_account() {
    support::fleet(&with(SMALL, "\"222222222222\"", "\"111111111111\""));
}

#[test]
fn names_that_together_make_a_long_account_name_are_reported() {
    let (domain, environment) = ("d".repeat(30), "e".repeat(30));
    let text = with(
        SMALL,
        "{ name: dev,",
        &format!("{{ name: {environment}, pools: [nonprod] }}\n  - {{ name: dev,"),
    );
    let entry = format!("  - {{ name: {domain}, owner: x, environments: [{environment}] }}\nconnections:");
    let problem = only_problem(&with(&text, "connections:", &entry));
    assert!(
        problem.ends_with("has 61 characters; AWS allows 50 (give a shorter one with `account_name`)"),
        "{problem}"
    );
}

#[test]
fn connections_that_cannot_be_tested_are_reported() {
    let second = |rest: &str| format!("connections:\n  - {{ from: payments, to: shop, {rest} }}");
    let cases = [
        (
            second("ports: [80], environments: [qa], check: { host: a }"),
            "connections[0].environments[0]: unknown environment `qa` (declared: `dev`, `prod`)",
        ),
        (second("ports: [80, 80], check: { host: a }"), "connections[0].ports[1]: `80` stands here twice"),
        (
            second("ports: [80], check: { host: \"a:80\" }"),
            "connections[0].check.host: `a:80` is not a host name or IPv4 address (the host alone: `a`)",
        ),
        (
            second("ports: [\"80\"], check: { host: a }"),
            "connections[0].ports[0]: `ports[0]` must be a number, but \"80\" is text (write it in digits, without quotes)",
        ),
        (
            second("ports: [5432], check: { host: db.shop.internal }"),
            "isolations[0]: `payments` must reach db.shop.internal:5432 and must not (it is declared as a connection on line 23)",
        ),
        (
            second(
                "ports: [80], check: { host: a } }\n  - { from: payments, to: shop, ports: [80], check: { host: b }",
            ),
            "connections[1]: `connection/payments-to-shop/80` is declared twice for dev (the first is on line 23)",
        ),
    ];
    for (new, expected) in cases {
        assert_eq!(only_problem(&with(SMALL, "connections:", &new)), expected, "{new}");
    }
}

#[test]
fn a_connection_needs_its_environment_in_both_domains() {
    let text = with(SMALL, "environments: [dev, prod]\n", "environments: [dev]\n");
    let listed = with(&text, "ports: [443],", "ports: [443], environments: [prod],");
    assert_eq!(
        only_problem(&listed),
        "connections[0].environments[0]: the domain `shop` has no environment `prod` (it has `dev`)"
    );
    let text = with(&text, "environments: [dev, {", "environments: [{");
    let shown = problems(&text).to_string();
    assert_eq!(shown.matches("`shop` and `payments` have no environment in common").count(), 1, "{shown}");
    assert_eq!(shown.matches("`payments` and `shop` have no environment in common").count(), 1, "{shown}");
}

#[test]
fn isolations_that_prove_nothing_are_reported() {
    assert_problems(&[
        (
            "control: egress/example.com/443",
            "control: egress/example.com/80",
            "isolations[0].control: the control `egress/example.com/80` is not a check of `payments` in dev (did you mean `egress/example.com/443`?)",
        ),
        (
            "control: egress/example.com/443",
            "control: connection/shop-to-payments/443",
            "isolations[0].control: the control `connection/shop-to-payments/443` is not a check of `payments` in dev (there are `egress/example.com/443`)",
        ),
        (
            "pools: [prod], paging",
            "pools: [prod], nat: none, paging",
            "isolations[0].control: the control `egress/example.com/443` is not a check of `payments` in prod (there is none: declare a connection of that domain, or a host under `probing.egress`)",
        ),
        (
            "    to: shop\n",
            "    to: payments\n",
            "isolations[0].to: an isolation of a domain from itself (to isolate its environments from each other, add `to_environment`)",
        ),
        (
            "    to: shop\n",
            "    to: shop\n    to_environment: prod\n    environments: [stage]\n",
            "isolations[0].environments[0]: unknown environment `stage` (declared: `dev`, `prod`)",
        ),
        (
            "    to: shop\n",
            "    to: payments\n    to_environment: prod\n    environments: [dev, prod]\n",
            "isolations[0].environments[1]: an isolation of `payments`'s prod from itself",
        ),
    ]);
}

#[test]
fn environments_of_one_domain_can_be_isolated_from_each_other() {
    let text = with(SMALL, "    to: shop\n", "    to: payments\n    to_environment: prod\n");
    let fleet = support::fleet(&text);
    let isolated: Vec<String> = fleet
        .members()
        .into_iter()
        .filter(|member| fleet.checks_for(member, "us-east-1").iter().any(|check| check.control.is_some()))
        .map(|member| member.account_name)
        .collect();
    assert_eq!(isolated, ["payments-dev"]);
}

#[test]
fn alerts_that_would_reach_nobody_are_reported() {
    assert_problems(&[
        (
            "  - { slack_channel: \"#net-dev\" }\n",
            "",
            "alert_routes: no alert route takes everything: some alerts would go nowhere (end the list with a route that has none of `environments`, `domains` and `severity`)",
        ),
        (
            "  - { slack_channel: \"#net-dev\" }\n",
            "  - { slack_channel: \"#net-dev\" }\n  - { domains: [shop], slack_channel: \"#shop\" }\n",
            "alert_routes[2]: no alert ever comes to this route (the one on line 34 takes everything before it)",
        ),
        (
            ", page: true }",
            " }",
            "environments[1].paging: `prod` has `paging: true`, but nobody is paged (give the alert route its incidents take `page: true`, or remove `paging`)",
        ),
        (
            ", paging: true }",
            " }",
            "alert_routes[0].page: this route never pages: none of its environments has `paging: true` (add `paging: true` to the environment, or remove `page`)",
        ),
        (
            "\"#net-dev\"",
            "Net Dev",
            "alert_routes[1].slack_channel: `Net Dev` is not a Slack channel (write \"#net-dev\", or the channel's id, which begins with C)",
        ),
        (
            "alert_routes:\n",
            "platform_route: { slack_channel: Platform }\nalert_routes:\n",
            "platform_route.slack_channel: `Platform` is not a Slack channel (write \"#platform\", or the channel's id, which begins with C)",
        ),
        (
            "alert_routes:\n",
            "platform_route: { page: true }\nalert_routes:\n",
            "platform_route: the key `slack_channel` is missing",
        ),
    ]);
}

#[test]
fn a_route_that_pages_behind_others_that_take_everything_pages_nobody() {
    let before = "alert_routes:\n  - { domains: [shop, payments], slack_channel: \"#a\" }\n";
    assert!(only_problem(&with(SMALL, "alert_routes:\n", before)).contains("but nobody is paged"));
    let one_left = "alert_routes:\n  - { domains: [shop], slack_channel: \"#a\" }\n";
    support::fleet(&with(SMALL, "alert_routes:\n", one_left));
}

#[test]
fn a_slack_channel_without_quotes_is_a_comment_and_said_to_be() {
    let text = with(SMALL, "- { slack_channel: \"#net-dev\" }", "- slack_channel: #net-dev");
    let shown = problems(&text).to_string();
    assert!(shown.contains("`slack_channel` has no value; it must be text"), "{shown}");
    assert!(shown.contains("text that begins with # needs quotes"), "{shown}");
    assert!(shown.contains("34 |   - slack_channel: #net-dev\n   |     ^^^^^^^^^^^^^"), "{shown}");
}

#[test]
fn waves_that_leave_accounts_out_or_name_them_twice_are_reported() {
    assert_problems(&[
        (
            "    - { name: rest }\n",
            "",
            "rollout.waves[0].accounts: the last wave takes all accounts that are left, so it has no list (add a wave with nothing but a `name` at the end)",
        ),
        (
            "accounts: [shop-dev]",
            "accounts: [shop-dve]",
            "rollout.waves[0].accounts[0]: unknown account name `shop-dve` (did you mean `shop-dev`?)",
        ),
        (
            "    - { name: rest }",
            "    - { name: second, accounts: [shop-dev] }\n    - { name: rest }",
            "rollout.waves[1]: the account `shop-dev` is in the wave `first` already",
        ),
        (
            "name: first, accounts: [shop-dev]",
            "name: first",
            "rollout.waves[0]: only the last wave may be without `accounts`, `environments` and `percent` (it takes every account, so nothing is left behind it)",
        ),
    ]);
}

/// A connection for each two hundred of so many ports.
fn with_ports(count: usize) -> String {
    let ports: Vec<String> = (1..=count).map(|port| port.to_string()).collect();
    let line =
        "  - { from: shop, to: payments, ports: [443], check: { host: \"api.{environment}.internal\" } }\n";
    let lines: String =
        ports.chunks(200).map(|ports| line.replace("[443]", &format!("[{}]", ports.join(", ")))).collect();
    with(SMALL, line, &lines)
}

#[test]
fn an_account_has_no_more_checks_than_fit_into_the_inputs_that_there_can_be() {
    for fits in [200, 201, 900] {
        assert!(parse(&with_ports(fits)).is_ok(), "{fits}");
    }
    let shown = problems(&with_ports(1_400)).to_string();
    let expected =
        "the 1401 checks of `shop-dev` do not fit into 6 inputs of 200 checks and 122880 bytes each";
    assert!(shown.contains(expected) && shown.contains("take some away"), "{shown}");
}

#[test]
fn no_more_checks_name_one_control_than_fit_into_an_input_beside_it() {
    let with_isolations = |count: usize| {
        let isolation = |number: usize| {
            let host = format!("host: db-{number}.shop.internal");
            format!(
                "  - {{ from: payments, to: shop, {host}, port: 5432, control: egress/example.com/443 }}\n"
            )
        };
        let (start, end) = (SMALL.find("isolations:\n").unwrap(), SMALL.find("probing:").unwrap());
        let list: String = (0..count).map(isolation).collect();
        format!("{}isolations:\n{list}{}", &SMALL[..start], &SMALL[end..])
    };
    assert!(parse(&with_isolations(199)).is_ok());
    let shown = problems(&with_isolations(200)).to_string();
    let expected =
        "`egress/example.com/443` is the control of 200, which stay in one input with it: let some";
    assert!(shown.contains(expected), "{shown}");
}

#[test]
fn diagnostics_serialize_as_a_list_in_the_order_of_the_file() {
    let text = with(SMALL, "version: 1", "version: 3").replace("owner: team-payments", "ownr: x");
    assert_eq!(
        serde_json::to_value(problems(&text)).unwrap(),
        serde_json::json!([
            {
                "line": 1,
                "column": 10,
                "path": "version",
                "message": "the version of a fleet file must be 1, not 3",
            },
            {
                "line": 20,
                "column": 5,
                "path": "domains[1].ownr",
                "message": "unknown key `ownr`",
                "hint": "did you mean `owner`?",
            },
        ])
    );
}

#[test]
fn what_stands_twice_on_one_line_is_found_as_well() {
    let list = "connections: [{ from: a, to: b, ports: [1], check: { host: x } }, \
                { from: a, to: b, ports: [1], check: { host: y } }]\nisolations:";
    let list = list.replace("from: a", "from: payments").replace("to: b", "to: shop");
    let start = SMALL.find("connections:").unwrap();
    let end = SMALL.find("isolations:").unwrap();
    let text = format!("{}{list}{}", &SMALL[..start], &SMALL[end + "isolations:".len()..]);
    let problem = only_problem(&text);
    assert!(
        problem.starts_with("connections[1]: `connection/payments-to-shop/1` is declared twice"),
        "{problem}"
    );
}
